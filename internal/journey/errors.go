package journey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// Kind classifies an Error by what its caller can do. The zero Kind is Internal,
// so an unclassified error is never shown to a caller.
type Kind uint8

// The kinds of errors.
const (
	Internal    Kind = iota // a fault of this service; details go to the log only
	Invalid                 // the input is wrong and cannot succeed unchanged
	NotFound                // the tenant has nothing with that id
	Conflict                // the current state forbids the request
	Stale                   // the caller's revision is not the stored one
	Mismatch                // the idempotency key was used with another request
	Unavailable             // the table is throttled or down; retry
	Limited                 // the tenant has used up a quota; retry after RetryAfter
	Upstream                // a channel refused a message, or did not confirm it
)

// Error is a failure whose Code, Detail and Faults are safe to show to the
// caller. Cause is for the log only.
type Error struct {
	Kind       Kind
	Code       string         // stable, kebab-case: "journey-not-found"
	Detail     string         // one or two sentences for a person: the problem and the remedy
	Faults     []strict.Fault // every fault of the input; Invalid only
	RetryAfter time.Duration  // after which a repeat may succeed, whole seconds; zero for unknown
	Cause      error          // nil for none
}

// Error returns the code, the faults, and the cause or else the detail. It is for the log:
// never show it to a caller.
func (e *Error) Error() string {
	text := e.Code
	if e.Cause == nil {
		text += ": " + e.Detail
	}
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

// kindOf returns the kind of err; Internal if it is none of this package's, or nil.
func kindOf(err error) Kind {
	var known *Error
	if errors.As(err, &known) {
		return known.Kind
	}
	return Internal
}

// Code returns the code of err that a caller may see; "" for nil.
func Code(err error) string {
	var known *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &known) && known.Kind != Internal:
		return known.Code
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	}
	return "internal-error"
}

// invalidRequest returns the error of a request with these faults.
func invalidRequest(faults ...strict.Fault) error {
	return &Error{
		Kind: Invalid, Code: "invalid-request", Faults: faults,
		Detail: "The request is not valid; each entry of errors says where and why.",
	}
}

// ErrNotFound means that the tenant has no such journey.
var ErrNotFound = &Error{Kind: NotFound, Code: "journey-not-found", Detail: "There is no such journey."}

// ErrNoVersion means that the journey has no such version.
var ErrNoVersion = &Error{
	Kind: NotFound, Code: "version-not-found",
	Detail: "The journey has no such version, or it was replaced while the journey was a draft.",
}

// ErrLost means that another write changed the enrollment or profile after it was
// read.
var ErrLost = errors.New("journey: changed since it was read")

// ExitPendingError means that an enrollment was not written because of a PendingExit or
// PendingConversion that was stored after it was read. It is an ErrLost.
type ExitPendingError struct {
	Exit       progress.ExitRequest // the stored one; zero for none
	Conversion progress.Stamp       // the stored one; zero for none
}

// Error names the reason.
func (e *ExitPendingError) Error() string { return "journey: exit pending: " + e.Exit.Reason }

// Is reports whether target is ErrLost.
func (e *ExitPendingError) Is(target error) bool { return target == ErrLost }

// ErrStale means that the given revision of a journey is not the stored one.
var ErrStale = &Error{
	Kind: Stale, Code: "stale-revision",
	Detail: "The journey was changed since it was read. Get it again and repeat the change on what it is now.",
}

// ErrNoDraft means that the journey has no draft.
var ErrNoDraft = &Error{Kind: NotFound, Code: "no-draft", Detail: "The journey has no draft. PUT /journeys/{id}/draft creates one."}

// ErrStaleDraft means that the given tag of a draft is not the stored one.
var ErrStaleDraft = &Error{
	Kind: Stale, Code: "stale-draft",
	Detail: "The draft is not the one that the call names. It was changed, published, deleted or created since. Get it and repeat the change on what it is now, or create one if there is none.",
}

