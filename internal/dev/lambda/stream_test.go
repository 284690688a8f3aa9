package lambda

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// table is the name of the tests' table.
const table = "journeys"

// recordFlag names a file for the stream's records, from which the model of
// internal/analytics is fed.
var recordFlag = flag.String("record", "", "file for the records of the stream's test")

var tenant, _ = ident.ParseTenant("demo")

// enrollments returns new enrollments of three journeys.
func enrollments(t *testing.T, number int) ([]progress.Enrollment, *progress.Graph) {
	t.Helper()
	const graph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":1}},
		{"id":"s","type":"channel_action","config":{"channel":"push"}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"w"},{"source":"w","target":"s"},{"source":"s","target":"out"}]}`
	var faults strict.Faults
	v, ok := strict.Parse([]byte(graph), &faults)
	require.True(t, ok)
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok)
	at := time.Now().UTC().Truncate(time.Millisecond)
	var list []progress.Enrollment
	for i := range number {
		e, _ := d.Graph.Start(progress.Enrollment{
			Journey: ident.ID(fmt.Sprintf("jrn_%026d", i%3)), Customer: fmt.Sprint("c-", i), GraphHash: strings.Repeat("0f", 16), Version: 1 + i%2,
			EnrolledAt: at, ExpiresAt: at.AddDate(0, 0, 30),
		})
		list = append(list, e)
	}
	return list, d.Graph
}

// handler is a function that keeps its events.
type handler struct {
	mu    sync.Mutex
	calls []events.DynamoDBTimeWindowEvent
	fail  func(call int, e events.DynamoDBTimeWindowEvent) (answer string, err error)
	more  chan struct{}
}

func (h *handler) invoke(_ context.Context, payload []byte) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var e events.DynamoDBTimeWindowEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	h.calls = append(h.calls, e)
	defer func() {
		select {
		case h.more <- struct{}{}:
		default:
		}
	}()
	if h.fail != nil {
		if answer, err := h.fail(len(h.calls), e); answer != "" || err != nil {
			return []byte(answer), err
		}
	}
	return []byte(`{"state":{},"batchItemFailures":[]}`), nil
}

// await returns the calls as soon as done returns true for them.
func (h *handler) await(t *testing.T, done func(calls []events.DynamoDBTimeWindowEvent) bool) []events.DynamoDBTimeWindowEvent {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		h.mu.Lock()
		calls := slices.Clone(h.calls)
		h.mu.Unlock()
		if done(calls) {
			return calls
		}
		select {
		case <-h.more:
		case <-limit:
			t.Fatalf("only %d calls", len(calls))
		}
	}
}

// numbers returns the sequence numbers of the records of calls.
func numbers(calls ...events.DynamoDBTimeWindowEvent) (list []string) {
	for _, c := range calls {
		for _, r := range c.Records {
			list = append(list, r.Change.SequenceNumber)
		}
	}
	return list
}

// startStream starts a table and a reader of its stream.
func startStream(t *testing.T, h *handler, size int, faults *Faults) *dynamo.Store {
	t.Helper()
	server, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	client := server.Client()
	require.NoError(t, dynamolocal.CreateTable(t.Context(), client, table))
	description, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(table)})
	require.NoError(t, err)
	stream := *manifest.Count.Stream
	stream.BatchSize, stream.BatchWindow = size, 300*time.Millisecond
	h.more = make(chan struct{}, 1)
	reader := &streamReader{
		stream: stream, source: StreamSource{server.Endpoint(), *description.Table.LatestStreamArn},
		invoke: h.invoke, faults: faults, log: func(line string) { t.Log(line) },
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reader.read(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return dynamo.New(client, table, rand.Reader)
}

// The stream of DynamoDB Local is delivered as by Lambda: filtered, in order, in
// batches that name their shard, each whole and again until it succeeds.
func TestStream_IsDeliveredAsByLambda(t *testing.T) {
	t.Parallel()
	h := &handler{fail: func(call int, _ events.DynamoDBTimeWindowEvent) (string, error) {
		switch call {
		case 1:
			return "", errors.New("failed by the test")
		case 2:
			return "null", nil // no state
		}
		return "", nil
	}}
	store := startStream(t, h, 40, nil)
	list, graph := enrollments(t, 100)
	for i := range list { // one request each, so that they are in order
		require.NoError(t, store.Customers.PutProfile(t.Context(), tenant, journey.Profile{Customer: list[i].Customer, Attributes: []byte("{}"), UpdatedAt: time.Now()}, 0))
		require.Equal(t, journey.OutcomeEnrolled, store.Enrollments.Insert(t.Context(), tenant, 4, list[i:i+1])[0].Result)
	}
	calls := h.await(t, func(calls []events.DynamoDBTimeWindowEvent) bool {
		return len(calls) > 2 && len(numbers(calls[2:]...)) >= 100
	})
	require.Equal(t, numbers(calls[0]), numbers(calls[1]), "the whole batch is retried")
	require.Equal(t, numbers(calls[0]), numbers(calls[2]))
	delivered := numbers(calls[2:]...)
	require.Len(t, delivered, 100, "enrollments only")
	require.True(t, slices.IsSorted(delivered))
	for _, call := range calls {
		require.NotEmpty(t, call.ShardID)
		require.LessOrEqual(t, len(call.Records), 40)
		require.Empty(t, call.State)
		require.False(t, call.IsFinalInvokeForWindow)
		require.Equal(t, 15*time.Minute, call.Window.End.Sub(call.Window.Start.Time))
		require.NotEmpty(t, call.EventSourceARN)
		for i, r := range call.Records {
			require.Equal(t, call.EventSourceARN, r.EventSourceArn)
			require.Equal(t, "INSERT", r.EventName)
			require.Equal(t, events.DataTypeBinary, r.Change.NewImage["d"].DataType())
			require.NoError(t, dynamo.Record(call.Records[i]).Err)
		}
	}
	if *recordFlag != "" {
		recordStream(t, h, store, list, graph)
	}
}

// recordStream advances the customers, and writes all records to the file.
func recordStream(t *testing.T, h *handler, store *dynamo.Store, list []progress.Enrollment, graph *progress.Graph) {
	t.Helper()
	for turn, now := 0, time.Now().UTC().Truncate(time.Millisecond); turn < 2; turn, now = turn+1, now.Add(20*time.Hour) {
		in := progress.Input{Now: now.Add(2 * time.Hour), HasAttributes: true}
		if turn == 1 {
			in.Answer.Result = trail.Sent
		}
		for i := range list {
			list[i], _ = graph.Step(list[i].NextWrite(in.Now), in)
			require.NoError(t, store.Engine.Advance(t.Context(), tenant, 4, list[i:i+1])[0])
		}
	}
	calls := h.await(t, func(calls []events.DynamoDBTimeWindowEvent) bool { return len(numbers(calls[2:]...)) >= 300 })
	var lines bytes.Buffer
	for _, call := range calls[2:] {
		for _, r := range call.Records {
			require.NoError(t, json.NewEncoder(&lines).Encode(r))
		}
	}
	require.NoError(t, os.WriteFile(*recordFlag, lines.Bytes(), 0o644))
}

// Under faults every record is still delivered.
func TestStream_DeliversEverythingUnderFaults(t *testing.T) {
	t.Parallel()
	h := &handler{fail: func(call int, _ events.DynamoDBTimeWindowEvent) (string, error) {
		if call%3 == 0 {
			return "", errors.New("failed by the test")
		}
		return "", nil
	}}
	faults := NewFaults(3)
	faults.Start()
	store := startStream(t, h, 20, faults)
	list, _ := enrollments(t, 400)
	for chunk := range slices.Chunk(list, 10) {
		for _, e := range chunk {
			require.Equal(t, journey.OutcomeEnrolled, store.Enrollments.Insert(t.Context(), tenant, 4, []progress.Enrollment{e})[0].Result)
		}
	}
	calls := h.await(t, func(calls []events.DynamoDBTimeWindowEvent) bool {
		seen := map[string]bool{}
		for _, n := range numbers(calls...) {
			seen[n] = true
		}
		return len(seen) == 400 && faults.Counts()[Bisected] > 0 && faults.Counts()[Replayed] > 0
	})
	require.Greater(t, len(numbers(calls...)), 400, "some are repeated")
	t.Log(faults)
}

// fakeStream serves a stream whose shard a was split into b and c, and whose
// shard c was followed by d. It has a record for each number.
func fakeStream(t *testing.T) string {
	t.Helper()
	shards := `[{"ShardId":"a"},{"ShardId":"b","ParentShardId":"a"},{"ShardId":"c","ParentShardId":"a"},{"ShardId":"d","ParentShardId":"c"}]`
	records := map[string][]int{"a": {1, 2, 3}, "b": {4, 7}, "c": {5, 6}, "d": {8}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ ShardID, ShardIterator string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch operation {
		case "DescribeStream":
			_, _ = fmt.Fprintf(w, `{"StreamDescription":{"Shards":%s}}`, shards)
		case "GetShardIterator":
			_, _ = fmt.Fprintf(w, `{"ShardIterator":"%s 0"}`, in.ShardID)
		case "GetRecords":
			var shard string
			var at int
			_, _ = fmt.Sscan(in.ShardIterator, &shard, &at)
			list := records[shard]
			if at == len(list) { // the shard is closed
				_, _ = io.WriteString(w, `{"Records":[]}`)
				return
			}
			_, _ = fmt.Fprintf(w, `{"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"%021d","ApproximateCreationDateTime":%d,`+
				`"Keys":{"SK":{"S":"E#1"}}}}],"NextShardIterator":"%s %d"}`, list[at], time.Now().Unix(), shard, at+1)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A shard's records are delivered after all of its parent's, even if those were
