package manifest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRoutes_AreBelowTheBasePathAndHaveRoles(t *testing.T) {
	t.Parallel()
	for _, r := range Routes() {
		require.False(t, r.Public, r.Key())
		require.Zero(t, r.Throttle, r.Key())
		require.NotEmpty(t, r.Roles, r.Key())
		require.True(t, strings.HasPrefix(r.FullPath(), BasePath+"/"), r.Key())
	}
}

func TestPublicRoutes_HaveNeitherBasePathNorRoles(t *testing.T) {
	t.Parallel()
	for _, r := range PublicRoutes() {
		require.True(t, r.Public, r.Key())
		require.Empty(t, r.Roles, r.Key())
		require.False(t, strings.HasPrefix(r.FullPath(), BasePath), r.Key())
		require.NotZero(t, r.Throttle, r.Key())
		if r.Function.Name != Unsubscribe.Name {
			require.Empty(t, r.Function.Actions, "of the public routes, only those with a signed token may reach the table")
			require.Empty(t, r.Function.Invokes, r.Key())
		}
	}
	require.Equal(t, "GET /assets/{file}", ConsoleAsset.Key())
}

func TestFunctions_ListsEachOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, f := range Functions() {
		seen[f.Name]++
	}
	for _, r := range AllRoutes() {
		require.Equal(t, 1, seen[r.Function.Name], r.Key())
	}
	require.Len(t, seen, len(Functions()))
}

func TestThrottle_CountsTheCallsInProgress(t *testing.T) {
	t.Parallel()
	throttle := Throttle{Rate: 200, Burst: 100}
	for call, want := range map[time.Duration]int{
		0: 100, time.Millisecond: 101, 500 * time.Millisecond: 200, 501 * time.Millisecond: 201, time.Second: 300, 29 * time.Second: 5900,
	} {
		require.Equal(t, want, throttle.Concurrency(call), call)
	}
}

// A cold burst on every route at once fits into what the account has left for the
// functions without reserved concurrency.
func TestThrottles_LeaveAnAnswerForEachRequestThatPasses(t *testing.T) {
	t.Parallel()
	reserved := 0
	for _, f := range Functions() {
		reserved += f.Concurrency
	}
	require.LessOrEqual(t, reserved, ReservedConcurrency)
	burst := APIThrottle.Concurrency(EndpointStart)
	for _, r := range PublicRoutes() {
		start := EndpointStart
		if r.Function.Name == Console.Name {
			start = ConsoleStart
		}
		burst += r.Throttle.Concurrency(start)
	}
	require.LessOrEqual(t, burst, AccountConcurrency-ReservedConcurrency)
	require.GreaterOrEqual(t, Authorizer.Concurrency, APIThrottle.Concurrency(AuthorizerStart))
}

func TestFunctions_ReserveConcurrencyOnlyWhereNoRouteIsServed(t *testing.T) {
	t.Parallel()
	for _, f := range Background() {
		require.Positive(t, f.Concurrency, f.Name)
	}
	for _, r := range AllRoutes() {
		require.Zero(t, r.Function.Concurrency, r.Key())
	}
}
