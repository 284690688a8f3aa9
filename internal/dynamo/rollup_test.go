package dynamo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/condition"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

// world is a journey that runs by a virtual clock: customers enter and move,
// each write is counted as the stream's consumer does, and what is true is kept
// beside it.
type world struct {
	t      *testing.T
	r      *rand.Rand
	table  string
	store  *dynamo.Store
	now    time.Time
	log    bytes.Buffer
	tenant journey.Tenant
	j      journey.Journey

	counter *analytics.Counter
	graphs  map[string]*journey.Graph
	inside  map[string]journey.Enrollment // and who failed
	number  int                           // of the stream's last record
	truth   analytics.Figures
	days    map[analytics.Day]*analytics.Totals
	entered int
}

const (
	firstGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
		`{"id":"pause","type":"wait","config":{"delayHours":30}},` +
		`{"id":"rich","type":"condition_split","config":{"condition":{"field":"spend","operator":"gt","value":5}}},` +
		`{"id":"mail","type":"channel_action","config":{"channel":"email","templateId":"t"}},` +
		`{"id":"rest","type":"wait","config":{"delayHours":90}},` +
		`{"id":"out","type":"exit","config":{"reason":"converted"}}],` +
		`"edges":[{"source":"in","target":"pause"},{"source":"pause","target":"rich"},` +
		`{"source":"rich","target":"mail","sourceHandle":"true"},{"source":"rich","target":"out","sourceHandle":"false"},` +
		`{"source":"mail","target":"rest"},{"source":"rest","target":"out"}]}`
	secondGraph = `{"nodes":[{"id":"start","type":"entry_trigger"},{"id":"nap","type":"wait","config":{"delayHours":10}},` +
		`{"id":"end","type":"exit"}],"edges":[{"source":"start","target":"nap"},{"source":"nap","target":"end"}]}`
)

func newWorld(t *testing.T, seed uint64) *world {
	table := dynamotest.Table(t)
	w := &world{
		t: t, r: rand.New(rand.NewPCG(seed, 5)), table: table, store: storeOn(table), tenant: tenant("t1"),
		now: time.Date(2026, 10, 10, 3, 0, 0, 0, time.UTC), graphs: map[string]*journey.Graph{},
		inside: map[string]journey.Enrollment{}, days: map[analytics.Day]*analytics.Totals{},
	}
	w.counter = &analytics.Counter{
		Parts: w.store.Analytics, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler), Parallel: 1,
	}
	w.j = define(draft(1), firstGraph)
	w.j.Rev = 1
	require.NoError(t, w.store.Journeys.Create(t.Context(), w.tenant, w.j))
	w.learn()
	return w
}

func (w *world) learn() {
	w.graphs[w.j.GraphHash] = definitionOf(w.t, string(w.j.Definition)).Graph
}

// edit gives the journey its second graph.
func (w *world) edit() {
	next := define(w.j, secondGraph)
	next.Version, next.Rev, next.Labels = 2, w.j.Rev+1, definitionOf(w.t, secondGraph).Graph.Labels()
	w.j.Labels = w.graphs[w.j.GraphHash].Labels()
	require.NoError(w.t, w.store.Journeys.Update(w.t.Context(), w.tenant, w.j, next))
	w.j = next
	w.learn()
}

// enroll lets n customers in.
func (w *world) enroll(n int) {
	var list []journey.Enrollment
	for range n {
		w.entered++
		e, _ := w.graphs[w.j.GraphHash].Start(journey.Enrollment{
			Journey: w.j.ID, Customer: fmt.Sprintf("c%d", w.entered), GraphHash: w.j.GraphHash, Version: w.j.Version,
			RequestID: journey.RequestID{1}, EnrolledAt: w.now, ExpiresAt: w.now.Add(100 * time.Hour),
		})
		list = append(list, e)
	}
	for _, outcome := range w.store.Enrollments.Insert(w.t.Context(), w.tenant, 4, list) {
		require.Equal(w.t, journey.OutcomeEnrolled, outcome.Result)
	}
	w.wrote(list)
}

