package api_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// recordStore keeps every write of one journey too.
type recordStore struct {
	memoryStore
	writes   []journey.Journey // newest first
	counters analytics.Counters
}

func (r *recordStore) Create(ctx context.Context, t ident.Tenant, j journey.Journey) error {
	r.writes = slices.Insert(r.writes, 0, j)
	return r.memoryStore.Create(ctx, t, j)
}

func (r *recordStore) Update(ctx context.Context, t ident.Tenant, old, next journey.Journey) error {
	r.writes = slices.Insert(r.writes, 0, next)
	return r.memoryStore.Update(ctx, t, old, next)
}

func (r *recordStore) Versions(_ context.Context, _ ident.Tenant, _ ident.ID, upTo int) ([]journey.Version, error) {
	var list []journey.Version
	for i, j := range r.writes {
		if first := i+1 == len(r.writes) || r.writes[i+1].Version < j.Version; first && j.Version <= upTo {
			list = append(list, journey.Version{
				Number: j.Version, CreatedAt: j.UpdatedAt, CreatedBy: j.UpdatedBy, NodeCount: j.NodeCount, GraphHash: j.GraphHash, Sum: j.RunSum(),
			})
		}
	}
	return list, nil
}

func (r *recordStore) VersionText(_ context.Context, _ ident.Tenant, _ ident.ID, v journey.Version) ([]byte, error) {
	i := slices.IndexFunc(r.writes, func(j journey.Journey) bool { return j.Version == v.Number })
	return r.writes[i].GraphText(), nil
}

func (r *recordStore) History(_ context.Context, _ ident.Tenant, _ ident.ID, upTo int64, limit int, _ time.Time) ([]journey.HistoryEntry, error) {
	var list []journey.HistoryEntry
	for _, j := range r.writes {
		if j.Rev <= upTo && len(list) < limit {
			list = append(list, journey.HistoryEntry{Rev: j.Rev, At: j.UpdatedAt, By: j.UpdatedBy, Version: j.Version, Write: j.Write})
		}
	}
	return list, nil
}

func (r *recordStore) Counters(context.Context, ident.Tenant, ident.ID, analytics.Range) (analytics.Counters, error) {
	return r.counters, nil
}

func TestVersions_ShowAuthorsAndHowManyAreInside(t *testing.T) {
	t.Parallel()

	store := &recordStore{}
	s := newServer(t, store)
	path := "/journeys/" + s.createActive()
	first := store.writes[0].GraphHash
	s.must(200, call{method: "PUT", path: path, body: `{"timezone":"Asia/Tokyo","definition":` + wholeGraph + `}`})
	store.counters.Totals = map[string]*analytics.Total{
		first: {Rev: 1, Graph: analytics.Graph{
			Version: 1, Totals: tally.Totals{Enrolled: 9, Completed: 2, Failed: 3}, Steps: []tally.Step{{Entered: 9, Failed: 3}},
		}},
	}

	list := s.must(200, call{path: path + "/versions?limit=1"})
	newest := list["data"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{
		"version": 2.0, "createdAt": "2026-11-23T10:00:00.000Z", "createdBy": map[string]any{"sub": "s1"},
		"nodeCount": 6.0, "inside": 0.0, "current": true,
	}, newest)
	oldest := s.must(200, call{path: path + "/versions?limit=1&cursor=" + list["nextCursor"].(string)})
	require.NotContains(t, oldest, "nextCursor")
	require.Equal(t, map[string]any{
		"version": 1.0, "createdAt": "2026-11-23T10:00:00.000Z", "createdBy": map[string]any{"sub": "s1"}, "nodeCount": 6.0, "inside": 7.0,
	}, oldest["data"].([]any)[0], "four active and three failed")

	one := s.must(200, call{path: path + "/versions/2"})
	require.Equal(t, "Asia/Tokyo", one["timezone"])
	require.Equal(t, []any{}, one["exitOn"])
	require.Nil(t, one["goal"])
	require.Contains(t, one, "goal")
	require.Len(t, one["definition"].(map[string]any)["nodes"], 6)
	require.Equal(t, "UTC", s.must(200, call{path: path + "/versions/1"})["timezone"])
	for _, number := range []string{"3", "0", "-1", "01", "1.0", "x", "1e0", "9999999999", "99999999999999999999"} {
		require.Equal(t, "version-not-found", s.must(404, call{path: path + "/versions/" + number})["code"], number)
	}
}

func TestHistory_ListsWhoDidWhat(t *testing.T) {
	t.Parallel()

	s := newServer(t, &recordStore{})
	path := "/journeys/" + s.create(`{"name":"a","definition":`+shortGraph+`}`)
	s.must(200, call{method: "PUT", path: path, body: `{"name":"b","status":"active"}`})
	by := map[string]any{"sub": "s1"}
	require.Equal(t, map[string]any{"data": []any{
		map[string]any{"at": "2026-11-23T10:00:00.000Z", "by": by, "actions": []any{"edited", "activated"}, "fields": []any{"name"}, "version": 1.0},
		map[string]any{"at": "2026-11-23T10:00:00.000Z", "by": by, "actions": []any{"created"}, "fields": []any{}, "version": 1.0},
	}}, s.must(200, call{path: path + "/history"}))

	next := s.must(200, call{path: path + "/history?limit=1"})["nextCursor"].(string)
	last := s.must(200, call{path: path + "/history?limit=1&cursor=" + next})
	require.Len(t, last["data"], 1)
	require.NotContains(t, last, "nextCursor")
	for _, query := range []string{
		"history?limit=0", "history?limit=101", "history?cursor=", "history?cursor=v1", "history?cursor=h0", "history?cursor=h-1", "history?cursor=h01",
		"history?cursor=h99999999999999999999", "versions?cursor=" + next, "versions?cursor=v1000000000", "versions?cursor=v%2B1", "versions/1?limit=1",
	} {
		require.Equal(t, "invalid-request", s.must(400, call{path: path + "/" + query})["code"], query)
	}
}
