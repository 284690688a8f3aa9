package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/strict"
)

// Network is how targets are reached. The zero value is the system's, without
// AWS.
type Network struct {
	Resolver *net.Resolver
	TLS      *tls.Config
	AWS      aws.Config // region, credentials and endpoints of channels of AWS
}

// maxHeader is how many bytes of header an answer may have.
const maxHeader = 64 << 10

// client calls one target.
type client struct {
	target *target
	http   http.Client
	now    func() time.Time
}

func newClient(t *target, a allowance, network Network, now func() time.Time) *client {
	c := &client{target: t, now: now}
	// No proxy: it would resolve the target's name, out of the guard's sight.
	c.http.Transport = &http.Transport{
		DialContext:            guardedDial(t.url, a, network.Resolver),
		TLSClientConfig:        network.TLS,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// post sends body until ctx ends. The key is in Idempotency-Key, on account of
// which net/http tries again by itself when a kept connection turns out dead,
// as after a freeze; so one attempt may arrive twice, with the same key.
func (c *client) post(ctx context.Context, key string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errBroken
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "journeys")
	request.Header.Set("Idempotency-Key", key)
	if c.target.key != nil {
		c.target.key.sign(request.Header, key, c.now(), body)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, cause(err)
	}
	return response, nil
}

// ask posts a question and reads the answer.
func (c *client) ask(ctx context.Context, key string, body []byte) (condition.Value, error) {
	response, err := c.post(ctx, key, body)
	if err != nil {
		return condition.Value{}, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return readAnswer(response.Body)
	case http.StatusNoContent:
		return condition.Value{}, nil
	}
	return condition.Value{}, c.refusal(response, 0)
}

// prepare makes the request of a message.
func (c *client) prepare(m *engine.Message, at time.Time) (func(context.Context) error, error) {
	body, err := messageBody(m, at)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return c.deliver(ctx, m.Key, body) }, nil
}

// deliver posts a message. What is answered beside the status does not matter.
func (c *client) deliver(ctx context.Context, key string, body []byte) error {
	response, err := c.post(ctx, key, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return c.refusal(response, defaultRetryAfter)
	}
	// A connection whose answer was read to its end serves the next message.
	_, _ = io.CopyN(io.Discard, response.Body, MaxAnswer)
	return nil
}

// refusal words an answer that is no success. An answer of "too many" without
// a time takes otherwise as the time, or is an ordinary error if that is zero.
func (c *client) refusal(response *http.Response, otherwise time.Duration) error {
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after, ok := retryAfter(response.Header.Get("Retry-After"), c.now())
		if !ok {
			after = otherwise
		}
		if ok || otherwise > 0 {
			return &engine.ThrottledError{After: after}
		}
	}
	return fmt.Errorf("the target answered %d", response.StatusCode)
}

// retryAfter reads a Retry-After: seconds or an HTTP date.
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(MaxRetryAfter/time.Second))) * time.Second, true
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), 0), MaxRetryAfter), true
}

// readAnswer reads a decision's answer: one JSON object; missing for {}.
func readAnswer(body io.Reader) (condition.Value, error) {
	data, err := io.ReadAll(io.LimitReader(body, MaxAnswer+1))
	if err != nil {
		return condition.Value{}, cause(err)
	}
	if len(data) > MaxAnswer {
		return condition.Value{}, fmt.Errorf("the answer is longer than %d bytes", MaxAnswer)
	}
	var faults strict.Faults
	value, ok := strict.Parse(data, &faults)
	if !ok { // without the pointer, which quotes the answer
		return condition.Value{}, fmt.Errorf("the answer is not JSON: %s", faults.List()[0].Detail)
	}
	object, ok := value.Object()
	if !ok {
		return condition.Value{}, errors.New("the answer is not a JSON object")
	}
	if len(object.Names()) == 0 {
		return condition.Value{}, nil
	}
	return condition.ParseValue(value.Raw())
}

var (
	errTimeout = errors.New("the target did not answer in time")
	errBroken  = errors.New("the connection broke, or the answer is not HTTP")
)

// cause words why a call failed. net/http's own errors hold the whole address,
// which may be a secret, and lines of a malformed answer.
func cause(err error) error {
	var (
		forbidden   *forbiddenError
		timeout     net.Error
		certificate *tls.CertificateVerificationError
		operation   *net.OpError
	)
	switch {
	case errors.As(err, &forbidden):
		return forbidden
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &operation):
		return operation
	}
	return errBroken
}
