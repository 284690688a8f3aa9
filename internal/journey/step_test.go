package journey_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/journey"
)

var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func hours(h float64) time.Time { return t0.Add(time.Duration(h * float64(time.Hour))) }

func value(t testing.TB, text string) condition.Value {
	t.Helper()
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

// onboarding has all six node types.
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

func enter(t testing.TB, definition string) (*journey.Graph, journey.Enrollment, journey.EffectKind) {
	t.Helper()
	d := journeytest.Definition(t, definition)
	e, effect := d.Graph.Start(journey.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	return d.Graph, e, effect
}

func TestStep_WalksThroughEveryNodeType(t *testing.T) {
	t.Parallel()

	g, e, effect := enter(t, onboarding)
	require.Equal(t, journey.NoEffect, effect)
	require.Equal(t, "w", g.NodeID(e.Node))
	require.Equal(t, hours(48), e.Due)
	require.Equal(t, journey.Delta{
		byte(journey.MarkEnrolled),
		0, byte(journey.NodeEntered | journey.NodeCompleted),
		1, byte(journey.NodeEntered),
	}, e.Delta)

	early, effect := g.Step(e.NextWrite(hours(47.9)), journey.Input{Now: hours(47.9)})
	require.Equal(t, journey.NoEffect, effect)
	require.Equal(t, e.Path, early.Path, "nothing happens before it is due")

	e, effect = g.Step(e.NextWrite(hours(48)), journey.Input{Now: hours(48)})
	require.Equal(t, journey.NeedAttributes, effect)
	require.Equal(t, hours(48), e.Due)

	pro := journey.Input{Now: hours(48), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, effect = g.Step(e, pro)
	require.Equal(t, journey.NeedDecision, effect)

	answered := pro
	answered.Answer = journey.Answer{Result: journey.Decided, Decision: value(t, `{"score":7,"offer":"long text"}`)}
	e, effect = g.Step(e, answered)
	require.Equal(t, journey.NeedSend, effect)
	require.Equal(t, "a", g.NodeID(e.Node))
	require.JSONEq(t, `{"d":{"score":7}}`, string(e.Decisions), "only what conditions read is kept")
	require.EqualValues(t, 2, e.Rev, "several steps share one write")

	sent := pro
	sent.Answer = journey.Answer{Result: journey.Sent}
	e, effect = g.Step(e.NextWrite(sent.Now), sent)
	require.Equal(t, journey.NoEffect, effect)
	require.Equal(t, journey.Completed, e.Status)
	require.Equal(t, "converted", e.ExitReason)
	require.True(t, e.Due.IsZero())
	require.Equal(t, journey.Delta{
		byte(journey.MarkCompleted),
		5, byte(journey.NodeCompleted),
		6, byte(journey.NodeEntered | journey.NodeCompleted),
	}, e.Delta)

	var way []string
	for _, visit := range e.Path.Visits(t0) {
		way = append(way, fmt.Sprintf("%s %s %s", g.NodeID(visit.Node), visit.Result, visit.EnteredAt.Sub(t0)))
	}
	require.Equal(t, []string{
		"in entered 0s", "w waited 0s", "s true 48h0m0s", "d decided 48h0m0s", "s2 true 48h0m0s", "a sent 48h0m0s", "out exited 48h0m0s",
	}, way)
}

func TestStep_WaitEndsByWhatComesFirst(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name   string
		event  time.Time
		now    time.Time
		result journey.Result
	}{
		{"nothing yet", time.Time{}, hours(1), journey.NoResult},
		{"its time", time.Time{}, hours(48), journey.Waited},
		{"late, but it is its time that ended it", time.Time{}, hours(60), journey.Waited},
		{"its event", hours(1), hours(1), journey.WokenByEvent},
		{"an event from before the wait began", hours(-1), hours(2), journey.NoResult},
		{"an event at the moment in which the wait began started the journey, and ends nothing", t0, hours(2), journey.NoResult},
		{"an event after its time", hours(49), hours(60), journey.Waited},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			g, e, _ := enter(t, onboarding)
			e, _ = g.Step(e.NextWrite(row.now), journey.Input{Now: row.now, EventAt: row.event})
			visits := e.Path.Visits(t0)
			if row.result == journey.NoResult {
				require.Len(t, visits, 1)
				return
			}
			require.Equal(t, row.result, visits[1].Result)
			require.Equal(t, row.now, e.Since, "the next node begins when it is reached, not when it was due")
		})
	}
}

