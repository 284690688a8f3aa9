package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/dynamo/item"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/simulate"
)

// turned is waitingGraph with its nodes and edges in another order, and positions.
const turned = `{"viewport":{"zoom":2},"nodes":[{"position":{"x":1},"id":"out","type":"exit"},` +
	`{"type":"wait","id":"w","config":{"waitForEvent":null,"delayHours":5e2}},{"id":"in","type":"entry_trigger","config":null}],` +
	`"edges":[{"id":"e2","source":"w","target":"out","sourceHandle":"bottom"},{"source":"in","target":"w"}]}`

// put changes a journey's definition and status, "" for the present one.
func (p *fixture) put(t *testing.T, id ident.ID, definition string, status journey.Status) journey.Journey {
	t.Helper()
	d := definitionOf(t, definition)
	change := journey.Change{Definition: &d}
	if status != "" {
		change.Status = &status
	}
	j, err := p.Update(t.Context(), demo, id, change, nil)
	require.NoError(t, err)
	return j
}

// definitions returns the sort keys of a journey's own partition, without records.
func definitions(t *testing.T, table string, id ident.ID) []string {
	t.Helper()
	var list []string
	for key := range keys(t, table) {
		sk, ok := strings.CutPrefix(key, "T#demo#J#"+string(id)[4:]+" ")
		if ok && !strings.HasPrefix(sk, item.VersionPrefix) && !strings.HasPrefix(sk, item.HistoryPrefix) {
			list = append(list, sk)
		}
	}
	return list
}

// records returns the numbers of a journey's stored versions, or of its history entries.
func records(t *testing.T, table string, id ident.ID, prefix string) []int64 {
	t.Helper()
	var list []int64
	for key := range keys(t, table) {
		sk, ok := strings.CutPrefix(key, "T#demo#J#"+string(id)[4:]+" ")
		if ok && strings.HasPrefix(sk, prefix) {
			n, err := item.ParseRecordSK(sk)
			require.NoError(t, err)
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// upTo returns the numbers from 1 to n.
func upTo(n int64) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(i + 1)
	}
	return list
}

func graphItem(t *testing.T, table string, j journey.Journey) map[string]types.AttributeValue {
	t.Helper()
	return lookup(t, table, "T#demo#J#"+string(j.ID)[4:], "G#"+j.GraphHash)
}

// A customer refers to nodes by their index in the stored graph. So the nodes of an
// appearance may be in any order.
func TestAppearance_MovesNoCustomerAndSplitsNoFigures(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph, "a", "b")
	before, err := p.Get(t.Context(), demo, id)
	require.NoError(t, err)
	graph := graphItem(t, p.table, before)

	changed := p.put(t, id, turned, "")
	require.Equal(t, before.Version, changed.Version)
	require.Equal(t, before.GraphHash, changed.GraphHash)
	require.Greater(t, changed.Rev, before.Rev, "the ETag changes")
	require.ElementsMatch(t, []string{"G#" + before.GraphHash, "W#1"}, definitions(t, p.table, id))
	require.Equal(t, graph, graphItem(t, p.table, before), "the graph is as it was")
	fresh := p.restarted()
	for _, s := range []*journey.Service{p.Service, fresh} {
		got, err := s.Get(t.Context(), demo, id)
		require.NoError(t, err)
		require.Equal(t, turned, string(got.Definition))
	}

	result, err := fresh.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"c"}})
	require.NoError(t, err)
	require.Equal(t, 1, result.Enrolled)
	for _, customer := range []string{"a", "b", "c"} {
		w, err := fresh.Whereabouts(t.Context(), demo, id, customer)
		require.NoError(t, err)
		require.Equal(t, "w", w.NodeID, customer)
		require.NoError(t, fresh.Remove(t.Context(), demo, id, customer))
	}
	simulated, err := simulate.Run(t.Context(), fresh, demo, id, simulate.Request{})
	require.NoError(t, err)
	require.Equal(t, "exited", simulated.Outcome)
	_, records := readStream(t, p.table)
	for _, r := range records {
		require.Equal(t, before.GraphHash, r.Write.Graph)
	}
	require.EqualValues(t, 3, p.figures(t, id).Enrolled)

	ctx, meter := capacity.WithMeter(t.Context())
	same := definitionOf(t, turned)
	again, err := p.Update(ctx, demo, id, journey.Change{Definition: &same}, nil)
	require.NoError(t, err)
	changed.Write = journey.Write{}
	require.Equal(t, changed, again)
	require.Zero(t, meter.Usage().WriteUnits, "the same text writes nothing")

	require.Equal(t, 1, p.put(t, id, waitingGraph, "").Version)
	require.Equal(t, []string{"G#" + before.GraphHash}, definitions(t, p.table, id), "as the graph: no appearance of its own")
	p.put(t, id, turned, "")
	edited := p.put(t, id, leavingGraph, "")
	require.Equal(t, 2, edited.Version)
	require.ElementsMatch(t, []string{"G#" + before.GraphHash, "G#" + edited.GraphHash, "W#1"}, definitions(t, p.table, id))
}

