package journey

import (
	"context"
	"time"
)

// MaxAttributes bounds a customer's attributes, in bytes of compact JSON.
const MaxAttributes = 64 * 1024

// Profile holds the customer's attributes, which conditions and payloads read.
type Profile struct {
	Customer   string
	Attributes []byte    // a JSON object as the caller wrote it
	UpdatedAt  time.Time // UTC, to the millisecond
}

// PutCustomer replaces a customer's attributes. They must be a compact JSON object
// of at most MaxAttributes bytes.
func (s *Service) PutCustomer(ctx context.Context, t Tenant, customer string, attributes []byte) (Profile, error) {
	p := Profile{Customer: customer, Attributes: attributes, UpdatedAt: s.clock()}
	return p, s.stores.Customers.PutProfile(ctx, t, p)
}

// Customer returns a customer's attributes, or ErrNoCustomer.
func (s *Service) Customer(ctx context.Context, t Tenant, customer string) (Profile, error) {
	return s.stores.Customers.Profile(ctx, t, customer)
}

// Forget erases a customer. Their enrollments stay as anonymous items, so that
// figures can still be recounted.
func (s *Service) Forget(ctx context.Context, t Tenant, customer string) error {
	return s.stores.Customers.Forget(ctx, t, customer, s.clock())
}

// Anonymize returns the write of e that is kept when its customer is forgotten. It
// has nothing that identifies the customer. An enrollment that is inside becomes
// Cancelled at now. Others keep WrittenAt, because figures are recounted from it.
func (e Enrollment) Anonymize(now time.Time) Enrollment {
	inside, written := e.Status == Inside, e.WrittenAt
	e = e.NextWrite(now)
	if inside {
		e = e.Cancel(ReasonRemoved)
	} else {
		e.Delta, e.WrittenAt = nil, written
	}
	e.Customer, e.RequestID, e.Decisions, e.Event = "", RequestID{}, nil, nil
	e.Attempts, e.LeaseUntil, e.WokenAt, e.Place = 0, time.Time{}, time.Time{}, Place{}
	return e
}