func TestStep_Expiry(t *testing.T) {
	t.Parallel()

	chain := graphOf([]string{"in entry_trigger", `w wait {"delayHours":24}`, `a channel_action {"channel":"email"}`, `w2 wait {"delayHours":24.001}`, "out exit"},
		[]string{"in w", "w a", "a w2", "w2 out"})
	d := journeytest.Definition(t, chain)
	start := func(days int) journey.Enrollment { // and a write a day later
		e, _ := d.Graph.Start(journey.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, days)})
		return e.NextWrite(hours(24))
	}

	t.Run("a wait that ends at the last moment goes on, even when it is looked at late", func(t *testing.T) {
		e, effect := d.Graph.Step(start(1), journey.Input{Now: hours(24)})
		require.Equal(t, journey.NeedSend, effect)
		require.Equal(t, journey.Inside, e.Status)
	})
	t.Run("a wait beyond the last moment is due then, and ends the journey", func(t *testing.T) {
		e, _ := d.Graph.Step(start(2), journey.Input{Now: hours(24)})
		e, _ = d.Graph.Step(e, journey.Input{Now: hours(24), Answer: journey.Answer{Result: journey.Sent}})
		require.Equal(t, hours(48), e.Due)
		e, effect := d.Graph.Step(e.NextWrite(hours(48)), journey.Input{Now: hours(48)})
		require.Equal(t, journey.NoEffect, effect)
		require.Equal(t, journey.Expired, e.Status)
		require.Equal(t, journey.Delta{byte(journey.MarkExpired), 3, byte(journey.NodeDropped)}, e.Delta)
	})
	t.Run("an effect that is not done by then is not done any more", func(t *testing.T) {
		e, _ := d.Graph.Step(start(2), journey.Input{Now: hours(24)})
		e, _ = d.Graph.Step(e.NextWrite(hours(48)), journey.Input{Now: hours(48)})
		require.Equal(t, journey.Expired, e.Status)
	})
	t.Run("an effect that is done counts, however late its answer", func(t *testing.T) {
		e, _ := d.Graph.Step(start(2), journey.Input{Now: hours(24)})
		e, _ = d.Graph.Step(e.NextWrite(hours(49)), journey.Input{Now: hours(49), Answer: journey.Answer{Result: journey.Sent}})
		require.Len(t, e.Path.Visits(t0), 3)
	})
}

func TestStep_CancelFailRetry(t *testing.T) {
	t.Parallel()

	_, e, _ := enter(t, onboarding)
	gone := e.NextWrite(hours(1)).Cancel("journey_archived")
	require.Equal(t, journey.Cancelled, gone.Status)
	require.True(t, gone.Due.IsZero())
	require.Equal(t, journey.Delta{byte(journey.MarkCancelled), 1, byte(journey.NodeDropped)}, gone.Delta)

	failed := e.NextWrite(hours(2)).Fail("provider_refused")
	require.Equal(t, journey.Delta{byte(journey.MarkFailed), 1, byte(journey.NodeFailed)}, failed.Delta)
	again := failed.NextWrite(hours(3)).Retry(hours(3))
	require.Equal(t, journey.Inside, again.Status)
	require.Equal(t, hours(3), again.Due)
	require.Equal(t, journey.Delta{byte(journey.MarkRetried), 1, byte(journey.NodeRetried)}, again.Delta)
	require.Empty(t, again.ExitReason)
}

// What may have been done at a node stays in doubt for as long as somebody may
// try it again.
func TestStep_DoubtEndsWhereTheEffectDoes(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, onboarding)
	in := journey.Input{Now: hours(48), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, effect := g.Step(e.NextWrite(in.Now), in)
	require.Equal(t, journey.NeedDecision, effect)
	e.LeaseUntil = hours(49)
	failed := e.NextWrite(hours(50)).Fail("send_failed")
	require.Equal(t, hours(49), failed.LeaseUntil)
	require.Zero(t, failed.NextWrite(hours(51)).Cancel("removed").LeaseUntil)
	require.Zero(t, failed.Nameless(hours(51)).LeaseUntil)

	again := failed.NextWrite(hours(51)).Retry(hours(51))
	require.Equal(t, hours(49), again.LeaseUntil)
	in.Now = hours(51)
	in.Answer = journey.Answer{Result: journey.Decided, Decision: value(t, `{"score":7}`)}
	next, effect := g.Step(again, in)
	require.Equal(t, journey.NeedSend, effect)
	require.Zero(t, next.LeaseUntil, "it is another effect")
}