// step moves everybody who is due, some of whom fail, leave or are taken up.
func (w *world) step() {
	rich, _ := condition.ParseValue([]byte(`{"spend":7}`))
	var list []journey.Enrollment
	for _, customer := range slices.Sorted(maps.Keys(w.inside)) {
		e := w.inside[customer]
		failed := e.Status == journey.Failed
		if failed && w.r.IntN(12) > 0 || !failed && e.Due.After(w.now) && w.r.IntN(200) > 0 {
			continue
		}
		at := w.now.Add(time.Duration(w.r.IntN(3600_000)) * time.Millisecond)
		n, g := e.NextWrite(at), w.graphs[e.GraphHash]
		switch {
		case failed && w.r.IntN(3) == 0:
			n = n.Cancel("removed")
		case failed:
			n = n.Retry(at)
		case w.r.IntN(20) == 0:
			n = n.Fail("send_failed")
		case w.r.IntN(30) == 0:
			n = n.Cancel("removed")
		default:
			in := journey.Input{Now: at, HasAttributes: true}
			if w.r.IntN(3) > 0 {
				in.Attributes = rich
			}
			var effect journey.EffectKind
			if n, effect = g.Step(n, in); effect == journey.NeedSend {
				in.Answer.Result = journey.Sent
				n, _ = g.Step(n, in)
			}
		}
		if len(n.Delta) > 1 || n.Delta[0] != 0 { // an engine does not write for nothing
			list = append(list, n)
		}
	}
	for _, err := range w.store.Engine.Advance(w.t.Context(), w.tenant, 4, list) {
		require.NoError(w.t, err)
	}
	w.wrote(list)
}

// wrote counts writes, from one of two shards of the stream by customer, and
// notes what is true.
func (w *world) wrote(list []journey.Enrollment) {
	shards := map[string][]analytics.Record{}
	for _, e := range list {
		if e.Status == journey.Inside || e.Status == journey.Failed {
			w.inside[e.Customer] = e
		} else {
			delete(w.inside, e.Customer)
		}
		record := w.record(e)
		shard := fmt.Sprintf("shardId-%d", len(e.Customer)%2)
		shards[shard] = append(shards[shard], record)
		w.happened(record)
	}
	for shard, records := range shards {
		require.NoError(w.t, w.counter.Count(w.t.Context(), shard, records))
	}
}

func (w *world) record(e journey.Enrollment) analytics.Record {
	w.number++
	return analytics.Record{
		Number: fmt.Sprint(w.number), Tenant: w.tenant, Journey: w.j.ID,
		Write: analytics.Write{Graph: e.GraphHash, Version: e.Version, At: e.WrittenAt, Delta: e.Delta},
	}
}

func (w *world) happened(r analytics.Record) {
	require.NoError(w.t, w.truth.Apply(r.Write))
	var one analytics.Figures
	require.NoError(w.t, one.Apply(r.Write))
	day := analytics.DayOf(r.Write.At)
	if w.days[day] == nil {
		w.days[day] = &analytics.Totals{}
	}
	w.days[day].Add(one.Totals())
}

func (w *world) rollup() *analytics.Rollup { return w.rollupOf(w.store.Analytics) }

func (w *world) rollupOf(table analytics.RollupTable) *analytics.Rollup {
	return &analytics.Rollup{
		Table: table, Now: func() time.Time { return w.now }, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
		Segments: 3, Workers: 1,
	}
}

func (w *world) run() { require.NoError(w.t, w.rollup().Run(w.t.Context())) }

// later moves the clock on to n days after, at four in the morning, when the day
// before the last one can be folded.
func (w *world) later(n int) {
	w.now = time.Date(w.now.Year(), w.now.Month(), w.now.Day()+n, 4, 0, 0, 0, time.UTC)
}

