package dynamo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/condition"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// world is a journey with a virtual clock: customers enter and move, each write is
// counted as by the stream's consumer, and the truth is kept beside it.
type world struct {
	t      *testing.T
	r      *rand.Rand
	table  string
	store  *dynamo.Store
	now    time.Time
	log    bytes.Buffer
	tenant ident.Tenant
	j      journey.Journey

	counter *analytics.Counter
	graphs  map[string]*progress.Graph
	inside  map[string]progress.Enrollment // and failed
	left    map[string]progress.Enrollment // not converted yet
	number  int                            // of the stream's last record
	truth   analytics.Figures
	days    map[analytics.Day]*tally.Totals
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
		now: time.Date(2026, 10, 10, 3, 0, 0, 0, time.UTC), graphs: map[string]*progress.Graph{},
		inside: map[string]progress.Enrollment{}, left: map[string]progress.Enrollment{}, days: map[analytics.Day]*tally.Totals{},
	}
	w.counter = &analytics.Counter{
		Parts: w.store.Analytics, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler), Parallel: 1,
	}
	w.j = define(draft(1), firstGraph)
	w.j.Rev, w.j.Version = 1, 1
	require.NoError(t, w.store.Journeys.Create(t.Context(), w.tenant, w.j))
	w.learn()
	active := next(w.j, journey.Active)
	active.Labels = w.graphs[w.j.GraphHash].Labels()
	require.NoError(t, w.store.Journeys.Update(t.Context(), w.tenant, w.j, active))
	w.j = active
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

// enroll enrolls n customers.
func (w *world) enroll(n int) {
	var list []progress.Enrollment
	for range n {
		w.entered++
		e, _ := w.graphs[w.j.GraphHash].Start(progress.Enrollment{
			Journey: w.j.ID, Customer: fmt.Sprintf("c%d", w.entered), GraphHash: w.j.GraphHash, Version: w.j.Version,
			RequestID: ident.RequestID{1}, EnrolledAt: w.now, ExpiresAt: w.now.Add(100 * time.Hour),
		})
		list = append(list, e)
	}
	for _, outcome := range w.store.Enrollments.Insert(w.t.Context(), w.tenant, 4, list) {
		require.Equal(w.t, journey.OutcomeEnrolled, outcome.Result)
	}
	w.wrote(list)
}

// step moves the due customers. Some fail, are removed or are retried.
func (w *world) step() {
	rich, _ := condition.ParseValue([]byte(`{"spend":7}`))
	var list []progress.Enrollment
	for _, customer := range slices.Sorted(maps.Keys(w.inside)) {
		e := w.inside[customer]
		failed := e.Status == progress.Failed
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
			in := progress.Input{Now: at, HasAttributes: true}
			if w.r.IntN(3) > 0 {
				in.Attributes = rich
			}
			var effect progress.EffectKind
			if n, effect = g.Step(n, in); effect == progress.NeedSend {
				in.Answer.Result = trail.Sent
				n, _ = g.Step(n, in)
			}
		}
		if w.r.IntN(6) == 0 {
			n = n.Convert(at.Add(-time.Duration(w.r.IntN(48)) * time.Hour))
		}
		if len(n.Delta) > 2 || n.Delta[1] != 0 { // the engine makes no empty writes
			list = append(list, n)
		}
	}
	for _, customer := range slices.Sorted(maps.Keys(w.left)) {
		if w.r.IntN(20) == 0 {
			list = append(list, w.left[customer].NextWrite(w.now).Convert(w.now))
		}
	}
	for _, err := range w.store.Engine.Advance(w.t.Context(), w.tenant, 4, list) {
		require.NoError(w.t, err)
	}
	w.wrote(list)
}

// wrote counts writes, from one of two stream shards by customer, and records the
// truth.
func (w *world) wrote(list []progress.Enrollment) {
	shards := map[string][]analytics.Record{}
	for _, e := range list {
		if e.Status == progress.Inside || e.Status == progress.Failed {
			w.inside[e.Customer] = e
		} else {
			delete(w.inside, e.Customer)
			if w.left[e.Customer] = e; !e.ConvertedAt.IsZero() {
				delete(w.left, e.Customer)
			}
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

func (w *world) record(e progress.Enrollment) analytics.Record {
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
		w.days[day] = &tally.Totals{}
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

// later sets the clock to four in the morning n days later, when the day before
// yesterday can be folded.
func (w *world) later(n int) {
	w.now = time.Date(w.now.Year(), w.now.Month(), w.now.Day()+n, 4, 0, 0, 0, time.UTC)
}

// requireTrue requires that a report shows the truth.
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
		var want tally.Step
		for i, step := range w.truth.Graphs[hash].Steps {
			if w.graphs[hash].NodeID(i) == s.NodeID {
				want = step
			}
		}
		require.Equal(w.t, want, s.Step, "%v %s", more, s.NodeID)
		require.Equal(w.t, s.Entered, s.Completed()+s.Active()+s.Failed+s.Dropped)
	}
	for _, row := range report.Series {
		var want tally.Totals
		if w.days[row.Day] != nil {
			want = *w.days[row.Day]
		}
		require.Equal(w.t, want, row.Totals, "%v %s", more, row.Day)
	}
}

// drifts returns the drift that each audit measured.
func drifts(audits []map[string]any) (list []any) {
	for _, audit := range audits {
		list = append(list, audit["Drift"])
	}
	return list
}

// lines returns the log lines with a message.
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

// items counts the items of the journey's figures by kind.
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

// all has all days of a world that ran for 40.
var all = analytics.Range{From: "2026-10-08", To: "2026-11-20"}

// loseOne enrolls a customer who is not counted.
func (w *world) loseOne() { w.uncounted() }

// uncounted enrolls a customer and leaves counting to the caller.
func (w *world) uncounted() analytics.Record {
	w.entered++
	e, _ := w.graphs[w.j.GraphHash].Start(progress.Enrollment{
		Journey: w.j.ID, Customer: fmt.Sprintf("uncounted%d", w.entered), GraphHash: w.j.GraphHash, Version: w.j.Version,
		EnrolledAt: w.now, ExpiresAt: w.now.AddDate(0, 0, 300),
	})
	w.store.Enrollments.Insert(w.t.Context(), w.tenant, 4, []progress.Enrollment{e})
	record := w.record(e)
	w.happened(record)
	return record
}
