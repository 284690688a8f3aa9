package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"journeys/internal/engine"
)

// attempt calls send once. Its error is an engine.ThrottledError, an
// engine.UncertainError if the message may have been sent, or any other error if it
// was not sent.
//
// A message was not sent if there was no connection, or if the answer was a
// refusal (4xx), throttling, or 503, with which a server says that it does not
// handle the request. It may have been sent if the connection broke or was silent,
// and after any other fault (5xx) or a success that cannot be parsed.
func attempt(ctx context.Context, send func(context.Context) error, now time.Time) error {
	var connected atomic.Bool
	err := send(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	if err == nil {
		return nil
	}
	var (
		entry    *refusedEntry
		answered *awshttp.ResponseError
	)
	switch {
	case errors.As(err, &entry):
		if isThrottling(entry.code) {
			return &engine.ThrottledError{After: defaultRetryAfter}
		}
		return entry
	case errors.As(err, &answered) && answered.HTTPStatusCode() > 0:
		return answerError(err, answered.Response.Response, now)
	case connected.Load():
		return &engine.UncertainError{Err: cause(err)}
	}
	if err = cause(err); errors.Is(err, errBroken) {
		return errNotSent
	}
	return err
}

// answerError returns the error of an answer that is not a success, or cannot be
// parsed. err is the SDK's own error, whose text may quote the customer's data.
func answerError(err error, response *http.Response, now time.Time) error {
	code := ""
	var fault smithy.APIError
	if errors.As(err, &fault) {
		code = fault.ErrorCode()
	}
	status := response.StatusCode
	failed := fmt.Errorf("the service answered %d %s", status, safeCode(code))
	switch {
	case isThrottling(code), status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		after, ok := retryAfter(response.Header.Get("Retry-After"), now)
		if !ok {
			after = defaultRetryAfter
		}
		return &engine.ThrottledError{After: after}
	case status/100 == 2, status/100 == 5:
		return &engine.UncertainError{Err: failed}
	}
	return failed
}

// isThrottling reports whether an error code means throttling. "Throttled" is SNS's
// own code.
func isThrottling(code string) bool {
	_, ok := retry.DefaultThrottleErrorCodes[code]
	return ok || code == "Throttled" || code == "LimitExceededException"
}

var codeForm = form(`^[A-Za-z][A-Za-z0-9.]{0,63}$`)

// safeCode returns a code only if it has the form of an error code, so that it
// cannot be personal data.
func safeCode(code string) string {
	if codeForm().MatchString(code) {
		return code
	}
	return "without a code"
}
