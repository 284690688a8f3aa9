// Package journey is the domain: journeys and their lifecycle, graphs, the
// pure step function that moves a customer, its simulation, and enrollment.
// It knows no AWS and no HTTP; time, randomness and ids come in as arguments.
package journey

import (
	"context"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Limits of a journey.
const (
	MaxJourneys        = 10_000     // of one tenant
	MaxName            = 255        // characters
	MaxDescription     = 2000       // characters
	MaxDefinition      = 256 * 1024 // bytes of the definition as compact JSON
	MaxEntryCondition  = 4 * 1024   // bytes of the entry condition as compact JSON
	MaxDuration        = 365        // days
	DefaultMaxDuration = 30         // days
	MaxBatch           = 1000       // customers of one enroll call
)

// Tenant is one customer of the installation. The zero Tenant is nobody; a
// Tenant is made by ParseTenant only, from the claim of a verified token.
type Tenant struct{ id string }

// ParseTenant returns the tenant of a claim; false unless it has 1 to 64
// characters of A-Z, a-z, 0-9, _ and -. None of these separates parts of a key.
func ParseTenant(claim string) (Tenant, bool) {
	if !IsWord(claim, maxWord) {
		return Tenant{}, false
	}
	return Tenant{claim}, true
}

// String returns the claim's value, "" for nobody.
func (t Tenant) String() string { return t.id }

// ID names a journey: "jrn_" and a ULID, so that ids sort by creation.
type ID string

// Valid reports whether id has the form of an id of ours.
func (id ID) Valid() bool {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	text, ok := strings.CutPrefix(string(id), "jrn_")
	return ok && len(text) == ulid.EncodedSize && text[0] <= '7' && strings.Trim(text, digits) == ""
}

// maxWord is the longest tenant, and the longest id of a node: characters.
const maxWord = 64

// IsWord reports whether s has 1 to max characters of A-Z, a-z, 0-9, _ and -. To
// compile a regular expression of it would take longer than a function takes to
// start.
func IsWord(s string, max int) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= max
}

// Status is where a journey is in its life.
type Status string

// The statuses.
const (
	Draft    Status = "draft"    // being written; its graph may be unfinished
	Active   Status = "active"   // takes customers and moves them; its graph is whole
	Paused   Status = "paused"   // everybody inside stays where they are
	Archived Status = "archived" // everybody inside leaves
)

// Statuses lists every status.
var Statuses = []Status{Draft, Active, Paused, Archived}

// MayBecome reports whether the lifecycle allows the change from s to next. A
// status may always become itself.
func (s Status) MayBecome(next Status) bool {
	switch {
	case s == next, next == Archived:
		return true
	case next == Active:
		return s == Draft || s == Paused
	case next == Paused:
		return s == Active || s == Archived
	}
	return false
}

// Journey is one journey of one tenant.
type Journey struct {
	ID              ID
	Name            string // 1 to MaxName characters
	Description     string // at most MaxDescription characters
	Status          Status
	Definition      []byte // the graph as compact JSON, as the caller wrote it; nil in a list
	EntryCondition  []byte // compact JSON; nil when there is none
	MaxDurationDays int    // 1 to MaxDuration
	Version         int    // of the definition, from 1
	GraphHash       string // names the definition: lower-case hex SHA-256 of it
	NodeCount       int
	Labels          []Label   // of the definition's nodes; only of a journey that is to be stored, or replaced
	Events          []string  // types of events that start it, sorted
	Shards          int       // of the due index; only grows
	Epoch           int       // counts archivings: who was enrolled in an earlier one leaves
	Rev             int64     // counts writes, from 1; the ETag
	CreatedAt       time.Time // UTC, to the millisecond
	UpdatedAt       time.Time // UTC, to the millisecond; at least CreatedAt
}

// FirstShards is the number of shards of a new journey's part of the due
// index.
const FirstShards = 4

// Filter chooses a page of journeys, newest first.
type Filter struct {
	Status Status // "" for all
	Limit  int
	Offset int
}

// Page is one page of a list.
type Page struct {
	Journeys []Journey // without Definition
	Total    int       // of all that match the filter's status
}

// Profile is what conditions and payloads read of a customer.
type Profile struct {
	Customer   string
	Attributes []byte    // a JSON object, as the caller wrote it
	UpdatedAt  time.Time // UTC, to the millisecond
}

// KeyRecord is what is kept about an Idempotency-Key for KeyLife.
type KeyRecord struct {
	Key       string    // as the caller sent it; only its hash is stored
	Request   [32]byte  // hash of the request that came with it
	RequestID RequestID // stands in the enrollments that the request made
	ExpiresAt time.Time // after it the record counts as gone
}

// KeyLife is how long an Idempotency-Key is remembered.
const KeyLife = 24 * time.Hour

// EventRecord is what is kept about an event that came with an id of its
// caller's, for EventLife.
type EventRecord struct {
	Customer   string
	ID         string
	Request    [32]byte  // hash of what came with the id
	ReceivedAt time.Time // first; UTC, to the millisecond
	Done       bool      // all that it does is done
	ExpiresAt  time.Time // after it the record counts as gone
}

// EventLife is how long a caller's eventId is remembered.
const EventLife = 7 * 24 * time.Hour

// RequestID tells an enrollment that a request made itself from another's.
type RequestID [16]byte

// Outcome is what became of one customer of an enroll call.
type Outcome struct {
	Result OutcomeResult
	Code   string // why, for OutcomeError: stable, kebab-case
}

// OutcomeResult is the kind of an Outcome.
type OutcomeResult uint8

// The outcomes.
const (
	OutcomeEnrolled OutcomeResult = iota + 1 // by this request
	OutcomeSkipped                           // was enrolled before by another
	OutcomeError                             // not known to be enrolled; safe to send again
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
