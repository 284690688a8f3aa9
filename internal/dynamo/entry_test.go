package dynamo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

func (p *fixture) bound(t *testing.T, id ident.ID, from, until time.Time) journey.Journey {
	t.Helper()
	j, err := p.Update(t.Context(), demo, id, journey.Change{EntryFrom: &from, EntryUntil: &until}, nil)
	require.NoError(t, err)
	return j
}

func TestEntryTimes_BoundWhenCustomersEnter(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, openedGraph)
	before, err := p.Get(t.Context(), demo, id)
	require.NoError(t, err)
	from, until := start.Add(time.Hour), start.Add(3*time.Hour)
	j := p.bound(t, id, from, until)
	require.Equal(t, before.Version, j.Version)
	require.Greater(t, j.Rev, before.Rev, "the ETag changes")
	read, err := p.Get(t.Context(), demo, id)
	require.NoError(t, err)
	require.Equal(t, []time.Time{from, until}, []time.Time{read.EntryFrom, read.EntryUntil})
	require.Equal(t, j.Rev, p.bound(t, id, from, until).Rev, "a change without effect writes nothing")

	for _, row := range []struct {
		name  string
		at    time.Time
		opens string // time that the refusal names; "" if the customer enters
	}{
		{"before", from.Add(-time.Millisecond), "from 2026-"},
		{"first", from, ""},
		{"last", until.Add(-time.Millisecond), ""},
		{"after", until, "until 2026-"},
	} {
		p.now = row.at
		_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{row.name}})
		outcome, errEvent := p.PutEvent(t.Context(), demo, journey.Event{Customer: "event " + row.name, Type: "opened"})
		require.NoError(t, errEvent, row.name)
		require.Empty(t, outcome.Damaged, row.name)
		for _, customer := range []string{row.name, "event " + row.name} {
			e, errInside := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
			if row.opens != "" {
				require.ErrorIs(t, errInside, journey.ErrNotEnrolled, customer)
				continue
			}
			require.NoError(t, errInside, customer)
			require.Equal(t, row.at, e.EnrolledAt, customer)
		}
		if row.opens == "" {
			require.NoError(t, err, row.name)
			continue
		}
		var refused *journey.Error
		require.ErrorAs(t, err, &refused, row.name)
		require.Equal(t, "entry-closed", refused.Code)
		require.Contains(t, refused.Detail, row.opens)
	}
	p.bound(t, id, time.Time{}, time.Time{})
	_, err = p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"open again"}})
	require.NoError(t, err)
}

func TestEntryTimes_MustBeInOrder(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	p.bound(t, id, start, start.Add(time.Hour))
	for _, row := range []struct {
		change  journey.Change
		pointer string
	}{
		{journey.Change{EntryFrom: new(start.Add(time.Hour))}, "/entryFrom"},
		{journey.Change{EntryUntil: new(start)}, "/entryUntil"},
		{journey.Change{EntryFrom: new(start.Add(2 * time.Hour)), EntryUntil: new(start.Add(time.Hour))}, "/entryUntil"},
	} {
		_, err := p.Update(t.Context(), demo, id, row.change, nil)
		var refused *journey.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, row.pointer, refused.Faults[0].Pointer)
	}
	_, err := p.Update(t.Context(), demo, id, journey.Change{EntryFrom: new(start.Add(2 * time.Hour)), EntryUntil: new(time.Time)}, nil)
	require.NoError(t, err)
}

