package dynamo_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
)

// A journey runs for 40 days and is edited on the way; rollup runs every day. At every
// look all figures and every row are exact, each day is audited once, and no audit finds
// a fault.
func TestRollup_StaysExactForFortyDays(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 1)
	for hour := 0; hour < 40*24; hour += 6 {
		if hour == 17*24 {
			w.edit()
		}
		w.enroll(w.r.IntN(6))
		w.step()
		if hour%24 == 6 {
			w.run()
			w.requireTrue(all, hour)
		}
		w.now = w.now.Add(6 * time.Hour)
	}
	w.requireTrue(all)
	require.Empty(t, w.truth.Faults())
	totals := w.truth.Totals()
	t.Logf("40 days: %+v, %d writes, items: %v", totals, w.number, w.items())
	require.Greater(t, min(totals.Completed, totals.Expired, totals.Cancelled, totals.Conversions), int64(5))
	require.Len(t, w.truth.Graphs, 2)
	audits := w.lines("audit")
	require.Len(t, audits, 40, "one per day")
	for _, audit := range audits {
		require.Zero(t, audit["Drift"])
		require.Zero(t, audit["WrongItems"])
	}
	items := w.items()
	require.LessOrEqual(t, items["D"], 3*2*2, "open: three days, two stream shards, two graphs")
	require.Equal(t, 2, items["T"])
	require.Zero(t, items["R"])

	series := 0
	report, err := analytics.NewReader(w.store.Analytics).Report(t.Context(), w.tenant, w.j.ID, all)
	require.NoError(t, err)
	for _, row := range report.Series {
		if row.Totals != (tally.Totals{}) {
			series++
		}
	}
	require.Len(t, report.Series, 44)
	require.GreaterOrEqual(t, series, 40)
}

// dying kills the process at its first write, before or after it.
type dying struct {
	analytics.RollupTable
	before bool
	dead   bool
	deaths map[string]int // by write, before or after it
}

var errDied = errors.New("the process is dead")

func (d *dying) write(name string, do func() error) error {
	if d.dead {
		return errDied
	}
	d.dead = true
	if d.before {
		d.deaths["before "+name]++
		return errDied
	}
	if err := do(); err != nil {
		return err
	}
	d.deaths["after "+name]++
	return errDied
}

func (d *dying) Fold(ctx context.Context, k analytics.JourneyKey, f analytics.Fold) error {
	return d.write("Fold", func() error { return d.RollupTable.Fold(ctx, k, f) })
}

func (d *dying) DeletePart(ctx context.Context, p analytics.Part) error {
	return d.write("DeletePart", func() error { return d.RollupTable.DeletePart(ctx, p) })
}

func (d *dying) DeleteRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	return d.write("DeleteRepair", func() error { return d.RollupTable.DeleteRepair(ctx, k, r) })
}

func (d *dying) PutRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	return d.write("PutRepair", func() error { return d.RollupTable.PutRepair(ctx, k, r) })
}

func (d *dying) PutAudit(ctx context.Context, a analytics.Audit) error {
	return d.write("PutAudit", func() error { return d.RollupTable.PutAudit(ctx, a) })
}

// Runs that die before and after each of their writes leave exact figures, and
// together they finish. Planted drift is repaired once.
func TestRollup_SurvivesDyingAtEveryWrite(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 2)
	for range 12 {
		w.enroll(4)
		w.step()
		w.now = w.now.Add(6 * time.Hour)
	}
	w.edit()
	w.enroll(3)
	w.loseOne()
	deaths := map[string]int{}
	for day := range 5 {
		w.later(1)
		w.enroll(1)
		w.step()
		for n := 1; ; n++ {
			d := &dying{RollupTable: w.store.Analytics, before: n%2 == 0, deaths: deaths}
			err := w.rollupOf(d).Run(t.Context())
			if deaths["after PutRepair"] == 0 {
				w.requireTrueBut()
			} else {
				w.requireTrue(analytics.Range{}, "day %d, run %d", day, n)
			}
			if err == nil {
				break
			}
			require.ErrorIs(t, err, errDied)
			w.now = w.now.Add(11 * time.Minute)
			require.Less(t, n, 100)
		}
	}
	require.NotEmpty(t, w.lines("figures repaired"))
	require.Contains(t, drifts(w.lines("audit")), 4.0, "enrolled, entered at two nodes, completed at one")
	for _, write := range []string{"Fold", "DeletePart", "PutRepair", "DeleteRepair", "PutAudit"} {
		require.Positive(t, deaths["before "+write], write)
		require.Positive(t, deaths["after "+write], write)
	}
	w.requireTrue(analytics.Range{})
	t.Log("deaths:", deaths, "items:", w.items())
}

