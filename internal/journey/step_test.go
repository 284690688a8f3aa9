package journey_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// heard returns the events of a type that were received at those times, the zero time for
// none, with ids in that order.
func heard(eventType string, times ...time.Time) map[string][]progress.Received {
	var list []progress.Received
	for i, at := range times {
		if !at.IsZero() {
			list = append(list, progress.Received{Stamp: progress.Stamp{At: at, ID: uint64(i)}})
		}
	}
	return map[string][]progress.Received{eventType: list}
}

func hours(h float64) time.Time { return t0.Add(time.Duration(h * float64(time.Hour))) }

// value parses a JSON value.
func value(t testing.TB, text string) condition.Value {
	t.Helper()
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

// onboarding is a definition with all six node types.
var onboarding = graphOf(
	[]string{
		"in entry_trigger",
		`w wait {"delayHours":48,"waitForEvent":"login"}`,
		"s condition_split " + `{"condition":{"field":"plan","operator":"eq","value":"pro"}}`,
		`d nba_decision {"decisionFlowId":"next-best"}`,
		"s2 condition_split " + `{"condition":{"field":"decision.d.score","operator":"gt","value":5}}`,
		`a channel_action {"channel":"email","templateId":"welcome"}`,
		`out exit {"reason":"converted"}`,
		`no exit {"reason":"not_pro"}`,
	},
	[]string{"in w", "w s", "s d true", "s no false", "d s2", "s2 a true", "s2 no false", "a out"},
)

// enter returns the graph of a definition and a new enrollment in it.
func enter(t testing.TB, definition string) (*progress.Graph, progress.Enrollment, progress.EffectKind) {
	t.Helper()
	d := journeytest.Definition(t, definition)
	e, effect := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	return d.Graph, e, effect
}

func TestStep_WalksThroughEveryNodeType(t *testing.T) {
	t.Parallel()

	g, e, effect := enter(t, onboarding)
	require.Equal(t, progress.NoEffect, effect)
	require.Equal(t, "w", g.NodeID(e.Node))
	require.Equal(t, hours(48), e.Due)
	require.Equal(t, trail.Delta{
		trail.DeltaForm, byte(trail.MarkEnrolled),
		0, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Entered),
		1, byte(trail.NodeEntered),
	}, e.Delta)

	early, effect := g.Step(e.NextWrite(hours(47.9)), progress.Input{Now: hours(47.9)})
	require.Equal(t, progress.NoEffect, effect)
	require.Equal(t, e.Path, early.Path, "nothing happens before Due")

	e, effect = g.Step(e.NextWrite(hours(48)), progress.Input{Now: hours(48), Events: heard("login")})
	require.Equal(t, progress.NeedAttributes, effect)
	require.Equal(t, hours(48), e.Due)

	pro := progress.Input{Now: hours(48), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, effect = g.Step(e, pro)
	require.Equal(t, progress.NeedDecision, effect)

	answered := pro
	answered.Answer = progress.Answer{Result: trail.Decided, Value: value(t, `{"score":7,"offer":"long text"}`)}
	e, effect = g.Step(e, answered)
	require.Equal(t, progress.NeedSend, effect)
	require.Equal(t, "a", g.NodeID(e.Node))
	require.JSONEq(t, `{"d":{"score":7}}`, string(e.Decisions), "only the parts that conditions read are kept")
	require.EqualValues(t, 2, e.Rev, "several steps share one write")
	require.Equal(t, trail.Delta{
		trail.DeltaForm, 0,
		1, byte(trail.NodeLeft), byte(trail.Waited),
		2, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.True),
		3, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Decided),
		4, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.True),
		5, byte(trail.NodeEntered),
	}, e.Delta)
	require.Zero(t, e.LeftAt)

	sent := pro
	sent.Answer = progress.Answer{Result: trail.Sent}
	e, effect = g.Step(e.NextWrite(sent.Now), sent)
	require.Equal(t, progress.NoEffect, effect)
	require.Equal(t, progress.Completed, e.Status)
	require.Equal(t, "converted", e.ExitReason)
	require.True(t, e.Due.IsZero())
	require.Equal(t, trail.Delta{
		trail.DeltaForm, byte(trail.MarkCompleted),
		5, byte(trail.NodeLeft), byte(trail.Sent),
		6, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Exited),
	}, e.Delta)
	require.Equal(t, hours(48), e.LeftAt)

	var way []string
	for _, visit := range e.Path.Visits(t0) {
		way = append(way, fmt.Sprintf("%s %s %s", g.NodeID(visit.Node), visit.Result, visit.EnteredAt.Sub(t0)))
	}
	require.Equal(t, []string{
		"in entered 0s", "w waited 0s", "s true 48h0m0s", "d decided 48h0m0s", "s2 true 48h0m0s", "a sent 48h0m0s", "out exited 48h0m0s",
	}, way)
}

