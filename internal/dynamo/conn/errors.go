package conn

import (
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// What a failed request means, as callers see it.
const (
	Throttled   = "table-throttled"
	Unavailable = "table-unavailable"
	Refused     = "table-refused"
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
