package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

const heardGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"push"}},
	{"id":"w","type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"click","step":"mail","is":"clicked"}]}}},
	{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"w"},{"source":"w","target":"out"}]}`

// heardWorld has a customer who was sent a message and waits for a click on it.
func heardWorld(t *testing.T, customer string) (p *fixture, id ident.ID, m message.ID) {
	t.Helper()
	p = newFixture(t)
	id = p.journey(t, heardGraph, customer)
	return p, id, p.sendTo(t, id, customer)
}

// sendTo moves a customer from the message to the wait.
func (p *fixture) sendTo(t *testing.T, id ident.ID, customer string) message.ID {
	t.Helper()
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
	require.NoError(t, err)
	m := message.NewID(demo, id, customer, e.Run, e.Node, e.RequestID)
	require.NoError(t, p.store.Engine.PutMessages(t.Context(), demo, []message.Record{{
		ID: m, Channel: "push", Customer: customer, Journey: id, GraphHash: e.GraphHash, Version: e.Version,
		Run: e.Run, Node: e.Node, ExpiresAt: p.now.Add(message.Life),
	}}))
	raw, err := p.store.Journeys.Definition(t.Context(), demo, id, e.GraphHash)
	require.NoError(t, err)
	d, err := journey.LoadDefinition(raw, e.GraphHash)
	require.NoError(t, err)
	next, _ := d.Graph.Step(e.NextWrite(p.now), progress.Input{Now: p.now, Answer: progress.Answer{Result: trail.Sent}})
	for _, err := range p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{next}) {
		require.NoError(t, err)
	}
	return m
}

func (p *fixture) heardItems(t *testing.T, pk string) (n int) {
	t.Helper()
	for _, it := range allItems(t, p.table) {
		if strings.HasPrefix(textOf(it, "PK"), pk) && strings.HasPrefix(textOf(it, "SK"), "B#") {
			n++
		}
	}
	return n
}

// However often and in whatever order kinds are reported, each counts once, on the day of
// its first report, and the audit recounts the same.
func TestFeedback_CountsEachKindOnce(t *testing.T) {
	t.Parallel()

	p, id, m := heardWorld(t, "ada")
	for i, k := range []feedback.Kind{feedback.Clicked, feedback.Delivered, feedback.Clicked, feedback.Opened, feedback.Delivered, feedback.Bounced} {
		if i == 3 {
			p.now = p.now.Add(24 * time.Hour)
		}
		require.NoError(t, p.Feedback(t.Context(), demo, m, k))
	}
	require.NoError(t, p.Feedback(t.Context(), demo, message.ID{1}, feedback.Clicked), "nothing is known of it")
	log := p.audit(t)
	require.NotContains(t, log, `"drift"`)
	require.NotContains(t, log, "inconsistent")
	require.NotContains(t, log, "poison: ")
	report, err := analytics.NewReader(p.store.Analytics).Report(t.Context(), demo, id, analytics.Range{})
	require.NoError(t, err)
	for _, step := range report.Steps {
		want := map[string]int64{}
		if step.NodeID == "mail" {
			want = map[string]int64{"clicked": 1, "delivered": 1, "opened": 1, "bounced": 1}
		}
		got := map[string]int64{}
		for k, n := range step.Feedback {
			if n != 0 {
				got[feedback.Kind(k).String()] = n
			}
		}
		require.Equal(t, want, got, step.NodeID)
	}
}

func TestFeedback_WakesTheRunThatWaitsForIt(t *testing.T) {
	t.Parallel()

	p, id, m := heardWorld(t, "ada")
	due := func() time.Time {
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
		require.NoError(t, err)
		return e.Due
	}
	waits := due()
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Opened))
	require.Equal(t, waits, due(), "it does not wait for that")
	p.now = p.now.Add(time.Hour)
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
	require.Equal(t, p.now, due())

	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	types := e.Qualified([]string{feedback.EventType(1, feedback.Clicked), feedback.EventType(1, feedback.Opened), feedback.EventType(1, feedback.Bounced)})
	known, err := p.store.Engine.LastEvents(t.Context(), demo, map[string][]string{"ada": types})
	require.NoError(t, err)
	require.Equal(t, map[string]engine.LastEvents{"ada": {ByType: map[string][]progress.Received{
		types[0]: {progress.FeedbackReceived(feedback.EventType(1, feedback.Clicked), p.now)},
		types[1]: {progress.FeedbackReceived(feedback.EventType(1, feedback.Opened), p.now.Add(-time.Hour))},
	}}}, known)
	e.Run = 2
	known, err = p.store.Engine.LastEvents(t.Context(), demo, map[string][]string{"ada": e.Qualified([]string{feedback.EventType(1, feedback.Clicked)})})
	require.NoError(t, err)
	require.Empty(t, known, "another run")
}

// What was heard of a forgotten customer still counts, and names nobody. Later feedback
// changes nothing.
func TestFeedback_OfAForgottenCustomerNamesNobody(t *testing.T) {
	t.Parallel()

	p, _, m := heardWorld(t, "grace")
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
	require.Equal(t, 1, p.heardItems(t, "T#demo#C#grace"))
	require.NoError(t, p.Forget(t.Context(), demo, "grace"))
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Opened))
	for _, it := range allItems(t, p.table) {
		require.NotContains(t, printed(it), "grace")
		require.NotContains(t, textOf(it, "PK"), "grace")
	}
	require.Equal(t, 1, p.heardItems(t, "T#demo#A#"))
	log := p.audit(t)
	require.NotContains(t, log, `"drift"`)
	require.NotContains(t, log, "inconsistent")
}

// Feedback comes while its customer is being forgotten, in every order of two turns of the
// call that is first and two of the other. Nothing names them afterwards, and the figures are
// those that remain.
func TestFeedback_NamesNoForgottenCustomerInAnyOrder(t *testing.T) {
	t.Parallel()

	p := newFixture(t, dynamotest.InTurns)
	id := p.journey(t, heardGraph)
	run := func(turns []int, forgetFirst bool) (requests [2]int) {
		customer := fmt.Sprintf("gone in turns %v, first: %t", turns, forgetFirst)
		p.enroll(t, id, "", customer)
		m := p.sendTo(t, id, customer)
		calls := []func(context.Context){
			func(ctx context.Context) { assert.NoError(t, p.Feedback(ctx, demo, m, feedback.Clicked), customer) },
			func(ctx context.Context) { assert.NoError(t, p.Forget(ctx, demo, customer), customer) },
		}
		if forgetFirst {
			slices.Reverse(calls)
		}
		return dynamotest.Interleave(t.Context(), turns, calls[0], calls[1])
	}
	most := run(nil, false)
	require.Greater(t, min(most[0], most[1]), 3)
	for first := range most[0] + 1 {
		for second := range most[1] + 1 {
			run([]int{first, second}, false)
			run([]int{second, first}, true)
		}
	}
	for _, it := range allItems(t, p.table) {
		require.NotContains(t, printed(it)+textOf(it, "PK"), "gone in")
	}
	log := p.audit(t)
	require.NotContains(t, log, `"drift"`)
	require.NotContains(t, log, "inconsistent")
}

// Feedback that is new, or repeated, stops for good after any of its requests, and its
// customer is forgotten before it is tried again. Nothing names them then, and each kind
// counts at most once.
func TestFeedback_ThatStopsNamesNoForgottenCustomer(t *testing.T) {
	t.Parallel()

	p := newFixture(t, dynamotest.InTurns)
	id := p.journey(t, heardGraph)
	for _, repeated := range []bool{false, true} {
		for done, all := 0, 1; done <= all; done++ {
			customer := fmt.Sprintf("gone after %d requests, repeated: %t", done, repeated)
			p.enroll(t, id, "", customer)
			m := p.sendTo(t, id, customer)
			if repeated {
				require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
			}
			before := p.heardItems(t, "T#demo#A#")
			stopped, stop := context.WithCancel(t.Context())
			requests := dynamotest.Interleave(t.Context(), []int{done}, func(ctx context.Context) {
				ctx, cancel := context.WithCancel(ctx)
				defer context.AfterFunc(stopped, cancel)()
				_ = p.Feedback(ctx, demo, m, feedback.Clicked)
			}, func(ctx context.Context) {
				assert.NoError(t, p.Forget(ctx, demo, customer), customer)
				stop()
			})
			all = max(all, requests[0])
			require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
			require.LessOrEqual(t, p.heardItems(t, "T#demo#A#"), before+1, customer)
		}
	}
	for _, it := range allItems(t, p.table) {
		require.NotContains(t, printed(it)+textOf(it, "PK"), "gone after")
	}
	require.NotContains(t, p.audit(t), `"drift"`)
}

// A customer has more feedback than Forget reads at a time. What is reported again after
// some of it was anonymized is not counted again.
func TestFeedback_OfACustomerWithMuchOfItCountsOnce(t *testing.T) {
	t.Parallel()

	const runs = 101
	p := newFixture(t, dynamotest.InTurns)
	id := p.journey(t, heardGraph, "grace")
	m := p.sendTo(t, id, "grace")
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
	record, err := p.store.Messages.Message(t.Context(), demo, m, p.now)
	require.NoError(t, err)
	for run := 2; run <= runs; run++ {
		step := feedback.Step{Customer: "grace", Journey: id, GraphHash: record.GraphHash, Version: record.Version, Run: run, Node: record.Node}
		_, err := p.store.Customers.AddFeedback(t.Context(), demo, m, step, feedback.Clicked, p.now)
		require.NoError(t, err)
	}
	dynamotest.Interleave(t.Context(), []int{50}, func(ctx context.Context) { assert.NoError(t, p.Forget(ctx, demo, "grace")) },
		func(ctx context.Context) { assert.NoError(t, p.Feedback(ctx, demo, m, feedback.Clicked)) })
	require.Zero(t, p.heardItems(t, "T#demo#C#grace"))
	require.Equal(t, runs, p.heardItems(t, "T#demo#A#"))
}

// While a worker holds the customer, Forget waits. What is reported again meanwhile is not
// counted again.
func TestFeedback_CountsOnceWhileItsCustomerIsBeingForgotten(t *testing.T) {
	t.Parallel()

	p, id, m := heardWorld(t, "grace")
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "grace")
	require.NoError(t, err)
	e = e.NextWrite(p.now)
	e.LeaseUntil = p.now.Add(time.Minute)
	require.NoError(t, p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{e})[0])
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Error(t, p.Forget(ctx, demo, "grace"), "a worker holds the customer")
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
	p.now = p.now.Add(time.Hour)
	require.NoError(t, p.Forget(t.Context(), demo, "grace"))
	require.Zero(t, p.heardItems(t, "T#demo#C#grace"))
	require.Equal(t, 1, p.heardItems(t, "T#demo#A#"))
	require.NotContains(t, p.audit(t), `"drift"`)
}

func TestFeedback_LeavesANewerItemAlone(t *testing.T) {
	t.Parallel()

	p, id, m := heardWorld(t, "ada")
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Clicked))
	key := item.HeardKey(demo, feedback.Step{Customer: "ada", Journey: id, Run: 1, Node: 1})
	p.damageItem(t, key, "f", item.Number(99))
	require.ErrorIs(t, p.Feedback(t.Context(), demo, m, feedback.Opened), journey.ErrNewer)
}
