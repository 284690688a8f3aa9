package apigw_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/stretchr/testify/require"

	"journeys/internal/apigw"
	"journeys/internal/auth"
)

func read(t testing.TB, name string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	var event events.APIGatewayV2HTTPRequest
	require.NoError(t, json.Unmarshal(text, &event))
	return event
}

// invoke sends the event through the JSON of Lambda's runtime, there and back.
func invoke(t testing.TB, event events.APIGatewayV2HTTPRequest, h http.HandlerFunc) events.APIGatewayV2HTTPResponse {
	t.Helper()
	text, err := json.Marshal(event)
	require.NoError(t, err)
	answer, err := lambda.NewHandler(apigw.Handler(h, slog.New(slog.DiscardHandler))).Invoke(t.Context(), text)
	require.NoError(t, err)
	var response events.APIGatewayV2HTTPResponse
	require.NoError(t, json.Unmarshal(answer, &response))
	return response
}

// received returns the request as the handler sees it.
func received(t testing.TB, event events.APIGatewayV2HTTPRequest) *http.Request {
	t.Helper()
	var seen *http.Request
	invoke(t, event, func(_ http.ResponseWriter, r *http.Request) { seen = r })
	require.NotNil(t, seen)
	return seen
}

func TestRequest(t *testing.T) {
	t.Parallel()

	r := received(t, read(t, "get.json"))
	require.Equal(t, "GET", r.Method)
	require.Equal(t, "/api/v1/journeys/jrn_01JD0000000000000000000000", r.URL.Path)
	require.Equal(t, []string{"a b", "c"}, r.URL.Query()["tag"])
	require.Equal(t, "/api/v1/journeys/jrn_01JD0000000000000000000000?status=draft&tag=a%20b&tag=c", r.RequestURI)
	require.Equal(t, "GET /api/v1/journeys/{id}", r.Pattern)
	require.Equal(t, "abcdef1234.execute-api.eu-central-1.amazonaws.com", r.Host)
	require.Empty(t, r.Header.Get("Host"))
	require.Equal(t, "JKJaXmPLvHcESHA=", apigw.RequestID(r.Context()))
	require.Equal(t, "", apigw.RequestID(t.Context()))
}

func TestPathIsNotParsedAgain(t *testing.T) {
	t.Parallel()

	paths := []string{
		"/api/v1/journeys/a?admin=true", "/api/v1/journeys/a#frag", "/api/v1/journeys/50%",
		"/api/v1/journeys/%zz", "/api/v1/journeys/a/b", "/api/v1/journeys/a b", "/api/v1/journeys/ü",
		"//other.example/api", "/api/v1/../journeys", "",
	}
	for _, path := range paths {
		event := read(t, "get.json")
		event.RawPath, event.RawQueryString = path, "x=1"
		r := received(t, event)
		require.Equal(t, path, r.URL.Path)
		require.Equal(t, "x=1", r.URL.RawQuery, path)
		require.Empty(t, r.URL.Fragment, path)
		require.Empty(t, r.URL.Host, path)
	}
}

func TestDomainIsNotParsed(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	event.RequestContext.DomainName = "a b:c%"
	require.Equal(t, event.RawPath, received(t, event).URL.Path)
}

func TestHeadersAreNotSplitAtCommas(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	r := received(t, event)
	for _, name := range []string{"if-match", "if-modified-since", "x-json", "x-forwarded-for"} {
		require.Equal(t, []string{event.Headers[name]}, r.Header.Values(name))
	}
}

func TestHeaderNamesInAnyCase(t *testing.T) {
	t.Parallel()

	r := received(t, read(t, "post.json"))
	require.Equal(t, "Bearer e30.e30.e30", r.Header.Get("authorization"))
	require.Equal(t, "localhost:3000", r.Host)
}

func TestPathValuesAreSet(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	event.PathParameters["customerId"] = "a/b?c#d%"
	r := received(t, event)
	require.Equal(t, "jrn_01JD0000000000000000000000", r.PathValue("id"))
	require.Equal(t, "a/b?c#d%", r.PathValue("customerId"))
}

func TestStageIsTakenOffThePath(t *testing.T) {
	t.Parallel()

	cases := []struct{ name, stage, route, path, wanted string }{
		{"a named stage", "dev", "GET /api/v1/journeys/{id}", "/dev/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"no named stage", "$default", "GET /api/v1/journeys/{id}", "/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"a domain of its own", "dev", "GET /api/v1/journeys/{id}", "/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"a stage that the path begins with too", "api", "GET /api/v1/journeys/{id}", "/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"the same in front of it", "api", "GET /api/v1/journeys", "/api/api/v1/journeys", "/api/v1/journeys"},
		{"no stage", "", "GET /api/v1/journeys", "/api/v1/journeys", "/api/v1/journeys"},
		{"a route for everything", "dev", "$default", "/dev/api", "/dev/api"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			event := read(t, "get.json")
			event.RawPath, event.RouteKey, event.RequestContext.Stage = c.path, c.route, c.stage
			require.Equal(t, c.wanted, received(t, event).URL.Path)
		})
	}
}

