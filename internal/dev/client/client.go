// Package client calls the API over HTTP, as the workshop's commands and tests
// do. It knows tokens, JSON and problem documents, but no endpoint.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Client calls one API. Concurrent use is safe.
type Client struct {
	// Base is the URL that every path is appended to.
	Base string
	// Token returns the bearer token of a call. Calls have none if it is nil or
	// returns "".
	Token func() (string, error)
	// HTTP makes the requests; nil means http.DefaultClient.
	HTTP *http.Client
}

// Fixed returns a token source for one token.
func Fixed(token string) func() (string, error) {
	return func() (string, error) { return token, nil }
}

// Answer is a response whose body has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call makes a call and returns its answer with any status. A body that is
// not empty is sent as JSON unless header, which holds names and values in
// turn, sets another Content-Type.
func (c *Client) Call(ctx context.Context, method, path string, body []byte, header ...string) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Token != nil {
		token, err := c.Token()
		if err != nil {
			return Answer{}, fmt.Errorf("get a token: %w", err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	doer := c.HTTP
	if doer == nil {
		doer = http.DefaultClient
	}
	response, err := doer.Do(r)
	if err != nil {
		return Answer{}, err
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return Answer{}, err
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: text}, nil
}

// Do makes a call with in as its JSON body and decodes the answer into out. It
// sends a json.RawMessage as it is, and no body for nil. It stores the answer's
// bytes in a *[]byte, and drops them for nil. It returns a *StatusError unless
// the status is 2xx.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return fmt.Errorf("%s %s: encode the body: %w", method, path, err)
	}
	a, err := c.Call(ctx, method, path, body)
	if err != nil {
		return err
	}
	if a.Status/100 != 2 {
		return &StatusError{Method: method, Path: path, Status: a.Status, Body: a.Body}
	}
	if err := decode(a.Body, out); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, path, err)
	}
	return nil
}

func encode(in any) ([]byte, error) {
	switch in := in.(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		return in, nil
	}
	return json.Marshal(in)
}

func decode(text []byte, out any) error {
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = text
		return nil
	}
	return json.Unmarshal(text, out)
}

// StatusError is an answer with a status that the caller did not expect.
type StatusError struct {
	Method, Path string
	Status       int
	Body         []byte // the problem document, or what a gateway answered instead
}

// Error returns the call, the status and the first 2,000 bytes of the body.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %.2000s", e.Method, e.Path, e.Status, e.Body)
}
