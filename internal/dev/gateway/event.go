package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"journeys/internal/dev/lambda"
)

// The API's id and stage in events.
const (
	apiID = "local"
	stage = "$default"
)

// event is a request in payload format 2.0. Its own fields replace those of the
// library that would be encoded as empty where API Gateway omits them.
type event struct {
	events.APIGatewayV2HTTPRequest
	RequestContext requestContext `json:"requestContext"`
}

type requestContext struct {
	events.APIGatewayV2HTTPRequestContext
	Authentication *struct{} `json:"authentication,omitempty"`
}

type authorizerRequest struct {
	events.APIGatewayV2CustomAuthorizerV2Request
	RequestContext requestContext `json:"requestContext"`
}

// newEvent returns the event of a request, without its route and body.
func newEvent(r *http.Request, now time.Time) *event {
	e := &event{}
	e.Version = "2.0"
	e.RawPath = r.URL.Path // net/http has decoded it, as an HTTP API does
	e.RawQueryString = r.URL.RawQuery
	e.QueryStringParameters = queryParameters(r.URL.RawQuery)
	e.Headers = headers(r)
	e.Cookies = cookies(r)
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	prefix, _, _ := strings.Cut(host, ".")
	e.RequestContext = requestContext{APIGatewayV2HTTPRequestContext: events.APIGatewayV2HTTPRequestContext{
		AccountID: lambda.Account, APIID: apiID, Stage: stage,
		DomainName: host, DomainPrefix: prefix,
		RequestID: rand.Text(),
		Time:      now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
			Method: r.Method, Path: r.URL.Path, Protocol: r.Proto,
			SourceIP: sourceIP(r), UserAgent: r.UserAgent(),
		},
	}}
	return e
}

func (e *event) setRoute(key string, parameters map[string]string) {
	e.RouteKey, e.RequestContext.RouteKey = key, key
	e.PathParameters = parameters
}

// setBody stores the body of a text type unchanged and any other in base64. Text
// that is not valid UTF-8 is encoded too, because a JSON string cannot hold it.
func (e *event) setBody(body []byte) {
	e.Headers["content-length"] = strconv.Itoa(len(body))
	if len(body) == 0 || isText(e.Headers["content-type"]) && utf8.Valid(body) {
		e.Body = string(body)
		return
	}
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
}

// isText reports whether an HTTP API passes a content type on as text. All others
// are encoded: forms, application/problem+json, and bodies without a type.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	texts := []string{"application/json", "application/xml", "application/javascript"}
	return strings.HasPrefix(kind, "text/") || slices.Contains(texts, kind)
}

// authorizerRequest returns the request to the authorizer about e.
func (e *event) authorizerRequest(identity string) authorizerRequest {
	path := strings.TrimPrefix(e.RawPath, "/")
	return authorizerRequest{
		APIGatewayV2CustomAuthorizerV2Request: events.APIGatewayV2CustomAuthorizerV2Request{
			Version: e.Version, Type: "REQUEST",
			RouteArn: "arn:aws:execute-api:" + lambda.Region + ":" + lambda.Account + ":" + apiID + "/" + stage + "/" +
				e.RequestContext.HTTP.Method + "/" + path,
			IdentitySource: []string{identity},
			RouteKey:       e.RouteKey, RawPath: e.RawPath, RawQueryString: e.RawQueryString,
			Cookies: e.Cookies, Headers: e.Headers,
			QueryStringParameters: e.QueryStringParameters, PathParameters: e.PathParameters,
		},
		RequestContext: e.RequestContext,
	}
}

// headers returns the request's header with the fields that a gateway adds. Names
// are in lower case, and repeated fields are joined by commas.
func headers(r *http.Request) map[string]string {
	h := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		h[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for _, name := range []string{"cookie", "connection", "keep-alive", "te", "upgrade"} {
		delete(h, name)
	}
	h["host"] = r.Host
	h["x-amzn-trace-id"] = lambda.NewTraceID()
	h["x-forwarded-proto"] = "http"
	h["x-forwarded-for"] = sourceIP(r)
	if before := r.Header.Values("X-Forwarded-For"); len(before) > 0 {
		h["x-forwarded-for"] = strings.Join(before, ", ") + ", " + sourceIP(r)
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		h["x-forwarded-port"] = port
	}
	return h
}

func cookies(r *http.Request) []string {
	var list []string
	for _, line := range r.Header.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				list = append(list, cookie)
			}
		}
	}
	return list
}

// queryParameters returns the decoded parameters; repeated ones are joined by
// commas in their order. Text that cannot be decoded is kept as it is.
func queryParameters(query string) map[string]string {
	if query == "" {
		return nil
	}
	decode := func(s string) string {
		if d, err := url.QueryUnescape(s); err == nil {
			return d
		}
		return s
	}
	parameters := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = decode(name), decode(value)
		if before, repeated := parameters[name]; repeated {
			value = before + "," + value
		}
		parameters[name] = value
	}
	return parameters
}

func sourceIP(r *http.Request) string {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return ip
}
