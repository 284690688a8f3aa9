// Package gateway answers HTTP as an API Gateway HTTP API does: routes, throttles,
// one Lambda authorizer with simple answers, and payload format 2.0.
package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// Limits of an HTTP API.
const (
	MaxBody   = 10 << 20         // bytes of a request's body
	MaxHeader = 10240            // bytes of a request's line and header
	Timeout   = 30 * time.Second // for a function to answer
)

// maxCached is how many answers of the authorizer are cached, of all tokens.
const maxCached = 10_000

// Gateway is an HTTP API. All fields must be set before its first request.
type Gateway struct {
	Routes        []manifest.Route
	Authorizer    string            // name of the authorizer function of all routes that are not public
	AuthorizerTTL time.Duration     // for which its answer is cached by Authorization header
	Throttle      manifest.Throttle // of the routes that are not public, together; zero for none
	Timeout       time.Duration     // for a function to answer
	CORSOrigins   []string          // whose pages may call the API; none turns CORS off
	Invoke        func(ctx context.Context, function string, payload []byte) ([]byte, error)
	Now           func() time.Time

	buckets buckets
	mu      sync.Mutex
	cache   map[string]authorization // by Authorization header
}

type authorization struct {
	events.APIGatewayV2CustomAuthorizerSimpleResponse
	until time.Time
}

// status is an answer of the gateway's own, without a function; 0 means none.
type status int

// messages are the texts with which an HTTP API answers.
var messages = map[status]string{
	http.StatusBadRequest:                  "Bad Request",
	http.StatusUnauthorized:                "Unauthorized",
	http.StatusForbidden:                   "Forbidden",
	http.StatusNotFound:                    "Not Found",
	http.StatusRequestEntityTooLarge:       "Request Too Long",
	http.StatusTooManyRequests:             "Too Many Requests",
	http.StatusRequestHeaderFieldsTooLarge: "Request Header Fields Too Large",
	http.StatusInternalServerError:         "Internal Server Error",
	http.StatusServiceUnavailable:          "Service Unavailable",
}

// ServeHTTP routes a request to its function, if the authorizer allows it.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := newEvent(r, g.Now())
	w.Header().Set("Apigw-Requestid", e.RequestContext.RequestID)
	if g.preflight(w, r) {
		return
	}
	g.allowOrigin(w, r)
	answer, failed := g.answer(w, r, e)
	g.dropCORS(answer)
	if failed != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(failed))
		_ = json.NewEncoder(w).Encode(map[string]string{"message": messages[failed]}) // the client may be gone
		return
	}
	answer.write(w)
}

