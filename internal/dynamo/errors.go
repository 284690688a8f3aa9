package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/journey"
)

// Codes of what callers are told about a table that cannot do its work now.
const (
	codeThrottled   = "table-throttled"
	codeUnavailable = "table-unavailable"
	codeDeadline    = "deadline"
	codeRefused     = "table-refused"
	codeNotActive   = "journey-not-active"
	codeChanged     = "enrollment-changed"
)

// firstPause and maxPause bound the time between two attempts; maxConflicts is
// how often a transaction makes way for another.
const (
	firstPause   = 25 * time.Millisecond
	maxPause     = time.Second
	maxConflicts = 10
)

// failed gives an error of the client its meaning; nil for nil.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	switch code := codeOf(err); code {
	case codeThrottled, codeUnavailable:
		return unavailable(code, fmt.Errorf("%s: %w", doing, err))
	}
	return fmt.Errorf("dynamo: %s: %w", doing, err)
}

// unavailable is what callers hear of a table that cannot do its work now.
func unavailable(code string, cause error) error {
	return &journey.Error{
		Kind: journey.Unavailable, Code: code,
		Detail: "The table cannot take this now. Try again in a moment.", Cause: cause,
	}
}

// damaged gives an error of a reader its meaning; nil for nil.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", journey.ErrDamaged, err)
}

// codeOf tells throttling and outages, which pass, from what stays refused. An
// error that is no answer of the table means that it was not reached.
func codeOf(err error) string {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok && passing(canceled) {
		return codeThrottled
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return codeUnavailable
	}
	return codeOfAnswer(answer.ErrorCode())
}

func codeOfAnswer(code string) string {
	switch code {
	case "ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded",
		"ThrottlingException", "ThrottlingError", "RequestLimitExceeded",
		"TransactionConflict", "TransactionConflictException":
		return codeThrottled
	case "InternalServerError", "InternalServerErrorException", "ServiceUnavailable",
		"TransactionInProgressException":
		return codeUnavailable
	}
	return codeRefused
}

// passing reports whether a transaction was cancelled by nothing but what
// passes.
func passing(canceled *types.TransactionCanceledException) bool {
	return !slices.ContainsFunc(canceled.CancellationReasons, func(r types.CancellationReason) bool {
		return r.Code != nil && *r.Code != "None" && codeOfAnswer(*r.Code) == codeRefused
	})
}

func conditionFailed(r types.CancellationReason) bool {
	return r.Code != nil && *r.Code == "ConditionalCheckFailed"
}

// delay is how long to wait after a failed attempt, counted from 0: up to
// 25 ms, doubling to a second, at random so that those who met do not meet
// again.
func delay(attempt int) time.Duration {
	return rand.N(min(firstPause<<min(attempt, 10), maxPause)) + time.Millisecond
}

// pause waits before the next attempt; false when ctx ends first.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(delay(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