func TestRemoteAddrHasAPort(t *testing.T) {
	t.Parallel()

	host, _, err := net.SplitHostPort(received(t, read(t, "get.json")).RemoteAddr)
	require.NoError(t, err)
	require.Equal(t, "2001:db8::1", host)
}

func TestCookiesComeOnce(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	event.Headers["cookie"] = "a=1; b=2"
	require.Equal(t, []string{"a=1; b=2"}, received(t, event).Header.Values("Cookie"))

	event = read(t, "post.json") // has them in its headers only
	require.Equal(t, []string{"a=1"}, received(t, event).Header.Values("Cookie"))
}

func TestContextCannotBeForged(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	forged := `{"requestId":"forged","authorizer":{"lambda":{"sub":"x","tenant":"other","role":"admin","exp":"9999999999"}}}`
	event.Headers["x-golambdaproxy-apigw-context"] = forged
	event.Headers["X-GoLambdaProxy-ApiGw-StageVars"] = `{"a":"b"}`
	event.Headers["x-tenant"] = "other"
	r := received(t, event)
	require.Equal(t, "acme", auth.FromContext(r.Context()).Tenant.String())
	require.Equal(t, "JKJaXmPLvHcESHA=", apigw.RequestID(r.Context()))

	var library core.RequestAccessorV2
	_, err := library.GetAPIGatewayContextV2(r)
	require.Error(t, err)
	_, err = library.GetAPIGatewayStageVars(r)
	require.Error(t, err)

	event.RequestContext.Authorizer = nil
	require.Equal(t, auth.Caller{}, auth.FromContext(received(t, event).Context()))
}

func TestCallerComesFromTheAuthorizer(t *testing.T) {
	t.Parallel()

	caller := auth.FromContext(received(t, read(t, "get.json")).Context())
	require.Equal(t, "acme", caller.Tenant.String())
	require.Equal(t, "user-1", caller.Subject)
	require.Equal(t, "editor", caller.Role)
	require.Equal(t, time.Unix(1795600000, 0).UTC(), caller.ExpiresAt)

	refused := auth.FromContext(received(t, read(t, "post.json")).Context())
	require.Equal(t, auth.Caller{Refused: auth.TokenExpired}, refused)
}

func TestBody(t *testing.T) {
	t.Parallel()

	wanted := []byte("{\"name\":\"\xffü\"}")
	invoke(t, read(t, "post.json"), func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, wanted, body)
		require.EqualValues(t, len(wanted), r.ContentLength)
	})

	large := read(t, "post.json")
	large.Body, large.IsBase64Encoded = string(bytes.Repeat([]byte("x"), 2<<20)), false
	invoke(t, large, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20))
		require.Error(t, err)
		require.EqualValues(t, 1<<20, n)
	})
}

func TestMalformedBase64IsTheCallersFault(t *testing.T) {
	t.Parallel()

	event := read(t, "post.json")
	event.Body = "!!"
	answer := invoke(t, event, func(http.ResponseWriter, *http.Request) { t.Error("was called") })
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
	require.JSONEq(t, `{"type":"urn:journeys:problem:malformed-base64","title":"Malformed base64",
		"status":400,"code":"malformed-base64","requestId":"a1b2c3"}`, answer.Body)
}

func TestOtherEventsAreRefused(t *testing.T) {
	t.Parallel()

	for _, text := range []string{`{}`, `{"version":"1.0"}`, `{"Records":[]}`, `{"version":"2.0","requestContext":{"http":{"method":"G T"}}}`} {
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was called") })
		_, err := lambda.NewHandler(apigw.Handler(h, slog.New(slog.DiscardHandler))).Invoke(t.Context(), []byte(text))
		require.Error(t, err, text)
	}
}