// The least numbers of requests of a call.
func TestJourney_TakesFewReads(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	requests := func(call func(context.Context, *journey.Service) error) int {
		t.Helper()
		ctx, meter := capacity.WithMeter(t.Context())
		require.NoError(t, call(ctx, p.restarted()))
		return meter.Usage().Requests
	}
	get := func(ctx context.Context, s *journey.Service) error {
		_, err := s.Get(ctx, demo, id)
		return err
	}
	require.Equal(t, 2, requests(get), "the journey with its text, the graph")
	p.put(t, id, turned, "")
	require.Equal(t, 2, requests(get), "the journey with its text, the appearance")
	require.Equal(t, 3, requests(func(ctx context.Context, s *journey.Service) error {
		_, err := s.Enroll(ctx, demo, id, journey.EnrollRequest{Customers: []string{"a"}})
		return err
	}), "the journey alone, the graph, the insert")
}

// A draft has no customers, so nothing refers to a graph that it had before.
func TestDraft_LeavesNoGraphBehind(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	name, d := "n", definitionOf(t, waitingGraph)
	j, err := p.Create(t.Context(), demo, journey.Change{Name: &name, Definition: &d})
	require.NoError(t, err)
	p.put(t, j.ID, turned, "")
	require.Equal(t, []int64{1}, records(t, p.table, j.ID, item.VersionPrefix))
	require.ElementsMatch(t, []string{"G#" + j.GraphHash, "W#1"}, definitions(t, p.table, j.ID))
	replaced := p.put(t, j.ID, leavingGraph, "")
	require.Equal(t, []string{"G#" + replaced.GraphHash}, definitions(t, p.table, j.ID))
	require.Equal(t, []int64{2}, records(t, p.table, j.ID, item.VersionPrefix))
	active := p.put(t, j.ID, sendingGraph, journey.Active)
	require.Equal(t, []string{"G#" + active.GraphHash}, definitions(t, p.table, j.ID))
	p.put(t, j.ID, waitingGraph, "")
	require.Len(t, definitions(t, p.table, j.ID), 2, "customers may be in the graph of an active journey")
	require.Equal(t, []int64{3, 4}, records(t, p.table, j.ID, item.VersionPrefix))
	require.Equal(t, upTo(5), records(t, p.table, j.ID, item.HistoryPrefix))

	about := "about"
	gone, err := p.Create(t.Context(), demo, journey.Change{Name: &name, Description: &about, Definition: &d})
	require.NoError(t, err)
	p.put(t, gone.ID, turned, "")
	require.Len(t, definitions(t, p.table, gone.ID), 3)
	require.NoError(t, p.Delete(t.Context(), demo, gone.ID, nil))
	require.Empty(t, definitions(t, p.table, gone.ID))
	require.Empty(t, records(t, p.table, gone.ID, item.VersionPrefix))
}

// A graph is there exactly if a journey or an earlier version has it, and the history has
// one entry for each revision: also if many change the journey at once, if answers are
// lost, and if the process dies.
func TestUpdate_LeavesNoOrphanedGraph(t *testing.T) {
	t.Parallel()

	graphs := func(t *testing.T, p *fixture, id ident.ID) int {
		t.Helper()
		j, err := p.restarted().Get(t.Context(), demo, id)
		require.NoError(t, err)
		require.NotNil(t, graphItem(t, p.table, j))
		require.Equal(t, upTo(int64(j.Version)), records(t, p.table, id, item.VersionPrefix))
		require.Equal(t, upTo(j.Rev), records(t, p.table, id, item.HistoryPrefix))
		return len(definitions(t, p.table, id))
	}
	numbered := func(n int) string { return strings.Replace(waitingGraph, "500", fmt.Sprint(100+n), 1) }
	t.Run("many at once", func(t *testing.T) {
		t.Parallel()

		p := newFixture(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
		id := p.journey(t, waitingGraph)
		var writers sync.WaitGroup
		for n := range 8 {
			writers.Go(func() {
				d := definitionOf(t, numbered(n))
				_, err := p.restarted().Update(t.Context(), demo, id, journey.Change{Definition: &d}, nil)
				require.NoError(t, err)
			})
		}
		writers.Wait()
		j, err := p.Get(t.Context(), demo, id)
		require.NoError(t, err)
		require.Equal(t, 9, j.Version)
		require.Equal(t, 9, graphs(t, p, id))
	})
	for calls := range 4 {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("dead at call %d, after it: %t", calls, after), func(t *testing.T) {
				t.Parallel()

				p := newFixture(t)
				id := p.journey(t, waitingGraph)
				d := definitionOf(t, numbered(1))
				_, _ = p.on(dyingAfter(calls, after)).Update(t.Context(), demo, id, journey.Change{Definition: &d}, nil)
				j, err := p.Get(t.Context(), demo, id)
				require.NoError(t, err)
				require.Equal(t, j.Version, graphs(t, p, id))
			})
		}
	}
}

