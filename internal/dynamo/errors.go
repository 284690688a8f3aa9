package dynamo

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/item"
	"journeys/internal/journey"
)

// Codes of journey.Error and journey.Outcome, besides those of package conn.
const (
	codeDeadline = "deadline"
	codeChanged  = "enrollment-changed"
)

// maxConflicts bounds the retries of a transaction that conflicts with others.
const maxConflicts = 10

// wrapFailed wraps an error of the client: an Unavailable journey.Error if a
// later attempt may succeed. It returns nil for nil, and an ErrNewer as it is.
func wrapFailed(doing string, err error) error {
	if err == nil || errors.Is(err, journey.ErrNewer) {
		return err
	}
	switch code := conn.Code(err); code {
	case conn.Throttled, conn.Unavailable:
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
func refusedItem(err error) (stored item.Item, refused bool) {
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

func conditionFailed(r types.CancellationReason) bool {
	return r.Code != nil && *r.Code == "ConditionalCheckFailed"
}
