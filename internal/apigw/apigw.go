// Package apigw hands API Gateway's events, payload format 2.0, to a net/http
// handler, and its answers back. It knows events and HTTP, and where the caller
// stands in an event; it must not know routes or what handlers do.
//
// It stands on aws-lambda-go-api-proxy, which no other package imports. That
// library is archived and reads some events wrongly, so it gets from each event
// only what it reads well, and the rest is done here:
//
//   - The path arrives decoded. The library parses it again, so that a ? in it
//     begins the query, a # ends it, and a % fails the call.
//   - It splits headers at commas: in If-Match, in dates, in JSON.
//   - It sends cookies twice when they stand in a header too.
//   - It sets neither path values nor RemoteAddr's port, and leaves the name of
//     a stage in the path.
//   - A caller can set the headers in which it looks for the gateway's context.
//   - A handler that writes nothing is an error, a second WriteHeader counts, and
//     headers may be set after the first.
package apigw

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"journeys/internal/auth"
)

// Handler returns the Lambda handler that answers events by h. It gives h the
// caller of the authorizer's context (auth.FromContext), the path's values, and
// the route's key as Pattern, and does not limit the body. A panic of h is
// logged and answered with a 500. The error is for what no gateway sends.
func Handler(h http.Handler, log *slog.Logger) func(
	context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if event.Version != "2.0" {
			return events.APIGatewayV2HTTPResponse{}, fmt.Errorf(
				"the event's payload format is %q; the integration must send 2.0", event.Version)
		}
		if event.IsBase64Encoded {
			body, err := base64.StdEncoding.DecodeString(event.Body)
			if err != nil {
				return problem(event, http.StatusBadRequest, "malformed-base64"), nil //nolint:nilerr // the caller's fault is an answer
			}
			event.Body = string(body)
		}
		r, err := request(ctx, event)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		return serve(h, log, r, event)
	}
}

// RequestID returns the gateway's id of the request, "" without one. It is for
// problem documents and logs only: SAM gives every request the same.
func RequestID(ctx context.Context) string {
	gateway, _ := core.GetAPIGatewayV2ContextFromContext(ctx)
	return gateway.RequestID
}

// request returns the event as a request. The event's body is decoded.
func request(ctx context.Context, event events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	var gateway core.RequestAccessorV2
	r, err := gateway.EventToRequestWithContext(ctx, plain(event))
	if err != nil {
		return nil, fmt.Errorf("the event is no request: %w", err)
	}
	r.URL = &url.URL{Path: path(event), RawQuery: event.RawQueryString}
	r.RequestURI = r.URL.RequestURI()
	r.Pattern = event.RouteKey
	r.RemoteAddr = net.JoinHostPort(event.RequestContext.HTTP.SourceIP, "0")
	setHeaders(r, event)
	for name, value := range event.PathParameters {
		r.SetPathValue(name, value)
	}
	var caller auth.Caller
	if authorizer := event.RequestContext.Authorizer; authorizer != nil {
		caller = auth.FromAuthorizer(authorizer.Lambda)
	}
	return r.WithContext(auth.NewContext(r.Context(), caller)), nil
}

// plain returns what the library may see: method, body and context.
func plain(event events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPRequest {
	seen := events.APIGatewayV2HTTPRequest{RawPath: "/", Body: event.Body, RequestContext: event.RequestContext}
	seen.RequestContext.DomainName = ""
	return seen
}

// path returns the event's path without the name of the stage, which stands in
// front of it unless the stage is $default or the API has a domain of its own.
func path(event events.APIGatewayV2HTTPRequest) string {
	stage := "/" + event.RequestContext.Stage
	_, route, _ := strings.Cut(event.RouteKey, " ")
	start, _, _ := strings.Cut(route, "{")
	if start != "" && strings.HasPrefix(event.RawPath, stage+start) {
		return strings.TrimPrefix(event.RawPath, stage)
	}
	return event.RawPath
}

// setHeaders gives r the event's headers as they came. Cookies, which have a
// place of their own in the event, replace those in the headers.
func setHeaders(r *http.Request, event events.APIGatewayV2HTTPRequest) {
	r.Header = make(http.Header, len(event.Headers)+1)
	for _, name := range slices.Sorted(maps.Keys(event.Headers)) {
		r.Header.Add(name, event.Headers[name])
	}
	if len(event.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	r.Header.Del(core.APIGwContextHeader)
	r.Header.Del(core.APIGwStageVarsHeader)
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host") // as net/http has it
}

// serve returns h's answer to r.
func serve(h http.Handler, log *slog.Logger, r *http.Request, event events.APIGatewayV2HTTPRequest) (
	answer events.APIGatewayV2HTTPResponse, err error) {
	defer func() {
		// A panic that got any further would end the process.
		if cause := recover(); cause != nil {
			log.ErrorContext(r.Context(), "panic", "route", event.RouteKey, "cause", fmt.Sprint(cause),
				"gatewayRequestId", RequestID(r.Context()), "stack", string(debug.Stack()))
			answer, err = problem(event, http.StatusInternalServerError, "internal-error"), nil
		}
	}()
	w := newResponse()
	h.ServeHTTP(w, r)
	return w.event()
}

// problem returns a problem document of the adapter's own, in the form of the
// handlers'.
func problem(event events.APIGatewayV2HTTPRequest, status int, code string) events.APIGatewayV2HTTPResponse {
	words := strings.ReplaceAll(code, "-", " ")
	body, _ := json.Marshal(map[string]any{ // strings and a number: cannot fail
		"type": "urn:journeys:problem:" + code, "title": strings.ToUpper(words[:1]) + words[1:],
		"status": status, "code": code, "requestId": event.RequestContext.RequestID,
	})
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status, Body: string(body),
		Headers: map[string]string{
			"Content-Type": "application/problem+json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		},
	}
}