func TestStep_EndsWaitByWhicheverComesFirst(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name   string
		event  time.Time
		now    time.Time
		result trail.Result
	}{
		{"nothing yet", time.Time{}, hours(1), trail.NoResult},
		{"its end", time.Time{}, hours(48), trail.Waited},
		{"its end, seen late", time.Time{}, hours(60), trail.Waited},
		{"its event", hours(1), hours(1), trail.WokenByEvent},
		{"an event from before the entry", hours(-1), hours(2), trail.NoResult},
		{"the event that started the journey at the moment the wait began", t0, hours(2), trail.NoResult},
		{"an event after its end", hours(49), hours(60), trail.Waited},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			g, e, _ := enter(t, onboarding)
			e, _ = g.Step(e.NextWrite(row.now), progress.Input{Now: row.now, Events: heard("login", row.event)})
			visits := e.Path.Visits(t0)
			if row.result == trail.NoResult {
				require.Len(t, visits, 1)
				return
			}
			require.Equal(t, row.result, visits[1].Result)
			require.Equal(t, row.now, e.Since, "the next node begins when it is reached, not when the wait was due")
		})
	}
}

// A wait with several edges is left by the way of its outcome.
func TestStep_BranchesOnHowAWaitEnded(t *testing.T) {
	t.Parallel()

	reminder := graphOf([]string{"in entry_trigger", `w wait {"delayHours":2,"waitForEvent":"purchase"}`, `thanks exit {"reason":"bought"}`, `a channel_action {"channel":"push"}`, "out exit"},
		[]string{"in w", "w a timeout", "w thanks event", "a out"})
	g, e, _ := enter(t, reminder)
	bought, effect := g.Step(e.NextWrite(hours(1)), progress.Input{Now: hours(1), Events: heard("purchase", hours(1))})
	require.Equal(t, progress.NoEffect, effect)
	require.Equal(t, "bought", bought.ExitReason)
	require.Equal(t, "event", bought.Path.Visits(t0)[1].Result.Name(g.Node(1).Ways))
	require.NoError(t, g.Shape().Check(bought))

	late, effect := g.Step(e.NextWrite(hours(2)), progress.Input{Now: hours(2), Events: heard("purchase")})
	require.Equal(t, progress.NeedSend, effect)
	require.Equal(t, "timeout", late.Path.Visits(t0)[1].Result.Name(g.Node(1).Ways))
	require.NoError(t, g.Shape().Check(late))

	wrong := bought
	wrong.Path = slices.Clone(bought.Path)
	wrong.Path[len(wrong.Path)-7] = byte(trail.WokenByEvent)
	require.ErrorContains(t, g.Shape().Check(wrong), `leaves a wait with "woken"`)
}

