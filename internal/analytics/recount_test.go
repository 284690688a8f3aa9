package analytics_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

func definition(t testing.TB, text string) journey.Definition {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(text), &faults)
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok, "%v", faults.List())
	return d
}

// walk moves a customer through a graph at random, as the engine would, and calls
// wrote for every write.
func walk(t testing.TB, r *rand.Rand, d journey.Definition, begun time.Time, wrote func(progress.Enrollment)) {
	attributes, err := condition.ParseValue(fmt.Appendf(nil, `{"a0":%d,"a1":%d,"a2":%d}`, r.IntN(10), r.IntN(10), r.IntN(10)))
	require.NoError(t, err)
	now := begun
	e, effect := d.Graph.Start(progress.Enrollment{
		GraphHash: d.Hash, Version: 3, EnrolledAt: now, ExpiresAt: now.AddDate(0, 0, 1+r.IntN(20)),
	})
	wrote(e)
	for e.Status == progress.Inside || e.Status == progress.Failed && r.IntN(3) > 0 {
		if e.Due.After(now) && r.IntN(10) > 0 {
			now = e.Due
		}
		now = now.Add(time.Duration(r.IntN(36*3600_000)) * time.Millisecond / time.Duration(1+r.IntN(100))).Truncate(time.Millisecond)
		if e.Status == progress.Failed { // retried or removed at once, or within days
			now = now.Add(time.Duration(r.IntN(72*3600_000)/(1+r.IntN(2)*200)) * time.Millisecond)
		}
		e = e.NextWrite(now)
		convert := func(chance int) { // sometimes by an event that was received a while ago
			if r.IntN(chance) == 0 {
				e = e.Convert(now.Add(-time.Duration(r.IntN(72*3600_000)/(1+r.IntN(2)*1000)) * time.Millisecond))
			}
		}
		convert(20)
		switch {
		case r.IntN(20) == 0: // the write only converts, if that
		case e.Status == progress.Failed && r.IntN(4) == 0:
			e = e.Cancel("removed")
		case e.Status == progress.Failed:
			e = e.Retry(now)
		case r.IntN(12) == 0 || len(e.Retries) > 0 && r.IntN(3) > 0: // a failed enrollment is likely to fail again
			e = e.Fail("send_failed")
		case r.IntN(40) == 0:
			e = e.Cancel("removed")
		default:
			in := progress.Input{Now: now, Attributes: attributes, HasAttributes: true, Events: map[string][]progress.Received{"e0": nil, "e1": nil, "e2": nil}}
			for range 1 + r.IntN(3) { // steps that share a write, possibly across midnight
				switch effect {
				case progress.NeedDecision:
					in.Answer.Result = []trail.Result{trail.Decided, trail.DecidedEmpty, trail.EffectError}[r.IntN(3)]
				case progress.NeedSend:
					in.Answer.Result = []trail.Result{trail.Sent, trail.SkippedNoAddress, trail.SkippedUncertain, trail.EffectError}[r.IntN(4)]
				default: // no effect
				}
				e, effect = d.Graph.Step(e, in)
				in.Answer = progress.Answer{}
				in.Now = in.Now.Add(time.Duration(r.IntN(3)) * time.Second)
			}
		}
		convert(20)
		wrote(e)
	}
	if r.IntN(4) == 0 { // after it left or failed
		now = now.Add(time.Duration(r.IntN(72*3600_000)) * time.Millisecond)
		e = e.NextWrite(now).Convert(now)
		wrote(e)
	}
}