// requireTrue holds what a caller reads against what is true.
func (w *world) requireTrue(days analytics.Range, more ...any) {
	w.t.Helper()
	report, err := analytics.NewReader(w.store.Analytics).Report(w.t.Context(), w.tenant, w.j.ID, days)
	require.NoError(w.t, err, more...)
	require.Equal(w.t, w.truth.Totals(), report.Enrollments, more...)
	require.Equal(w.t, w.truth.Newest, report.AsOf, more...)
	for _, s := range report.Steps {
		hash := w.j.GraphHash
		for h, g := range w.truth.Graphs {
			if s.Version != 0 && g.Version == s.Version {
				hash = h
			}
		}
		var want analytics.Step
		for i, step := range w.truth.Graphs[hash].Steps {
			if w.graphs[hash].NodeID(i) == s.NodeID {
				want = step
			}
		}
		require.Equal(w.t, want, s.Step, "%v %s", more, s.NodeID)
		require.Equal(w.t, s.Entered, s.Completed+s.Active()+s.Failed+s.Dropped)
	}
	for _, row := range report.Series {
		var want analytics.Totals
		if w.days[row.Day] != nil {
			want = *w.days[row.Day]
		}
		require.Equal(w.t, want, row.Totals, "%v %s", more, row.Day)
	}
}

// drifts returns what audits measured.
func drifts(audits []map[string]any) (list []any) {
	for _, audit := range audits {
		list = append(list, audit["Drift"])
	}
	return list
}

// lines returns the logged lines with a message.
func (w *world) lines(message string) []map[string]any {
	var list []map[string]any
	for line := range bytes.Lines(w.log.Bytes()) {
		var fields map[string]any
		require.NoError(w.t, json.Unmarshal(line, &fields))
		if fields["msg"] == message {
			list = append(list, fields)
		}
	}
	return list
}

// items counts the journey's figures by kind.
func (w *world) items() map[string]int {
	kinds := map[string]int{}
	out, err := dynamotest.Client().Query(w.t.Context(), &dynamodb.QueryInput{
		TableName: &w.table, KeyConditionExpression: aws.String("PK = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": &types.AttributeValueMemberS{Value: "T#t1#K#" + string(w.j.ID)[4:]},
		},
	})
	require.NoError(w.t, err)
	for _, it := range out.Items {
		kinds[it["SK"].(*types.AttributeValueMemberS).Value[:1]]++
	}
	return kinds
}

// all are the days of a world that ran for 40.
var all = analytics.Range{From: "2026-10-08", To: "2026-11-20"}

// A journey runs for 40 days and is edited on the way; rollup runs every day.
// Whenever somebody looks, all figures and the row of every day are exact,
// each day is audited once, and nothing is found.
func TestRollup_FortyDays(t *testing.T) {
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
	require.Greater(t, min(totals.Completed, totals.Expired, totals.Cancelled), int64(5))
	require.Len(t, w.truth.Graphs, 2)
	audits := w.lines("audit")
	require.Len(t, audits, 40, "one a day")
	for _, audit := range audits {
		require.Zero(t, audit["Drift"])
		require.Zero(t, audit["WrongItems"])
	}
	items := w.items()
	require.LessOrEqual(t, items["D"], 3*2*2, "open: three days, two shards of the stream, two graphs")
	require.Equal(t, 2, items["T"])
	require.Zero(t, items["R"])

	series := 0
	report, err := analytics.NewReader(w.store.Analytics).Report(t.Context(), w.tenant, w.j.ID, all)
	require.NoError(t, err)
	for _, row := range report.Series {
		if row.Totals != (analytics.Totals{}) {
			series++
		}
	}
	require.Len(t, report.Series, 44)
	require.GreaterOrEqual(t, series, 40)
}

