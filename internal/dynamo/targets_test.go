package dynamo_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/target"
)

// targetStates reads the targets as a worker does.
func targetStates(t *testing.T, s *dynamo.Store) target.States {
	t.Helper()
	loaded, err := s.Engine.Load(t.Context(), demo, id(1), nil)
	require.NoError(t, err)
	return loaded.Targets
}

func TestTargets_AreReadWithThePack(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	require.Equal(t, target.States{}, targetStates(t, s))
	put := func(name string, old, next target.State) target.State {
		stored, ok, err := s.Engine.PutTarget(t.Context(), name, old, next)
		require.NoError(t, err)
		require.True(t, ok)
		return stored
	}
	opened, _ := target.State{}.Opened(start)
	limited, _ := target.State{}.Limited(start.Add(time.Minute))
	limited = limited.Leased(start, start.Add(2*time.Minute))
	first := put("c:a.b#c", target.State{}, opened)
	second := put("d:*", target.State{}, limited)
	require.Equal(t, target.States{"c:a.b#c": first, "d:*": second}, targetStates(t, s))

	first = put("c:a.b#c", first, first.Probing(start.Add(time.Minute)))
	require.Equal(t, target.States{"c:a.b#c": first, "d:*": second}, targetStates(t, s))
	closed, _ := first.Closed()
	require.Equal(t, target.State{}, put("c:a.b#c", first, closed))
	require.Equal(t, target.States{"d:*": second}, targetStates(t, s))
}

// Of workers that change a state at once, one wins, also if its answer is lost and the
// SDK tries again. The others learn what it wrote.
func TestTargets_OneWorkerWins(t *testing.T) {
	t.Parallel()

	faults := &dynamotest.Faults{LoseFirst: true}
	s, _ := store(t, faults.Install)
	for _, name := range []string{"c:a", "c:b", "d:a"} {
		opened, _ := target.State{}.Opened(start)
		first, ok, err := s.Engine.PutTarget(t.Context(), name, target.State{}, opened)
		require.NoError(t, err)
		require.True(t, ok)
		var won atomic.Int64
		var workers sync.WaitGroup
		for i := range 8 {
			workers.Go(func() {
				next := first.Probing(start.Add(time.Duration(i) * time.Second))
				stored, ok, err := s.Engine.PutTarget(t.Context(), name, first, next)
				switch {
				case err != nil:
					t.Error(err)
				case ok:
					won.Add(1)
					require.Equal(t, next.Probe.UnixMilli(), stored.Probe.UnixMilli())
				default:
					require.NotEqual(t, first.Stamp, stored.Stamp)
				}
			})
		}
		workers.Wait()
		require.Equal(t, int64(1), won.Load())
	}
}

// What cannot be read restricts nothing, and is left alone if it is of a newer format.
func TestTargets_ThatCannotBeReadAreClosed(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	opened, _ := target.State{}.Opened(start)
	for _, name := range []string{"c:a", "c:b"} {
		_, _, err := s.Engine.PutTarget(t.Context(), name, target.State{}, opened)
		require.NoError(t, err)
	}
	_, err := dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: keyOf("TARGETS", "T"), UpdateExpression: aws.String("SET #t.k = :k"),
		ExpressionAttributeNames:  map[string]string{"#t": "c:a"},
		ExpressionAttributeValues: attributes{":k": &types.AttributeValueMemberN{Value: "9"}},
	})
	require.NoError(t, err)
	loaded, err := s.Engine.Load(t.Context(), demo, id(1), nil)
	require.ErrorIs(t, err, journey.ErrDamaged)
	require.Len(t, loaded.Targets, 1)
	require.Equal(t, target.Open, loaded.Targets["c:b"].Kind)

	newer(t, table, "TARGETS", "T")
	loaded, err = s.Engine.Load(t.Context(), demo, id(1), nil)
	require.ErrorIs(t, err, journey.ErrNewer)
	require.Empty(t, loaded.Targets)
	for _, old := range []target.State{{}, opened} {
		_, ok, err := s.Engine.PutTarget(t.Context(), "c:b", old, opened)
		require.ErrorIs(t, err, journey.ErrNewer)
		require.False(t, ok)
	}
}

