package openapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
)

type validKey struct{}

// Valid marks the context of a request that must be valid: Transport fails the
// test if the document does not allow it.
func Valid(ctx context.Context) context.Context { return context.WithValue(ctx, validKey{}, true) }

// Transport returns base with checks: the test fails if the document does not allow
// an answer, or a request whose context is Valid. Requests and answers pass
// unchanged. A nil base is http.DefaultTransport.
func (d *Document) Transport(base http.RoundTripper, t testing.TB) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{d, base, t}
}

type transport struct {
	document *Document
	base     http.RoundTripper
	t        testing.TB
}

// RoundTrip implements http.RoundTripper.
func (w *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w.t.Helper()
	if r.Context().Value(validKey{}) != nil {
		var body []byte
		if r.Body != nil {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				return nil, err
			}
			_ = r.Body.Close() // all of it has been read
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if err := w.document.CheckRequest(r, body); err != nil {
			w.t.Errorf("%s %s: the request is not as in openapi.yaml: %v", r.Method, r.URL, err)
		}
	}
	answer, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // all of it has been read
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if err := w.document.CheckAnswer(answer, body); err != nil {
		w.t.Errorf("%s %s: the answer %d is not as in openapi.yaml: %v\n%.2000s", r.Method, r.URL, answer.StatusCode, err, body)
	}
	return answer, nil
}