// dying is a table on whose first write the process dies: before it, or after.
type dying struct {
	analytics.RollupTable
	before bool
	dead   bool
	deaths map[string]int // by write, and whether it was done
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

// Runs that die before and after each of their writes leave figures that read
// the same, and together come to the end. Drift that was planted is repaired
// once.
func TestRollup_DiesAtEveryWrite(t *testing.T) {
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
	require.Contains(t, drifts(w.lines("audit")), 4.0, "enrolled, entered at two nodes and on from one")
	for _, write := range []string{"Fold", "DeletePart", "PutRepair", "DeleteRepair", "PutAudit"} {
		require.Positive(t, deaths["before "+write], write)
		require.Positive(t, deaths["after "+write], write)
	}
	w.requireTrue(analytics.Range{})
	t.Log("deaths:", deaths, "items:", w.items())
}

// loseOne lets somebody in whom nobody counts.
func (w *world) loseOne() { w.uncounted() }

// uncounted lets somebody in, and leaves it to the caller to count them.
func (w *world) uncounted() analytics.Record {
	w.entered++
	e, _ := w.graphs[w.j.GraphHash].Start(journey.Enrollment{
		Journey: w.j.ID, Customer: "uncounted", GraphHash: w.j.GraphHash, Version: w.j.Version,
		EnrolledAt: w.now, ExpiresAt: w.now.AddDate(0, 0, 300),
	})
	w.store.Enrollments.Insert(w.t.Context(), w.tenant, 4, []journey.Enrollment{e})
	record := w.record(e)
	w.happened(record)
	return record
}

// requireTrueBut holds the totals against what is true, but for the one who was
// not counted and may be repaired.
func (w *world) requireTrueBut() {
	w.t.Helper()
	report, err := analytics.NewReader(w.store.Analytics).Report(w.t.Context(), w.tenant, w.j.ID, analytics.Range{})
	require.NoError(w.t, err)
	missing := report.Enrollments
	missing.Enrolled++
	require.Contains(w.t, []analytics.Totals{report.Enrollments, missing}, w.truth.Totals())
}

// reads returns what a reader may get who reads while from becomes to: each item
// as it was before or after.
func reads(r *rand.Rand, from, to analytics.Counters) analytics.Counters {
	c := analytics.Counters{Totals: map[string]*analytics.Total{}}
	for hash, after := range to.Totals { // none is ever gone
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

// Whoever reads while a day is folded, for up to nine minutes, and gets each item
// as it was at the beginning or at the end, in any mixture, sees what is true or
// that they must read again.
func TestRollup_ReadersBetweenTheWrites(t *testing.T) {
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

// Several at once do what one does.
func TestRollup_FourAtOnce(t *testing.T) {
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
	require.Zero(t, w.items()["R"], "the repair is folded and gone")
}

// A record that comes when its day is folded and gone counts all the same, in
// the figures and in its day's row, before it is folded and after.
func TestRollup_LateRecord(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 5)
	w.enroll(3)
	born := w.now
	for range 4 {
		w.later(1)
		w.run()
	}
	require.Zero(t, w.items()["D"])
	today := w.now
	w.now = born.Add(time.Minute)
	late := w.uncounted()
	w.now = today
	require.NoError(t, w.counter.Count(t.Context(), "shardId-0", []analytics.Record{late}))
	w.requireTrue(all, "not folded")
	w.now = w.now.Add(25 * time.Hour)
	w.run()
	require.Equal(t, 1, w.items()["D"], "its part may still change")
	w.now = w.now.Add(2 * time.Hour)
	w.run()
	w.requireTrue(all, "folded")
	w.now = w.now.Add(time.Hour)
	w.run()
	require.Zero(t, w.items()["D"])
	w.requireTrue(all, "gone")
}

// A process that remembers a part which was folded and deleted since does not
// take the one that was made anew for it, although both were written as often.
func TestRollup_APartMadeAnewIsAnother(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 12)
	w.enroll(3)
	born, old := w.now, w.counter
	for range 4 {
		w.later(1)
		w.run()
	}
	require.Zero(t, w.items()["D"])
	today := w.now
	count := func(counter *analytics.Counter, customer string) {
		w.now = born.Add(time.Minute)
		e, _ := w.graphs[w.j.GraphHash].Start(journey.Enrollment{
			Journey: w.j.ID, Customer: customer, GraphHash: w.j.GraphHash, Version: 1, EnrolledAt: w.now, ExpiresAt: w.now.AddDate(0, 0, 300),
		})
		record := w.record(e)
		w.happened(record)
		w.now = today
		require.NoError(t, counter.Count(t.Context(), "shardId-0", []analytics.Record{record}))
	}
	count(&analytics.Counter{Parts: old.Parts, Now: old.Now, Log: old.Log, Parallel: 1}, "late")
	count(old, "later")
	w.requireTrue(all)
}

// A fold and a deletion that were prepared with a part that is gone leave alone
// the one that was made anew, although it was written as often.
func TestRollup_NothingIsDoneWithAnotherPart(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	part := analytics.Part{
		PartKey: analytics.PartKey{Tenant: demo, Journey: id(1), Day: "2026-11-20", Graph: draft(1).GraphHash},
		Born:    start, Rev: 1, Updated: start, Totals: analytics.Totals{Enrolled: 1}, Watermarks: map[string]string{},
	}
	anew := part
	anew.Born = start.Add(time.Millisecond)
	_, err := s.Analytics.PutPart(t.Context(), anew)
	require.NoError(t, err)
	fold := analytics.Fold{
		Graph: part.Graph, Day: part.Day, Parts: []analytics.Part{part}, Totals: part.Totals,
		Total: analytics.Total{Rev: 1, Graph: analytics.Graph{Totals: part.Totals}, Written: start},
	}
	k := analytics.JourneyKey{Tenant: demo, Journey: id(1)}
	require.ErrorIs(t, s.Analytics.Fold(t.Context(), k, fold), analytics.ErrStale)
	require.ErrorIs(t, s.Analytics.DeletePart(t.Context(), part), analytics.ErrStale)
	c, err := s.Analytics.Counters(t.Context(), demo, id(1), analytics.Range{})
	require.NoError(t, err)
	require.Empty(t, c.Totals)
	require.Equal(t, []analytics.Part{anew}, c.Parts)
}

// Wrong counters are found, told without customers, and repaired once: a write
// that was never counted, and one that never was.
func TestRollup_FindsWrongCounters(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 6)
	w.enroll(5)
	w.loseOne()
	never := journey.Enrollment{GraphHash: w.j.GraphHash, Version: 1, WrittenAt: w.now,
		Delta: journey.Delta{byte(journey.MarkEnrolled), 0, byte(journey.NodeEntered | journey.NodeCompleted), 5, byte(journey.NodeEntered)}}
	require.NoError(t, w.counter.Count(t.Context(), "shardId-0", []analytics.Record{w.record(never), w.record(never)}))
	w.later(1)
	w.step()
	w.run()
	require.Empty(t, w.lines("drift"), "that day is not closed")
	for range 4 {
		w.later(1)
		w.step()
		w.run()
	}
	type figure struct {
		node, name         string
		counted, recounted float64
	}
	var found []figure
	for _, line := range w.lines("drift") {
		require.Equal(t, "t1", line["tenant"])
		require.Equal(t, string(w.j.ID), line["journey"])
		require.Equal(t, "2026-10-10", line["through"])
		node, _ := line["node"].(string)
		found = append(found, figure{node, line["figure"].(string), line["counted"].(float64), line["recounted"].(float64)})
	}
	require.Equal(t, []figure{
		{"", "enrolled", 7, 6}, {"in", "entered", 7, 6}, {"in", "completed", 7, 6}, {"pause", "entered", 5, 6}, {"out", "entered", 2, 0},
	}, found)
	require.Len(t, w.lines("figures repaired"), 1, "once")
	require.NotContains(t, w.log.String(), "uncounted", "no customer is in the log")
	require.Equal(t, []any{0.0, 5.0, 0.0, 0.0, 0.0}, drifts(w.lines("audit")))
	w.requireTrue(analytics.Range{})
	require.Zero(t, w.items()["R"])
}

// An enrollment that cannot be true is found for itself, and is no drift.
func TestRollup_FindsWrongItems(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 7)
	w.enroll(4)
	for i, change := range []string{"SET nd = :two", "REMOVE dp", "SET st = :two", "SET p = :bytes"} {
		update := &dynamodb.UpdateItemInput{
			TableName: &w.table, UpdateExpression: &change,
			Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: fmt.Sprintf("T#t1#C#c%d", i+1)},
				"SK": &types.AttributeValueMemberS{Value: "E#" + string(w.j.ID)[4:]},
			},
		}
		switch i {
		case 0, 2:
			update.ExpressionAttributeValues = map[string]types.AttributeValue{":two": &types.AttributeValueMemberN{Value: "2"}}
		case 3:
			update.ExpressionAttributeValues = map[string]types.AttributeValue{":bytes": &types.AttributeValueMemberB{Value: []byte{1, 0, 2}}}
		}
		_, err := dynamotest.Client().UpdateItem(t.Context(), update)
		require.NoError(t, err)
	}
	w.later(2)
	w.run()
	wrong := w.lines("enrollment inconsistent")
	require.Len(t, wrong, 4)
	var says []any
	for _, line := range wrong {
		require.Equal(t, string(w.j.ID), line["journey"])
		says = append(says, line["error"])
	}
	require.ElementsMatch(t, []any{
		"at node 2, but its path leads to 1", `dynamo: no shard in ""`,
		"status completed, due: true", "path at node 1 after step 0, but the graph leads to 0",
	}, says)
	require.Empty(t, w.lines("drift"))
	audit := w.lines("audit")[0]
	require.Equal(t, 4.0, audit["WrongItems"])
	require.Equal(t, 0.0, audit["Drift"])
	require.Zero(t, w.items()["R"])
}