// requireTrueBut requires the true totals, with or without the customer who was not
// counted and may be repaired.
func (w *world) requireTrueBut() {
	w.t.Helper()
	report, err := analytics.NewReader(w.store.Analytics).Report(w.t.Context(), w.tenant, w.j.ID, analytics.Range{})
	require.NoError(w.t, err)
	missing := report.Enrollments
	missing.Enrolled++
	require.Contains(w.t, []tally.Totals{report.Enrollments, missing}, w.truth.Totals())
}

// reads returns what a read between from and to may return: each item as it was before
// or after.
func reads(r *rand.Rand, from, to analytics.Counters) analytics.Counters {
	c := analytics.Counters{Totals: map[string]*analytics.Total{}}
	for hash, after := range to.Totals { // totals are never deleted
		if before := from.Totals[hash]; r.IntN(2) == 0 {
			c.Totals[hash] = after
		} else if before != nil {
			c.Totals[hash] = before
		}
	}
	parts := map[analytics.PartKey][2]*analytics.Part{}
	for side, list := range [][]analytics.Part{from.Parts, to.Parts} {
		for i := range list {
			pair := parts[list[i].PartKey]
			pair[side] = &list[i]
			parts[list[i].PartKey] = pair
		}
	}
	for _, pair := range parts {
		if p := pair[r.IntN(2)]; p != nil {
			c.Parts = append(c.Parts, *p)
		}
	}
	type month struct{ month, graph string }
	closed := map[month][2]*analytics.Closed{}
	for side, list := range [][]analytics.Closed{from.Closed, to.Closed} {
		for i := range list {
			key := month{list[i].Month, list[i].Graph}
			pair := closed[key]
			pair[side] = &list[i]
			closed[key] = pair
		}
	}
	for _, pair := range closed {
		if d := pair[r.IntN(2)]; d != nil {
			c.Closed = append(c.Closed, *d)
		}
	}
	return c
}

// A reader that runs during a fold, for up to nine minutes, gets each item as it was at
// the start or at the end, in any mixture. It sees exact figures or must read again.
func TestRollup_ReadersBetweenWritesSeeExactFigures(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 3)
	exact, again := 0, 0
	for day := range 8 {
		w.later(1)
		if day == 3 {
			w.edit()
		}
		w.enroll(5)
		w.step()
		states := []analytics.Counters{w.counters()}
		d := &watched{RollupTable: w.store.Analytics, wrote: func() { states = append(states, w.counters()) }}
		require.NoError(t, w.rollupOf(d).Run(t.Context()))
		w.now = w.now.Add(9 * time.Minute)
		require.NoError(t, w.rollupOf(d).Run(t.Context()))
		for i := range len(states) - 1 {
			for range 200 {
				c := reads(w.r, states[i], states[i+1+w.r.IntN(len(states)-i-1)])
				if c.Torn(all) {
					again++
					continue
				}
				exact++
				f := c.Figures()
				require.Equal(t, w.truth.Totals(), f.Totals())
				require.Equal(t, w.truth.Graphs[w.j.GraphHash].Steps, f.Graphs[w.j.GraphHash].Steps)
				for _, row := range c.Series(all) {
					if want := w.days[row.Day]; want != nil {
						require.Equal(t, *want, row.Totals, row.Day)
					} else {
						require.Zero(t, row.Totals)
					}
				}
			}
		}
	}
	t.Log("exact:", exact, "read again:", again)
	require.Greater(t, exact, 1000)
	require.Greater(t, again, 100)
}

func (w *world) counters() analytics.Counters {
	c, err := w.store.Analytics.Counters(w.t.Context(), w.tenant, w.j.ID, all)
	require.NoError(w.t, err)
	return c
}

// watched calls wrote after each write of figures.
type watched struct {
	analytics.RollupTable
	wrote func()
}

func (d *watched) Fold(ctx context.Context, k analytics.JourneyKey, f analytics.Fold) error {
	defer d.wrote()
	return d.RollupTable.Fold(ctx, k, f)
}

func (d *watched) DeletePart(ctx context.Context, p analytics.Part) error {
	defer d.wrote()
	return d.RollupTable.DeletePart(ctx, p)
}

func TestRollup_FourRunsAtOnceDoTheWorkOfOne(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 4)
	w.loseOne()
	for range 6 {
		w.later(1)
		w.enroll(5)
		w.step()
		var running sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			r := w.rollup()
			r.Log = slog.New(slog.DiscardHandler)
			running.Go(func() { errs[i] = r.Run(t.Context()) })
		}
		running.Wait()
		require.NoError(t, errors.Join(errs...))
		w.requireTrueBut()
	}
	w.requireTrue(analytics.Range{})
	require.Zero(t, w.items()["R"], "the repair is folded and deleted")
}
