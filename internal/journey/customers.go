package journey

import (
	"context"
	"time"
)

// MaxAttributes bounds a customer's attributes: bytes of compact JSON.
const MaxAttributes = 64 * 1024

// Profile is what conditions and payloads read of a customer.
type Profile struct {
	Customer   string
	Attributes []byte    // a JSON object, as the caller wrote it
	UpdatedAt  time.Time // UTC, to the millisecond
}

// PutCustomer stores a customer's attributes, a compact JSON object of at most
// MaxAttributes bytes, in place of those that were.
func (s *Service) PutCustomer(ctx context.Context, t Tenant, customer string, attributes []byte) (Profile, error) {
	p := Profile{Customer: customer, Attributes: attributes, UpdatedAt: s.clock()}
	return p, s.stores.Customers.PutProfile(ctx, t, p)
}

// Customer returns a customer's attributes. ErrNoCustomer when there are none.
func (s *Service) Customer(ctx context.Context, t Tenant, customer string) (Profile, error) {
	return s.stores.Customers.Profile(ctx, t, customer)
}

// Forget removes all that is stored of a customer. Their enrollments stay as
// nameless items, so that the figures do.
func (s *Service) Forget(ctx context.Context, t Tenant, customer string) error {
	return s.stores.Customers.Forget(ctx, t, customer, s.clock())
}

// Nameless returns the next write of e, which stays when the customer is
// forgotten: who is inside leaves, and nothing tells who it was. Who left
// before, left when they did: figures are recounted from that.
func (e Enrollment) Nameless(now time.Time) Enrollment {
	inside, written := e.Status == Inside, e.WrittenAt
	e = e.NextWrite(now)
	if inside {
		e = e.Cancel(reasonRemoved)
	} else {
		e.Delta, e.WrittenAt = nil, written
	}
	e.Customer, e.RequestID, e.Decisions, e.Event = "", RequestID{}, nil, nil
	e.Attempts, e.LeaseUntil, e.WokenAt, e.Place = 0, time.Time{}, time.Time{}, Place{}
	return e
}
