package main

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestRoutes_HaveTheAuthorizer(t *testing.T) {
	for _, template := range synthesized(t) {
		authorizers := template.ofType("AWS::ApiGatewayV2::Authorizer")
		require.Len(t, authorizers, 1)
		for _, a := range authorizers {
			require.Equal(t, "REQUEST", a.Properties["AuthorizerType"])
			require.Equal(t, "2.0", a.Properties["AuthorizerPayloadFormatVersion"])
			require.Equal(t, true, a.Properties["EnableSimpleResponses"])
			require.Equal(t, []any{"$request.header.Authorization"}, a.Properties["IdentitySource"])
			require.Equal(t, manifest.AuthorizerTTL.Seconds(), a.Properties["AuthorizerResultTtlInSeconds"])
		}
		routes := template.ofType("AWS::ApiGatewayV2::Route")
		require.Len(t, routes, len(manifest.AllRoutes()))
		public := map[string]bool{}
		for _, r := range manifest.PublicRoutes() {
			public[r.Key()] = true
		}
		for id, route := range routes {
			if public[route.Properties["RouteKey"].(string)] {
				require.Equal(t, "NONE", route.Properties["AuthorizationType"], id)
				require.NotContains(t, route.Properties, "AuthorizerId", id)
				continue
			}
			require.Equal(t, "CUSTOM", route.Properties["AuthorizationType"], id)
			require.Contains(t, authorizers, ref(route.Properties["AuthorizerId"]), id)
		}
	}
}

// API Gateway refuses the settings of a route that does not exist yet, so the
// stage comes after the routes.
func TestPublicRoutes_HaveThrottlesOfTheirOwn(t *testing.T) {
	for _, template := range synthesized(t) {
		stage := only(template.ofType("AWS::ApiGatewayV2::Stage"))
		want := map[string]any{}
		for _, r := range manifest.PublicRoutes() {
			want[r.Key()] = map[string]any{"ThrottlingRateLimit": float64(r.Throttle.Rate), "ThrottlingBurstLimit": float64(r.Throttle.Burst)}
		}
		require.Equal(t, want, stage.Properties["RouteSettings"])
		for id, route := range template.ofType("AWS::ApiGatewayV2::Route") {
			if want[route.Properties["RouteKey"].(string)] != nil {
				require.Contains(t, stage.DependsOn, id)
			}
		}
	}
}

func TestConsole_IsDeployedOnlyWithItsClient(t *testing.T) {
	values := maps.Clone(goodSettings)
	delete(values, manifest.EnvConsoleClientID)
	values[envStage] = prodStage
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)

	without, with := templates[prodStage], synthesized(t)[prodStage]
	require.Empty(t, without.messages)
	require.Len(t, without.ofType("AWS::ApiGatewayV2::Route"), len(manifest.Routes())+len(manifest.UnsubscribeRoutes()))
	require.NotContains(t, without.Outputs, "ConsoleUrl")
	require.NotContains(t, string(without.text), "JOURNEYS_CONSOLE")
	require.NotContains(t, string(without.text), `"Console`)
	require.Len(t, only(without.ofType("AWS::ApiGatewayV2::Stage")).Properties["RouteSettings"], len(manifest.UnsubscribeRoutes()))
	require.Contains(t, with.Outputs, "ConsoleUrl")
	for id := range without.Resources {
		require.Contains(t, with.Resources, id, "the console replaces nothing")
	}
	t.Logf("the console adds %d resources", len(with.Resources)-len(without.Resources))
}

// maxResources is a bound of our own. CloudFormation accepts 500.
const maxResources = 450

func TestStacks_StayBelow450Resources(t *testing.T) {
	for stage, template := range synthesized(t) {
		t.Logf("%s: %d resources", stage, len(template.Resources))
		require.Less(t, len(template.Resources), maxResources, stage)
	}
}

