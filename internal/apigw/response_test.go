package apigw_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
)

func TestResponse_FollowsNetHTTP(t *testing.T) {
	t.Parallel()

	cases := []struct {
		name   string
		handle http.HandlerFunc
		wanted events.APIGatewayV2HTTPResponse
	}{
		{"nothing written is a 200", func(http.ResponseWriter, *http.Request) {}, events.APIGatewayV2HTTPResponse{StatusCode: 200}},
		{"only headers are a 200", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"1"`)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Etag": `"1"`}}},
		{"the first status counts", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusTeapot)
		}, events.APIGatewayV2HTTPResponse{StatusCode: 201}},
		{"informational statuses are ignored", func(w http.ResponseWriter, _ *http.Request) {
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
		{"cookies are in a separate list", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Cookies: []string{"a=1", "b=2"}}},
		{"text stays text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"name":`))
			_, _ = w.Write([]byte(`"<ü>"}`))
		}, events.APIGatewayV2HTTPResponse{
			StatusCode: 200, Body: `{"name":"<ü>"}`, Headers: map[string]string{"Content-Type": "application/json"},
		}},
		{"other bodies are base64", func(w http.ResponseWriter, _ *http.Request) {
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
