// Package apigw adapts API Gateway's events (payload format 2.0) to net/http, and
// the answers back. It knows events, HTTP and where an event holds the caller, but
// not routes or what handlers do.
//
// It builds on aws-lambda-go-api-proxy, which no other package imports. That
// library is archived and handles some events wrongly, so it gets only the parts
// of an event that it handles well. The rest is repaired here:
//
//   - The event's path is decoded, but the library parses it again: a ? in it
//     starts the query, a # ends the path, and a % fails the call.
//   - It splits headers at commas, as in If-Match, dates and JSON.
//   - It repeats cookies that are also in a header.
//   - It does not set path values or the port of RemoteAddr, and leaves the
//     stage's name in the path.
//   - It trusts headers for the gateway's context, which a caller can forge.
//   - It returns an error if a handler writes nothing, accepts a second
//     WriteHeader, and sends headers that are set after the first.
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
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"journeys/internal/auth"
)

// Handler returns a Lambda handler that serves events with h. A request carries
// the authorizer's caller (auth.FromContext), the path values, and the route's key
// as Pattern. The size of its body is not limited. A panic of h is logged and
// becomes a 500. The Lambda handler returns an error only for events that API
// Gateway does not send.
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
				return problem(event, http.StatusBadRequest, "malformed-base64"), nil //nolint:nilerr // the caller's fault, so an answer
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

// RequestID returns the gateway's id of the request, "" for none. Use it only in
// problem documents and logs: with SAM, all requests have the same id.
func RequestID(ctx context.Context) string {
	gateway, _ := core.GetAPIGatewayV2ContextFromContext(ctx)
	return gateway.RequestID
}

// ReceivedAt returns when the gateway received the request, zero for unknown. With
// SAM, it may be any time of the past.
func ReceivedAt(ctx context.Context) time.Time {
	gateway, _ := core.GetAPIGatewayV2ContextFromContext(ctx)
	if gateway.TimeEpoch == 0 {
		return time.Time{}
	}
	return time.UnixMilli(gateway.TimeEpoch).UTC()
}

// request converts an event whose body is decoded already.
func request(ctx context.Context, event events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	var gateway core.RequestAccessorV2
	r, err := gateway.EventToRequestWithContext(ctx, reduce(event))
	if err != nil {
		return nil, fmt.Errorf("the event is not a request: %w", err)
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

// reduce returns the parts of the event that the library handles well: method,
// body and context.
func reduce(event events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPRequest {
	reduced := events.APIGatewayV2HTTPRequest{RawPath: "/", Body: event.Body, RequestContext: event.RequestContext}
	reduced.RequestContext.DomainName = ""
	return reduced
}

// path returns the event's path without the stage. The gateway prefixes the path
// with it, unless the stage is $default or the API has a custom domain.
func path(event events.APIGatewayV2HTTPRequest) string {
	stage := "/" + event.RequestContext.Stage
	_, route, _ := strings.Cut(event.RouteKey, " ")
	start, _, _ := strings.Cut(route, "{")
	if start != "" && strings.HasPrefix(event.RawPath, stage+start) {
		return strings.TrimPrefix(event.RawPath, stage)
	}
	return event.RawPath
}

// setHeaders sets the event's headers unchanged. The event's cookies replace those
// in the headers.
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
	r.Header.Del("Host") // as net/http does
}

// serve returns h's answer to r as an event.
func serve(h http.Handler, log *slog.Logger, r *http.Request, event events.APIGatewayV2HTTPRequest) (
	answer events.APIGatewayV2HTTPResponse, err error) {
	defer func() {
		// Otherwise a panic would end the process.
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

// problem returns a problem document in the form that internal/api uses, for
// faults that occur before or outside of a handler.
func problem(event events.APIGatewayV2HTTPRequest, status int, code string) events.APIGatewayV2HTTPResponse {
	words := strings.ReplaceAll(code, "-", " ")
	body, _ := json.Marshal(map[string]any{ // strings and an int: cannot fail
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
