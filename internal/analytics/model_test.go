package analytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"hash/fnv"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
)

var seeds = flag.Uint64("seeds", 300, "number of seeds of the model; `make chaos` runs 10,000")

// model is a stream whose shards split, its readers, a rollup, and a table with
// the conditions of the real one, in one goroutine. Chosen by a seed, processes
// die before and after writes, answers are lost, writes land after the death of
// their process, batches are bisected and delivered again with acknowledged
// records, and days pass, so that counts are folded while records of the same day
// are still to come.
type model struct {
	r      *rand.Rand
	now    time.Time
	calm   bool
	table  map[analytics.PartKey]analytics.Part
	totals map[journeyKey]map[string]*analytics.Total
	closed map[journeyKey]map[string]*analytics.Closed // by month and graph
	torn   []string                                    // contradictions that a reader saw
	late   []func()                                    // writes of dead processes that have not landed yet
	living *analytics.Counter                          // of the process that survived the last call
	depth  int                                         // nesting of deliveries during another's write
	plain  bool                                        // writes are additions without condition and watermark

	shards []*streamShard
	truth  map[journeyKey]*analytics.Figures
	days   map[journeyKey]map[analytics.Day]*analytics.Figures
	faults map[string]int
}

type journeyKey struct {
	tenant ident.Tenant
	id     ident.ID
}

var (
	errDead      = errors.New("model: the process is dead")
	errThrottled = errors.New("model: throttled")
	discard      = slog.New(slog.DiscardHandler)
)

func newModel(seed uint64) *model {
	return &model{
		r: rand.New(rand.NewPCG(seed, 2)), now: t0, table: map[analytics.PartKey]analytics.Part{},
		totals: map[journeyKey]map[string]*analytics.Total{}, closed: map[journeyKey]map[string]*analytics.Closed{},
		truth: map[journeyKey]*analytics.Figures{}, days: map[journeyKey]map[analytics.Day]*analytics.Figures{},
		faults: map[string]int{},
	}
}

// interleave lets another shard's reader go first, or a late write land.
func (m *model) interleave() {
	if len(m.late) > 0 && m.r.IntN(2) == 0 {
		m.landLate()
		return
	}
	if m.depth < 2 {
		m.depth++
		m.deliverOne()
		m.depth--
	}
}

func (m *model) landLate() {
	i := m.r.IntN(len(m.late))
	m.late[i]()
	m.late = append(m.late[:i], m.late[i+1:]...)
}

// count delivers a batch to the surviving process or a new one.
func (m *model) count(shard *streamShard, batch []analytics.Record) error {
	if m.plain {
		return m.countPlain(shard, batch)
	}
	p := &process{model: m}
	c := m.living
	if c == nil || m.depth > 0 || m.r.IntN(3) == 0 {
		c = &analytics.Counter{Now: func() time.Time { return m.now }, Log: discard, Parallel: 1}
	}
	if m.depth == 0 {
		m.living = c
	}
	c.Parts = p
	err := c.Count(context.Background(), shard.id, batch)
	if p.dead {
		m.living = nil
		return errDead
	}
	return err
}

// countPlain counts as a counter without revisions and watermarks would: each
// batch is one ADD per part.
func (m *model) countPlain(shard *streamShard, batch []analytics.Record) error {
	p := &process{model: m}
	c := &analytics.Counter{Parts: p, Now: func() time.Time { return m.now }, Log: discard, Parallel: 1}
	return c.Count(context.Background(), shard.id, batch)
}

// run delivers all records, first with faults.
func (m *model) run(t *testing.T) {
	t.Helper()
	for turn := 0; m.deliverOne(); turn++ {
		m.calm = m.calm || turn > 300
		require.Less(t, turn, 5000, "the stream has no end")
		if len(m.late) > 0 && m.r.IntN(4) == 0 {
			m.landLate()
		}
		m.now = m.now.Add(time.Second)
		switch {
		case m.plain:
		case m.r.IntN(20) == 0:
			m.passTime(t)
			m.rollup()
			m.redeliver()
		case m.r.IntN(20) == 0:
			m.rollup()
		}
	}
	for len(m.late) > 0 {
		m.landLate()
	}
}

// rollup runs rollup up to three times, so that it deletes what it emptied.
func (m *model) rollup() {
	for range 1 + m.r.IntN(3) {
		r := &analytics.Rollup{Table: &process{model: m}, Now: func() time.Time { return m.now }, Log: discard, Workers: 1}
		_ = r.Run(context.Background()) // may die or lose against another process
		m.now = m.now.Add(11 * time.Minute)
	}
}

