package journey

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"journeys/internal/ident"
)

// Quota bounds what each tenant asks for in a minute of UTC: customers of enroll calls, or
// test sends.
type Quota interface {
	// Take counts n, at most what a minute allows, in the minute of now. If they do not
	// fit, it counts none and returns an Error that is Limited.
	Take(ctx context.Context, t ident.Tenant, n int, now time.Time) error
}

// ParseQuota parses a number of enrollments a minute, 0 for no quota.
func ParseQuota(text string) (perMinute int, err error) {
	perMinute, err = strconv.Atoi(text)
	if err != nil || perMinute != 0 && (perMinute < MaxBatch || perMinute > maxQuota) {
		return 0, fmt.Errorf("is %q: want 0 for no limit, or a whole number from %d, the customers of one call, to %d", text, MaxBatch, maxQuota)
	}
	return perMinute, nil
}

const maxQuota = 1_000_000_000

// EnrollmentRateError returns the error of a call that is beyond a Quota.
func EnrollmentRateError(perMinute int, now time.Time) *Error {
	return rateError("enrollment-rate", now,
		"The enroll calls of a tenant may name %d customers a minute, and those of this call are beyond that. It enrolled none of them. Send it again in the next minute.", perMinute)
}

// TestSendRateError returns the error of a test send that is beyond a Quota.
func TestSendRateError(perMinute int, now time.Time) *Error {
	return rateError("test-send-rate", now,
		"A tenant may send %d test messages a minute, and this one is beyond that. It was not sent. Send it again in the next minute.", perMinute)
}

func rateError(code string, now time.Time, format string, perMinute int) *Error {
	left := now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	return &Error{
		Kind: Limited, Code: code, RetryAfter: (left + time.Second - 1).Truncate(time.Second),
		Detail: fmt.Sprintf(format, perMinute),
	}
}

// admit counts n customers of an enroll call, unless an earlier call with its Key was
// counted. Two calls with the same Key at the same time may both be counted.
func (s *Service) admit(ctx context.Context, t ident.Tenant, id ident.ID, key string, n int, now time.Time) error {
	if s.stores.Quota == nil {
		return nil
	}
	if key != "" {
		if _, known, err := s.stores.Enrollments.KeyRecord(ctx, t, id, key, now); err != nil || known {
			return err
		}
	}
	return s.stores.Quota.Take(ctx, t, n, now)
}
