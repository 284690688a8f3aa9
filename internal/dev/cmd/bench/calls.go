package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"journeys/internal/dev/client"
	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/dev/local"
)

const welcomeGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
	`{"id":"pause","type":"wait","config":{"delayHours":48}},` +
	`{"id":"rich","type":"condition_split","config":{"condition":{"field":"spend","operator":"gt","value":5}}},` +
	`{"id":"mail","type":"channel_action","config":{"channel":"email","templateId":"t"}},` +
	`{"id":"out","type":"exit","config":{"reason":"converted"}}],` +
	`"edges":[{"source":"in","target":"pause"},{"source":"pause","target":"rich"},` +
	`{"source":"rich","target":"mail","sourceHandle":"true"},{"source":"rich","target":"out","sourceHandle":"false"},` +
	`{"source":"mail","target":"out"}]}`

// measureCalls counts the requests and units of calls to warm functions, in the
// order of a journey's life.
func measureCalls(ctx context.Context, r *rig) ([]row, error) {
	c := &meter{ctx: ctx, rig: r}
	create := func() string {
		return "/journeys/" + c.id("POST", "/journeys", `{"name":"Welcome","definition":`+welcomeGraph+`}`)
	}
	first, second := create(), create()
	c.show("create", 1, 12)
	c.do("GET", first, "")
	c.do("GET", second, "")
	c.show("get", 2, 3)
	c.do("GET", second, "")
	c.show("get again", 1, 2) // a journey and its text
	c.do("PUT", first, `{"name":"a"}`)
	c.do("PUT", second, `{"name":"a"}`)
	c.show("update the name", 3, 7)
	c.do("PUT", second, `{"status":"active"}`)
	c.show("activate", 2, 10) // writes the names that analytics read too
	c.do("PUT", second, `{"name":"b"}`)
	c.show("update the name of an active journey", 2, 8)
	c.do("PUT", second, `{"description":"c"}`)
	c.show("update the description of an active journey", 2, 8)
	c.do("PUT", second, `{"definition":`+strings.Replace(welcomeGraph, `"id":"out"`, `"position":{"x":1,"y":2},"id":"out"`, 1)+`}`)
	c.show("move a node of an active journey", 2, 8)
	c.do("GET", second, "")
	c.show("get with a moved node", 2, 3)
	c.do("DELETE", first, "")
	c.do("DELETE", create(), "")
	c.show("delete a journey in status draft", 2, 15)
	c.enroll(second)
	c.events()
	if c.err != nil {
		return nil, c.err
	}
	if err := copyJourney(ctx, r, 10_000); err != nil {
		return nil, err
	}
	c.do("GET", "/journeys?limit=200", "")
	page := c.do("GET", "/journeys?limit=200&offset=9800", "")
	c.row("list page at offset 9,800 of 10,000: requests", float64(c.used.Requests), atMost(6), "")
	c.row("list page at offset 9,800 of 10,000: read units", c.used.Read, floor{}, "")
	c.row("list page at offset 9,800 of 10,000: bytes in the answer", float64(len(page)), floor{}, "")
	return c.rows, c.err
}

// meter makes calls and keeps the usage of the last one and the first error.
// After an error its methods do nothing.
type meter struct {
	*rig
	ctx  context.Context
	used tap.Usage
	rows []row
	err  error
}

// do makes a call and returns the body of its answer. header is as of client.Client.Call.
func (c *meter) do(method, path, body string, header ...string) []byte {
	return c.call(method, path, body, header...).Body
}

// call makes a call and returns its answer, which is an error unless it has a status of
// success or is 304.
func (c *meter) call(method, path, body string, header ...string) (answer client.Answer) {
	if c.err != nil {
		return answer
	}
	c.tap.Reset()
	answer, c.err = c.api.Call(c.ctx, method, path, []byte(body), header...)
	c.used = c.tap.Reset()
	if c.err == nil && answer.Status/100 != 2 && answer.Status != http.StatusNotModified {
		c.err = &client.StatusError{Method: method, Path: path, Status: answer.Status, Body: answer.Body}
	}
	return answer
}

// id makes a call and returns the id in its answer.
func (c *meter) id(method, path, body string, header ...string) string {
	var created struct{ ID string }
	c.read(&created, c.do(method, path, body, header...))
	return created.ID
}

// read decodes an answer.
func (c *meter) read(into any, answer []byte) {
	if c.err == nil {
		c.err = json.Unmarshal(answer, into)
	}
}

func (c *meter) row(what string, measured float64, f floor, unit string) {
	c.rows = append(c.rows, row{what: what, measured: measured, floor: f, unit: unit})
}

// show adds rows for the usage of the last call.
func (c *meter) show(what string, requests, units float64) {
	c.row(what+": requests", float64(c.used.Requests), atMost(requests), "")
	c.row(what+": read and write units", c.used.Read+c.used.Write+c.used.Index, atMost(units), "")
}