// hurried is a context whose deadline comes near after some pages of the table.
type hurried struct {
	context.Context
	pages *int
}

func (h hurried) Deadline() (time.Time, bool) {
	if *h.pages <= 0 {
		return time.Now(), true
	}
	return time.Now().Add(time.Hour), true
}

// paged is a table that is read a few items at a time.
type paged struct {
	analytics.RollupTable
	pages *int
	read  *int
}

func (p paged) Scan(ctx context.Context, segment, of int, cursor []byte) (analytics.Scanned, []byte, error) {
	*p.pages--
	*p.read++
	return p.RollupTable.Scan(ctx, segment, of, cursor)
}

// An audit that runs out of time goes on where it stopped, until it is done; one
// that never gets to read anything does no harm.
func TestRollup_AuditGoesOnAfterATimeout(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 8)
	w.enroll(40)
	w.loseOne()
	w.later(2)
	runs, read := 0, 0
	for len(w.lines("audit")) == 0 {
		pages := 2
		r := w.rollupOf(paged{RollupTable: w.store.Analytics, pages: &pages, read: &read})
		r.Segments = 9
		require.NoError(t, r.Run(hurried{t.Context(), &pages}))
		runs++
		require.Less(t, runs, 50)
	}
	t.Log("runs:", runs, "pages:", read)
	require.Equal(t, 18, read, "each segment once in each of two passes")
	require.Greater(t, runs, 8)
	out, err := dynamotest.Client().Query(t.Context(), &dynamodb.QueryInput{
		TableName: aws.String(w.table), KeyConditionExpression: aws.String("PK = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: "AUDIT"}},
	})
	require.NoError(t, err)
	require.Len(t, out.Items, 2, "the head and its piece: earlier ones, which may name customers, are gone")
	require.Len(t, w.lines("figures repaired"), 1)
	w.requireTrue(analytics.Range{})
}

