package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/gateway"
	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// cloud is a gateway with fake functions.
type cloud struct {
	gateway    *gateway.Gateway
	server     *httptest.Server
	now        time.Time
	authorizer func() (string, error)
	answer     func() (string, error)
	asked      []string // requests to the authorizer
	mu         sync.Mutex
	events     []string // events of the functions
	called     []string // names of the functions
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{
		now:        time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC),
		authorizer: func() (string, error) { return `{"isAuthorized":true,"context":{"tenant":"demo"}}`, nil },
		answer:     func() (string, error) { return `{"statusCode":200}`, nil },
	}
	c.gateway = &gateway.Gateway{
		Routes: manifest.AllRoutes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: time.Minute,
		Timeout: 20 * time.Second, Invoke: c.invoke, Now: func() time.Time { return c.now },
	}
	c.server = httptest.NewServer(c.gateway)
	t.Cleanup(c.server.Close)
	return c
}

func (c *cloud) invoke(_ context.Context, name string, payload []byte) ([]byte, error) {
	if name == manifest.Authorizer.Name {
		c.asked = append(c.asked, string(payload))
		text, err := c.authorizer()
		return []byte(text), err
	}
	c.mu.Lock()
	c.called = append(c.called, name)
	c.events = append(c.events, string(payload))
	c.mu.Unlock()
	text, err := c.answer()
	return []byte(text), err
}

// do sends a request with a token and returns the answer and its body.
func (c *cloud) do(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.server.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer x")
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(text)
}

func (c *cloud) lastEvent(t *testing.T) (e map[string]any) {
	t.Helper()
	require.NotEmpty(t, c.events)
	require.NoError(t, json.Unmarshal([]byte(c.events[len(c.events)-1]), &e))
	return e
}

// golden compares JSON with a file, except for values that differ in each run.
func golden(t *testing.T, file, text, host string) {
	t.Helper()
	text = strings.ReplaceAll(text, host, "127.0.0.1:8080")
	_, port, _ := strings.Cut(host, ":")
	text = strings.ReplaceAll(text, `"x-forwarded-port":"`+port+`"`, `"x-forwarded-port":"8080"`)
	text = regexp.MustCompile(`"requestId":"[A-Z2-7]{26}"`).ReplaceAllString(text, `"requestId":"id"`)
	text = regexp.MustCompile(`Root=1-[0-9a-f]{8}-[0-9a-f]{24}`).ReplaceAllString(text, "trace")
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.JSONEq(t, string(want), text)
}

func TestEvent_HasTheFormOfAPIGateway(t *testing.T) {
	t.Parallel()
	c := newCloud(t)

	response, _ := c.do(t, "POST", "/api/v1/journeys/50%25%20a%3Fb%3D1/enroll?tag=a%26b&tag=c&empty=&flag&q=x+y", `{"customerId":"c1"}`,
		"Content-Type", "application/json; charset=utf-8", "User-Agent", "test/1", "Accept-Encoding", "identity",
		"If-None-Match", `"a,b"`, "If-None-Match", `W/"c"`, "Cookie", "one=1; two=2", "X-Forwarded-For", "203.0.113.7")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, []string{"enroll-customers"}, c.called)
	host := c.server.Listener.Addr().String()
	golden(t, "testdata/event.json", c.events[0], host)
	golden(t, "testdata/authorizer.json", c.asked[0], host)
	require.NotEmpty(t, response.Header.Get("Apigw-Requestid"))
	require.Contains(t, c.events[0], response.Header.Get("Apigw-Requestid"))
}

func TestEvent_EncodesBodiesOfOtherTypesThanText(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		contentType, body, want string
		encoded                 bool
	}{
		"JSON":                   {"application/json", `{"a":1}`, `{"a":1}`, false},
		"JSON with a charset":    {"Application/JSON;charset=UTF-8", `{}`, `{}`, false},
		"text":                   {"text/csv", "a,b", "a,b", false},
		"XML":                    {"application/xml", "<a/>", "<a/>", false},
		"a form":                 {"application/x-www-form-urlencoded", "a=b", "YT1i", true},
		"JSON of another type":   {"application/merge-patch+json", `{}`, "e30=", true},
		"no type":                {"", "a=b", "YT1i", true},
		"a malformed type":       {"a/b/c;;", "a=b", "YT1i", true},
		"text that is not UTF-8": {"application/json", "\xff", "/w==", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			response, _ := c.do(t, "POST", "/api/v1/journeys", row.body, "Content-Type", row.contentType)
			require.Equal(t, http.StatusOK, response.StatusCode)
			e := c.lastEvent(t)
			if row.contentType != "" {
				require.Equal(t, row.want, e["body"])
				require.Equal(t, row.encoded, e["isBase64Encoded"])
			}
		})
	}
}

