package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/go-json-experiment/json"

	"journeys/internal/condition"
	"journeys/internal/engine"
)

// function is a Lambda function, invoked synchronously: a channel that takes
// messages, or a decision flow that answers questions. What it is invoked with has
// an idempotency key, so that an attempt that may have succeeded can be repeated.
type function struct {
	client func() *lambda.Client
	name   string // or ARN, perhaps with an alias or a version
	now    func() time.Time
}

// prepare makes the body that HTTP channels get.
func (f *function) prepare(m *engine.Message, at time.Time) (send, error) {
	body, err := messageBody(m, at)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (condition.Value, error) {
		answer, err := f.invoke(ctx, body)
		if err != nil {
			return condition.Value{}, err
		}
		return readReply(m, bytes.NewReader(answer)), nil
	}, nil
}

// ask invokes the function with a question and returns its answer; missing for null,
// which a function answers that returns nothing.
func (f *function) ask(ctx context.Context, _ string, question []byte) (condition.Value, error) {
	answer, err := f.invoke(ctx, question)
	if err != nil {
		return condition.Value{}, err
	}
	if text := bytes.TrimSpace(answer); len(text) == 0 || string(text) == "null" {
		return condition.Value{}, nil
	}
	return readAnswer(bytes.NewReader(answer))
}

// invoke invokes the function once and returns its answer, of which at most
// MaxAnswer+1 bytes are read. Its error is an engine.ThrottledError, or any other
// error after which the next attempt has the same key.
func (f *function) invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	var out *lambda.InvokeOutput
	err = attempt(ctx, func(ctx context.Context) (err error) {
		out, err = f.client().Invoke(ctx, &lambda.InvokeInput{
			FunctionName: aws.String(f.name), InvocationType: lambdatypes.InvocationTypeRequestResponse, Payload: payload,
		})
		return err
	}, f.now())
	if uncertain, ok := errors.AsType[*engine.UncertainError](err); ok {
		return nil, uncertain.Err
	}
	if err != nil {
		return nil, err
	}
	if out.FunctionError != nil { // a 200, but the function threw an error, ran out of time or exited
		return nil, functionError(out.Payload)
	}
	return out.Payload, nil
}

// functionError returns the error of a function that failed. The report's message
// may quote the customer's data, so only its type is used.
func functionError(report []byte) error {
	var fault struct {
		Type string `json:"errorType"`
	}
	_ = json.Unmarshal(report, &fault)
	return errors.New("the function failed: " + safeCode(fault.Type))
}

// cutting is an HTTP client that reads at most MaxAnswer+1 bytes of an answer. A
// function may answer 6 MB, all of which the SDK would hold in memory.
type cutting struct{ lambda.HTTPClient }

func (c cutting) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		// The SDK closes the body when the answer begins. WriteTo of its closed body returns
		// io.EOF as an error, after which net/http would close the connection under the answer.
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	response, err := c.HTTPClient.Do(r)
	if err == nil {
		response.Body = &cutBody{io.LimitReader(response.Body, MaxAnswer+1), response.Body}
	}
	return response, err
}

type cutBody struct {
	io.Reader
	io.Closer
}
