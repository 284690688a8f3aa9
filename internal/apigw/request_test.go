package apigw_test

import (
	"bytes"
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
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/stretchr/testify/require"

	"journeys/internal/apigw"
	"journeys/internal/auth"
)

func TestRequest_HasThePartsOfTheEvent(t *testing.T) {
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

func TestRequest_PathIsNotParsedAgain(t *testing.T) {
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

func TestRequest_DomainIsNotParsed(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	event.RequestContext.DomainName = "a b:c%"
	require.Equal(t, event.RawPath, received(t, event).URL.Path)
}

func TestRequest_HeadersAreNotSplitAtCommas(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	r := received(t, event)
	for _, name := range []string{"if-match", "if-modified-since", "x-json", "x-forwarded-for"} {
		require.Equal(t, []string{event.Headers[name]}, r.Header.Values(name))
	}
}

func TestRequest_HeaderNamesInAnyCase(t *testing.T) {
	t.Parallel()

	r := received(t, read(t, "post.json"))
	require.Equal(t, "Bearer e30.e30.e30", r.Header.Get("authorization"))
	require.Equal(t, "localhost:3000", r.Host)
}

func TestRequest_HasPathValues(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	event.PathParameters["customerId"] = "a/b?c#d%"
	r := received(t, event)
	require.Equal(t, "jrn_01JD0000000000000000000000", r.PathValue("id"))
	require.Equal(t, "a/b?c#d%", r.PathValue("customerId"))
}

func TestRequest_PathLacksTheStage(t *testing.T) {
	t.Parallel()

	cases := []struct{ name, stage, route, path, wanted string }{
		{"a named stage", "dev", "GET /api/v1/journeys/{id}", "/dev/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"no named stage", "$default", "GET /api/v1/journeys/{id}", "/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"a custom domain", "dev", "GET /api/v1/journeys/{id}", "/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"a stage named like the start of the path", "api", "GET /api/v1/journeys/{id}", "/api/v1/journeys/a", "/api/v1/journeys/a"},
		{"the same, as a prefix", "api", "GET /api/v1/journeys", "/api/api/v1/journeys", "/api/v1/journeys"},
		{"no stage", "", "GET /api/v1/journeys", "/api/v1/journeys", "/api/v1/journeys"},
		{"the default route", "dev", "$default", "/dev/api", "/dev/api"},
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

func TestRequest_RemoteAddrHasAPort(t *testing.T) {
	t.Parallel()

	host, _, err := net.SplitHostPort(received(t, read(t, "get.json")).RemoteAddr)
	require.NoError(t, err)
	require.Equal(t, "2001:db8::1", host)
}

func TestRequest_CookiesAreNotRepeated(t *testing.T) {
	t.Parallel()

	event := read(t, "get.json")
	event.Headers["cookie"] = "a=1; b=2"
	require.Equal(t, []string{"a=1; b=2"}, received(t, event).Header.Values("Cookie"))

	event = read(t, "post.json") // cookies in a header only
	require.Equal(t, []string{"a=1"}, received(t, event).Header.Values("Cookie"))
}

func TestRequest_ContextCannotBeForged(t *testing.T) {
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

func TestRequest_CallerComesFromTheAuthorizer(t *testing.T) {
	t.Parallel()

	caller := auth.FromContext(received(t, read(t, "get.json")).Context())
	require.Equal(t, "acme", caller.Tenant.String())
	require.Equal(t, "user-1", caller.Subject)
	require.Equal(t, "editor", caller.Role)
	require.Equal(t, time.Unix(1795600000, 0).UTC(), caller.ExpiresAt)

	refused := auth.FromContext(received(t, read(t, "post.json")).Context())
	require.Equal(t, auth.Caller{Refused: auth.TokenExpired}, refused)
}

func TestRequest_BodyIsDecodedAndUnlimited(t *testing.T) {
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

func TestRequest_MalformedBase64IsA400(t *testing.T) {
	t.Parallel()

	event := read(t, "post.json")
	event.Body = "!!"
	answer := invoke(t, event, func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
	require.JSONEq(t, `{"type":"urn:journeys:problem:malformed-base64","title":"Malformed base64",
		"status":400,"code":"malformed-base64","requestId":"a1b2c3"}`, answer.Body)
}

// FuzzEvent requires that no event panics, and that the handler gets what the
// caller sent unchanged.
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
		event.RouteKey = "" // so that the path keeps the stage
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