func TestRoutes_MatchExactly(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ method, path, function string }{
		"a route":                          {"GET", "/api/v1/journeys", "list-journeys"},
		"a route with a parameter":         {"GET", "/api/v1/journeys/a", "get-journey"},
		"another method of it":             {"DELETE", "/api/v1/journeys/a", "delete-journey"},
		"a method without a route":         {"PATCH", "/api/v1/journeys/a", ""},
		"HEAD is not GET":                  {"HEAD", "/api/v1/journeys", ""},
		"a slash at the end":               {"GET", "/api/v1/journeys/", ""},
		"a slash after a parameter":        {"GET", "/api/v1/journeys/a/", ""},
		"two slashes":                      {"GET", "/api/v1//journeys", ""},
		"an empty parameter":               {"POST", "/api/v1/journeys//enroll", ""},
		"another path":                     {"GET", "/api/v1/nothing", ""},
		"the root":                         {"GET", "/", "console"},
		"another case":                     {"GET", "/API/v1/journeys", ""},
		"dots are not resolved":            {"GET", "/api/v1/x/../journeys", ""},
		"an encoded slash separates too":   {"POST", "/api/v1/journeys/a%2Fenroll", "enroll-customers"},
		"an encoded letter is that letter": {"GET", "/api/v1/journey%73", "list-journeys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			response, body := c.do(t, row.method, row.path, "")
			if row.function != "" {
				require.Equal(t, http.StatusOK, response.StatusCode)
				require.Equal(t, []string{row.function}, c.called)
				return
			}
			require.Equal(t, http.StatusNotFound, response.StatusCode)
			require.Empty(t, response.Header.Get("Location"))
			if row.method != "HEAD" {
				require.JSONEq(t, `{"message":"Not Found"}`, body)
			}
			require.Empty(t, c.asked, "the authorizer is called for routes only")
		})
	}
}

