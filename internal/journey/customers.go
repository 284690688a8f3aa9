package journey

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/strict"
)

// MaxAttributes bounds a customer's attributes, in bytes of compact JSON.
const MaxAttributes = 64 * 1024

// Profile holds the customer's attributes, which conditions and payloads read.
type Profile struct {
	Customer   string
	Attributes []byte    // a JSON object as the caller wrote it
	Rev        int64     // changes with every write; 0 if it was stored without one
	AsOf       time.Time // UTC, to the millisecond; zero if no write had one
	UpdatedAt  time.Time // UTC, to the millisecond
}

// ProfileChange is a write of a customer's attributes.
type ProfileChange struct {
	Customer   string
	Attributes []byte    // a compact JSON object of at most MaxAttributes bytes
	AsOf       time.Time // when the attributes were right; zero for now. UTC, to the millisecond
	merge      bool      // Attributes are a merge patch
}

// Precondition is what a write requires of the stored profile (If-Match). Nil
// requires nothing, not even a profile.
type Precondition struct {
	Any  bool // any revision
	Revs []int64
}

func (c *Precondition) holds(p Profile, stored bool) bool {
	return c == nil || stored && (c.Any || slices.Contains(c.Revs, p.Rev))
}

// PutCustomer replaces a customer's attributes and returns the profile that is then
// stored. A change that is older than the stored AsOf, or that has no effect, writes
// nothing. It returns ErrStaleCustomer if match does not hold.
func (s *Service) PutCustomer(ctx context.Context, t Tenant, c ProfileChange, match *Precondition) (Profile, error) {
	p, _, err := s.changeProfile(ctx, t, c, match)
	return p, err
}

// PatchCustomer is PutCustomer with a merge patch (RFC 7396) instead of attributes.
// It creates the profile if there is none.
func (s *Service) PatchCustomer(ctx context.Context, t Tenant, c ProfileChange, match *Precondition) (Profile, error) {
	c.merge = true
	p, _, err := s.changeProfile(ctx, t, c, match)
	return p, err
}

// changeProfile makes a change, and repeats it when it meets a concurrent write. It
// returns the stored profile and whether the change was older.
func (s *Service) changeProfile(
	ctx context.Context, t Tenant, c ProfileChange, match *Precondition,
) (p Profile, older bool, err error) {
	for attempt := range updateAttempts {
		p, older, err = s.changeProfileOnce(ctx, t, c, match)
		if !errors.Is(err, ErrLost) {
			return p, older, err
		}
		if !s.pause(ctx, attempt) {
			break
		}
	}
	return Profile{}, false, &Error{
		Kind: Unavailable, Code: "customer-busy", Cause: err,
		Detail: "The customer is being changed by another request. Try again.",
	}
}

func (s *Service) changeProfileOnce(
	ctx context.Context, t Tenant, c ProfileChange, match *Precondition,
) (Profile, bool, error) {
	old, err := s.stores.Customers.Profile(ctx, t, c.Customer)
	stored := !errors.Is(err, ErrNoCustomer)
	repairs := !c.merge && errors.Is(err, ErrDamaged) // a replacement needs only the revision
	if err != nil && stored && !repairs {
		return Profile{}, false, err
	}
	if !match.holds(old, stored) {
		return Profile{}, false, ErrStaleCustomer
	}
	if !c.AsOf.IsZero() && c.AsOf.Before(old.AsOf) {
		return old, true, nil
	}
	next, err := old.apply(c)
	if err != nil {
		return Profile{}, false, err
	}
	if stored && !repairs && next.AsOf.Equal(old.AsOf) && bytes.Equal(next.Attributes, old.Attributes) {
		return old, false, nil
	}
	next.UpdatedAt = s.clock()
	if next.UpdatedAt.Before(old.UpdatedAt) {
		next.UpdatedAt = old.UpdatedAt
	}
	if next.Rev++; !stored {
		// A revision of a deleted profile must not match a later one.
		next.Rev = next.UpdatedAt.UnixMilli()
	}
	return next, false, s.stores.Customers.PutProfile(ctx, t, next, old.Rev)
}