// ErrLiveChanged means that publishing a draft would undo a change of the journey.
var ErrLiveChanged = &Error{
	Kind: Stale, Code: "live-changed",
	Detail: "The journey's definition or pinned settings (timezone, exitOn, exitWhen, goal) have changed since the draft's basedOn. Get the journey, " +
		"bring the draft up to date, and publish it with basedOn set to the journey's present ETag.",
}

// ErrStaleCustomer means that the given revision of a customer is not the stored one.
var ErrStaleCustomer = &Error{
	Kind: Stale, Code: "stale-customer",
	Detail: "The customer's attributes were changed since they were read, or there are none. Get them again and repeat the change on what they are now.",
}

// ErrTooMany means that the tenant already has MaxJourneys journeys.
var ErrTooMany = &Error{
	Kind: Conflict, Code: "too-many-journeys",
	Detail: "A tenant has at most 10,000 journeys. Delete one that is not needed any more.",
}

// MaxStarted bounds the journeys of a tenant that events of one type start.
const MaxStarted = 200

// ErrTooManyStarted means that events of a type already start MaxStarted journeys.
var ErrTooManyStarted = &Error{
	Kind: Conflict, Code: "too-many-journeys-for-event",
	Detail: "Events of one type start at most 200 journeys that are active or paused. Archive one that is not needed any more, or combine some.",
}

// MaxDrains bounds the earlier epochs of a journey that may still have customers.
// A deletion may add one more.
const MaxDrains = 8

// ErrTooManyDrains means that customers of MaxDrains earlier epochs may still be leaving.
var ErrTooManyDrains = &Error{
	Kind: Conflict, Code: "drains-open", RetryAfter: time.Minute,
	Detail: "The journey was archived 8 times, and customers who were in it then may still be leaving, which takes at least two minutes each time. " +
		"Archive it in a few minutes. Until then a pause keeps customers from entering.",
}

// ErrNoCustomer means that the tenant stores nothing about the customer.
var ErrNoCustomer = &Error{Kind: NotFound, Code: "customer-not-found", Detail: "Nothing is stored about this customer."}

// ErrNoMessage means that nothing is known of the message, or not any more.
var ErrNoMessage = &Error{Kind: NotFound, Code: "message-not-found", Detail: "Nothing is known of this message."}

// ErrForgotten means that the customer was forgotten after the request was received.
var ErrForgotten = &Error{
	Kind: Conflict, Code: "customer-forgotten",
	Detail: "This customer was forgotten after the call was received, so it changed nothing. A new call stores them anew.",
}

// ErrNotEnrolled means that the customer never entered the journey.
var ErrNotEnrolled = &Error{
	Kind: NotFound, Code: "enrollment-not-found", Detail: "This customer never entered this journey.",
}

// ErrDamaged means that stored data cannot be read. Either this service wrote it
// wrongly or it was edited by hand.
var ErrDamaged = errors.New("journey: stored data is damaged")

// ErrNewer means that a stored item has a format of a newer version of this service.
// It is no ErrDamaged: this version leaves the item as it is.
var ErrNewer = &Error{
	Kind: Unavailable, Code: "newer-format", RetryAfter: time.Minute, // a roll-out takes minutes
	Detail: "Something that this call needs was written by a newer version of the service, which is being rolled out. Try again in a minute.",
}

// Unreadable reports whether err is an ErrDamaged or ErrNewer.
func Unreadable(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) }

// ErrNoDefinition is the ErrDamaged of a definition that is missing.
var ErrNoDefinition = fmt.Errorf("%w: the definition is missing", ErrDamaged)

// Damage reports an enrollment that was skipped because it, its journey, its
// definition or its customer's attributes are damaged or of a newer format. It does not identify the
// customer, so it may be logged.
type Damage struct {
	Journey ident.ID // "" if it concerns none in particular
	Cause   error    // an ErrDamaged or ErrNewer
}
