package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// figuresStore returns the counters of each journey, and an error for those without.
type figuresStore struct {
	*memoryStore
	counters map[ident.ID]analytics.Counters
	err      error
}

func (f figuresStore) Counters(_ context.Context, _ ident.Tenant, id ident.ID, _ analytics.Range) (analytics.Counters, error) {
	if c, ok := f.counters[id]; ok {
		return c, nil
	}
	return analytics.Counters{}, f.err
}

func enrolled(n int64) analytics.Counters {
	return analytics.Counters{Totals: map[string]*analytics.Total{"g": {Rev: 1, Newest: start, Graph: analytics.Graph{
		Totals: tally.Totals{Enrolled: n, Completed: n - 1, Conversions: 1}, Steps: []tally.Step{{Entered: n, Dropped: n - 1}},
	}}}}
}

// The figures of a journey that are damaged, or of a newer version, fail no page. Those of
// a draft are not read.
func TestAnalyticsList_ShowsTheFiguresOfEachJourney(t *testing.T) {
	t.Parallel()

	viewer := caller(manifest.Viewer)
	for _, err := range []error{fmt.Errorf("%w: bad counts", analytics.ErrUnreadable), journey.ErrNewer} {
		store := figuresStore{&memoryStore{}, map[ident.ID]analytics.Counters{}, err}
		s := newServer(t, store)
		damaged, active, draft := s.createActive(), s.createActive(), s.create(`{"name":"Draft"}`)
		store.counters[ident.ID(active)] = enrolled(5)
		s.log.Reset()

		body := s.must(http.StatusOK, call{method: "GET", path: "/analytics", caller: &viewer})
		require.NotContains(t, body, "nextCursor")
		zero := map[string]any{"total": 0.0, "active": 0.0, "completed": 0.0, "expired": 0.0, "cancelled": 0.0, "failed": 0.0}
		counts := map[string]any{"total": 5.0, "active": 1.0, "completed": 4.0, "expired": 0.0, "cancelled": 0.0, "failed": 0.0}
		require.Equal(t, []any{
			map[string]any{"id": draft, "name": "Draft", "status": "draft", "enrollments": zero, "conversions": 0.0, "asOf": nil},
			map[string]any{
				"id": active, "name": "Welcome", "status": "active", "enrollments": counts, "conversions": 1.0,
				"asOf": "2026-11-23T10:00:00.000Z",
			},
			map[string]any{"id": damaged, "name": "Welcome", "status": "active", "enrollments": nil, "conversions": nil, "asOf": nil},
		}, body["data"])
		line, _, _ := strings.Cut(s.log.String(), "\n")
		require.Contains(t, line, `"msg":"figures passed over","tenant":"t1","journey":"`+damaged+`"`)
		require.Equal(t, counts, s.must(http.StatusOK, call{method: "GET", path: "/journeys/" + active + "/analytics"})["enrollments"])
	}
}

func TestAnalyticsList_FailsWithTheTable(t *testing.T) {
	t.Parallel()

	s := newServer(t, figuresStore{&memoryStore{}, nil, &journey.Error{Kind: journey.Unavailable, Code: "table-throttled", Detail: "Later."}})
	s.createActive()
	require.Equal(t, "table-throttled", s.must(http.StatusServiceUnavailable, call{method: "GET", path: "/analytics"})["code"])
}

// namesOf returns the names on a page.
func namesOf(body map[string]any) (names []string) {
	for _, j := range body["data"].([]any) {
		names = append(names, j.(map[string]any)["name"].(string))
	}
	return names
}