// A damaged line must not stop its channel.
func TestTargets_ADamagedLineIsReplaced(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	request := target.Request{
		Now: start, Interval: target.Interval(14), Patience: target.MaxPatience, Arriving: 1,
		Tenant: 1, Journey: 1,
	}
	next, _ := target.Line{}.Take(request)
	_, ok, err := s.Engine.PutLine(t.Context(), "c:a", target.Line{}, next)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: keyOf("RATE", "c:a"), UpdateExpression: aws.String("SET n = :n"),
		ExpressionAttributeValues: attributes{":n": garbage},
	})
	require.NoError(t, err)
	damaged, ok, err := s.Engine.PutLine(t.Context(), "c:a", target.Line{}, next)
	require.NoError(t, err)
	require.False(t, ok)
	require.Zero(t, damaged.Next)
	_, ok, err = s.Engine.PutLine(t.Context(), "c:a", damaged, next)
	require.NoError(t, err)
	require.True(t, ok)
}

func TestTargets_LinesAreWrittenByOneWorkerAtATime(t *testing.T) {
	t.Parallel()

	faults := &dynamotest.Faults{Seed: 2, Lose: 0.3}
	s, table := store(t, faults.Install)
	request := func(n int) target.Request {
		return target.Request{
			Now: start, Interval: target.Interval(14), Patience: target.MaxPatience, Arriving: n,
			Tenant: 1, Journey: 1,
		}
	}
	var mu sync.Mutex
	taken, slots, places := map[time.Time]bool{}, 0, 0
	var workers sync.WaitGroup
	for range 12 {
		workers.Go(func() {
			line := target.Line{}
			for {
				next, grant := line.Take(request(20))
				stored, ok, err := s.Engine.PutLine(t.Context(), "c:a.b#c", line, next)
				if err != nil {
					continue // no answer came: what it took is lost
				}
				if line = stored; !ok {
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				for i := range grant.Slots {
					at := grant.First.Add(time.Duration(i) * target.Interval(14))
					require.False(t, taken[at], "no slot is given twice")
					taken[at] = true
				}
				slots, places = slots+grant.Slots, places+20-grant.Slots
				return
			}
		})
	}
	workers.Wait()
	require.LessOrEqual(t, slots, 141)
	require.Equal(t, 240, slots+places)

	lines, err := s.Engine.Lines(t.Context())
	require.NoError(t, err)
	line := lines["c:a.b#c"]
	require.Len(t, line.Shares, 1)
	require.Equal(t, []uint32{1}, line.Shares[0].Journeys)
	require.Equal(t, target.Interval(14), line.Interval)
	stored, ok, err := s.Engine.PutLine(t.Context(), "c:a.b#c", target.Line{}, target.Line{})
	require.NoError(t, err)
	require.False(t, ok)
	require.Equal(t, line, stored)

	newer(t, table, "RATE", "c:a.b#c")
	_, ok, err = s.Engine.PutLine(t.Context(), "c:a.b#c", line, line)
	require.ErrorIs(t, err, journey.ErrNewer)
	require.False(t, ok)
	lines, err = s.Engine.Lines(t.Context())
	require.ErrorIs(t, err, journey.ErrNewer)
	require.Empty(t, lines)
}

// A cost that cannot be read leaves the others, and a damaged one is replaced.
func TestTargets_CostsOfTenants(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	costs, err := s.Engine.Costs(t.Context())
	require.NoError(t, err)
	require.Empty(t, costs)
	other, _ := ident.ParseTenant("other")
	put := func(tenant ident.Tenant, wave time.Duration) error {
		return s.Engine.PutCost(t.Context(), tenant, wave, start)
	}
	require.NoError(t, put(demo, time.Second))
	require.NoError(t, put(demo, 1950*time.Millisecond))
	require.NoError(t, put(other, time.Second))
	costs, err = s.Engine.Costs(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[ident.Tenant]time.Duration{demo: 1950 * time.Millisecond, other: time.Second}, costs)

	_, err = dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: keyOf("COSTS", "demo"), UpdateExpression: aws.String("SET w = :w"),
		ExpressionAttributeValues: attributes{":w": garbage},
	})
	require.NoError(t, err)
	costs, err = s.Engine.Costs(t.Context())
	require.ErrorIs(t, err, journey.ErrDamaged)
	require.Equal(t, map[ident.Tenant]time.Duration{other: time.Second}, costs)
	require.NoError(t, put(demo, time.Second))

	newer(t, table, "COSTS", "demo")
	require.ErrorIs(t, put(demo, time.Second), journey.ErrNewer)
	costs, err = s.Engine.Costs(t.Context())
	require.ErrorIs(t, err, journey.ErrNewer)
	require.Equal(t, map[ident.Tenant]time.Duration{other: time.Second}, costs)
}