// Who is forgotten counts as before, in every figure and on every day.
func TestRollup_ForgottenPeopleCount(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 9)
	w.enroll(8)
	for range 3 {
		w.later(1)
		w.step()
	}
	var left []journey.Enrollment
	for _, customer := range []string{"c1", "c2", "c3"} {
		if e, ok := w.inside[customer]; ok && e.Status == journey.Inside {
			left = append(left, e.Anonymize(w.now))
		}
		delete(w.inside, customer)
		require.NoError(t, w.store.Customers.Forget(t.Context(), w.tenant, customer, w.now))
	}
	require.NotEmpty(t, left)
	w.wrote(left)
	delete(w.inside, "") // they have no name
	for range 3 {
		w.later(1)
		w.step()
		w.run()
		w.requireTrue(all)
	}
	require.NotEmpty(t, w.lines("audit"))
	require.Empty(t, w.lines("drift"))
	require.Empty(t, w.lines("enrollment inconsistent"))
}

// forgetting is a table from which somebody is forgotten in the middle of each
// pass of an audit.
type forgetting struct {
	analytics.RollupTable
	w     *world
	pages *int
	names *[]string
}

func (f forgetting) Scan(ctx context.Context, segment, of int, cursor []byte) (analytics.Scanned, []byte, error) {
	page, next, err := f.RollupTable.Scan(ctx, segment, of, cursor)
	if *f.pages++; err == nil && *f.pages%of == of/2 {
		name := (*f.names)[0]
		*f.names = (*f.names)[1:]
		err = f.w.store.Customers.Forget(ctx, f.w.tenant, name, f.w.now)
	}
	return page, next, err
}