// wrong returns the number of journeys with wrong figures.
func (m *model) wrong(t *testing.T) (n int) {
	t.Helper()
	for key, truth := range m.truth {
		c := m.counters(key)
		f := c.Figures()
		same := equal(truth, &f) && len(f.Faults()) == 0
		list := slices.Sorted(maps.Keys(m.days[key]))
		for _, row := range c.Series(analytics.Range{From: list[0], To: list[len(list)-1]}) {
			var truth tally.Totals
			if day := m.days[key][row.Day]; day != nil {
				truth = day.Totals()
			}
			same = same && row.Totals == truth
		}
		if !same {
			n++
		}
	}
	return n
}

func equal(a, b *analytics.Figures) bool {
	if len(a.Graphs) != len(b.Graphs) {
		return false
	}
	for hash, g := range a.Graphs {
		h := b.Graphs[hash]
		if h == nil || g.Totals != h.Totals || g.Version != h.Version {
			return false
		}
		for i := range max(len(g.Steps), len(h.Steps)) {
			if !reflect.DeepEqual(stepAt(g.Steps, i), stepAt(h.Steps, i)) {
				return false
			}
		}
	}
	return true
}

func stepAt(list []tally.Step, i int) tally.Step {
	if i < len(list) {
		return list[i]
	}
	return tally.Step{}
}

// Under all faults, each write is counted once, on its day.
func TestModel_CountsAreExact(t *testing.T) {
	t.Parallel()
	faults := map[string]int{}
	wrong, journeys, conversions := 0, 0, int64(0)
	count := *seeds
	if testing.Short() {
		count = min(count, 50)
	}
	for seed := range count {
		m := newModel(seed)
		m.walk(t)
		m.run(t)
		require.Empty(t, m.torn, "seed %d: contradictions during the run", seed)
		n := m.wrong(t)
		if wrong += n; n > 0 {
			t.Errorf("seed %d: %d journeys have wrong figures", seed, n)
		}
		journeys += len(m.truth)
		for _, truth := range m.truth {
			conversions += truth.Totals().Conversions
		}
		for kind, n := range m.faults {
			faults[kind] += n
		}
	}
	t.Logf("%d seeds, %d journeys, %d conversions: %d wrong figures; %v", count, journeys, conversions, wrong, faults)
	require.Greater(t, conversions, int64(5*count))
	for _, kind := range []string{
		"crash before", "crash after", "write lands late", "answer lost", "throttled", "others first", "replay", "bisect", "split",
		"fold", "part deleted", "part recreated", "converted after leaving", "feedback",
	} {
		require.Positive(t, faults[kind], kind)
	}
}

// The model detects a counter that only adds.
func TestModel_DetectsPlainAdd(t *testing.T) {
	t.Parallel()
	m := newModel(1)
	m.plain, m.calm = true, true
	m.walk(t)
	m.run(t)
	require.Zero(t, m.wrong(t), "right without faults")
	wrong := 0
	few := min(*seeds, 50)
	for seed := range few {
		m := newModel(seed)
		m.plain = true
		m.walk(t)
		m.run(t)
		if m.wrong(t) > 0 {
			wrong++
		}
	}
	t.Logf("a plain ADD: wrong figures in %d of %d seeds", wrong, few)
	require.Greater(t, wrong, int(few)*9/10)
}

// The records come from DynamoDB Local, whose shards hardly ever split, and span
// two days. The flag -record of the local stream's tests records them again.
func TestModel_CountsARecordedStreamOnSplittingShards(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/stream.jsonl")
	require.NoError(t, err)
	splits := 0
	for seed := range uint64(20) {
		m := newModel(seed)
		m.open(nil)
		m.open(nil)
		for line := range strings.Lines(string(text)) {
			var event events.DynamoDBEventRecord
			require.NoError(t, json.Unmarshal([]byte(line), &event))
			r := dynamo.Record(event)
			require.NoError(t, r.Err)
			number, err := strconv.Atoi(r.Number)
			require.NoError(t, err)
			customer := fnv.New32a()
			_, _ = customer.Write([]byte(event.Change.Keys["PK"].String()))
			m.write(t, journeyKey{r.Tenant, r.Journey}, r.Write, number, int(customer.Sum32()))
			if m.r.IntN(40) == 0 {
				m.split()
			}
		}
		m.run(t)
		require.Zero(t, m.wrong(t), "seed %d", seed)
		splits += m.faults["split"]
		require.Len(t, m.truth, 3)
		for _, truth := range m.truth {
			require.Equal(t, truth.Totals().Enrolled, truth.Totals().Completed, "every customer completed")
			require.Positive(t, truth.Totals().Completed)
		}
	}
	t.Logf("20 seeds of %d records of DynamoDB Local, %d splits: 0 wrong figures", strings.Count(string(text), "\n"), splits)
	require.Positive(t, splits)
}
