package openapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
)

type validKey struct{}

// Valid returns ctx for a request that is meant to be valid: Transport fails
// the test when the contract does not allow it.
func Valid(ctx context.Context) context.Context { return context.WithValue(ctx, validKey{}, true) }

// Transport returns base with a watch on it: the test fails when the contract
// does not allow an answer, or a request whose context is Valid. The exchange
// itself goes on unchanged. A nil base is http.DefaultTransport.
func (c *Contract) Transport(base http.RoundTripper, t testing.TB) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{c, base, t}
}

type transport struct {
	contract *Contract
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
			_ = r.Body.Close() // what was read is whole
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if err := w.contract.CheckRequest(r, body); err != nil {
			w.t.Errorf("%s %s is not in the contract: %v", r.Method, r.URL, err)
		}
	}
	answer, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // what was read is whole
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if err := w.contract.CheckAnswer(answer, body); err != nil {
		w.t.Errorf("%s %s: the answer %d is not in the contract: %v\n%.2000s", r.Method, r.URL, answer.StatusCode, err, body)
	}
	return answer, nil
}
