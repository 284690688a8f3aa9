package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

func TestEvents_KeepTheCallersIDOrGetANewOne(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	made := s.must(http.StatusAccepted, call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t"}`})
	require.Regexp(t, `^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$`, made["eventId"])

	own := call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t","eventId":"e 1","properties":{"a":9007199254740993,"z":9007199254740993.5},"occurredAt":"2026-11-23T10:00:00Z"}`}
	require.Equal(t, "e 1", s.must(http.StatusAccepted, own)["eventId"])
	sent := own.body
	repeat := func(properties string) call {
		own.body = strings.Replace(sent, `{"a":9007199254740993,"z":9007199254740993.5}`, properties, 1)
		return own
	}
	s.must(http.StatusAccepted, repeat(`{ "z" : 9007199254740993.5, "a" : 9007199254740993 }`))
	for _, other := range []string{
		`{"b":9007199254740993,"z":9007199254740993.5}`, `{"a":9007199254740992,"z":9007199254740993.5}`,
		`{"a":9007199254740993,"z":9007199254740994.1}`, `{"a":9007199254740993}`,
	} {
		require.Equal(t, "event-id-reused", s.must(http.StatusUnprocessableEntity, repeat(other))["code"], other)
	}
}

func TestEvents_RefuseBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	for body, pointer := range map[string]string{
		`{"eventType":"t"}`:                     "/customerId",
		`{"customerId":"a\nb","eventType":"t"}`: "/customerId",
		`{"customerId":"c"}`:                    "/eventType",
		`{"customerId":"c","eventType":""}`:     "/eventType",
		`{"customerId":"c","eventType":"t","eventId":"` + strings.Repeat("e", 129) + `"}`:                              "/eventId",
		`{"customerId":"c","eventType":"t","properties":[]}`:                                                           "/properties",
		`{"customerId":"c","eventType":"t","properties":{"a":"` + strings.Repeat("x", journey.MaxProperties-7) + `"}}`: "/properties",
		`{"customerId":"c","eventType":"t","properties":{"a":1,"a":2}}`:                                                "/properties/a",
		`{"customerId":"c","eventType":"$unsubscribed"}`:                                                               "/eventType",
		`{"customerId":"c","eventType":"t","attributes":[]}`:                                                           "/attributes",
		`{"customerId":"c","eventType":"t","attributes":null}`:                                                         "/attributes",
		`{"customerId":"c","eventType":"t","attributes":{"a":"` + strings.Repeat("x", progress.MaxAttributes) + `"}}`:  "/attributes",
		`{"events":[]}`:                    "/events",
		`{"events":{}}`:                    "/events",
		`{"events":[{}],"customerId":"c"}`: "/customerId",
		`{"events":[` + strings.Repeat(`{},`, 100) + `{}]}`:           "/events",
		`{"events":[{"a":1,"a":2}]}`:                                  "/events/0/a",
		`{"customerId":"c","eventType":"t","occurredAt":"yesterday"}`: "/occurredAt",
		`{"customerId":"c","eventType":"t","tenant":"x"}`:             "/tenant",
	} {
		problem := s.must(http.StatusBadRequest, call{method: "POST", path: "/events", body: body})
		faults := problem["errors"].([]any)
		require.Len(t, faults, 1, body)
		require.Equal(t, pointer, faults[0].(map[string]any)["pointer"], body)
	}
	s.must(http.StatusAccepted, call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t","properties":{"a":"` + strings.Repeat("x", journey.MaxProperties-8) + `"}}`})
}

// Events of a call are accepted or refused one by one.
func TestEvents_OfACallHaveResultsInOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	many := `"a":1` + strings.Repeat(`,"b%d":1`, 50)
	for i := range 50 {
		many = strings.Replace(many, "%d", fmt.Sprint(i), 1)
	}
	own := `{"customerId":"c","eventType":"t","eventId":"e1","properties":{"a":1}}`
	answer := s.must(http.StatusAccepted, call{method: "POST", path: "/events", body: `{"events":[` + strings.Join([]string{
		own, `{"customerId":"d","eventType":"t"}`, `{"eventId":"e2","eventType":"$x"}`, `7`, own,
		`{"customerId":"c","eventType":"t","eventId":"e1","properties":{"a":2}}`, `{` + many + `}`,
	}, ",") + `]}`})
	results := answer["results"].([]any)
	require.Len(t, results, 7)
	result := func(i int) map[string]any { return results[i].(map[string]any) }
	accepted := map[string]any{"eventId": "e1", "started": []any{}, "ended": []any{}, "notStarted": []any{}}
	require.Equal(t, accepted, result(0))
	require.Regexp(t, "^evt_", result(1)["eventId"])
	require.Equal(t, map[string]any{"eventId": "e2", "code": "invalid-request", "errors": []any{
		map[string]any{"pointer": "/events/2/customerId", "detail": "is required"},
		map[string]any{"pointer": "/events/2/eventType", "detail": "must not begin with $; such types are reserved"},
	}}, result(2))
	require.Equal(t, map[string]any{"code": "invalid-request", "errors": []any{
		map[string]any{"pointer": "/events/3", "detail": "must be an object"},
	}}, result(3))
	accepted["repeated"] = true
	require.Equal(t, accepted, result(4))
	require.Equal(t, map[string]any{"eventId": "e1", "code": "event-id-reused"}, result(5))
	require.Len(t, result(6)["errors"], 10, "an answer has a bounded size")
}

// damagedStore returns two damaged enrollments of one journey.
type damagedStore struct {
	*memoryStore
	id ident.ID
}

var errDamaged = fmt.Errorf("%w: st is text", journey.ErrDamaged)

func (s damagedStore) Enrollments(context.Context, ident.Tenant, string) ([]progress.Enrollment, []journey.Damage, error) {
	return nil, []journey.Damage{{Journey: s.id, Cause: errDamaged}, {Journey: s.id, Cause: errDamaged}}, nil
}

func (s damagedStore) ReadPartition(
	context.Context, journey.Partition, int, *journey.DueKey,
) ([]journey.Indexed, *journey.DueKey, error) {
	at := journey.DueKey{Customer: "Ada", At: start}
	return []journey.Indexed{{DueKey: at, Err: errDamaged}, {DueKey: at, Err: errDamaged}}, nil, nil
}

func TestDamage_ShowsOnlyInTheLog(t *testing.T) {
	t.Parallel()

	m := &memoryStore{}
	id := newServer(t, m).create(`{"name":"n"}`)
	for _, row := range []struct {
		call   call
		status int
		answer string
	}{
		{call{method: "POST", path: "/events", body: `{"customerId":"Ada","eventType":"t","eventId":"e"}`}, 202, `{"eventId":"e","started":[],"ended":[],"notStarted":[]}`},
		{call{method: "GET", path: "/journeys/" + id + "/enrollments?status=failed"}, 200, `{"data":[]}`},
	} {
		s := newServer(t, damagedStore{m, ident.ID(id)})
		w := s.do(row.call)
		require.Equal(t, row.status, w.Code)
		require.JSONEq(t, row.answer, w.Body.String())
		require.NotContains(t, s.log.String(), "Ada")
		first, _, _ := bytes.Cut(s.log.Bytes(), []byte("\n"))
		var line map[string]any
		require.NoError(t, json.Unmarshal(first, &line))
		delete(line, "time")
		require.Equal(t, map[string]any{
			"level": "ERROR", "msg": "enrollments passed over", "tenant": "t1", "journey": id, "enrollments": 2.0,
			"error": errDamaged.Error(), "gatewayRequestId": line["gatewayRequestId"],
		}, line)
	}
}