func TestStep_OneWriteIsOfOneDay(t *testing.T) {
	t.Parallel()

	midnight := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	last := midnight.Add(-time.Millisecond)
	g, e, _ := enter(t, onboarding)
	require.Equal(t, t0, e.WrittenAt)

	e, effect := g.Step(e.NextWrite(midnight.Add(-time.Second)), journey.Input{Now: midnight.Add(-time.Second)})
	require.Equal(t, journey.NeedAttributes, effect)
	pro := journey.Input{Now: midnight.Add(-500 * time.Millisecond), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, effect = g.Step(e, pro)
	require.Equal(t, journey.NeedDecision, effect)
	require.Equal(t, pro.Now, e.Since)

	answered := pro
	answered.Now, answered.Answer = midnight.Add(3*time.Second), journey.Answer{Result: journey.Decided, Decision: value(t, `{"score":7}`)}
	e, effect = g.Step(e, answered)
	require.Equal(t, journey.NeedSend, effect)
	require.Equal(t, last, e.Since, "the decision took until after midnight")
	require.Equal(t, last, e.WrittenAt)

	behind := e.NextWrite(midnight.Add(-time.Minute))
	require.Equal(t, last, behind.WrittenAt, "a clock that is behind")
	ahead := e.NextWrite(midnight.Add(time.Minute))
	sent := pro
	sent.Now, sent.Answer = midnight.Add(30*time.Second), journey.Answer{Result: journey.Sent}
	ahead, _ = g.Step(ahead, sent)
	require.Equal(t, midnight.Add(time.Minute), ahead.WrittenAt)
	visits := ahead.Path.Visits(t0)
	require.Equal(t, midnight.Add(time.Minute), visits[len(visits)-1].EnteredAt, "no step is before its write began")
}

// walk drives an enrollment as an engine does: it looks late by up to a
// minute, writes several steps at once, and hears of events.
func walk(t *testing.T, r *rand.Rand, g *journey.Graph, request journey.TestRequest, days int) (journey.Enrollment, []journey.Delta) {
	t.Helper()
	e, effect := g.Start(journey.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, days)})
	deltas := []journey.Delta{e.Delta}
	now := t0
	for turn := 0; e.Status == journey.Inside; turn++ {
		require.Less(t, turn, 2000, "the walk does not end")
		in := journey.Input{Attributes: request.Attributes, HasAttributes: true}
		switch effect {
		case journey.NoEffect:
			if e.Due.After(now) {
				now = e.Due
			}
			for _, event := range request.Events {
				at := t0.Add(event.After)
				if event.Type == g.AwaitedEvent(e.Node) && at.After(e.Since) && at.Before(now) {
					now, in.EventAt = at, at
				}
			}
			now = now.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
		case journey.NeedDecision:
			in.Answer = journey.Answer{Result: journey.DecidedEmpty}
			if d, ok := request.Decisions[g.NodeID(e.Node)]; ok {
				in.Answer = journey.Answer{Result: journey.Decided, Decision: d}
			}
		case journey.NeedSend:
			in.Answer = journey.Answer{Result: journey.Sent}
		case journey.NeedAttributes:
		case journey.Stuck:
			t.Fatal("a whole graph is never stuck")
		}
		in.Now = now
		if effect == journey.NoEffect || r.IntN(2) == 0 {
			e = e.NextWrite(now)
			deltas = append(deltas, nil)
		}
		e, effect = g.Step(e, in)
		deltas[len(deltas)-1] = e.Delta
	}
	return e, deltas
}