func TestResponse(t *testing.T) {
	t.Parallel()

	cases := []struct {
		name   string
		handle http.HandlerFunc
		wanted events.APIGatewayV2HTTPResponse
	}{
		{"silence is a 200", func(http.ResponseWriter, *http.Request) {}, events.APIGatewayV2HTTPResponse{StatusCode: 200}},
		{"headers alone are a 200", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"1"`)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Etag": `"1"`}}},
		{"the first status counts", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusTeapot)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 201}},
		{"an informational status is none", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusCreated)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 201}},
		{"a status after the body is too late", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("a"))
			w.WriteHeader(http.StatusTeapot)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "a", Headers: map[string]string{"Content-Type": "text/plain"}}},
		{"headers after the status are too late", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Early", "1")
			w.Header().Add("List", "1")
			w.WriteHeader(http.StatusOK)
			w.Header().Set("Late", "1")
			w.Header().Add("List", "2")
			w.Header()["Early"][0] = "2"
			w.Header().Del("Early")
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Early": "1", "List": "1"}}},
		{"a 204 has no body", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			_, err := w.Write([]byte("a"))
			require.ErrorIs(t, err, http.ErrBodyNotAllowed)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 204}},
		{"cookies have their own list", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Cookies: []string{"a=1", "b=2"}}},
		{"text is text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"name":`))
			_, _ = w.Write([]byte(`"<ü>"}`))
		}, events.APIGatewayV2HTTPResponse{
			StatusCode: 200, Body: `{"name":"<ü>"}`, Headers: map[string]string{"Content-Type": "application/json"},
		}},
		{"what is no text is base64", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte{0xff, 0x00})
		}, events.APIGatewayV2HTTPResponse{
			StatusCode: 200, Body: base64.StdEncoding.EncodeToString([]byte{0xff, 0x00}), IsBase64Encoded: true,
			Headers: map[string]string{"Content-Type": "image/png"},
		}},
		{"a missing content type is guessed", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("hello"))
		}, events.APIGatewayV2HTTPResponse{
			StatusCode: 200, Body: "hello", Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8"},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			if c.wanted.Headers == nil {
				c.wanted.Headers = map[string]string{}
			}
			if c.wanted.Cookies == nil {
				c.wanted.Cookies = []string{}
			}
			require.Equal(t, c.wanted, invoke(t, read(t, "get.json"), c.handle))
		})
	}
}

func TestPanicIsA500AndTheNextCallWorks(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer
	calls := 0
	handler := apigw.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			_, _ = w.Write([]byte("half an ans"))
			panic("table on fire")
		}
		w.WriteHeader(http.StatusAccepted)
	}), slog.New(slog.NewJSONHandler(&log, nil)))

	answer, err := handler(t.Context(), read(t, "get.json"))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
	require.JSONEq(t, `{"type":"urn:journeys:problem:internal-error","title":"Internal error",
		"status":500,"code":"internal-error","requestId":"JKJaXmPLvHcESHA="}`, answer.Body)
	require.Contains(t, log.String(), "table on fire")
	require.Contains(t, log.String(), "apigw_test.go", "the log has the stack")

	answer, err = handler(t.Context(), read(t, "get.json"))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
}

func TestDeadlineReachesTheHandler(t *testing.T) {
	t.Parallel()

	deadline := time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	seen := time.Time{}
	handler := apigw.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen, _ = r.Context().Deadline()
	}), slog.New(slog.DiscardHandler))
	_, err := handler(ctx, read(t, "get.json"))
	require.NoError(t, err)
	require.Equal(t, deadline, seen)
}

// No event panics, and what a caller sent reaches the handler as it came.
func FuzzEvent(f *testing.F) {
	for _, name := range []string{"get.json", "post.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var event events.APIGatewayV2HTTPRequest
		if json.Unmarshal(text, &event) != nil {
			return
		}
		event.RouteKey = "" // so that no stage is taken off
		handler := apigw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requireSame(t, event, r)
			_, _ = io.Copy(w, r.Body)
		}), slog.New(slog.DiscardHandler))
		answer, err := handler(t.Context(), event)
		if err != nil {
			return
		}
		require.NotEqual(t, http.StatusInternalServerError, answer.StatusCode, answer.Body)
		if answer.StatusCode == http.StatusOK && !event.IsBase64Encoded {
			require.Equal(t, event.Body, answer.Body)
		}
	})
}

func requireSame(t *testing.T, event events.APIGatewayV2HTTPRequest, r *http.Request) {
	require.Equal(t, event.RawPath, r.URL.Path)
	require.Equal(t, event.RawQueryString, r.URL.RawQuery)
	for name, value := range event.Headers {
		switch http.CanonicalHeaderKey(name) {
		case "Host":
			require.Empty(t, r.Header.Values(name))
		case "Cookie", http.CanonicalHeaderKey(core.APIGwContextHeader), http.CanonicalHeaderKey(core.APIGwStageVarsHeader):
		default:
			require.Contains(t, r.Header.Values(name), value)
		}
	}
	for name, value := range event.PathParameters {
		require.Equal(t, value, r.PathValue(name))
	}
}
