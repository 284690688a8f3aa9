package engine

import (
	"context"
	"errors"
	"time"

	"journeys/internal/condition"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/target"
)

// Live is an entry in Tick's work list: a journey that is active or still
// draining.
type Live struct {
	Tenant    ident.Tenant
	Journey   ident.ID
	On        bool        // active: customers that are due move on
	Shards    int         // of the journey's part of the due index
	Epoch     int         // the epoch that customers enroll in now
	DrainFrom int         // the lowest epoch that may still have customers; all below Epoch are drained
	Ended     []time.Time // when each epoch from DrainFrom on ended, in order; one that is missing ended at Since
	Reason    string      // why drained customers leave: "journey_archived" or "journey_deleted"
	Since     time.Time   // of the last change; lateness is measured from no earlier time
}

// Draining reports whether customers of earlier epochs may still have to leave.
func (l Live) Draining() bool { return l.DrainFrom < l.Epoch }

// drainedTo returns the epoch below which no epoch can have customers at now. occupied
// is the lowest epoch that has some, l.Epoch for none.
func (l Live) drainedTo(occupied int, now time.Time) int {
	from := l.DrainFrom
	for from < occupied && now.Sub(l.ended(from)) >= DrainGrace {
		from++
	}
	return from
}

// ended returns when an epoch from l.DrainFrom on ended.
func (l Live) ended(epoch int) time.Time {
	if i := epoch - l.DrainFrom; i < len(l.Ended) {
		return l.Ended[i]
	}
	return l.Since
}

// Key returns the key of the entry.
func (l Live) Key() LiveKey { return LiveKey{l.Tenant, l.Journey} }

// LiveKey identifies an entry of the work list, which is ordered by tenant and
// journey.
type LiveKey struct {
	Tenant  ident.Tenant
	Journey ident.ID
}

// Pack is the work of one Advance: customers of one journey.
type Pack struct {
	Tenant    ident.Tenant
	Journey   ident.ID
	Customers []string      // 1 to PackSize, all different
	Solo      bool          // a single customer, which may have killed an earlier worker
	Wave      time.Duration // what Tick thought that each SmallPack customers take; 0 if Tick did not dispatch it in its turn
	At        time.Time     // when it was dispatched; zero if it may wait for any time
}

// Loaded is what Load reads.
type Loaded struct {
	Live        *Live                 // of the journey; nil if there is none
	Enrollments []progress.Enrollment // in any order
	Targets     target.States         // of the installation; those that cannot be read are absent, and so closed
}

// Profile is what is known of a customer.
type Profile struct {
	Attributes condition.Value // an object, or missing
	Stored     journey.Profile // the profile as it is stored; zero for none
	Err        error           // an ErrDamaged or ErrNewer if the profile cannot be read
}

// LastEvents is what is remembered of the events that a customer caused.
type LastEvents struct {
	ByType map[string][]progress.Received // in order; a type without events may be absent
	Err    error                          // an ErrDamaged or ErrNewer if some cannot be read; ErrNewer prevails
}

// Unread is the error of a read that left out items that are damaged or of a newer
// format; everything else was read and is returned. Each element is an ErrDamaged
// or ErrNewer that names no customer, so it may be logged.
type Unread []error

// Error joins the causes.
func (u Unread) Error() string { return errors.Join(u...).Error() }

// Unwrap returns the causes.
func (u Unread) Unwrap() []error { return u }

// Err returns u as an error, nil if it is empty.
func (u Unread) Err() error {
	if len(u) == 0 {
		return nil
	}
	return u
}

// splitUnread splits the error of a read: an Unread, or an error for which
// nothing was read.
func splitUnread(err error) (Unread, error) {
	if unread, ok := errors.AsType[Unread](err); ok {
		return unread, nil
	}
	return nil, err
}

// Table is the part of the table that the engine uses. Reads are strongly
// consistent, except those of the due index, which may be stale.
type Table interface {
	// Lives returns the Live entries from a key to another, both included, in
	// order; all if both are zero. Its error is an Unread if some cannot be read.
	Lives(ctx context.Context, from, to LiveKey) ([]Live, error)
	// Due returns a page of at most limit keys of a shard, 1 to PageSize, that are due
	// at before or earlier, ordered by due time. The page begins behind after, or
	// at the start if after is nil; after without a Customer is behind all of that
	// time. next is nil after the last page.
	Due(ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey, limit int) (page []journey.DueKey, next *journey.DueKey, err error)
	// GrowShards gives the journey that many shards, unless they have changed
	// since l was read.
	GrowShards(ctx context.Context, l Live, shards int) error
	// Drained records that the epochs below from have no customers. If from is
	// l.Epoch and the journey is not active, it removes the entry. It does nothing
	// if the entry has changed since l was read.
	Drained(ctx context.Context, l Live, from int) error
	// Definition returns the definition with that hash. It also works for
	// deleted journeys.
	Definition(ctx context.Context, t ident.Tenant, id ident.ID, hash string) ([]byte, error)
	// Load reads in one request what a worker begins with, for 0 to PackSize
	// customers. Its error is an Unread if some of that cannot be read.
	Load(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) (Loaded, error)
	// PutTarget replaces the stored state of a target by next, if it is still old,
	// and returns what is stored then and whether it is next.
	PutTarget(ctx context.Context, name string, old, next target.State) (stored target.State, ok bool, err error)
	// PutLine is PutTarget for the line of a target.
	PutLine(ctx context.Context, name string, old, next target.Line) (stored target.Line, ok bool, err error)
	// Lines returns the lines of all targets, by name. Its error is an Unread if some
	// cannot be read.
	Lines(ctx context.Context) (map[string]target.Line, error)
	// PutMessages stores records of messages, over earlier ones with their ids.
	PutMessages(ctx context.Context, t ident.Tenant, records []message.Record) error
	// Costs returns how long a worker takes for SmallPack customers of a tenant, where
	// that is known to be much. Its error is an Unread if some cannot be read.
	Costs(ctx context.Context) (map[ident.Tenant]time.Duration, error)
	// PutCost stores one of Costs, until it expires.
	PutCost(ctx context.Context, t ident.Tenant, wave time.Duration, expires time.Time) error
	// Profiles returns the profiles of customers, by customer. Those without a
	// profile are absent.
	Profiles(ctx context.Context, t ident.Tenant, customers []string) (map[string]Profile, error)
	// LastEvents returns the last journey.RememberedEvents of each type that wanted
	// lists for a customer; customers without events may be absent. A type that stands
	// for feedback is qualified by its run: see feedback.Qualify.
	LastEvents(ctx context.Context, t ident.Tenant, wanted map[string][]string) (map[string]LastEvents, error)
	// Advance writes each enrollment whose stored Rev is one less than its own
	// and whose stored PendingExit is its own; the write removes that. For each
	// it returns nil, a journey.ExitPendingError, journey.ErrLost, or another
	// error, after which it is unknown whether the write happened. Meeting its own
	// earlier write is a success. shards places enrollments whose Due changes.
	Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error
	// AdvanceWithProfile is Advance of e, which has no PendingExit, together with
	// CustomerStore.PutProfile: both are written, or none. It also returns
	// ErrProfileChanged if the revision of the stored profile is not rev.
	AdvanceWithProfile(ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, p journey.Profile, rev int64) error
}