func madeRequest(t *testing.T, r *rand.Rand, g *journey.Graph) journey.TestRequest {
	t.Helper()
	request := journey.TestRequest{Now: t0, Decisions: map[string]condition.Value{}}
	if r.IntN(5) > 0 {
		request.Attributes = value(t, fmt.Sprintf(`{"a0":%d,"a1":%d,"a2":%d,"a3":"x"}`, r.IntN(10), r.IntN(10), r.IntN(10)))
	}
	for i := range g.Len() {
		if g.NodeType(i) == journey.NBADecision && r.IntN(3) > 0 {
			request.Decisions[g.NodeID(i)] = value(t, fmt.Sprintf(`{"score":%d}`, r.IntN(10)))
		}
	}
	return request
}

// Real customers and /test go the same way. Events are left out: a walk that
// looks late can miss what a simulation, which is never late, sees in time.
func TestSimulation_TakesThePathOfRealCustomers(t *testing.T) {
	t.Parallel()

	outcomes := map[string]int{}
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := journeytest.Definition(t, journeytest.Graph(r, 2+int(seed%50)))
		request := madeRequest(t, r, d.Graph)
		days := 1 + r.IntN(8)
		e, _ := walk(t, r, d.Graph, request, days)
		simulated := simulate(t, d, request, days)

		var real, test []string
		for _, visit := range e.Path.Visits(t0) {
			real = append(real, d.Graph.NodeID(visit.Node)+" "+visit.Result.String())
		}
		for _, step := range simulated.Steps {
			if step.Result != "expired" {
				test = append(test, step.NodeID+" "+step.Result)
			}
		}
		outcomes[simulated.Outcome]++
		// Being late adds up, so that a real customer may expire where a
		// simulated one just does not.
		if e.Status == journey.Expired {
			require.Equal(t, test[:len(real)], real, "seed %d", seed)
			continue
		}
		require.Equal(t, test, real, "seed %d", seed)
	}
	require.Greater(t, outcomes["exited"], 200)
	require.Greater(t, outcomes["expired"], 50)
}

// For every customer and node: entered = completed + active + failed + dropped.
func TestStep_DeltasAddUp(t *testing.T) {
	t.Parallel()

	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		d := journeytest.Definition(t, journeytest.Graph(r, 2+int(seed%50)))
		e, deltas := walk(t, r, d.Graph, madeRequest(t, r, d.Graph), 1+r.IntN(20))
		var own journey.Mark
		counts := map[int]map[journey.Mark]int{}
		for _, delta := range deltas {
			own |= journey.Mark(delta[0])
			for i := 1; i < len(delta); i += 2 {
				node := int(delta[i])
				if counts[node] == nil {
					counts[node] = map[journey.Mark]int{}
				}
				for bit := journey.NodeEntered; bit != 0; bit <<= 1 {
					if journey.Mark(delta[i+1])&bit != 0 {
						counts[node][bit]++
					}
				}
			}
		}
		entered := 0
		for node, c := range counts {
			require.Equal(t, 1, c[journey.NodeEntered], "seed %d node %d", seed, node)
			require.Equal(t, 1, c[journey.NodeCompleted]+c[journey.NodeDropped], "seed %d node %d", seed, node)
			if d.Graph.NodeType(node) == journey.ConditionSplit {
				require.Equal(t, c[journey.NodeCompleted], c[journey.NodeTrue]+c[journey.NodeFalse], "seed %d node %d", seed, node)
			}
			entered++
		}
		visits := len(e.Path.Visits(t0))
		if e.Status == journey.Completed {
			require.Equal(t, journey.MarkEnrolled|journey.MarkCompleted, own)
			require.Equal(t, visits, entered)
		} else {
			require.Equal(t, journey.MarkEnrolled|journey.MarkExpired, own)
			require.Equal(t, visits+1, entered)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	d := journeytest.Definition(b, onboarding)
	start, _ := d.Graph.Start(journey.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	start = start.NextWrite(hours(48))
	start.Path = append(make(journey.Path, 0, 128), start.Path...)
	start.Delta = append(make(journey.Delta, 0, 64), start.Delta...)
	in := journey.Input{Now: hours(48), Attributes: value(b, `{"plan":"free","country":"NL"}`), HasAttributes: true}
	b.ReportAllocs()
	for b.Loop() {
		e, _ := d.Graph.Step(start, in) // leaves the wait, decides the split, reaches the exit
		if e.Status != journey.Completed {
			b.Fatal("not completed")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}