// apply returns p with the attributes and time of c.
func (p Profile) apply(c ProfileChange) (Profile, error) {
	attributes := c.Attributes
	if c.merge {
		var err error
		if attributes, err = mergeAttributes(p.Attributes, c.Attributes); err != nil {
			return Profile{}, err
		}
	}
	p.Customer, p.Attributes = c.Customer, attributes
	if !c.AsOf.IsZero() {
		p.AsOf = c.AsOf
	}
	return p, nil
}

// mergeAttributes returns the stored attributes with patch applied, if they are not
// too large.
func mergeAttributes(stored, patch []byte) ([]byte, error) {
	merged, err := mergePatch(stored, patch)
	if err != nil || len(merged) <= MaxAttributes {
		return merged, err
	}
	var faults strict.Faults
	faults.Add("/attributes", "must leave at most %d bytes as compact JSON, leaves %d", MaxAttributes, len(merged))
	return nil, &Error{
		Kind: Invalid, Code: "attributes-too-large", Faults: faults.List(),
		Detail: "The customer's attributes would become too large. Remove some with null.",
	}
}

// ProfileOutcome is what became of one change of MergeCustomers.
type ProfileOutcome struct {
	Older bool  // the stored profile is newer, and unchanged
	Err   error // nil if the change took effect, or was older
}

// Kind returns the kind of Err; Internal if it is none of this package's, or nil.
func (o ProfileOutcome) Kind() Kind {
	var known *Error
	if errors.As(o.Err, &known) {
		return known.Kind
	}
	return Internal
}

// Code returns the code of Err that a caller may see; "" for none.
func (o ProfileOutcome) Code() string {
	var known *Error
	switch {
	case o.Err == nil:
		return ""
	case errors.As(o.Err, &known) && known.Kind != Internal:
		return known.Code
	case errors.Is(o.Err, context.DeadlineExceeded):
		return "deadline"
	}
	return "internal-error"
}

// mergers bounds the customers that one call of MergeCustomers writes at a time.
const mergers = 16

// MergeCustomers merges each change like PatchCustomer, and returns the outcomes in
// the order of list. Changes of one customer are made in that order: after one that
// may succeed later, the rest fail too, so that they can be repeated in order.
func (s *Service) MergeCustomers(ctx context.Context, t Tenant, list []ProfileChange) []ProfileOutcome {
	var customers [][]int
	places := map[string]int{} // in customers
	for i, c := range list {
		place, ok := places[c.Customer]
		if !ok {
			place = len(customers)
			places[c.Customer], customers = place, append(customers, nil)
		}
		customers[place] = append(customers[place], i)
	}
	outcomes := make([]ProfileOutcome, len(list))
	var group errgroup.Group
	group.SetLimit(mergers)
	for _, changes := range customers {
		group.Go(func() error {
			s.mergeInOrder(ctx, t, list, changes, outcomes)
			return nil
		})
	}
	_ = group.Wait() // all errors are in outcomes
	return outcomes
}

// mergeInOrder makes the changes of one customer, which are indexes of list.
func (s *Service) mergeInOrder(ctx context.Context, t Tenant, list []ProfileChange, changes []int, outcomes []ProfileOutcome) {
	var failed error
	for _, i := range changes {
		o := &outcomes[i]
		if o.Err = failed; failed != nil {
			continue
		}
		if o.Err = ctx.Err(); o.Err == nil {
			c := list[i]
			c.merge = true
			_, o.Older, o.Err = s.changeProfile(ctx, t, c, nil)
		}
		if o.Kind() != Invalid {
			failed = o.Err
		}
	}
}

// Customer returns a customer's profile, or ErrNoCustomer.
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
	e.LeftAt = e.LeftAt.Truncate(24 * time.Hour) // its day counts
	return e
}