// Whoever is forgotten while an audit reads is met twice or not at all, in each
// pass somebody else: that is no drift, and nothing is repaired.
func TestRollup_ForgettingDuringAuditsIsNoDrift(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 3)
	w.enroll(60)
	w.later(2)
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("c%d", i+1))
	}
	for range 12 {
		pages := 0
		r := w.rollupOf(forgetting{w.store.Analytics, w, &pages, &names})
		r.Segments = 16
		require.NoError(t, r.Run(t.Context()))
		c, err := w.store.Analytics.Counters(t.Context(), w.tenant, w.j.ID, analytics.Range{})
		require.NoError(t, err)
		figures := c.Figures()
		require.EqualValues(t, 60, figures.Totals().Enrolled)
		w.later(1)
	}
	require.Len(t, w.lines("audit"), 12)
	require.NotEmpty(t, w.lines("difference ignored: a customer was forgotten since the audit began"))
	require.Empty(t, w.lines("figures repaired"))
}

// Figures of another tenant's journey that cannot be read are told, and this
// one's are audited all the same.
func TestRollup_DamagedFiguresHoldNobodyUp(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 10)
	w.enroll(5)
	w.loseOne()
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(w.table), Item: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "T#t2#K#01M84P7AHKC8GKKJV32JQXMK51"},
			"SK": &types.AttributeValueMemberS{Value: "D#2026-10-10#0#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
			"f":  &types.AttributeValueMemberS{Value: "damaged"},
		},
	})
	require.NoError(t, err)
	w.later(2)
	w.run()
	require.Len(t, w.lines("a journey's figures cannot be read"), 2, "in each pass")
	require.Len(t, w.lines("audit"), 1)
	require.EqualValues(t, 1, w.lines("audit")[0]["WrongItems"])
	require.Len(t, w.lines("figures repaired"), 1)
	w.requireTrue(analytics.Range{})
}

// late is a table that can be scanned, and then answers no more.
type late struct {
	analytics.RollupTable
	pages *int
}

func (l late) Scan(ctx context.Context, segment, of int, cursor []byte) (analytics.Scanned, []byte, error) {
	*l.pages++
	return l.RollupTable.Scan(ctx, segment, of, cursor)
}

func (l late) Counters(context.Context, journey.Tenant, journey.ID, analytics.Range) (analytics.Counters, error) {
	return analytics.Counters{}, context.DeadlineExceeded
}

// What an audit read is kept when its time ends before it is compared.
func TestRollup_AnAuditKeepsWhatItRead(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 11)
	w.enroll(5)
	w.later(2)
	pages := 0
	for range 3 {
		require.Error(t, w.rollupOf(late{w.store.Analytics, &pages}).Run(t.Context()))
	}
	require.Equal(t, 3, pages, "each segment once in three runs")
	w.run()
	require.Len(t, w.lines("audit"), 1)
}