func TestStep_ExpiresEnrollments(t *testing.T) {
	t.Parallel()

	chain := graphOf([]string{"in entry_trigger", `w wait {"delayHours":24}`, `a channel_action {"channel":"email"}`, `w2 wait {"delayHours":24.001}`, "out exit"},
		[]string{"in w", "w a", "a w2", "w2 out"})
	d := journeytest.Definition(t, chain)
	start := func(days int) progress.Enrollment { // prepared for a write a day later
		e, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, days)})
		return e.NextWrite(hours(24))
	}

	t.Run("a wait that ends at the last moment moves on, even if Step runs late", func(t *testing.T) {
		e, effect := d.Graph.Step(start(1), progress.Input{Now: hours(24)})
		require.Equal(t, progress.NeedSend, effect)
		require.Equal(t, progress.Inside, e.Status)
	})
	t.Run("a wait beyond ExpiresAt is due then and ends the enrollment", func(t *testing.T) {
		e, _ := d.Graph.Step(start(2), progress.Input{Now: hours(24)})
		e, _ = d.Graph.Step(e, progress.Input{Now: hours(24), Answer: progress.Answer{Result: trail.Sent}})
		require.Equal(t, hours(48), e.Due)
		e, effect := d.Graph.Step(e.NextWrite(hours(48)), progress.Input{Now: hours(48)})
		require.Equal(t, progress.NoEffect, effect)
		require.Equal(t, progress.Expired, e.Status)
		require.Equal(t, trail.Delta{trail.DeltaForm, byte(trail.MarkExpired), 3, byte(trail.NodeDropped)}, e.Delta)
		require.Equal(t, hours(48), e.LeftAt)
	})
	t.Run("an effect that has not happened by ExpiresAt is dropped", func(t *testing.T) {
		e, _ := d.Graph.Step(start(2), progress.Input{Now: hours(24)})
		e, _ = d.Graph.Step(e.NextWrite(hours(48)), progress.Input{Now: hours(48)})
		require.Equal(t, progress.Expired, e.Status)
	})
	t.Run("an effect that happened counts, however late its answer", func(t *testing.T) {
		e, _ := d.Graph.Step(start(2), progress.Input{Now: hours(24)})
		e, _ = d.Graph.Step(e.NextWrite(hours(49)), progress.Input{Now: hours(49), Answer: progress.Answer{Result: trail.Sent}})
		require.Len(t, e.Path.Visits(t0), 3)
	})
}

func TestEnrollment_MarksCancelFailRetry(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, onboarding)
	gone := e.NextWrite(hours(1)).Cancel("journey_archived")
	require.Equal(t, progress.Cancelled, gone.Status)
	require.True(t, gone.Due.IsZero())
	require.Equal(t, trail.Delta{trail.DeltaForm, byte(trail.MarkCancelled), 1, byte(trail.NodeDropped)}, gone.Delta)
	require.Equal(t, hours(1), gone.LeftAt)
	require.Equal(t, hours(1), gone.NextWrite(hours(30)).LeftAt, "a later write does not move it")

	failed := e.NextWrite(hours(2)).Fail("provider_refused")
	require.Equal(t, trail.Delta{trail.DeltaForm, byte(trail.MarkFailed), 1, byte(trail.NodeFailed)}, failed.Delta)
	require.Zero(t, failed.LeftAt, "a failed customer is still inside")
	again := failed.NextWrite(hours(3)).Retry(hours(3))
	require.Equal(t, progress.Inside, again.Status)
	require.Equal(t, hours(3), again.Due)
	require.Equal(t, trail.Delta{trail.DeltaForm, byte(trail.MarkRetried), 1, byte(trail.NodeRetried)}, again.Delta)
	moved, _ := g.Step(failed.NextWrite(hours(48)).Retry(hours(48)), progress.Input{Now: hours(48), Events: heard("login")})
	require.Equal(t, trail.Delta{
		trail.DeltaForm, byte(trail.MarkRetried),
		1, byte(trail.NodeRetried | trail.NodeLeft), byte(trail.Waited),
		2, byte(trail.NodeEntered),
	}, moved.Delta, "marks and result of one node are one entry")
	removed := failed.NextWrite(hours(3)).Cancel("removed")
	require.Equal(t, trail.Delta{
		trail.DeltaForm, byte(trail.MarkRetried | trail.MarkCancelled), 1, byte(trail.NodeRetried | trail.NodeDropped),
	}, removed.Delta)
	require.Equal(t, hours(3), removed.LeftAt)
	require.Empty(t, again.ExitReason)
}