// For each day, the counter's sum of the writes equals what the last item says of
// that day, whenever other attributes are written later.
func TestRecount_EqualsTheSumOfTheWrites(t *testing.T) {
	t.Parallel()

	results, outcomes := map[trail.Result]int{}, map[progress.EnrollmentStatus]int{}
	retriesOfADay, daysOfRetries, days := map[int]int{}, map[int]int{}, 0
	conversions, midway := map[progress.EnrollmentStatus]int{}, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 8))
		d := definition(t, journeytest.Graph(r, 2+r.IntN(20)))
		byDay := map[analytics.Day]*analytics.Figures{}
		retriesByDay := map[analytics.Day]int{}
		var last progress.Enrollment
		begun := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(4*86400_000)) * time.Millisecond)
		walk(t, r, d, begun, func(e progress.Enrollment) {
			last = e
			day := analytics.DayOf(e.WrittenAt)
			if byDay[day] == nil {
				byDay[day] = &analytics.Figures{}
			}
			require.NoError(t, byDay[day].Apply(analytics.Write{Graph: d.Hash, Version: 3, At: e.WrittenAt, Delta: e.Delta}))
			if trail.Mark(e.Delta[1])&trail.MarkRetried != 0 {
				retriesByDay[day]++
			}
		})
		rewritten := last.NextWrite(last.WrittenAt.AddDate(0, 0, r.IntN(4))) // of other attributes
		outcomes[last.Status]++
		if !last.ConvertedAt.IsZero() {
			conversions[last.Status]++
			if steps := len(last.Path.Visits(begun)); last.ConvertedSteps > 0 && last.ConvertedSteps < steps {
				midway++
			}
			require.Equal(t, rewritten.Convert(rewritten.WrittenAt), rewritten, "seed %d: a second conversion changes nothing", seed)
		}
		for _, visit := range last.Path.Visits(begun) {
			results[visit.Result]++
		}
		for _, times := range retriesByDay {
			retriesOfADay[times]++
		}
		daysOfRetries[len(retriesByDay)]++
		require.LessOrEqual(t, len(last.Retries.Decode(last.EnrolledAt)), len(retriesByDay)+1, "seed %d", seed)
		require.NoError(t, d.Graph.Shape().Check(last), "seed %d", seed)
		var counted analytics.Figures
		for day := analytics.DayOf(begun); day <= analytics.DayOf(last.WrittenAt); day = analytics.DayOf(day.End()) {
			if byDay[day] != nil {
				counted.Merge(byDay[day])
				days++
			}
			var recounted analytics.Figures
			recounted.Recount(rewritten, day)
			require.Equal(t, figures(&counted), figures(&recounted), "seed %d as of %s", seed, day)
			require.Empty(t, recounted.Faults(), "seed %d as of %s", seed, day)
		}
	}
	t.Log("ended as", outcomes, "converted:", conversions, "midway:", midway, "retries of a day:", retriesOfADay, "days of retries:", daysOfRetries, "days with writes:", days)
	for _, status := range []progress.EnrollmentStatus{progress.Completed, progress.Expired, progress.Cancelled, progress.Failed} {
		require.Greater(t, outcomes[status], 50, status)
		require.Greater(t, conversions[status], 20, status)
	}
	require.Greater(t, midway, 50)
	require.Greater(t, min(results[trail.True], results[trail.False], results[trail.SkippedNoAddress], results[trail.EffectError]), 50)
	require.Greater(t, min(retriesOfADay[2], daysOfRetries[2]), 50)
}

// figures returns the figures by graph, without zero steps at the end.
func figures(f *analytics.Figures) map[string]analytics.Graph {
	all := map[string]analytics.Graph{}
	for hash, g := range f.Graphs {
		one := *g
		for len(one.Steps) > 0 && one.Steps[len(one.Steps)-1].Zero() {
			one.Steps = one.Steps[:len(one.Steps)-1]
		}
		all[hash] = one
	}
	return all
}

// The date of a wait is removed days after the customer came to it.
func TestRecount_CountsTheExitOfAWaitOnItsDay(t *testing.T) {
	t.Parallel()

	d := definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"until":{"field":"d","otherwise":"exit"}}},`+
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`)
	begun := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	removed := begun.AddDate(0, 0, 3)
	e, _ := d.Graph.Start(progress.Enrollment{GraphHash: d.Hash, EnrolledAt: begun, ExpiresAt: begun.AddDate(0, 0, 30)})
	date, err := condition.ParseValue([]byte(`{"d":"2026-12-10"}`))
	require.NoError(t, err)
	e, _ = d.Graph.Step(e.NextWrite(begun), progress.Input{Now: begun, Attributes: date, HasAttributes: true})
	e, _ = d.Graph.Step(e.NextWrite(removed), progress.Input{Now: removed, HasAttributes: true})
	require.Equal(t, progress.Completed, e.Status)
	for days, exits := range []int64{0, 0, 0, 1} {
		var f analytics.Figures
		f.Recount(e, analytics.DayOf(begun.AddDate(0, 0, days)))
		require.Empty(t, f.Faults(), "day %d", days)
		require.Equal(t, exits, f.Graph(d.Hash, 0).Steps[1].Results.Of(trail.Exited), "day %d", days)
	}
}
