package journey

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"journeys/internal/ident"
	"journeys/internal/mergepatch"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

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
	Received   time.Time // by the gateway; zero is not checked against Forgotten
	merge      bool      // Attributes are a merge patch

	// once is the record of the event that the change came with, and which notes that it
	// was made; nil for a change without one.
	once *EventRecord
}

// Forgotten returns when a customer was forgotten, zero for never. It knows those of
// at least the last 15 minutes, of the customers for which it was read.
type Forgotten func(customer string) time.Time

// Check returns ErrForgotten if the customer was forgotten after a request was
// received. A zero received is not checked.
func (f Forgotten) Check(customer string, received time.Time) error {
	if !received.IsZero() && f(customer).After(received) {
		return ErrForgotten
	}
	return nil
}

// split separates the customers who were forgotten after a request was received.
func (f Forgotten) split(customers []string, received time.Time) (rest, forgotten []string) {
	for _, customer := range customers {
		if f.Check(customer, received) != nil {
			forgotten = append(forgotten, customer)
			continue
		}
		rest = append(rest, customer)
	}
	return rest, forgotten
}

// checkForgotten reads Forgotten and checks it.
func (s *Service) checkForgotten(ctx context.Context, t ident.Tenant, customer string, received time.Time) error {
	if received.IsZero() {
		return nil
	}
	forgotten, err := s.stores.Customers.Forgotten(ctx, t, customer, s.clock())
	if err != nil {
		return err
	}
	return forgotten.Check(customer, received)
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
func (s *Service) PutCustomer(ctx context.Context, t ident.Tenant, c ProfileChange, match *Precondition) (Profile, error) {
	p, _, err := s.changeProfile(ctx, t, c, match)
	return p, err
}

// PatchCustomer is PutCustomer with a merge patch (RFC 7396) instead of attributes.
// It creates the profile if there is none.
func (s *Service) PatchCustomer(ctx context.Context, t ident.Tenant, c ProfileChange, match *Precondition) (Profile, error) {
	c.merge = true
	p, _, err := s.changeProfile(ctx, t, c, match)
	return p, err
}

// changeProfile makes a change, and repeats it when it meets a concurrent write. It
// returns the stored profile and whether the change was older.
func (s *Service) changeProfile(
	ctx context.Context, t ident.Tenant, c ProfileChange, match *Precondition,
) (p Profile, older bool, err error) {
	for attempt := range updateAttempts {
		p, older, err = s.changeProfileOnce(ctx, t, c, match)
		if stale := errors.Is(err, ErrStaleCustomer); stale || err == nil && !older {
			// Also if nothing was written: the first call of a repeat may have died here.
			return p, older, cmp.Or(err, s.WakeProfileWaits(ctx, t, c.Customer, "", p.Rev))
		}
		if !errors.Is(err, ErrLost) {
			return p, older, err
		}
		if !s.WaitToRetry(ctx, attempt) {
			break
		}
	}
	return Profile{}, false, &Error{
		Kind: Unavailable, Code: "customer-busy", Cause: err,
		Detail: "The customer is being changed by another request. Try again.",
	}
}

func (s *Service) changeProfileOnce(
	ctx context.Context, t ident.Tenant, c ProfileChange, match *Precondition,
) (Profile, bool, error) {
	old, forgotten, err := s.stores.Customers.ProfileToChange(ctx, t, c.Customer, s.clock())
	stored := !errors.Is(err, ErrNoCustomer)
	repairs := !c.merge && errors.Is(err, ErrDamaged) // a replacement needs only the revision
	if err != nil && stored && !repairs {
		return Profile{}, false, err
	}
	if err := forgotten.Check(c.Customer, c.Received); err != nil {
		return Profile{}, false, err
	}
	if c.once != nil && c.once.Merged {
		return old, false, nil
	}
	if !match.holds(old, stored) {
		return old, false, ErrStaleCustomer
	}
	if !c.AsOf.IsZero() && c.AsOf.Before(old.AsOf) {
		return old, true, nil
	}
	next, err := old.apply(c)
	if err != nil {
		return Profile{}, false, err
	}
	if stored && !repairs && next.AsOf.Equal(old.AsOf) && bytes.Equal(next.Attributes, old.Attributes) {
		if c.once != nil {
			err = s.stores.Events.MergeEvent(ctx, t, *c.once, nil, 0)
		}
		return old, false, err
	}
	next = next.Next(c.Customer, next.Attributes, s.clock())
	if c.once != nil {
		err = s.stores.Events.MergeEvent(ctx, t, *c.once, &next, old.Rev)
	} else {
		err = s.stores.Customers.PutProfile(ctx, t, next, old.Rev)
	}
	if err != nil || old.Rev != 0 {
		return next, false, err
	}
	return next, false, s.undoIfForgotten(ctx, t, c, next)
}

// undoIfForgotten deletes a profile that was created while its customer was being
// forgotten: Forget may have read the customer's items before. A changed profile
// needs no check, since Forget deletes the revision that a change requires. One that
// was stored without a revision counts as created.
func (s *Service) undoIfForgotten(ctx context.Context, t ident.Tenant, c ProfileChange, created Profile) error {
	err := s.checkForgotten(ctx, t, c.Customer, c.Received)
	if errors.Is(err, ErrForgotten) {
		return cmp.Or(s.stores.Customers.DeleteProfile(ctx, t, c.Customer, created.Rev), err)
	}
	return err
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
	p.Attributes = attributes
	if !c.AsOf.IsZero() {
		p.AsOf = c.AsOf
	}
	return p, nil
}

// mergeAttributes returns the stored attributes with patch applied, if they are not
// too large.
func mergeAttributes(stored, patch []byte) ([]byte, error) {
	merged, err := mergepatch.Apply(stored, patch)
	if errors.Is(err, mergepatch.ErrTarget) {
		return nil, fmt.Errorf("%w: a profile cannot be read", ErrDamaged)
	}
	if err != nil || len(merged) <= progress.MaxAttributes {
		return merged, err
	}
	var faults strict.Faults
	faults.Add("/attributes", "must leave at most %d bytes as compact JSON, leaves %d", progress.MaxAttributes, len(merged))
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

// mergers is how many customers one call of MergeCustomers changes at a time.
const mergers = 16

// MergeCustomers merges each change like PatchCustomer, and returns the outcomes in
// the order of list. Changes of one customer are made in that order: after one that
// may succeed later, the rest fail too, so that they can be repeated in order.
func (s *Service) MergeCustomers(ctx context.Context, t ident.Tenant, list []ProfileChange) []ProfileOutcome {
	customers := make([]string, len(list))
	for i, c := range list {
		customers[i] = c.Customer
	}
	outcomes := make([]ProfileOutcome, len(list))
	errs := inOrder(ctx, customers, mergers, func(i int) (err error) {
		c := list[i]
		c.merge = true
		_, outcomes[i].Older, err = s.changeProfile(ctx, t, c, nil)
		return err
	})
	for i, err := range errs {
		outcomes[i].Err = err
	}
	return outcomes
}

// Customer returns a customer's profile, or ErrNoCustomer.
func (s *Service) Customer(ctx context.Context, t ident.Tenant, customer string) (Profile, error) {
	return s.stores.Customers.Profile(ctx, t, customer)
}

// Forget erases a customer. Their enrollments stay as anonymous items, so that
// figures can still be recounted, and their opt-outs as those of their addresses. Requests about the customer that were received
// before fail with ErrForgotten, unless they are being carried out at that moment.
func (s *Service) Forget(ctx context.Context, t ident.Tenant, customer string) error {
	return s.stores.Customers.Forget(ctx, t, customer, s.clock(), s.Forgetting)
}

// Next returns the revision of a profile that follows p, with other attributes. A p
// without a Customer is no profile: the revision is then taken from the clock, so that it
// does not match one of a profile that was deleted.
func (p Profile) Next(customer string, attributes []byte, now time.Time) Profile {
	p.Attributes, p.UpdatedAt = attributes, progress.Later(now, p.UpdatedAt)
	if p.Rev++; p.Customer == "" {
		p.Rev = p.UpdatedAt.UnixMilli()
	}
	p.Customer = customer
	return p
}

// WakeProfileWaits makes a customer's waits due, in all journeys but except, whose end
// may depend on an earlier revision of the profile than rev. It must be called after
// each write of a profile, and again if it returns an error. Damaged enrollments are left
// alone.
func (s *Service) WakeProfileWaits(ctx context.Context, t ident.Tenant, customer string, except ident.ID, rev int64) error {
	list, _, err := s.stores.Customers.Enrollments(ctx, t, customer)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(e progress.Enrollment) bool { return !e.OnProfile || e.Journey == except })
	return forEach(list, func(e progress.Enrollment) error { return s.wakeProfileWait(ctx, t, e, rev) })
}

// wakeProfileWait writes e, even if it is due: a worker that has read the earlier
// profile must not write the end that it computes.
func (s *Service) wakeProfileWait(ctx context.Context, t ident.Tenant, e progress.Enrollment, rev int64) error {
	for attempt := range writeAttempts {
		if e.Status != progress.Inside || !e.OnProfile || e.ProfileRev == rev {
			return nil
		}
		next := e.NextWrite(s.clock())
		next.DueBy(s.clock())
		err := s.stores.Events.Wake(ctx, t, next)
		if err == nil {
			s.nudge(ctx, t, e.Journey, []string{e.Customer})
		}
		if !errors.Is(err, ErrLost) {
			return err
		}
		if attempt > 0 && !s.WaitToRetry(ctx, attempt) {
			return ctx.Err()
		}
		e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer)
		if errors.Is(err, ErrNotEnrolled) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errEnrollmentBusy
}