// reads adds rows for the usage of the last call, which writes nothing.
func (c *meter) reads(what string, requests, read float64) {
	c.row(what+": requests", float64(c.used.Requests), atMost(requests), "")
	c.row(what+": read units", c.used.Read, atMost(read), "")
	if c.err == nil && c.used.Write+c.used.Index > 0 {
		c.err = fmt.Errorf("%s: it writes %v units", what, c.used.Write+c.used.Index)
	}
}

// writes adds rows for the usage of the last call.
func (c *meter) writes(what string, requests, read, write float64) {
	c.row(what+": requests", float64(c.used.Requests), atMost(requests), "")
	c.row(what+": read units", c.used.Read, atMost(read), "")
	c.row(what+": write units", c.used.Write+c.used.Index, atMost(write), "")
}

// enroll measures enrolling 1,000 new customers, and enrolling them again.
func (c *meter) enroll(path string) {
	thousand := func(prefix string) string {
		ids := make([]string, 1000)
		for i := range ids {
			ids[i] = fmt.Sprintf(`"%s-%d"`, prefix, i)
		}
		return `{"customerIds":[` + strings.Join(ids, ",") + `]}`
	}
	c.do("POST", path+"/enroll", thousand("warm"))
	c.do("POST", path+"/enroll", thousand("new"))
	c.row("enroll 1,000 new: requests", float64(c.used.Requests), atMost(41), "")
	c.rows[len(c.rows)-1].why = "The fence is read again after the customers are stored, so that no call brings back a customer who was forgotten meanwhile."
	c.row("enroll 1,000 new: write units", c.used.Write, atMost(1000), "")
	c.row("enroll 1,000 new: index units", c.used.Index, atMost(1000), "")
	c.row("enroll 1,000 new: read units", c.used.Read, atMost(1), "")
	c.row("enroll 1,000 new: new connections when warm", float64(c.used.Connections), atMost(0), "")
	c.do("POST", path+"/enroll", thousand("new"))
	c.row("enroll 1,000 known: requests", float64(c.used.Requests), atMost(51), "")
	c.row("enroll 1,000 known: write units, of refused inserts", c.used.Write, atMost(1000), "")
	c.row("enroll 1,000 known: index units", c.used.Index, atMost(0), "")
	c.row("enroll 1,000 known: read units", c.used.Read, atMost(1001), "")
	c.row("enroll 1,000 known: new connections when warm", float64(c.used.Connections), atMost(0), "")
}

// events measures an event whose properties an active journey reads: the first of its type,
// and the ninth, when the last eight are remembered.
func (c *meter) events() {
	path := "/journeys/" + c.id("POST", "/journeys", `{"name":"Cart","definition":{"nodes":[{"id":"in","type":"entry_trigger"},`+
		`{"id":"pause","type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"paid","eventType":"paid",`+
		`"match":{"event":"cart","entry":"cart"}}]}}},{"id":"out","type":"exit"}],`+
		`"edges":[{"source":"in","target":"pause"},{"source":"pause","target":"out"}]}}`)
	c.do("PUT", path, `{"status":"active"}`)
	for i := range 9 {
		c.do("POST", "/events", fmt.Sprintf(`{"customerId":"payer","eventType":"paid","eventId":"paid-%d","properties":{"cart":%d,"text":%q}}`,
			i, i, strings.Repeat("x", 900)))
		if i == 0 || i == 8 {
			what := fmt.Sprintf("event %d of its type, with 900 bytes that a journey reads: ", i+1)
			c.row(what+"requests", float64(c.used.Requests), floor{}, "")
			c.row(what+"write units", c.used.Write+c.used.Index, floor{}, "")
			c.row(what+"read units", c.used.Read, floor{}, "")
		}
	}
}

// copyJourney gives the tenant n journeys: one that the API creates, and copies
// of its item and its text with other ids.
func copyJourney(ctx context.Context, r *rig, n int) error {
	body := `{"name":"` + strings.Repeat("n", 40) + `","description":"` + strings.Repeat("d", 2000) + `"}`
	var created struct{ ID string }
	if err := r.api.Do(ctx, "POST", "/journeys", json.RawMessage(body), &created); err != nil {
		return err
	}
	table, pk := r.direct(), "T#"+tenant+"#J"
	first := strings.TrimPrefix(created.ID, "jrn_")
	read := func(pk, sk string) (map[string]types.AttributeValue, error) {
		out, err := table.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: aws.String(local.Table), Key: map[string]types.AttributeValue{"PK": text(pk), "SK": text(sk)},
		})
		if err != nil || out.Item == nil {
			return nil, fmt.Errorf("read the journey to copy: %s %s: %w", pk, sk, err)
		}
		return out.Item, nil
	}
	journey, err := read(pk, first)
	if err != nil {
		return err
	}
	words, err := read(pk+"#"+first, "T")
	if err != nil {
		return err
	}
	var items []map[string]types.AttributeValue
	for i := range n - 1 {
		id := ulid.ULID{}
		if err := id.SetTime(uint64(i + 1)); err != nil {
			return err
		}
		short, long := maps.Clone(journey), maps.Clone(words)
		short["SK"], long["PK"] = text(id.String()), text(pk+"#"+id.String())
		items = append(items, short, long)
	}
	return r.store(ctx, items)
}
