package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/golden"
	"journeys/internal/manifest"
)

// The life of a draft, as callers see it.
func TestDraft_AnswersMatchTheGoldenFile(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	path := "/journeys/" + s.createActive()
	draft := path + "/draft"
	var text strings.Builder
	show := func(name string, status int, c call) string {
		w := s.do(c)
		require.Equal(t, status, w.Code, "%s: %s", name, w.Body)
		fmt.Fprintf(&text, "=== %s\n%s", name, transcript(w))
		return w.Header().Get("ETag")
	}
	show("no draft", 404, call{method: "GET", path: draft})
	show("no journey", 404, call{method: "GET", path: "/journeys/" + missing + "/draft"})
	tag := show("create from the journey", 201, call{method: "PUT", path: draft, body: `{}`, header: []string{"If-None-Match", "*"}})
	require.Equal(t, tag, show("create again", 200, call{method: "PUT", path: draft, body: `{}`, header: []string{"If-None-Match", "*"}}))
	show("create another", 412, call{method: "PUT", path: draft, body: `{"timezone":"Asia/Tokyo"}`, header: []string{"If-None-Match", "*"}})
	changed := show("change", 200, call{
		method: "PUT", path: draft, header: []string{"If-Match", tag},
		body: `{"definition":` + strings.Replace(shortGraph, `"edges":[{"source":"in","target":"out"}]`, `"edges":[]`, 1) + `,"timezone":"Asia/Tokyo","exitWhen":null,"goal":{"eventType":"bought","windowDays":7}}`,
	})
	show("change what has changed", 412, call{method: "PUT", path: draft, body: `{"timezone":"Europe/Berlin"}`, header: []string{"If-Match", tag}})
	show("get", 200, call{method: "GET", path: draft, header: []string{"If-None-Match", tag}})
	show("get with a matching ETag", 304, call{method: "GET", path: draft, header: []string{"If-None-Match", `"1", W/` + changed}})
	show("publish an incomplete graph", 400, call{method: "POST", path: draft + "/publish", header: []string{"If-Match", changed}})
	whole := show("complete", 200, call{method: "PUT", path: draft, body: `{"definition":` + shortGraph + `}`})
	show("publish without a tag", 400, call{method: "POST", path: draft + "/publish", body: `{"basedOn":"2"}`})
	show("publish any tag", 400, call{method: "POST", path: draft + "/publish", header: []string{"If-Match", "*"}})
	show("publish a stale tag", 412, call{method: "POST", path: draft + "/publish", header: []string{"If-Match", changed}})
	show("rename the journey", 200, call{method: "PUT", path: path, body: `{"name":"Renamed"}`})
	show("change the journey", 200, call{method: "PUT", path: path, body: `{"timezone":"Europe/Paris"}`})
	show("publish over it", 412, call{method: "POST", path: draft + "/publish", header: []string{"If-Match", whole}})
	show("publish over an unknown one", 400, call{method: "POST", path: draft + "/publish", body: `{"basedOn":"\"5\""}`, header: []string{"If-Match", whole}})
	show("publish over it by name", 200, call{method: "POST", path: draft + "/publish", body: `{"basedOn":"\"4\""}`, header: []string{"If-Match", whole}})
	show("publish again", 200, call{method: "POST", path: draft + "/publish", header: []string{"If-Match", whole}})
	show("publish what never was", 412, call{method: "POST", path: draft + "/publish", header: []string{"If-Match", `"", "x"`}})
	last := show("create another from the journey", 201, call{method: "PUT", path: draft, body: `{"timezone":null}`})
	show("delete what has changed", 412, call{method: "DELETE", path: draft, header: []string{"If-Match", whole}})
	show("delete", 204, call{method: "DELETE", path: draft, header: []string{"If-Match", last}})
	show("delete again", 204, call{method: "DELETE", path: draft, header: []string{"If-Match", last}})
	show("change what is gone", 412, call{method: "PUT", path: draft, body: `{}`, header: []string{"If-Match", "*"}})
	golden.Equal(t, "testdata/drafts.txt", text.String())
}

