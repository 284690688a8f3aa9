package agree

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestDiff_NamesEveryDifference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(Deployed)
		want  []string
	}{
		"nothing differs": {func(Deployed) {}, nil},
		"a subject is missing": {
			func(d Deployed) { delete(d, "function get-journey") },
			[]string{"function get-journey: missing"},
		},
		"a subject is not wanted": {
			func(d Deployed) { d["route GET /x"] = Aspects{} },
			[]string{"route GET /x: not wanted"},
		},
		"a value differs": {
			func(d Deployed) { d["function get-journey"]["memory"] = "128" },
			[]string{`function get-journey: memory: want "512", found "128"`},
		},
		"a value is missing": {
			func(d Deployed) { delete(d["table"], "ttl") },
			[]string{`table: ttl: want "ttl", nothing found`},
		},
		"a value is not wanted": {
			func(d Deployed) { d["table"]["class"] = "IA" },
			[]string{`table: class: not wanted, found "IA"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := FromManifest()
			c.plant(got)
			require.Equal(t, c.want, Diff(FromManifest(), got))
		})
	}
}

func TestOnly_DropsOtherSubjectsAndAspects(t *testing.T) {
	t.Parallel()
	routes := FromManifest().Only("route", "function")
	require.Len(t, routes, len(manifest.AllRoutes()))
	require.Equal(t, Aspects{"function": "list-journeys"}, routes["route GET /api/v1/journeys"])
	require.Contains(t, FromManifest()["route GET /api/v1/journeys"], "authorizer", "the original is unchanged")
}

func TestFromManifest_WritesEveryAspect(t *testing.T) {
	t.Parallel()
	d := FromManifest()
	require.Equal(t, Aspects{
		"keys":    "PK S HASH, SK S RANGE",
		"indexes": "due (dp S HASH, ds N RANGE) KEYS_ONLY",
		"ttl":     "ttl",
		"stream":  "NEW_IMAGE",
	}, d["table"])
	require.Equal(t, Aspects{"memory": "512", "timeout": "29", "env": "JOURNEYS_TABLE"}, d["function get-journey"])
}

func TestKebab_InvertsLogicalID(t *testing.T) {
	t.Parallel()
	for _, f := range manifest.Functions() {
		require.Equal(t, f.Name, kebab(f.LogicalID()))
	}
}

func TestFromCDK_FollowsReferences(t *testing.T) {
	t.Parallel()
	got, err := FromCDK([]byte(`{"Resources": {
		"GetJourney": {"Type": "AWS::Lambda::Function", "Properties": {
			"MemorySize": 128, "Timeout": 3, "Environment": {"Variables": {"B": {"Ref": "Table"}, "A": "x"}}}},
		"Authorizer": {"Type": "AWS::Lambda::Function", "Properties": {}},
		"I": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"IntegrationUri": {"Fn::GetAtt": ["GetJourney", "Arn"]}}},
		"A": {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {
			"AuthorizerUri": {"Fn::Join": ["", ["arn:", {"Fn::GetAtt": ["Authorizer", "Arn"]}, "/invocations"]]}}},
		"R1": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"RouteKey": "GET /a",
			"AuthorizerId": {"Ref": "A"}, "Target": {"Fn::Join": ["", ["integrations/", {"Ref": "I"}]]}}},
		"R2": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"RouteKey": "GET /open", "Target": {"Ref": "I"}}}
	}}`))
	require.NoError(t, err)
	require.Equal(t, Deployed{
		"function get-journey": {"memory": "128", "timeout": "3", "env": "A, B"},
		"function authorizer":  {"memory": "0", "timeout": "0", "env": ""},
		"route GET /a":         {"function": "get-journey", "authorizer": "authorizer"},
		"route GET /open":      {"function": "get-journey", "authorizer": ""},
	}, got)
}

func TestFromCDK_RefusesBrokenTemplates(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{
		"not JSON": `Resources:`,
		"a route twice": `{"Resources": {
			"A": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"RouteKey": "GET /a"}},
			"B": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"RouteKey": "GET /a"}}}}`,
		"a memory size that is not a number": `{"Resources": {"A": {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": "x"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := FromCDK([]byte(template))
			require.Error(t, err)
		})
	}
}