func TestAnalyticsList_ContinuesAfterTheLastJourney(t *testing.T) {
	t.Parallel()

	s := newServer(t, countedStore{Store: &memoryStore{}})
	ids := map[string]string{}
	for _, name := range []string{"delta", "Alpha", "echo", "Bravo", "charlie", "other"} {
		ids[name] = s.create(`{"name":"` + name + `"}`)
	}
	page := func(query string) (names []string, next string) {
		body := s.must(http.StatusOK, call{method: "GET", path: "/analytics?" + query})
		if cursor, ok := body["nextCursor"]; ok {
			next = "&cursor=" + cursor.(string)
		}
		return namesOf(body), next
	}
	list := "sort=name&limit=2"
	first, next := page(list)
	require.Equal(t, []string{"Alpha", "Bravo"}, first)
	s.must(http.StatusOK, call{method: "PUT", path: "/journeys/" + ids["Bravo"], body: `{"name":"zulu"}`})
	s.create(`{"name":"aardvark"}`)
	second, next := page(list + next)
	require.Equal(t, []string{"charlie", "delta"}, second, "neither again nor left out")
	third, next := page(list + next)
	require.Equal(t, []string{"echo", "other"}, third)
	last, end := page(list + next)
	require.Equal(t, []string{"zulu"}, last)
	require.Empty(t, end)

	for _, other := range []string{"sort=-name&limit=2", "sort=name&limit=2&q=a", "limit=2", "sort=name&limit=2&status=draft"} {
		s.must(http.StatusBadRequest, call{method: "GET", path: "/analytics?" + other + next})
	}
	_, next = page("limit=2")
	for _, bad := range []string{next[:len(next)-4], next + "A", next[:len(next)-40] + strings.Repeat("_", 40)} {
		s.must(http.StatusBadRequest, call{method: "GET", path: "/analytics?limit=2" + bad})
	}
	backward, _ := page("sort=-name&limit=100&q=R")
	require.Equal(t, []string{"other", "charlie", "aardvark"}, backward)
}

func TestAnalyticsList_AnswersNotModified(t *testing.T) {
	t.Parallel()

	s := newServer(t, countedStore{Store: &memoryStore{}})
	s.create(`{"name":"a"}`)
	tag := s.do(call{method: "GET", path: "/analytics"}).Header().Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
	again := call{method: "GET", path: "/analytics", header: []string{"If-None-Match", "W/" + tag}}
	require.Nil(t, s.must(http.StatusNotModified, again))
	s.create(`{"name":"b"}`)
	s.must(http.StatusOK, again)
}

// Names match and are sorted whatever their case, also in other scripts.
func TestList_FindsAndSortsByName(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	for _, name := range []string{"Straße", "ΣΊΣΥΦΟΣ", "ЖУРНАЛ", "a_b", "AB", "ab", "éclair", "100%"} {
		s.create(`{"name":"` + name + `"}`)
	}
	for query, want := range map[string][]string{
		"STRASSE": nil, // only simple folding
		"STRAẞE":  {"Straße"},
		"σίσυφος": {"ΣΊΣΥΦΟΣ"},
		"журнал":  {"ЖУРНАЛ"},
		"É":       {"éclair"},
		"0%":      {"100%"},
		"_":       {"a_b"},
		" ":       nil,
	} {
		body := s.must(http.StatusOK, call{method: "GET", path: "/journeys?sort=name&q=" + url.QueryEscape(query)})
		require.Equal(t, want, namesOf(body), query)
		require.EqualValues(t, len(want), body["pagination"].(map[string]any)["total"], query)
	}
	all := namesOf(s.must(http.StatusOK, call{method: "GET", path: "/journeys?sort=name"}))
	require.Equal(t, []string{"100%", "a_b"}, all[:2])
	require.ElementsMatch(t, []string{"AB", "ab"}, all[2:4], "equal names are in the order of their ids")
	require.Equal(t, []string{"Straße", "éclair", "ΣΊΣΥΦΟΣ", "ЖУРНАЛ"}, all[4:])
	page := s.must(http.StatusOK, call{method: "GET", path: "/journeys?sort=-name&limit=2&offset=1"})
	require.Equal(t, []string{"ΣΊΣΥΦΟΣ", "éclair"}, namesOf(page))
	require.Equal(t, true, page["pagination"].(map[string]any)["hasMore"])
}
