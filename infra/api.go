package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2authorizers"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"journeys/internal/manifest"
)

// httpAPI returns the API, without routes at first. It depends on nothing, so anything
// may depend on it.
func (st *stack) httpAPI() awsapigatewayv2.HttpApi {
	if st.api == nil {
		st.api = awsapigatewayv2.NewHttpApi(st.scope, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
			ApiName:            st.scope.StackName(),
			CreateDefaultStage: jsii.Bool(false),
			CorsPreflight:      corsOptions(st.settings.corsOrigins),
			// What stands in front of the domain, such as a web application firewall, must
			// not have a way around it.
			DisableExecuteApiEndpoint: jsii.Bool(st.settings.domain != ""),
		})
	}
	return st.api
}

// corsOptions returns the options for pages of these origins, nil if there are none.
func corsOptions(origins []string) *awsapigatewayv2.CorsPreflightOptions {
	if len(origins) == 0 {
		return nil
	}
	var methods []awsapigatewayv2.CorsHttpMethod
	for _, method := range manifest.CORSMethods() {
		methods = append(methods, awsapigatewayv2.CorsHttpMethod(method))
	}
	return &awsapigatewayv2.CorsPreflightOptions{
		AllowOrigins:  jsii.Strings(origins...),
		AllowMethods:  &methods,
		AllowHeaders:  jsii.Strings(manifest.CORSRequestHeaders()...),
		ExposeHeaders: jsii.Strings(manifest.CORSExposedHeaders()...),
		MaxAge:        awscdk.Duration_Seconds(jsii.Number(manifest.CORSMaxAge.Seconds())),
	}
}

func (st *stack) addAPI() {
	api := st.httpAPI()
	authorizer := awsapigatewayv2authorizers.NewHttpLambdaAuthorizer(
		jsii.String("TokenAuthorizer"), st.functions[manifest.Authorizer.Name],
		&awsapigatewayv2authorizers.HttpLambdaAuthorizerProps{
			IdentitySource:  jsii.Strings("$request.header.Authorization"),
			ResponseTypes:   &[]awsapigatewayv2authorizers.HttpLambdaResponseType{awsapigatewayv2authorizers.HttpLambdaResponseType_SIMPLE},
			ResultsCacheTtl: awscdk.Duration_Seconds(jsii.Number(manifest.AuthorizerTTL.Seconds())),
		})
	for _, r := range manifest.Routes() {
		api.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
			Path:       jsii.String(r.FullPath()),
			Methods:    &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(r.Method)},
			Authorizer: authorizer,
			Integration: awsapigatewayv2integrations.NewHttpLambdaIntegration(
				jsii.String(r.Function.LogicalID()+"Integration"), st.functions[r.Function.Name], nil),
		})
	}
	st.addStage(api)
	if st.settings.console {
		st.addPublicRoutes(api, manifest.ConsoleRoutes(),
			"The web console's files and settings are public: a browser loads them before it signs in.")
		st.output("ConsoleUrl", st.consoleURL(), "The address of the web console, which an issuer of your own needs as redirect URI")
	}
	st.addPublicRoutes(api, manifest.UnsubscribeRoutes(),
		"Customers who unsubscribe have no account: the token in the link of their message proves who they are.")
	st.addPublicThrottles()
	st.output("ApiUrl", st.address(), "The address of the API. Paths begin with "+manifest.BasePath)
	if st.settings.domain != "" {
		st.addDomain(api)
	}
}

// addStage adds the stage $default. The name of any other stage would be part of
// the path that the functions see. Metrics of each route would cost $0.30 each, six
// for a route; the access log has the routes.
func (st *stack) addStage(api awsapigatewayv2.HttpApi) {
	st.stage = awsapigatewayv2.NewHttpStage(st.scope, jsii.String("Stage"), &awsapigatewayv2.HttpStageProps{
		HttpApi:    api,
		StageName:  jsii.String("$default"),
		AutoDeploy: jsii.Bool(true),
		Throttle: &awsapigatewayv2.ThrottleSettings{
			RateLimit: jsii.Number(manifest.APIThrottle.Rate), BurstLimit: jsii.Number(manifest.APIThrottle.Burst),
		},
	})
	// The L2 construct takes these settings as an interface that Go cannot implement.
	st.stage.Node().DefaultChild().(awsapigatewayv2.CfnStage).SetAccessLogSettings(
		&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: st.newLogGroup("AccessLog").LogGroupArn(),
			Format:         jsii.String(accessLogFormat()),
		})
}

// addPublicRoutes adds routes of one function without authorizer, for a reason.
func (st *stack) addPublicRoutes(api awsapigatewayv2.HttpApi, routes []manifest.Route, reason string) {
	f := routes[0].Function
	integration := awsapigatewayv2integrations.NewHttpLambdaIntegration(
		jsii.String(f.LogicalID()+"Integration"), st.functions[f.Name], nil)
	for _, r := range routes {
		added := api.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
			Path:        jsii.String(r.FullPath()),
			Methods:     &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(r.Method)},
			Authorizer:  awsapigatewayv2.NewHttpNoneAuthorizer(),
			Integration: integration,
		})
		for _, route := range *added {
			// API Gateway refuses the settings of a route that does not exist yet.
			st.stage.Node().AddDependency(route)
			cdknag.NagSuppressions_AddResourceSuppressions(route, &[]*cdknag.NagPackSuppression{{
				Id: jsii.String("AwsSolutions-APIG4"), Reason: jsii.String(reason),
			}}, nil)
		}
	}
}

// addPublicThrottles gives each public route of the stack a throttle of its own, so
// that a flood of public requests leaves the API its share.
func (st *stack) addPublicThrottles() {
	routes := manifest.UnsubscribeRoutes()
	if st.settings.console {
		routes = manifest.PublicRoutes()
	}
	throttles := map[string]any{}
	for _, r := range routes {
		throttles[r.Key()] = map[string]any{
			"ThrottlingRateLimit":  r.Throttle.Rate,
			"ThrottlingBurstLimit": r.Throttle.Burst,
		}
	}
	st.stage.Node().DefaultChild().(awsapigatewayv2.CfnStage).SetRouteSettings(throttles)
}

// accessLogFormat returns the format of the access log: one JSON line per call,
// including calls that reach no function.
func accessLogFormat() string {
	fields := map[string]string{
		"requestId":          "$context.requestId",
		"routeKey":           "$context.routeKey",
		"status":             "$context.status",
		"responseLatency":    "$context.responseLatency",
		"integrationLatency": "$context.integrationLatency",
		"integrationStatus":  "$context.integrationStatus",
		"authorizerError":    "$context.authorizer.error",
		"sourceIp":           "$context.identity.sourceIp",
		"userAgent":          "$context.identity.userAgent",
		"tenant":             "$context.authorizer.tenant",
		"refused":            "$context.authorizer.refused",
	}
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(line)
}
