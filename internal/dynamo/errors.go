package dynamo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/journey"
)

// Codes of journey.Error and journey.Outcome.
const (
	codeThrottled   = "table-throttled"
	codeUnavailable = "table-unavailable"
	codeDeadline    = "deadline"
	codeRefused     = "table-refused"
	codeNotActive   = "journey-not-active"
	codeChanged     = "enrollment-changed"
)

// Limits of retries.
const (
	firstPause   = 25 * time.Millisecond
	maxPause     = time.Second
	maxConflicts = 10 // retries of a transaction that conflicts with others
)

// wrapFailed wraps an error of the client: an Unavailable journey.Error if a
// later attempt may succeed. It returns nil for nil, and an ErrNewer as it is.
func wrapFailed(doing string, err error) error {
	if err == nil || errors.Is(err, journey.ErrNewer) {
		return err
	}
	switch code := errorCode(err); code {
	case codeThrottled, codeUnavailable:
		return wrapUnavailable(code, fmt.Errorf("%s: %w", doing, err))
	}
	return fmt.Errorf("dynamo: %s: %w", doing, err)
}

// wrapUnlessRefused is wrapFailed for a write whose failed condition means that there
// was nothing to do: then it returns nil.
func wrapUnlessRefused(doing string, err error) error {
	if _, refused := refusedItem(err); refused {
		return nil
	}
	return wrapFailed(doing, err)
}

func wrapUnavailable(code string, cause error) error {
	return &journey.Error{
		Kind: journey.Unavailable, Code: code,
		Detail: "The table cannot take this now. Try again in a moment.", Cause: cause,
	}
}

// wrapDamaged makes an error of a reader an ErrDamaged, unless it is an ErrNewer. It
// returns nil for nil.
func wrapDamaged(err error) error {
	if err == nil || errors.Is(err, journey.ErrNewer) {
		return err
	}
	return fmt.Errorf("%w: %w", journey.ErrDamaged, err)
}

// refusedItem returns the stored item, if it was asked for, and true if err says
// that the condition of a single write failed.
func refusedItem(err error) (stored item, refused bool) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return failed.Item, true
}

// isConflict reports whether err says that a transaction is changing the item.
func isConflict(err error) bool {
	_, ok := errors.AsType[*types.TransactionConflictException](err)
	return ok
}

// errorCode tells throttling and outages from permanent errors. An error that is no
// response of DynamoDB means that it was not reached.
func errorCode(err error) string {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok && isTransient(canceled) {
		return codeThrottled
	}
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return codeUnavailable
	}
	return serviceCode(refusal.ErrorCode())
}

// serviceCode returns the code for one of DynamoDB's error codes.
func serviceCode(code string) string {
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

// isTransient reports whether the same transaction may succeed later.
func isTransient(canceled *types.TransactionCanceledException) bool {
	return !slices.ContainsFunc(canceled.CancellationReasons, func(r types.CancellationReason) bool {
		return r.Code != nil && *r.Code != "None" && serviceCode(*r.Code) == codeRefused
	})
}

func conditionFailed(r types.CancellationReason) bool {
	return r.Code != nil && *r.Code == "ConditionalCheckFailed"
}

// backOff returns the wait after a failed attempt, counted from 0: random, so
// that writers that collided do not collide again, up to a limit that doubles
// from 25 ms to 1 s.
func backOff(attempt int) time.Duration {
	return rand.N(min(firstPause<<min(attempt, 10), maxPause)) + time.Millisecond
}