// tear changes the revision of the text in the first responses, or leaves the text out.
func tear(times int, missing bool) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Tear", func(
				ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
			) (middleware.InitializeOutput, middleware.Metadata, error) {
				out, metadata, err := next.HandleInitialize(ctx, in)
				if batch, ok := out.Result.(*dynamodb.BatchGetItemOutput); ok && times > 0 {
					times--
					for table, items := range batch.Responses {
						batch.Responses[table] = slices.DeleteFunc(items, func(it map[string]types.AttributeValue) bool {
							if it["SK"].(*types.AttributeValueMemberS).Value != "T" {
								return false
							}
							it["r"] = &types.AttributeValueMemberN{Value: "99"}
							return missing
						})
					}
				}
				return out, metadata, err
			}), middleware.Before)
		})
	}
}

// A journey and its text may be read at different moments. Such a pair is never shown.
func TestFullJourney_ReadsATornPairAgain(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	name, about := "n", "about"
	j, err := p.Create(t.Context(), demo, journey.Change{Name: &name, Description: &about})
	require.NoError(t, err)
	for n := range 4 {
		torn := tear(n/2+1, n%2 == 1)
		got, err := p.on(torn).Get(t.Context(), demo, j.ID)
		require.NoError(t, err)
		require.Equal(t, "about", got.Description)
		torn = tear(n/2+1, n%2 == 1)
		page, err := p.on(torn).List(t.Context(), demo, journey.Filter{Limit: 9})
		require.NoError(t, err)
		require.Len(t, page.Journeys, 1)
		require.Equal(t, "about", page.Journeys[0].Description)
	}

	empty := ""
	_, err = p.Update(t.Context(), demo, j.ID, journey.Change{Description: &empty}, nil)
	require.NoError(t, err)
	got, err := p.Get(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.Empty(t, got.Description)
	require.Len(t, definitions(t, p.table, j.ID), 1)
}

// Readers see each text with the revision that wrote it, while others change it.
func TestGet_AnswersOneRevision(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		defer stop()
		for n := range 12 {
			text := fmt.Sprint(n)
			d := definitionOf(t, strings.Replace(turned, `"zoom":2`, `"zoom":`+text, 1))
			_, err := p.Update(t.Context(), demo, id, journey.Change{Name: &text, Description: &text, Definition: &d}, nil)
			require.NoError(t, err)
		}
	})
	for ctx.Err() == nil {
		j, err := p.restarted().Get(t.Context(), demo, id)
		require.NoError(t, err)
		if j.Name == "n" {
			continue
		}
		var shown struct{ Viewport struct{ Zoom json.Number } }
		require.NoError(t, json.Unmarshal(j.Definition, &shown))
		require.Equal(t, j.Name, shown.Viewport.Zoom.String())
		require.Equal(t, j.Name, j.Description)
	}
	writer.Wait()
}

// Pinned settings are stored with the graph and with an appearance.
func TestSettings_AreStoredWithTheGraph(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph, "a")
	berlin := journey.Change{Settings: graph.SettingsChange{"timezone": []byte(`"Europe/Berlin"`)}}
	changed, err := p.Update(t.Context(), demo, id, berlin, nil)
	require.NoError(t, err)
	require.Equal(t, 2, changed.Version)
	appearance := p.put(t, id, turned, "")
	require.Equal(t, changed.GraphHash, appearance.GraphHash)
	for _, s := range []*journey.Service{p.Service, p.restarted()} {
		got, err := s.Get(t.Context(), demo, id)
		require.NoError(t, err)
		require.Equal(t, turned, string(got.Definition))
		require.JSONEq(t, `{"timezone":"Europe/Berlin"}`, string(got.Settings))
	}
	page, err := p.List(t.Context(), demo, journey.Filter{Limit: 1})
	require.NoError(t, err)
	require.Empty(t, page.Journeys[0].Settings)
	_, err = p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"b"}})
	require.NoError(t, err)
	for customer, zone := range map[string]string{"a": "UTC", "b": "Europe/Berlin"} {
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		require.NoError(t, err)
		text, err := p.store.Engine.Definition(t.Context(), demo, id, e.GraphHash)
		require.NoError(t, err)
		d, err := journey.LoadDefinition(text, e.GraphHash)
		require.NoError(t, err)
		require.Equal(t, zone, d.Graph.Zone().String(), customer)
	}
}
