package engine_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/targettest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

// installation is the engine on DynamoDB Local, with a virtual clock and a queue of
// packs.
type installation struct {
	*engine.Engine
	targettest.Untargeted
	store   *dynamo.Store
	client  *dynamodb.Client
	table   string
	service *journey.Service
	tenant  ident.Tenant
	now     time.Time
	queue   []engine.Pack
	mu      sync.Mutex
	inbox   map[string]engine.Message
	reply   condition.Value // of every channel
}

func (i *installation) Dispatch(_ context.Context, p engine.Pack) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queue = append(i.queue, p)
	return nil
}

func (i *installation) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

func (i *installation) Timeout() time.Duration { return 10 * time.Second }

func (i *installation) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	return condition.ParseValue([]byte(`{"score":7}`))
}

func (i *installation) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inbox[m.Key] = m
	return progress.Answer{Result: trail.Sent, Value: i.reply}, nil
}

func install(t testing.TB, options ...func(*dynamodb.Options)) *installation {
	t.Helper()
	table, client := dynamotest.Table(t), dynamotest.Client(options...)
	tenant, _ := ident.ParseTenant("acme")
	i := &installation{
		store: dynamo.New(client, table, rand.Reader), table: table, tenant: tenant,
		now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), inbox: map[string]engine.Message{},
	}
	clock := func() time.Time { return i.now }
	i.service = journey.NewService(i.store.Handlers(), clock, rand.Reader)
	i.client = client
	i.Engine = &engine.Engine{
		Table: i.store.Engine, Dispatcher: i, Provider: i, Parallel: 32, Workers: 25, Now: clock,
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
	return i
}

const sixNodes = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"w","type":"wait","config":{"delayHours":48}},
	{"id":"s","type":"condition_split","config":{"condition":{"field":"plan","operator":"eq","value":"pro"}}},
	{"id":"d","type":"nba_decision","config":{"decisionFlowId":"next"}},
	{"id":"a","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit","config":{"reason":"done"}}],
	"edges":[{"source":"in","target":"w"},{"source":"w","target":"s"},
	{"source":"s","target":"d","sourceHandle":"true"},{"source":"s","target":"out","sourceHandle":"false"},
	{"source":"d","target":"a"},{"source":"a","target":"out"}]}`

func (i *installation) activate(t testing.TB, definition string) ident.ID {
	t.Helper()
	d := journeytest.Definition(t, definition)
	name, active := "test", journey.Active
	j, err := i.service.Create(t.Context(), i.tenant, journey.Change{Name: &name, Definition: &d})
	require.NoError(t, err)
	_, err = i.service.Update(t.Context(), i.tenant, j.ID, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	return j.ID
}

func (i *installation) change(t testing.TB, ctx context.Context, id ident.ID, status journey.Status) {
	t.Helper()
	_, err := i.service.Update(ctx, i.tenant, id, journey.Change{Status: &status}, nil)
	require.NoError(t, err)
}

func (i *installation) where(t testing.TB, id ident.ID, customer string) journey.Whereabouts {
	t.Helper()
	w, err := i.service.Whereabouts(t.Context(), i.tenant, id, customer)
	require.NoError(t, err)
	return w
}

func (i *installation) enroll(t testing.TB, id ident.ID, ctx context.Context, n int) []string {
	t.Helper()
	customers := make([]string, n)
	for c := range customers {
		customers[c] = fmt.Sprintf("customer-%d", c)
	}
	for c := 0; c < n; c += journey.MaxBatch {
		result, err := i.service.Enroll(ctx, i.tenant, id, journey.EnrollRequest{Customers: customers[c:min(n, c+journey.MaxBatch)]})
		require.NoError(t, err)
		require.Zero(t, result.Errors)
	}
	return customers
}

func (i *installation) run(t testing.TB, ctx context.Context) {
	t.Helper()
	require.NoError(t, i.Tick(ctx))
	for _, pack := range i.queue {
		require.NoError(t, i.Advance(ctx, pack))
	}
	i.queue = nil
}

// A customer that passes entry, wait, split, decision, send and exit costs at most
// 0.15 requests. `make bench` counts the write units, which DynamoDB Local does not
// report for PartiQL.
func TestEngine_CustomerCostsAFractionOfARequest(t *testing.T) {
	t.Parallel()

	const n = 2000
	i := install(t)
	id := i.activate(t, sixNodes)
	for c := range n {
		require.NoError(t, i.store.Customers.PutProfile(t.Context(), i.tenant, journey.Profile{
			Customer: fmt.Sprintf("customer-%d", c), Attributes: []byte(`{"plan":"pro"}`), UpdatedAt: i.now,
		}, 0))
	}
	ctx, meter := capacity.WithMeter(t.Context())
	customers := i.enroll(t, id, ctx, n)
	i.now = i.now.Add(48 * time.Hour)
	i.run(t, ctx)

	require.Len(t, i.inbox, n)
	e, err := i.store.Enrollments.Enrollment(t.Context(), i.tenant, id, customers[0])
	require.NoError(t, err)
	require.Equal(t, progress.Completed, e.Status)
	require.Len(t, e.Path.Visits(e.EnrolledAt), 6)

	used := meter.Usage()
	t.Logf("per customer: %.3f requests, %.3f read units", float64(used.Requests)/n, used.ReadUnits/n)
	require.LessOrEqual(t, float64(used.Requests)/n, 0.15)
	require.LessOrEqual(t, used.ReadUnits/n, 2.1)
}

func TestEngine_ArchivedAndDeletedJourneysDrain(t *testing.T) {
	t.Parallel()

	i := install(t)
	for _, reason := range []string{"journey_archived", "journey_deleted"} {
		id := i.activate(t, sixNodes)
		customers := i.enroll(t, id, t.Context(), 250)
		if reason == "journey_archived" {
			archived := journey.Archived
			_, err := i.service.Update(t.Context(), i.tenant, id, journey.Change{Status: &archived}, nil)
			require.NoError(t, err)
		} else {
			require.NoError(t, i.service.Delete(t.Context(), i.tenant, id, nil))
		}
		i.run(t, t.Context())
		for _, customer := range customers {
			e, err := i.store.Enrollments.Enrollment(t.Context(), i.tenant, id, customer)
			require.NoError(t, err)
			require.Equal(t, progress.Cancelled, e.Status)
			require.Equal(t, reason, e.ExitReason)
		}
		loaded, err := i.store.Engine.Load(t.Context(), i.tenant, id, nil)
		require.NoError(t, err)
		require.NotNil(t, loaded.Live, "an enroll call that began before may still write")
		i.now = i.now.Add(engine.DrainGrace)
		i.run(t, t.Context())
		loaded, err = i.store.Engine.Load(t.Context(), i.tenant, id, nil)
		require.NoError(t, err)
		require.Nil(t, loaded.Live)
	}
	require.Empty(t, i.inbox)
}
