package conn

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// What a failed request means, as callers see it.
const (
	Throttled   = "table-throttled"
	Unavailable = "table-unavailable"
	Refused     = "table-refused"
)

// Limits of pauses between attempts.
const (
	firstPause = 25 * time.Millisecond
	maxPause   = time.Second
)

// Code tells throttling and outages from permanent errors. An error that is no
// response of DynamoDB means that it was not reached.
func Code(err error) string {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok && IsTransient(canceled) {
		return Throttled
	}
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return Unavailable
	}
	return ServiceCode(refusal.ErrorCode())
}

// ServiceCode returns the code for one of DynamoDB's error codes.
func ServiceCode(code string) string {
	switch code {
	case "ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded",
		"ThrottlingException", "ThrottlingError", "RequestLimitExceeded",
		"TransactionConflict", "TransactionConflictException":
		return Throttled
	case "InternalServerError", "InternalServerErrorException", "ServiceUnavailable",
		"TransactionInProgressException":
		return Unavailable
	}
	return Refused
}

// IsTransient reports whether the same transaction may succeed later.
func IsTransient(canceled *types.TransactionCanceledException) bool {
	return !slices.ContainsFunc(canceled.CancellationReasons, func(r types.CancellationReason) bool {
		return r.Code != nil && *r.Code != "None" && ServiceCode(*r.Code) == Refused
	})
}

// BackOff returns the wait after a failed attempt, counted from 0: random, so
// that writers that collided do not collide again, up to a limit that doubles
// from 25 ms to 1 s.
func BackOff(attempt int) time.Duration {
	return rand.N(min(firstPause<<min(attempt, 10), maxPause)) + time.Millisecond
}