// A repeat with the key answers as before, also if the journey has closed since.
func TestEntryTimes_RepeatWithAKeyAnswersAsBefore(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph, "b")
	request := journey.EnrollRequest{Customers: []string{"a", "b", "a"}, Key: "k"}
	first, err := p.Enroll(t.Context(), demo, id, request)
	require.NoError(t, err)
	p.bound(t, id, time.Time{}, p.now.Add(time.Hour))
	p.now = p.now.Add(time.Hour)
	again, err := p.Enroll(t.Context(), demo, id, request)
	require.NoError(t, err)
	require.Equal(t, first.Outcomes, again.Outcomes)

	// A closed journey reserves no key: once it opens, the call is a new one.
	late := journey.EnrollRequest{Customers: []string{"c"}, Key: "late"}
	_, err = p.Enroll(t.Context(), demo, id, late)
	require.ErrorContains(t, err, "entry-closed")
	p.bound(t, id, time.Time{}, time.Time{})
	late.Customers = append(late.Customers, "d")
	entered, err := p.Enroll(t.Context(), demo, id, late)
	require.NoError(t, err)
	require.Equal(t, 2, entered.Enrolled)
}

const cartGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":1}},` +
	`{"id":"s","type":"condition_split","config":{"condition":{"field":"event.cart.total","operator":"gt","value":10}}},` +
	`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"s"},` +
	`{"source":"s","target":"out","sourceHandle":"true"},{"source":"s","target":"out","sourceHandle":"false"}]}`

func TestEnrollEntries_KeepWhatTheGraphReads(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, cartGraph)
	request := func(properties ...string) journey.EnrollRequest {
		r := journey.EnrollRequest{Customers: []string{"a", "b", "a", "c"}, Key: "k"}
		for _, text := range properties {
			r.Properties = append(r.Properties, []byte(text))
		}
		return r
	}
	r := request(`{"cart":{"total":20,"id":"c-1"},"secret":"Ada"}`, `{}`, `{"cart":{"total":30}}`, ``)
	r.Properties[3] = nil
	result, err := p.Enroll(t.Context(), demo, id, r)
	require.NoError(t, err)
	require.Equal(t, []journey.Outcome{enrolled, enrolled, {Result: journey.OutcomeSkipped}, enrolled}, result.Outcomes)
	for customer, want := range map[string]string{"a": `{"cart":{"total":20}}`, "b": "", "c": ""} {
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		require.NoError(t, err)
		require.Equal(t, want, string(e.Event), customer)
	}

	same := request(` {"secret":"Ada","cart":{"id":"c-1","total":20}}`, `{ }`, `{"cart":{"total":30}}`, ``)
	again, err := p.Enroll(t.Context(), demo, id, same)
	require.NoError(t, err)
	require.Equal(t, result.Outcomes, again.Outcomes, "another spelling is the same request")
	for _, other := range []journey.EnrollRequest{
		request(`{"cart":{"total":21,"id":"c-1"},"secret":"Ada"}`, `{}`, `{"cart":{"total":30}}`, ``), request(), request("", "", "", ""),
	} {
		_, err = p.Enroll(t.Context(), demo, id, other)
		require.ErrorContains(t, err, "idempotency-key-reused")
	}
}

// Properties cost neither requests nor units: these are the floors of an enroll call.
func TestEnrollEntries_CostAsMuchAsIds(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, cartGraph)
	all := journey.EnrollRequest{Customers: customers(0, journey.MaxBatch)}
	for range all.Customers {
		all.Properties = append(all.Properties, []byte(`{"cart":{"total":20},"text":"`+strings.Repeat("x", 900)+`"}`))
	}
	p.now = p.now.Add(time.Second)
	_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"warm"}})
	require.NoError(t, err)
	for _, row := range []struct {
		enrolled, requests int
	}{{1000, 40 + 1}, {0, 50 + 1}} {
		ctx, meter := capacity.WithMeter(t.Context())
		result, err := p.Enroll(ctx, demo, id, all)
		require.NoError(t, err)
		require.Equal(t, row.enrolled, result.Enrolled)
		require.Equal(t, row.requests, meter.Usage().Requests)
	}
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, all.Customers[0])
	require.NoError(t, err)
	require.Equal(t, `{"cart":{"total":20}}`, string(e.Event), "the item is as small as without what no step reads")
}