// retried, and its window ends with it.
func TestStream_DeliversShardsAfterTheirParents(t *testing.T) {
	t.Parallel()
	h := &handler{more: make(chan struct{}, 1), fail: func(call int, _ events.DynamoDBTimeWindowEvent) (string, error) {
		if call%2 == 1 {
			return "", errors.New("failed by the test")
		}
		return "", nil
	}}
	stream := *manifest.Count.Stream
	stream.BatchWindow = 0
	reader := &streamReader{stream: stream, source: StreamSource{fakeStream(t), "arn"}, invoke: h.invoke, log: func(string) {}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reader.read(ctx)
	}()
	// A window may also end by the clock, between two records of a shard.
	calls := h.await(t, func(calls []events.DynamoDBTimeWindowEvent) bool {
		finals, seen := map[string]bool{}, numbers(calls...)
		for _, c := range calls {
			finals[c.ShardID] = c.IsFinalInvokeForWindow
		}
		slices.Sort(seen)
		return len(finals) == 4 && len(slices.Compact(seen)) == 8 && !slices.Contains(slices.Collect(maps.Values(finals)), false)
	})
	cancel()
	<-ended
	parents, done := map[string]string{"b": "a", "c": "a", "d": "c"}, map[string]bool{}
	for _, c := range calls {
		if parent := parents[c.ShardID]; parent != "" {
			require.True(t, done[parent], "%s before the end of %s", c.ShardID, parent)
		}
		done[c.ShardID] = c.IsFinalInvokeForWindow
	}
	seen := numbers(calls...)
	slices.Sort(seen)
	require.Len(t, slices.Compact(seen), 8)
}
