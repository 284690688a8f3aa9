package journey

import (
	"context"
	"time"
)

// Stores are the parts of the table that a Service uses. A part that is not
// reached may be nil.
type Stores struct {
	Journeys    JourneyStore
	Enrollments EnrollmentStore
	Customers   CustomerStore
	Events      EventStore
}

// JourneyStore keeps journeys and their definitions.
type JourneyStore interface {
	// Create stores j, whose Rev is 1. ErrTooMany when the tenant
	// has MaxJourneys.
	Create(ctx context.Context, t Tenant, j Journey) error
	// Journey returns the journey, without its Definition, strongly
	// consistent. ErrNotFound when there is none.
	Journey(ctx context.Context, t Tenant, id ID) (Journey, error)
	// Definition returns the definition called hash of a journey. ErrDamaged
	// when it is not what was stored, of those ErrNoDefinition when there is none.
	Definition(ctx context.Context, t Tenant, id ID, hash string) ([]byte, error)
	// List returns a page of journeys, strongly consistent.
	List(ctx context.Context, t Tenant, f Filter) (Page, error)
	// Update replaces old by next, whose Rev is old.Rev+1, and with it
	// in one transaction what depends on the status: the LIVE and event
	// entries. It stores next.Definition unless the hash is old's. ErrStale
	// when the stored revision is not old.Rev, ErrNotFound when it is gone.
	Update(ctx context.Context, t Tenant, old, next Journey) error
	// Delete removes j from the tenant's journeys and leaves what is
	// needed to let the customers inside leave. ErrStale when the stored
	// revision is not j.Rev, ErrNotFound when it is gone.
	Delete(ctx context.Context, t Tenant, j Journey) error
}

// EnrollmentStore keeps enrollments and Idempotency-Key records.
type EnrollmentStore interface {
	// Insert inserts each enrollment unless that customer has one in that
	// journey, and returns what became of each, in order. The customers are
	// different from each other, the journey and RequestID are the same. An
	// enrollment that this RequestID made before counts as enrolled. What
	// could not be done before ctx ends is an OutcomeError.
	Insert(ctx context.Context, t Tenant, shards int, list []Enrollment) []Outcome
	// Enrolled reads what became of customers of an earlier call: enrolled
	// when id made them, skipped when another did, OutcomeError with code
	// "journey-not-active" when there is none.
	Enrolled(ctx context.Context, t Tenant, id ID, customers []string, request RequestID) []Outcome
	// ReserveKey stores r unless a record for its key is kept that has not
	// expired at now, and returns what is stored after: r or the kept one.
	ReserveKey(ctx context.Context, t Tenant, id ID, r KeyRecord, now time.Time) (KeyRecord, error)
	// Enrollment returns a customer's enrollment in a journey, strongly
	// consistent. ErrNotEnrolled when there is none.
	Enrollment(ctx context.Context, t Tenant, id ID, customer string) (Enrollment, error)
	// Advance writes each enrollment if the stored Rev is its own less one,
	// and returns for each nil, ErrLost, or another error after which it is
	// unknown whether it was written. shards is for those whose Due changes.
	Advance(ctx context.Context, t Tenant, shards int, list []Enrollment) []error
	// ReadPartition returns at most n (up to MaxIndexed) enrollments of a part of
	// the due index, from after on (nil: from the start), and where the next
	// read begins; nil when there is none. The index may show what was true
	// before; the enrollments are as they are now.
	ReadPartition(ctx context.Context, p Partition, n int, after *DueKey) ([]Indexed, *DueKey, error)
	// DrainFrom returns the lowest epoch of a journey that somebody may still
	// be in, strongly consistent; -1 when it is the journey's own.
	DrainFrom(ctx context.Context, t Tenant, id ID) (int, error)
	// KeyRecord returns the record kept for key; false when there is none
	// that has not expired at now.
	KeyRecord(ctx context.Context, t Tenant, id ID, key string, now time.Time) (KeyRecord, bool, error)
}

// CustomerStore keeps profiles, and forgets customers.
type CustomerStore interface {
	// PutProfile stores a customer's attributes in place of those that were.
	PutProfile(ctx context.Context, t Tenant, p Profile) error
	// Profile returns a customer's attributes, strongly consistent.
	// ErrNoCustomer when there are none.
	Profile(ctx context.Context, t Tenant, customer string) (Profile, error)
	// Enrollments returns all enrollments of a customer that can be read,
	// strongly consistent, and what is damaged of the others.
	Enrollments(ctx context.Context, t Tenant, customer string) ([]Enrollment, []Damage, error)
	// Forget removes everything stored under a customer, and puts the
	// Nameless write of each enrollment in its place; of one that cannot be
	// read, what tells nothing of them.
	Forget(ctx context.Context, t Tenant, customer string, now time.Time) error
}

// EventStore keeps events, and wakes the enrollments that wait for them.
type EventStore interface {
	// ReserveEvent stores r unless a record for its customer and id is kept
	// that has not expired at now, and returns what is stored after: r or the
	// kept one.
	ReserveEvent(ctx context.Context, t Tenant, r EventRecord, now time.Time) (EventRecord, error)
	// FinishEvent marks r as done, if it is there.
	FinishEvent(ctx context.Context, t Tenant, r EventRecord) error
	// PutLastEvent stores when a customer last caused an event of a type,
	// unless a later time is stored. It is kept for longer than any wait.
	PutLastEvent(ctx context.Context, t Tenant, customer, eventType string, received time.Time) error
	// StartedBy returns the journeys that an event of that type starts,
	// strongly consistent, in order.
	StartedBy(ctx context.Context, t Tenant, eventType string) ([]ID, error)
	// Wake writes Rev, WrittenAt, Due and WokenAt of e if the stored Rev is its own less
	// one, and else returns ErrLost.
	Wake(ctx context.Context, t Tenant, e Enrollment) error
}

// Partition is one partition of the due index: the failed enrollments of a
// journey, or the active ones of one epoch and shard.
type Partition struct {
	Tenant  Tenant
	Journey ID
	Failed  bool // Epoch and Shard are 0
	Epoch   int
	Shard   int
}

// DueKey is a key in a Partition.
type DueKey struct {
	Customer string
	At       time.Time // when the enrollment is due; when it failed in a failed Partition
}

// Indexed is what a place in the due index stands for.
type Indexed struct {
	DueKey
	Enrollment Enrollment // as it is now; zero when it is gone
	Err        error      // an ErrDamaged when it cannot be read
}

// MaxIndexed is the most that one read of a Partition returns.
const MaxIndexed = 100