func TestAuthorizer_Decides(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer string
		err    error
		status int
		body   string
	}{
		"allow":         {`{"isAuthorized":true}`, nil, 200, ""},
		"deny":          {`{"isAuthorized":false}`, nil, 403, `{"message":"Forbidden"}`},
		"no decision":   {`{}`, nil, 403, `{"message":"Forbidden"}`},
		"not an object": {`"yes"`, nil, 500, `{"message":"Internal Server Error"}`},
		"an error":      {``, &lambda.FunctionError{Type: "errorString"}, 500, `{"message":"Internal Server Error"}`},
		"throttled":     {``, lambda.ErrThrottled, 500, `{"message":"Internal Server Error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.authorizer = func() (string, error) { return row.answer, row.err }
			response, body := c.do(t, "GET", "/api/v1/journeys", "")
			require.Equal(t, row.status, response.StatusCode)
			require.Equal(t, row.body, strings.TrimSpace(body))
			require.Equal(t, row.status == http.StatusOK, len(c.called) == 1)
		})
	}
}

func TestAuthorizer_IsNotCalledWithoutToken(t *testing.T) {
	t.Parallel()
	c := newCloud(t)

	response, body := c.do(t, "GET", "/api/v1/journeys", "", "Authorization", "")
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	require.JSONEq(t, `{"message":"Unauthorized"}`, body)
	require.Equal(t, "application/json", response.Header.Get("Content-Type"))
	require.Empty(t, c.asked)
	require.Empty(t, c.called)
}

func TestAuthorizer_IsCachedForItsTTL(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	get := func(token string) int {
		response, _ := c.do(t, "GET", "/api/v1/journeys", "", "Authorization", "", "Authorization", token)
		return response.StatusCode
	}

	get("a")
	c.do(t, "POST", "/api/v1/journeys", "{}", "Authorization", "", "Authorization", "a")
	require.Len(t, c.asked, 1, "the answer holds for every route")
	require.Equal(t, map[string]any{"lambda": map[string]any{"tenant": "demo"}},
		c.lastEvent(t)["requestContext"].(map[string]any)["authorizer"])

	c.authorizer = func() (string, error) { return `{"isAuthorized":false}`, nil }
	require.Equal(t, 403, get("b"))
	require.Equal(t, 403, get("b"))
	require.Len(t, c.asked, 2, "a no is kept too")

	c.now = c.now.Add(c.gateway.AuthorizerTTL - time.Millisecond)
	require.Equal(t, 200, get("a"))
	c.now = c.now.Add(time.Millisecond)
	require.Equal(t, 403, get("a"))

	c.authorizer = func() (string, error) { return "", errors.New("down") }
	require.Equal(t, 500, get("c"))
	require.Equal(t, 500, get("c"))
	require.Len(t, c.asked, 5, "a failure is not kept")
}

func TestAnswer_BecomesHTTP(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer string
		status int
		kind   string
		body   string
	}{
		"a status, a header and a body":  {`{"statusCode":201,"headers":{"content-type":"application/json"},"body":"{}"}`, 201, "application/json", `{}`},
		"no type is text":                {`{"statusCode":200,"body":"<p>"}`, 200, "text/plain;charset=UTF-8", `<p>`},
		"no body":                        {`{"statusCode":204}`, 204, "", ""},
		"base64":                         {`{"statusCode":200,"headers":{"content-type":"a/b"},"body":"/w==","isBase64Encoded":true}`, 200, "a/b", "\xff"},
		"JSON without a status is a 200": {`{"a":1}`, 200, "application/json", `{"a":1}`},
		"a text is a 200":                {`"hello"`, 200, "application/json", `hello`},
		"a wrong length":                 {`{"statusCode":200,"headers":{"content-type":"a/b","content-length":"3"},"body":"hello"}`, 200, "a/b", "hello"},
		"invalid base64":                 {`{"statusCode":200,"body":"?","isBase64Encoded":true}`, 500, "application/json", internalError},
		"an invalid status":              {`{"statusCode":99}`, 500, "application/json", internalError},
		"a status that is a string":      {`{"statusCode":"ok"}`, 500, "application/json", internalError},
		"a header that is an array":      {`{"statusCode":200,"headers":{"a":["b"]}}`, 500, "application/json", internalError},
		"invalid JSON":                   {`{`, 500, "application/json", internalError},
		"empty":                          {``, 500, "application/json", internalError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.answer = func() (string, error) { return row.answer, nil }
			response, body := c.do(t, "GET", "/api/v1/journeys", "")
			require.Equal(t, row.status, response.StatusCode)
			require.Equal(t, row.kind, response.Header.Get("Content-Type"))
			require.Equal(t, row.body, strings.TrimSpace(body))
		})
	}
}

const internalError = `{"message":"Internal Server Error"}`

func TestAnswer_SetsEachCookie(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.answer = func() (string, error) { return `{"statusCode":200,"cookies":["a=1; Secure","b=2"]}`, nil }

	response, _ := c.do(t, "GET", "/api/v1/journeys", "")
	require.Equal(t, []string{"a=1; Secure", "b=2"}, response.Header.Values("Set-Cookie"))
}

func TestGateway_MapsErrorsToStatuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"the function failed":      {&lambda.FunctionError{Type: "errorString"}, 500, internalError},
		"the function timed out":   {&lambda.FunctionError{Type: "Sandbox.Timedout"}, 500, internalError},
		"the function crashed":     {&lambda.FunctionError{Type: "Runtime.ExitError"}, 500, internalError},
		"it was throttled":         {lambda.ErrThrottled, 503, `{"message":"Service Unavailable"}`},
		"the gateway's time is up": {context.DeadlineExceeded, 503, `{"message":"Service Unavailable"}`},
		"more than Lambda accepts": {lambda.ErrTooLarge, 413, `{"message":"Request Too Long"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.answer = func() (string, error) { return "", row.err }
			response, body := c.do(t, "GET", "/api/v1/journeys", "")
			require.Equal(t, row.status, response.StatusCode)
			require.JSONEq(t, row.body, body)
		})
	}
}

func TestGateway_StopsWaitingAtItsTimeout(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.gateway.Timeout = time.Millisecond
	c.gateway.Invoke = func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return []byte(`{"isAuthorized":true}`), nil
	}
	routed := c.gateway.Invoke
	c.gateway.Invoke = func(ctx context.Context, name string, payload []byte) ([]byte, error) {
		answer, _ := routed(ctx, name, payload)
		if name == manifest.Authorizer.Name {
			return answer, nil
		}
		return nil, ctx.Err()
	}

	response, body := c.do(t, "GET", "/api/v1/journeys", "")
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.JSONEq(t, `{"message":"Service Unavailable"}`, body)
}

func TestGateway_RefusesRequestsAboveTheLimits(t *testing.T) {
	t.Parallel()
	c := newCloud(t)

	response, _ := c.do(t, "POST", "/api/v1/journeys", strings.Repeat("x", gateway.MaxBody))
	require.Equal(t, http.StatusOK, response.StatusCode)
	response, body := c.do(t, "POST", "/api/v1/journeys", strings.Repeat("x", gateway.MaxBody+1))
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.JSONEq(t, `{"message":"Request Too Long"}`, body)

	response, _ = c.do(t, "GET", "/api/v1/journeys", "", "X-Long", strings.Repeat("x", 10_000))
	require.Equal(t, http.StatusOK, response.StatusCode)
	response, body = c.do(t, "GET", "/api/v1/journeys", "", "X-Long", strings.Repeat("x", 10_240))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
	require.JSONEq(t, `{"message":"Request Header Fields Too Large"}`, body)
}