// LeaseUntil marks an effect that may have happened. It stays for as long as the
// effect can be attempted again.
func TestEnrollment_KeepsLeaseUntilEffectEnds(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, onboarding)
	in := progress.Input{Now: hours(48), Events: heard("login"), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, effect := g.Step(e.NextWrite(in.Now), in)
	require.Equal(t, progress.NeedDecision, effect)
	e.LeaseUntil = hours(49)
	failed := e.NextWrite(hours(50)).Fail("send_failed")
	require.Equal(t, hours(49), failed.LeaseUntil)
	require.Zero(t, failed.NextWrite(hours(51)).Cancel("removed").LeaseUntil)
	require.Zero(t, failed.Anonymize(hours(51)).LeaseUntil)

	again := failed.NextWrite(hours(51)).Retry(hours(51))
	require.Equal(t, hours(49), again.LeaseUntil)
	in.Now = hours(51)
	in.Answer = progress.Answer{Result: trail.Decided, Value: value(t, `{"score":7}`)}
	next, effect := g.Step(again, in)
	require.Equal(t, progress.NeedSend, effect)
	require.Zero(t, next.LeaseUntil, "the next effect has no lease")
}

func TestStep_KeepsOneWriteWithinOneDay(t *testing.T) {
	t.Parallel()

	midnight := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	last := midnight.Add(-time.Millisecond)
	g, e, _ := enter(t, onboarding)
	require.Equal(t, t0, e.WrittenAt)

	e, effect := g.Step(e.NextWrite(midnight.Add(-time.Second)), progress.Input{Now: midnight.Add(-time.Second), Events: heard("login")})
	require.Equal(t, progress.NeedAttributes, effect)
	pro := progress.Input{Now: midnight.Add(-500 * time.Millisecond), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, effect = g.Step(e, pro)
	require.Equal(t, progress.NeedDecision, effect)
	require.Equal(t, pro.Now, e.Since)

	answered := pro
	answered.Now, answered.Answer = midnight.Add(3*time.Second), progress.Answer{Result: trail.Decided, Value: value(t, `{"score":7}`)}
	e, effect = g.Step(e, answered)
	require.Equal(t, progress.NeedSend, effect)
	require.Equal(t, last, e.Since, "the decision ended after midnight")
	require.Equal(t, last, e.WrittenAt)

	behind := e.NextWrite(midnight.Add(-time.Minute))
	require.Equal(t, last, behind.WrittenAt, "the clock is behind")
	ahead := e.NextWrite(midnight.Add(time.Minute))
	sent := pro
	sent.Now, sent.Answer = midnight.Add(30*time.Second), progress.Answer{Result: trail.Sent}
	ahead, _ = g.Step(ahead, sent)
	require.Equal(t, midnight.Add(time.Minute), ahead.WrittenAt)
	visits := ahead.Path.Visits(t0)
	require.Equal(t, midnight.Add(time.Minute), visits[len(visits)-1].EnteredAt, "no step is before the start of its write")
}

func BenchmarkStep(b *testing.B) {
	d := journeytest.Definition(b, onboarding)
	start, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	start = start.NextWrite(hours(48))
	start.Path = append(make(trail.Path, 0, 128), start.Path...)
	start.Delta = append(make(trail.Delta, 0, 64), start.Delta...)
	in := progress.Input{Now: hours(48), Events: heard("login"), Attributes: value(b, `{"plan":"free","country":"NL"}`), HasAttributes: true}
	b.ReportAllocs()
	for b.Loop() {
		e, _ := d.Graph.Step(start, in) // leaves the wait, decides the split, reaches the exit
		if e.Status != progress.Completed {
			b.Fatal("not completed")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

// Only the parts of a decision and of the event that payloads read are stored.
func TestStep_KeepsOnlyWhatPayloadsRead(t *testing.T) {
	t.Parallel()

	g := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
		{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"t":"{{decision.d.offer.title}} {{event.order.id}}"}}},
		{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"d"},{"source":"d","target":"a"},{"source":"a","target":"out"}]}`).Graph
	event := g.PruneEvent(value(t, `{"order":{"id":7,"card":"1234"},"x":1}`))
	require.Equal(t, `{"order":{"id":7}}`, string(event.AppendJSON(nil)))

	e, effect := g.Start(progress.Enrollment{EnrolledAt: hours(0), ExpiresAt: hours(1000), Event: event.AppendJSON(nil)})
	require.Equal(t, progress.NeedDecision, effect)
	e, effect = g.Step(e, progress.Input{Now: hours(0), HasAttributes: true, Answer: progress.Answer{
		Result: trail.Decided, Value: value(t, `{"offer":{"title":"Up","id":"u"},"score":5}`),
	}})
	require.Equal(t, progress.NeedSend, effect)
	require.Equal(t, `{"d":{"offer":{"title":"Up"}}}`, string(e.Decisions))
	facts := g.Facts(&e, condition.Value{})
	text, err := g.Action(e.Node).Payload.JSON(&facts)
	require.NoError(t, err)
	require.Equal(t, `{"t":"Up 7"}`, string(text))
}

// A run keeps at most 16 KB of its event and decisions. An answer that is too much for
// the rest is an error, and what was kept before stays.
func TestStep_BoundsWhatARunKeeps(t *testing.T) {
	t.Parallel()

	g := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"d1","type":"nba_decision","config":{"decisionFlowId":"f"}},
		{"id":"d2","type":"nba_decision","config":{"decisionFlowId":"f","onError":"fail"}},
		{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"t":"{{decision.d1.x}} {{decision.d2.x}} {{event.x}}"}}},
		{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"d1"},{"source":"d1","target":"d2"},{"source":"d2","target":"a"},{"source":"a","target":"out"}]}`).Graph
	const first = `{"d1":{"x":1}}`
	event := `{"x":"` + strings.Repeat("e", 1000) + `"}`
	rest := progress.MaxKept - len(event) - len(`{"d1":{"x":1},"d2":{"x":""}}`)
	for name, c := range map[string]struct {
		second string
		want   trail.Result
		kept   int
	}{
		"all that fits":        {`{"x":"` + strings.Repeat("d", rest) + `"}`, trail.Decided, progress.MaxKept},
		"a byte more":          {`{"x":"` + strings.Repeat("d", rest+1) + `"}`, trail.EffectError, len(event) + len(first)},
		"only the rest is big": {`{"x":2,"y":"` + strings.Repeat("d", rest) + `"}`, trail.Decided, len(event) + len(`{"d1":{"x":1},"d2":{"x":2}}`)},
	} {
		e, _ := g.Start(progress.Enrollment{EnrolledAt: hours(0), ExpiresAt: hours(1000), Event: []byte(event)})
		e, _ = g.Step(e, progress.Input{Now: hours(0), Answer: progress.Answer{Result: trail.Decided, Value: value(t, `{"x":1}`)}})
		require.Equal(t, first, string(e.Decisions))
		e, effect := g.Step(e, progress.Input{Now: hours(0), Answer: progress.Answer{Result: trail.Decided, Value: value(t, c.second)}})
		require.Equal(t, progress.NeedSend, effect, "it goes on in any case")
		require.Equal(t, c.want, e.Path.Visits(hours(0))[2].Result, name)
		require.Equal(t, c.kept, len(e.Event)+len(e.Decisions), name)
	}
}
