package dynamo_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/apitest"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/names"
)

func TestNames_AreStoredOncePerRevision(t *testing.T) {
	t.Parallel()
	faults := &dynamotest.Faults{LoseFirst: true}
	s, table := store(t)
	none, err := s.Names.Names(t.Context(), demo)
	require.NoError(t, err)
	require.Zero(t, none)

	first, second := names.Record{Text: []byte(`{"a":{"plan":1}}`), Rev: 1}, names.Record{Text: []byte(`{"a":{"city":1,"plan":1}}`), Rev: 2}
	lossy := storeOn(table, faults.Install)
	for _, r := range []names.Record{first, second} {
		stored, err := lossy.Names.PutNames(t.Context(), demo, r)
		require.NoError(t, err)
		require.Equal(t, r, stored, "the response to the first attempt was lost")
	}
	require.Equal(t, 2, faults.Counts().Lost)
	for _, rev := range []int64{1, 2, 4} {
		stored, err := s.Names.PutNames(t.Context(), demo, names.Record{Text: []byte(`{}`), Rev: rev})
		require.NoError(t, err)
		require.Equal(t, second, stored, "another writer was first")
	}
	stored, err := s.Names.PutNames(t.Context(), other, second)
	require.NoError(t, err)
	require.Zero(t, stored, "nothing to follow is stored")
	stored, err = s.Names.Names(t.Context(), demo)
	require.NoError(t, err)
	require.Equal(t, second, stored)
	require.Len(t, items(t, table), 1)
}

// process is one process that serves the API.
type process struct {
	t       *testing.T
	handler http.Handler
	log     bytes.Buffer
}

// newProcess keeps names in memory if it has no store for them.
func newProcess(t *testing.T, s *dynamo.Store, n names.Store) *process {
	p := &process{t: t}
	p.handler = apitest.Handler(apitest.Config{
		Stores: s.Handlers(), Analytics: s.Analytics, Names: n, Now: func() time.Time { return start }, Log: slog.New(slog.NewJSONHandler(&p.log, nil)),
	})
	return p
}

// call returns the answer and what the call used of the table.
func (p *process) call(method, path, body string) (*httptest.ResponseRecorder, capacity.Usage) {
	p.t.Helper()
	ctx, m := capacity.WithMeter(p.t.Context())
	r := httptest.NewRequestWithContext(ctx, method, manifest.BasePath+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := apitest.Serve(p.handler, r, apitest.Caller("demo", manifest.Admin, start))
	require.Less(p.t, w.Code, 300, w.Body.String())
	return w, m.Usage()
}

// Once the names are known, a call costs what it costs where names are kept elsewhere.
func TestNames_CostNothingOnceTheyAreKnown(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	with, without := newProcess(t, s, s.Names), newProcess(t, s, nil)
	customer := 0
	for _, row := range []struct{ method, path, body string }{
		{"PUT", "/customers/%[1]s", `{"attributes":{"plan":"%[1]s","address":{"city":"x"}}}`},
		{"PATCH", "/customers/%[1]s", `{"attributes":{"phone":"%[1]s","gone":null}}`},
		{"POST", "/customers", `{"customers":[{"customerId":"%[1]s","attributes":{"visits":1}},{"customerId":"%[1]s-2","attributes":{"vip":true}}]}`},
		{"POST", "/events", `{"customerId":"%[1]s","eventType":"bought","eventId":"e","properties":{"cart":{"id":"%[1]s"}},"attributes":{"since":"2026-11-23"}}`},
		{"POST", "/events", `{"events":[{"customerId":"%[1]s","eventType":"seen"},{"customerId":"%[1]s-2","eventType":"opened","properties":{"utm.source":1}}]}`},
	} {
		cost := func(p *process) capacity.Usage {
			customer++
			name := fmt.Sprint("customer-", customer)
			_, used := p.call(row.method, strings.ReplaceAll(row.path, "%[1]s", name), strings.ReplaceAll(row.body, "%[1]s", name))
			return used
		}
		says := row.method + " " + row.path
		plain := cost(without)
		require.Equal(t, plain, cost(without), says)
		cold := cost(with)
		require.LessOrEqual(t, cold.Requests, plain.Requests+2, "one write, and the first time one read: %s", says)
		require.Greater(t, cold.Requests, plain.Requests, says)
		require.Equal(t, plain, cost(with), "nothing is new: %s", says)
	}

	answer, used := newProcess(t, s, s.Names).call("GET", "/names", "")
	require.Equal(t, []any{1, 0.5, 0.0}, []any{used.Requests, used.ReadUnits, used.WriteUnits})
	require.JSONEq(t, `{"eventTypes":[
			{"name":"bought","properties":[{"path":"cart","kinds":["object"]},{"path":"cart.id","kinds":["string"]}]},
			{"name":"opened","properties":[{"path":"[\"utm.source\"]","kinds":["number"]}]},
			{"name":"seen","properties":[]}],
		"attributes":[{"path":"address","kinds":["object"]},{"path":"address.city","kinds":["string"]},{"path":"phone","kinds":["string"]},
			{"path":"plan","kinds":["string"]},{"path":"since","kinds":["date"]},{"path":"vip","kinds":["boolean"]},{"path":"visits","kinds":["number"]}]}`,
		answer.Body.String())
	for key, it := range items(t, table) {
		if key == [2]string{"T#demo", "NAMES"} {
			require.NotContains(t, fmt.Sprint(it), "customer-")
		}
	}
}

// A call never fails because of names.
func TestNames_OfANewerFormatAreLeftAlone(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	newProcess(t, s, s.Names).call("PUT", "/customers/ada", `{"attributes":{"plan":1}}`)
	newer(t, table, "T#demo", "NAMES")
	before := lookup(t, table, "T#demo", "NAMES")
	_, err := s.Names.Names(t.Context(), demo)
	require.ErrorIs(t, err, journey.ErrNewer)
	p := newProcess(t, s, s.Names)
	p.call("PUT", "/customers/ada", `{"attributes":{"city":1}}`)
	p.call("PUT", "/customers/ada", `{"attributes":{"town":1}}`)
	require.Equal(t, before, lookup(t, table, "T#demo", "NAMES"))
	require.Equal(t, 1, strings.Count(p.log.String(), "names not stored"), p.log.String())
}

func TestNames_FailNoCallWhenTheTableRefusesThem(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	refusing := storeOn(table, (&dynamotest.Faults{Throttle: 1}).Install)
	p := newProcess(t, s, refusing.Names)
	p.call("PUT", "/customers/ada", `{"attributes":{"plan":1}}`)
	p.call("POST", "/events", `{"customerId":"ada","eventType":"bought"}`)
	require.Equal(t, 1, strings.Count(p.log.String(), "names not stored"), p.log.String())
	require.Nil(t, lookup(t, table, "T#demo", "NAMES"))
}