func TestIntegrations_UsePayloadFormat2(t *testing.T) {
	for _, template := range synthesized(t) {
		for id, integration := range template.ofType("AWS::ApiGatewayV2::Integration") {
			require.Equal(t, "2.0", integration.Properties["PayloadFormatVersion"], id)
			require.Equal(t, "AWS_PROXY", integration.Properties["IntegrationType"], id)
		}
	}
}

func TestStage_ThrottlesAndLogs(t *testing.T) {
	for _, template := range synthesized(t) {
		stages := template.ofType("AWS::ApiGatewayV2::Stage")
		require.Len(t, stages, 1)
		stage := only(stages).Properties
		require.Equal(t, "$default", stage["StageName"], "any other name would be part of the path")
		require.Equal(t, map[string]any{
			"ThrottlingRateLimit": 200.0, "ThrottlingBurstLimit": 100.0,
		}, stage["DefaultRouteSettings"], "metrics of each route would cost $0.30 each")

		logging := stage["AccessLogSettings"].(map[string]any)
		var line map[string]string
		require.NoError(t, json.Unmarshal([]byte(logging["Format"].(string)), &line), "the access log is JSON")
		for _, field := range []string{
			"requestId", "routeKey", "status", "responseLatency", "integrationLatency", "integrationStatus",
			"authorizerError", "sourceIp", "userAgent", "tenant", "refused",
		} {
			require.Contains(t, line, field)
		}
		group := template.Resources[getAtt(logging["DestinationArn"])]
		require.Equal(t, "AWS::Logs::LogGroup", group.Type)
	}
}

func TestDomain_IsOptional(t *testing.T) {
	require.Empty(t, synthesized(t)[prodStage].ofType("AWS::ApiGatewayV2::DomainName"))
	require.Empty(t, synthesizedCognito(t)[prodStage].ofType("AWS::ApiGatewayV2::DomainName"))
	require.Equal(t, false, only(synthesized(t)[prodStage].ofType("AWS::ApiGatewayV2::Api")).Properties["DisableExecuteApiEndpoint"])

	s, err := settingsFrom(cognitoSettingsForTests) // the stack with everything
	require.NoError(t, err)
	s.stages = []string{prodStage}
	s.domain, s.truststore = "journeys.example.com", "s3://trusted/origin/ca.pem"
	s.certificate = "arn:aws:acm:eu-central-1:111122223333:certificate/00000000-0000-0000-0000-000000000000"
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)

	prod := templates[prodStage]
	require.Empty(t, prod.messages)
	require.Contains(t, prod.Outputs, "DomainTarget")
	require.Equal(t, true, only(prod.ofType("AWS::ApiGatewayV2::Api")).Properties["DisableExecuteApiEndpoint"])
	require.Equal(t, "https://journeys.example.com", prod.Outputs["ApiUrl"].(map[string]any)["Value"])
	require.Equal(t, "https://journeys.example.com/", prod.Outputs["ConsoleUrl"].(map[string]any)["Value"])
	require.NotContains(t, string(prod.text), `"ApiEndpoint"`, "the default endpoint is closed")
	require.Len(t, prod.ofType("AWS::ApiGatewayV2::ApiMapping"), 1)
	for _, domain := range prod.ofType("AWS::ApiGatewayV2::DomainName") {
		require.Equal(t, "journeys.example.com", domain.Properties["DomainName"])
		require.Equal(t, "s3://trusted/origin/ca.pem", domain.Properties["MutualTlsAuthentication"].(map[string]any)["TruststoreUri"])
	}
	t.Logf("%s with everything: %d resources", prodStage, len(prod.Resources))
	require.Less(t, len(prod.Resources), maxResources)
}

// only returns the single element of resources.
func only(resources map[string]resource) resource {
	for _, r := range resources {
		return r
	}
	return resource{}
}

func ref(value any) string {
	reference, _ := value.(map[string]any)
	id, _ := reference["Ref"].(string)
	return id
}

func getAtt(value any) string {
	reference, _ := value.(map[string]any)
	attribute, _ := reference["Fn::GetAtt"].([]any)
	if len(attribute) == 0 {
		return ""
	}
	id, _ := attribute[0].(string)
	return id
}
