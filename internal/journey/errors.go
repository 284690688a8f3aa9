package journey

import (
	"errors"
	"fmt"

	"journeys/internal/strict"
)

// Kind says what a caller can do about an error. The zero Kind is Internal, so
// that an error nobody classified is never shown to a caller.
type Kind uint8

// The kinds of errors.
const (
	Internal    Kind = iota // our fault; only the log may say more
	Invalid                 // cannot succeed as written; change the input
	NotFound                // nothing is stored under that id for this tenant
	Conflict                // the present state forbids it
	Stale                   // the caller's revision is not the stored one
	Mismatch                // an idempotency key was sent before with another request
	Unavailable             // the table is throttled or down; try again
)

// Error is a failure whose Code, Detail and Faults are safe to show to the
// caller. The Cause, if any, is for the log only.
type Error struct {
	Kind   Kind
	Code   string         // stable, kebab-case: "journey-not-found"
	Detail string         // one or two sentences for a person: what is wrong, what to do
	Faults []strict.Fault // all that is wrong with the input; only for Invalid
	Cause  error
}

// Error returns the detail and the cause. It is for the log: never show it to
// a caller.
func (e *Error) Error() string {
	text := e.Code + ": " + e.Detail
	for _, fault := range e.Faults {
		text += "; " + fault.Pointer + " " + fault.Detail
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrNotFound is a journey that does not exist for this tenant.
var ErrNotFound = &Error{Kind: NotFound, Code: "journey-not-found", Detail: "There is no such journey."}

// ErrLost is a write that came too late: somebody else wrote that enrollment
// since it was read.
var ErrLost = errors.New("journey: the enrollment was written by another")

// ErrStale is a revision that is not the stored one.
var ErrStale = &Error{
	Kind: Stale, Code: "stale-revision",
	Detail: "The journey was changed since it was read. Get it again and repeat the change on what it is now.",
}

// ErrTooMany is a journey beyond MaxJourneys.
var ErrTooMany = &Error{
	Kind: Conflict, Code: "too-many-journeys",
	Detail: "A tenant has at most 10,000 journeys. Delete one that is not needed any more.",
}

// ErrNoCustomer is a customer of whom nothing is stored for this tenant.
var ErrNoCustomer = &Error{Kind: NotFound, Code: "customer-not-found", Detail: "Nothing is stored of this customer."}

// ErrNotEnrolled is a customer who never entered the journey.
var ErrNotEnrolled = &Error{
	Kind: NotFound, Code: "enrollment-not-found", Detail: "This customer never entered this journey.",
}

// ErrDamaged is what is stored and cannot be read: a fault of ours, or of
// whoever wrote the table by hand.
var ErrDamaged = errors.New("journey: what is stored is damaged")

// ErrNoDefinition is a journey that has no definition of that hash.
var ErrNoDefinition = fmt.Errorf("%w: the definition is missing", ErrDamaged)

// Damage is an enrollment that was passed over, or not made, since what it needs
// is damaged: it itself, its journey, the definition or the customer's
// attributes. It does not tell whose enrollment that is, and the log may have it.
type Damage struct {
	Journey ID
	Cause   error
}
