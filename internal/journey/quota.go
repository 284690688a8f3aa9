package journey

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"journeys/internal/ident"
)

// Quota bounds the customers of each tenant's enroll calls in a minute of UTC.
type Quota interface {
	// Take counts n customers, at most MaxBatch, in the minute of now. If they do not
	// fit, it counts none and returns an EnrollmentRateError.
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
	left := now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	return &Error{
		Kind: Limited, Code: "enrollment-rate", RetryAfter: (left + time.Second - 1).Truncate(time.Second),
		Detail: fmt.Sprintf("The enroll calls of a tenant may name %d customers a minute, and those of this call are beyond that. It enrolled none of them. Send it again in the next minute.", perMinute),
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
