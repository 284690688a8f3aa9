package access

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/item"
	"journeys/internal/journey"
)

// MaxConflicts bounds the retries of a transaction that conflicts with others.
const MaxConflicts = 10

// WrapFailed wraps an error of the client: an Unavailable journey.Error if a
// later attempt may succeed. It returns nil for nil, and an ErrNewer as it is.
func WrapFailed(doing string, err error) error {
	if err == nil || errors.Is(err, journey.ErrNewer) {
		return err
	}
	switch code := conn.Code(err); code {
	case conn.Throttled, conn.Unavailable:
		return WrapUnavailable(code, fmt.Errorf("%s: %w", doing, err))
	}
	return fmt.Errorf("dynamo: %s: %w", doing, err)
}

// WrapUnlessRefused is WrapFailed for a write whose failed condition means that there
// was nothing to do: then it returns nil.
func WrapUnlessRefused(doing string, err error) error {
	if _, refused := RefusedItem(err); refused {
		return nil
	}
	return WrapFailed(doing, err)
}

// WrapUnavailable returns an Unavailable journey.Error with that code and cause.
func WrapUnavailable(code string, cause error) error {
	return &journey.Error{
		Kind: journey.Unavailable, Code: code,
		Detail: "The table cannot take this now. Try again in a moment.", Cause: cause,
	}
}

// WrapDamaged makes an error of a reader an ErrDamaged, unless it is an ErrNewer. It
// returns nil for nil.
func WrapDamaged(err error) error {
	if err == nil || errors.Is(err, journey.ErrNewer) {
		return err
	}
	return fmt.Errorf("%w: %w", journey.ErrDamaged, err)
}

// RefusedItem returns the stored item, if it was asked for, and true if err says
// that the condition of a single write failed.
func RefusedItem(err error) (stored item.Item, refused bool) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return failed.Item, true
}

// IsConflict reports whether err says that a transaction is changing the item.
func IsConflict(err error) bool {
	_, ok := errors.AsType[*types.TransactionConflictException](err)
	return ok
}

// ConditionFailed reports whether a write of a transaction was refused by its own
// condition.
func ConditionFailed(r types.CancellationReason) bool {
	return r.Code != nil && *r.Code == "ConditionalCheckFailed"
}
