package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/api"
	"journeys/internal/manifest"
)

func TestOperations_CoverEveryRoute(t *testing.T) {
	t.Parallel()

	var routes []manifest.Route
	for _, op := range api.Operations() {
		routes = append(routes, op.Route)
	}
	require.Equal(t, manifest.Routes(), routes)
}

// An operation, its route and its function share one name, so a mix-up of any of
// the three shows.
func TestOperations_MatchTheirFunctions(t *testing.T) {
	t.Parallel()

	source, err := os.ReadFile("api.go")
	require.NoError(t, err)
	operations := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^func (\w+)\(\) Operation \{\n\treturn Operation\{manifest\.(\w+),`).FindAllStringSubmatch(string(source), -1) {
		require.Equal(t, m[1], m[2])
		operations[m[1]] = true
	}
	require.Len(t, operations, len(manifest.Routes()))
	for _, route := range manifest.Routes() {
		id := route.Function.LogicalID()
		require.True(t, operations[id], "no operation %s", id)
		main, err := os.ReadFile("../../functions/" + route.Function.Name + "/main.go")
		require.NoError(t, err)
		run := "boot.Endpoint(api." + id + "())"
		switch {
		case len(route.Function.Invokes) > 0:
			run = "boot.InvokingEndpoint(api." + id + "(), invoke.New)"
		case route.Function.Sends():
			run = "boot.SendingEndpoint(api." + id + "(), providers.New)"
		}
		require.Contains(t, string(main), "func main() { "+run+" }")
		require.Contains(t, string(main), "// Command "+route.Function.Name+" serves "+route.Key()+".\n")
	}
}

func TestHandler_AllowsOnlyTheRolesOfTheRoute(t *testing.T) {
	t.Parallel()

	roles := []string{manifest.Admin, manifest.Editor, manifest.Viewer, manifest.Ingest, "owner", ""}
	s := newServer(t, &memoryStore{})
	for _, op := range api.Operations() {
		for _, role := range roles {
			as := caller(role)
			w := s.do(call{method: op.Method, path: strings.ReplaceAll(op.Path, "{id}", missing), caller: &as})
			allowed := strings.Contains(strings.Join(op.Roles, " "), role) && role != ""
			require.Equal(t, !allowed, w.Code == 403, "%s as %q: %d", op.Key(), role, w.Code)
		}
	}
}

func TestHandler_ForbidsCachingAndSniffing(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id := s.create(`{"name":"n"}`)
	for _, path := range []string{"/journeys", "/journeys/" + id, "/journeys/nothing", "/journeys?limit=0"} {
		header := s.do(call{method: "GET", path: path}).Header()
		require.Equal(t, "no-store", header.Get("Cache-Control"), path)
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
	}
}
