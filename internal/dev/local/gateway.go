package local

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

	"journeys/internal/manifest"
)

// Limits of an HTTP API.
const (
	MaxBody        = 10 << 20 // bytes of a request's body
	MaxHeader      = 10240    // bytes of a request's line and header
	GatewayTimeout = 30 * time.Second
	authorizers    = 10_000 // answers that the authorizer's cache holds
)

// Gateway answers HTTP as an API Gateway HTTP API does: routes, one Lambda
// authorizer with simple answers, and payload format 2.0. Set its fields before
// its first request.
type Gateway struct {
	Routes        []manifest.Route
	Authorizer    string        // the authorizer function's name
	AuthorizerTTL time.Duration // how long its answer holds for an Authorization header
	Timeout       time.Duration // for a function to answer
	Invoke        func(ctx context.Context, function string, payload []byte) ([]byte, error)
	Now           func() time.Time

	mu    sync.Mutex
	cache map[string]authorization // by Authorization header
}

type authorization struct {
	events.APIGatewayV2CustomAuthorizerSimpleResponse
	until time.Time
}

// status is an answer that the gateway makes itself.
type status int

// The gateway's own words, as an HTTP API has them.
var messages = map[status]string{
	http.StatusBadRequest:                  "Bad Request",
	http.StatusUnauthorized:                "Unauthorized",
	http.StatusForbidden:                   "Forbidden",
	http.StatusNotFound:                    "Not Found",
	http.StatusRequestEntityTooLarge:       "Request Too Long",
	http.StatusRequestHeaderFieldsTooLarge: "Request Header Fields Too Large",
	http.StatusInternalServerError:         "Internal Server Error",
	http.StatusServiceUnavailable:          "Service Unavailable",
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := newEvent(r, g.Now())
	w.Header().Set("Apigw-Requestid", e.RequestContext.RequestID)
	answer, failed := g.answer(w, r, e)
	if failed != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(failed))
		_ = json.NewEncoder(w).Encode(map[string]string{"message": messages[failed]}) // a client that is gone
		return
	}
	answer.write(w)
}

// answer returns the function's answer, or what the gateway says instead.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, e *event) (*answer, status) {
	if headerSize(r) > MaxHeader {
		return nil, http.StatusRequestHeaderFieldsTooLarge
	}
	route, parameters := match(g.Routes, r.Method, e.RawPath)
	if route == nil {
		return nil, http.StatusNotFound
	}
	e.setRoute(route.Key(), parameters)
	// The function goes on when its caller goes away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.Timeout)
	defer cancel()
	if failed := g.authorize(ctx, e); failed != 0 {
		return nil, failed
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

// failure says what callers hear of a call that brought no answer: a function
// that failed, crashed or took longer than its own time-out is an internal
// error; one that could not be reached in time is an unavailable service.
func failure(err error) status {
	switch {
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrThrottled), errors.Is(err, ErrStopped), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// authorize asks the authorizer, or its cache, and puts its context into e.
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
		g.keep(identity, a)
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

func (g *Gateway) keep(identity string, a authorization) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cache == nil || len(g.cache) >= authorizers {
		g.cache = map[string]authorization{}
	}
	a.until = g.Now().Add(g.AuthorizerTTL)
	g.cache[identity] = a
}

// match finds the route of a path: its method, and segment by segment, where
// {name} stands for any one that is not empty. Of several, the one with the
// fewest parameters.
func match(routes []manifest.Route, method, path string) (*manifest.Route, map[string]string) {
	var best *manifest.Route
	var found map[string]string
	for i, r := range routes {
		if r.Method != method {
			continue
		}
		parameters, ok := matchPath(manifest.BasePath+r.Path, path)
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

// headerSize counts as the limit does: the request's line, names and values.
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

// parseAnswer reads an answer. JSON without a status code is the body of a 200,
// as on an HTTP API.
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
		return nil, errors.New("a status code is 200 to 599")
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
	// These belong to our connection with the client.
	for _, name := range []string{"Connection", "Content-Length", "Transfer-Encoding"} {
		header.Del(name)
	}
	if header.Get("Content-Type") == "" && len(a.body) > 0 {
		header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	w.WriteHeader(*a.StatusCode)
	_, _ = w.Write(a.body) // a client that is gone, or a status without a body
}