func TestDraft_NamesEveryFault(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	draft := "/journeys/" + s.createActive() + "/draft"
	long := strings.Repeat("a", 16*1024)
	half := `{"field":"a","operator":"in","value":["` + strings.Repeat(long[:250]+`","`, 40) + `"]}`
	for body, pointers := range map[string][]string{
		`{"definition":{"nodes":[{"id":"a","type":"x"}]},"name":"n","timezone":"Mars"}`: {"/definition/nodes/0/type", "/name", "/timezone"},
		`{"basedOn":"3"}`:                          {"/basedOn"},
		`{"basedOn":"W/\"3\""}`:                    {"/basedOn"},
		`{"basedOn":3}`:                            {"/basedOn"},
		`{"basedOn":null}`:                         {"/basedOn"},
		`{"basedOn":"\"0\""}`:                      {"/basedOn"},
		`{"basedOn":"\"3\""}`:                      {"/basedOn"}, // newer than the journey
		`{"basedOn":"\"9999999999999999999999\""}`: {"/basedOn"},
		`{"exitWhen":{"condition":` + half + `},"goal":{"eventType":"e","windowDays":0,"condition":` + half + `}}`: {""},
		`{"definition":{"nodes":[],"edges":[],"x":"` + strings.Repeat(long, 16) + `"}}`:                            {"/definition"},
	} {
		answer := s.must(400, call{method: "PUT", path: draft, body: body})
		var found []string
		for _, f := range answer["errors"].([]any) {
			found = append(found, f.(map[string]any)["pointer"].(string))
		}
		require.ElementsMatch(t, pointers, found, "%.100s", body)
	}
	s.must(404, call{method: "GET", path: draft})
	both := s.must(400, call{method: "PUT", path: draft, body: `{}`, header: []string{"If-None-Match", `"x"`}})
	require.Contains(t, fmt.Sprint(both["errors"]), "/header/If-None-Match")
}

func TestDraft_AnswersCanBeSentBack(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	draft := "/journeys/" + s.createActive() + "/draft"
	s.must(201, call{method: "PUT", path: draft, body: `{"timezone":"Asia/Tokyo"}`})
	read := s.do(call{method: "GET", path: draft})
	put := s.do(call{method: "PUT", path: draft, body: read.Body.String(), header: []string{"If-Match", read.Header().Get("ETag")}})
	require.Equal(t, 200, put.Code, put.Body)
	require.Equal(t, read.Body.String(), put.Body.String())
	require.Equal(t, read.Header().Get("ETag"), put.Header().Get("ETag"), "nothing was written")

	viewer := caller(manifest.Viewer)
	s.must(403, call{method: "GET", path: draft, caller: &viewer})
}

// A repeated creation is recognized although the journey was renamed in between.
func TestDraft_CreationIsRepeatableAfterARename(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id := s.createActive()
	path := "/journeys/" + id
	create := call{method: "PUT", path: path + "/draft", body: `{"timezone":"Asia/Tokyo"}`, header: []string{"If-None-Match", "*"}}
	s.log.Reset()
	first := s.do(create)
	require.Equal(t, 201, first.Code, first.Body)
	require.Contains(t, s.log.String(), `"journey":"`+id+`"`)
	require.Equal(t, 200, s.do(call{method: "PUT", path: path, body: `{"name":"another"}`}).Code)
	again := s.do(create)
	require.Equal(t, 200, again.Code, again.Body)
	require.Equal(t, first.Header().Get("ETag"), again.Header().Get("ETag"))

	require.Equal(t, 200, s.do(call{method: "PUT", path: path, body: `{"timezone":"Europe/Rome"}`}).Code)
	require.Equal(t, 412, s.do(create).Code, "the draft is based on another revision")
}
