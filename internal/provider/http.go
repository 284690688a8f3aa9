package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/provider/secret"
	"journeys/internal/strict"
)

// Network is how targets are reached. The zero value uses the system's resolver
// and certificates, and has no AWS.
type Network struct {
	Resolver *net.Resolver
	TLS      *tls.Config
	AWS      aws.Config   // region, credentials and endpoints of the channels of AWS, and of the stores of secrets
	Log      *slog.Logger // of secrets that cannot be read; nil for none

	Installation string // names this installation in the tags of messages; "" for none
}

// maxHeader is the longest header of an answer, in bytes.
const maxHeader = 64 << 10

// client calls one target.
type client struct {
	target *target
	secret *secret.Source
	http   http.Client
	now    func() time.Time
}

func newClient(t *target, a allowance, network Network, secrets *secret.Store, now func() time.Time) *client {
	c := &client{target: t, secret: secrets.Source(t.secret), now: now}
	// No proxy: it would resolve the target's name itself, and bypass the guard.
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

// post sends a signed request. If the target refuses its signature and the secret has
// changed meanwhile, it sends the request again with the new one.
func (c *client) post(ctx context.Context, key string, body []byte) (*http.Response, error) {
	keys, err := c.secret.Keys(ctx)
	if err != nil {
		return nil, notCalledError{err}
	}
	response, err := c.send(ctx, key, body, keys)
	if err != nil || response.StatusCode != http.StatusUnauthorized && response.StatusCode != http.StatusForbidden {
		return response, err
	}
	if keys = c.secret.Renew(ctx, keys); keys == nil {
		return response, nil
	}
	_ = response.Body.Close()
	return c.send(ctx, key, body, keys)
}

// send sends a request, signed if there are keys. Because of its Idempotency-Key,
// net/http sends it again if a kept connection turns out to be dead, as after a freeze:
// one attempt may arrive twice, with the same key.
func (c *client) send(ctx context.Context, key string, body []byte, keys secret.Keys) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errBroken
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "journeys")
	request.Header.Set("Idempotency-Key", key)
	if keys != nil {
		keys.Sign(request.Header, key, c.now(), body)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, cause(err)
	}
	return response, nil
}

// ask posts a question and returns the answer; missing for 204.
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

// prepare makes the body of a message.
func (c *client) prepare(m *engine.Message, at time.Time) (send, error) {
	body, err := messageBody(m, at)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (condition.Value, error) { return c.deliver(ctx, m, body) }, nil
}

// deliver posts a message. The status alone says whether it was sent.
func (c *client) deliver(ctx context.Context, m *engine.Message, body []byte) (condition.Value, error) {
	response, err := c.post(ctx, m.Key, body)
	if err != nil {
		return condition.Value{}, err
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusUnprocessableEntity:
		return condition.Value{}, &engine.RefusedError{Err: c.refusal(response, 0)}
	case response.StatusCode/100 != 2:
		return condition.Value{}, c.refusal(response, defaultRetryAfter)
	}
	return readReply(m, response.Body), nil
}

// readReply reads a channel's answer; missing if the node keeps nothing of it, or it is no
// JSON object: a message that was sent must not be sent again because of its answer.
func readReply(m *engine.Message, body io.Reader) condition.Value {
	if m.Config.Keep == nil {
		_, _ = io.CopyN(io.Discard, body, MaxAnswer) // a connection is reused only if its answer was read to the end
		return condition.Value{}
	}
	value, err := readAnswer(body)
	if err != nil {
		return condition.Value{}
	}
	return value
}

// refusal returns the error of an answer that is not a success. An answer of 429 or
// 503 without a Retry-After is throttling for preset, or an ordinary error if
// preset is zero.
func (c *client) refusal(response *http.Response, preset time.Duration) error {
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after, ok := retryAfter(response.Header.Get("Retry-After"), c.now())
		if !ok {
			after = preset
		}
		if ok || preset > 0 {
			return &engine.ThrottledError{After: after}
		}
	}
	return fmt.Errorf("the target answered %d", response.StatusCode)
}

// retryAfter parses a Retry-After, which is in seconds or an HTTP date. The result
// is at most MaxRetryAfter.
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

// readAnswer reads one JSON object; missing for {}.
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
	if !ok { // the pointer would quote the answer
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

var errBroken = errors.New("the connection broke, or the answer is not HTTP")

// cause returns a safe error for a failed call: the texts of net/http's errors
// contain the whole URL, which may be a secret, and lines of a malformed answer.
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
		return engine.ErrTimedOut
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &operation):
		return operation
	}
	return errBroken
}