// answer returns the function's answer, or the status of the gateway's own.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, e *event) (*answer, status) {
	if headerSize(r) > MaxHeader {
		return nil, http.StatusRequestHeaderFieldsTooLarge
	}
	route, parameters := match(g.Routes, r.Method, e.RawPath)
	if route == nil {
		return nil, http.StatusNotFound
	}
	if !g.buckets.take(route, g.Throttle, g.Now()) {
		return nil, http.StatusTooManyRequests
	}
	e.setRoute(route.Key(), parameters)
	// The function keeps running when its caller disconnects.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.Timeout)
	defer cancel()
	if !route.Public {
		if failed := g.authorize(ctx, e); failed != 0 {
			return nil, failed
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	e.setBody(body)
	payload, err := json.Marshal(e)
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	text, err := g.Invoke(ctx, route.Function.Name, payload)
	if err != nil {
		return nil, failure(err)
	}
	answer, err := parseAnswer(text)
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	return answer, 0
}

// failure maps an error of a call to the status that an HTTP API answers: 500 if
// the function failed, crashed or ran into its own timeout, 503 if it was
// throttled or did not answer within the gateway's time.
func failure(err error) status {
	switch {
	case errors.Is(err, lambda.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, lambda.ErrThrottled), errors.Is(err, lambda.ErrStopped), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// authorize calls the authorizer, unless its answer is cached, and puts the
// answer's context into e.
func (g *Gateway) authorize(ctx context.Context, e *event) status {
	identity := e.Headers["authorization"]
	if identity == "" {
		return http.StatusUnauthorized
	}
	a, cached := g.cached(identity)
	if !cached {
		request, err := json.Marshal(e.authorizerRequest(identity))
		if err != nil {
			return http.StatusInternalServerError
		}
		text, err := g.Invoke(ctx, g.Authorizer, request)
		if err != nil || json.Unmarshal(text, &a.APIGatewayV2CustomAuthorizerSimpleResponse) != nil {
			return http.StatusInternalServerError
		}
		g.store(identity, a)
	}
	if !a.IsAuthorized {
		return http.StatusForbidden
	}
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: a.Context}
	return 0
}

func (g *Gateway) cached(identity string) (authorization, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.cache[identity]
	return a, ok && g.Now().Before(a.until)
}

func (g *Gateway) store(identity string, a authorization) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cache == nil || len(g.cache) >= maxCached {
		g.cache = map[string]authorization{}
	}
	a.until = g.Now().Add(g.AuthorizerTTL)
	g.cache[identity] = a
}

// match returns the route of a method and path, and its parameters; nil if there
// is none. A {name} matches any segment that is not empty. Of several routes, the
// one with the fewest parameters matches.
func match(routes []manifest.Route, method, path string) (*manifest.Route, map[string]string) {
	var best *manifest.Route
	var found map[string]string
	for i, r := range routes {
		if r.Method != method {
			continue
		}
		parameters, ok := matchPath(r.FullPath(), path)
		if ok && (best == nil || len(parameters) < len(found)) {
			best, found = &routes[i], parameters
		}
	}
	return best, found
}

func matchPath(pattern, path string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	parameters := map[string]string{}
	for i, segment := range want {
		name, isParameter := strings.CutPrefix(segment, "{")
		switch {
		case isParameter && have[i] != "":
			parameters[strings.TrimSuffix(name, "}")] = have[i]
		case segment != have[i]:
			return nil, false
		}
	}
	return parameters, true
}

// headerSize returns the bytes that count towards MaxHeader: the request line,
// and the names and values of the header.
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n
}

// answer is a function's answer in payload format 2.0.
type answer struct {
	StatusCode      *int              `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Cookies         []string          `json:"cookies"`

	body []byte
}

// parseAnswer parses a function's answer. As on an HTTP API, JSON without a
// status code is the body of a 200.
func parseAnswer(text []byte) (*answer, error) {
	a := &answer{}
	err := json.Unmarshal(text, a)
	var otherKind *json.UnmarshalTypeError
	if errors.As(err, &otherKind) && otherKind.Field == "" || err == nil && a.StatusCode == nil {
		return inferAnswer(text), nil
	}
	if err != nil {
		return nil, err
	}
	if *a.StatusCode < 200 || *a.StatusCode > 599 {
		return nil, errors.New("the status code is not from 200 to 599")
	}
	if a.body = []byte(a.Body); a.IsBase64Encoded {
		a.body, err = base64.StdEncoding.DecodeString(a.Body)
	}
	return a, err
}

func inferAnswer(text []byte) *answer {
	ok := http.StatusOK
	a := &answer{StatusCode: &ok, Headers: map[string]string{"content-type": "application/json"}, body: text}
	var body string
	if json.Unmarshal(text, &body) == nil {
		a.body = []byte(body)
	}
	return a
}

func (a *answer) write(w http.ResponseWriter) {
	header := w.Header()
	for name, value := range a.Headers {
		header.Set(name, value)
	}
	for _, cookie := range a.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	// These describe the connection between the gateway and its client.
	for _, name := range []string{"Connection", "Content-Length", "Transfer-Encoding"} {
		header.Del(name)
	}
	if header.Get("Content-Type") == "" && len(a.body) > 0 {
		header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	w.WriteHeader(*a.StatusCode)
	_, _ = w.Write(a.body) // the client may be gone, or the status may forbid a body
}
