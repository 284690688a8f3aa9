package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// reservedIn returns the reserved concurrency of a template's functions by logical id.
func reservedIn(template stackTemplate) map[string]int {
	reserved := map[string]int{}
	for id, f := range template.ofType("AWS::Lambda::Function") {
		if n, ok := f.Properties["ReservedConcurrentExecutions"].(float64); ok {
			reserved[id] = int(n)
		}
	}
	return reserved
}

func TestConcurrency_IsReservedInProdOnlyWhereNoRouteIsServed(t *testing.T) {
	templates := synthesized(t)
	require.Empty(t, reservedIn(templates[devStage]))
	require.Equal(t, map[string]int{
		"Authorizer": 300, "Advance": 25, "Tick": 2, "Sweep": 20, "Count": 20, "Rollup": 2, "Feedback": 10,
	}, reservedIn(templates[prodStage]))
}

// An HTTP API answers 500 where the authorizer has no concurrency left, and 503 where
// the function of a route has none. So what the stage's throttles let pass, while each
// call starts a process, fits into the authorizer's concurrency, and into what an
// account has left for the routes.
func TestConcurrency_HoldsAColdBurst(t *testing.T) {
	prod := synthesized(t)[prodStage]
	stage := only(prod.ofType("AWS::ApiGatewayV2::Stage")).Properties
	throttle := func(settings any) manifest.Throttle {
		s := settings.(map[string]any)
		return manifest.Throttle{Rate: int(s["ThrottlingRateLimit"].(float64)), Burst: int(s["ThrottlingBurstLimit"].(float64))}
	}
	api := throttle(stage["DefaultRouteSettings"])
	require.LessOrEqual(t, api.Concurrency(manifest.AuthorizerStart), reservedIn(prod)["Authorizer"])

	routes := api.Concurrency(manifest.EndpointStart)
	for _, r := range manifest.PublicRoutes() {
		start := manifest.EndpointStart
		if r.Function.Name == manifest.Console.Name {
			start = manifest.ConsoleStart
		}
		routes += throttle(stage["RouteSettings"].(map[string]any)[r.Key()]).Concurrency(start)
	}
	require.LessOrEqual(t, routes, manifest.AccountConcurrency-manifest.ReservedConcurrency)
	t.Logf("a cold burst takes %d of the authorizer's %d, and %d of the account's %d that nothing reserves",
		api.Concurrency(manifest.AuthorizerStart), reservedIn(prod)["Authorizer"], routes, manifest.AccountConcurrency-manifest.ReservedConcurrency)
}

func TestConcurrency_TakesItsSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"more than the default sum": {
			map[string]string{manifest.EnvConcurrency: "100"},
			"the functions of prod reserve a concurrency of 454, more than JOURNEYS_RESERVED_CONCURRENCY (400): " +
				"authorizer 300, advance 100, sweep 20, count 20, feedback 10, tick 2, rollup 2",
		},
		"more than the sum of the setting": {
			map[string]string{envReserved: "378"}, "reserve a concurrency of 379, more than JOURNEYS_RESERVED_CONCURRENCY (378): authorizer 300, advance 25",
		},
		"a sum that is no number": {map[string]string{envReserved: "many"}, `JOURNEYS_RESERVED_CONCURRENCY is "many": want a whole number above 0`},
		"no worker":               {map[string]string{manifest.EnvConcurrency: "0"}, "JOURNEYS_ADVANCE_CONCURRENCY"},
	} {
		values := maps.Clone(goodSettings)
		maps.Copy(values, c.change)
		_, err := settingsFrom(values)
		require.ErrorContains(t, err, c.want, name)
	}

	values := maps.Clone(goodSettings)
	maps.Copy(values, map[string]string{manifest.EnvConcurrency: "100", envReserved: "454"})
	s, err := settingsFrom(values)
	require.NoError(t, err)
	require.Equal(t, 100, s.reserved[manifest.Advance.Name])
	require.Equal(t, "100", s.functions[manifest.EnvConcurrency], "tick gives each worker its share")

	values[envStage], values[envReserved] = devStage, "1"
	_, err = settingsFrom(values)
	require.NoError(t, err, "dev reserves nothing")
}
