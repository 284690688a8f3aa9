package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/lambda"
)

const frontEnd = "https://app.example.com"

// newCORSCloud returns a cloud that the pages of frontEnd and of one other origin may
// call.
func newCORSCloud(t *testing.T) *cloud {
	t.Helper()
	c := newCloud(t)
	c.gateway.CORSOrigins = []string{"https://other.example.com", frontEnd}
	return c
}

// corsHeaders returns the CORS headers of an answer, and Vary.
func corsHeaders(response *http.Response) map[string]string {
	found := map[string]string{}
	for name, values := range response.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			found[name] = strings.Join(values, "|")
		}
	}
	return found
}

// readable are the CORS headers of an answer that a page of frontEnd may read.
var readable = map[string]string{
	"Access-Control-Allow-Origin":   frontEnd,
	"Access-Control-Expose-Headers": "etag,location,retry-after",
	"Vary":                          "Origin",
}

func TestCORS_AnswersPreflightsWithoutToken(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v1/journeys", "/api/v1/journeys/a/enroll", "/nothing"} {
		c := newCORSCloud(t)
		response, body := c.do(t, "OPTIONS", path, "", "Authorization", "", "Origin", frontEnd,
			"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,if-match")
		require.Equal(t, http.StatusNoContent, response.StatusCode)
		require.Empty(t, body)
		require.Equal(t, map[string]string{
			"Access-Control-Allow-Origin":   frontEnd,
			"Access-Control-Allow-Methods":  "DELETE,GET,PATCH,POST,PUT",
			"Access-Control-Allow-Headers":  "authorization,content-type,if-match,if-none-match,idempotency-key",
			"Access-Control-Expose-Headers": "etag,location,retry-after",
			"Access-Control-Max-Age":        "3600",
			"Vary":                          "Origin",
		}, corsHeaders(response))
		require.Empty(t, c.asked)
		require.Empty(t, c.called)
	}
}

func TestCORS_RefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"https://app.example.com.evil.example", "http://app.example.com", "https://app.example.com:8443", "https://example.com", "null",
	} {
		c := newCORSCloud(t)
		response, _ := c.do(t, "OPTIONS", "/api/v1/journeys", "", "Origin", origin, "Access-Control-Request-Method", "GET")
		require.Equal(t, http.StatusNoContent, response.StatusCode)
		require.Empty(t, corsHeaders(response), origin)
		response, _ = c.do(t, "GET", "/api/v1/journeys", "", "Origin", origin)
		require.Equal(t, http.StatusOK, response.StatusCode, "the gateway leaves the refusal to the browser")
		require.Empty(t, corsHeaders(response), origin)
	}
}

func TestCORS_LetsPagesReadEveryAnswer(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*cloud)
		path   string
		header []string
		status int
	}{
		"of a function":        {func(*cloud) {}, "/api/v1/journeys", nil, 200},
		"no token":             {func(*cloud) {}, "/api/v1/journeys", []string{"Authorization", ""}, 401},
		"no route":             {func(*cloud) {}, "/nothing", nil, 404},
		"a throttled function": {func(c *cloud) { c.answer = func() (string, error) { return "", lambda.ErrThrottled } }, "/api/v1/journeys", nil, 503},
		"denied by the authorizer": {func(c *cloud) {
			c.authorizer = func() (string, error) { return `{"isAuthorized":false}`, nil }
		}, "/api/v1/journeys", nil, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCORSCloud(t)
			row.change(c)
			response, _ := c.do(t, "GET", row.path, "", append(row.header, "Origin", frontEnd)...)
			require.Equal(t, row.status, response.StatusCode)
			require.Equal(t, readable, corsHeaders(response))
		})
	}
}

func TestCORS_IgnoresTheFunctionsHeaders(t *testing.T) {
	t.Parallel()
	c := newCORSCloud(t)
	c.answer = func() (string, error) {
		return `{"statusCode":200,"headers":{"access-control-allow-origin":"*","Access-Control-Allow-Credentials":"true","etag":"\"a\""}}`, nil
	}
	response, _ := c.do(t, "GET", "/api/v1/journeys", "", "Origin", frontEnd)
	require.Equal(t, readable, corsHeaders(response))
	require.Equal(t, `"a"`, response.Header.Get("ETag"))
	response, _ = c.do(t, "GET", "/api/v1/journeys", "", "Origin", "https://evil.example")
	require.Empty(t, corsHeaders(response))
	response, _ = c.do(t, "GET", "/api/v1/journeys", "")
	require.Empty(t, corsHeaders(response))
}

func TestCORS_IsOffWithoutOrigins(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	response, body := c.do(t, "OPTIONS", "/api/v1/journeys", "", "Origin", frontEnd, "Access-Control-Request-Method", "GET")
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	require.JSONEq(t, `{"message":"Not Found"}`, body)
	require.Empty(t, corsHeaders(response))
	c.answer = func() (string, error) {
		return `{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`, nil
	}
	response, _ = c.do(t, "GET", "/api/v1/journeys", "", "Origin", frontEnd)
	require.Equal(t, map[string]string{"Access-Control-Allow-Origin": "*"}, corsHeaders(response), "the function's headers pass")
}

func TestCORS_TakesOnlyPreflightsFromTheRoutes(t *testing.T) {
	t.Parallel()
	c := newCORSCloud(t)
	for _, header := range [][]string{{}, {"Origin", frontEnd}, {"Access-Control-Request-Method", "GET"}} {
		response, _ := c.do(t, "OPTIONS", "/api/v1/journeys", "", header...)
		require.Equal(t, http.StatusNotFound, response.StatusCode)
	}
}
