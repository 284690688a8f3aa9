package journey

import (
	"context"
	"time"

	"journeys/internal/consent"
	"journeys/internal/ident"
	"journeys/internal/message"
	"journeys/internal/progress"
)

// Stores holds the stores that a Service uses. A store that is never called may
// be nil.
type Stores struct {
	Journeys    JourneyStore
	Enrollments EnrollmentStore
	Customers   CustomerStore
	Events      EventStore
	Versions    VersionStore
	Messages    MessageStore
	Feedback    FeedbackStore
	Topics      TopicStore // nil for a service that does not warn about topics
	Quota       Quota      // nil for none
}

// JourneyStore stores journeys and their definitions. Reads are strongly
// consistent.
type JourneyStore interface { //nolint:revive // the stores of the four nouns are named alike
	// Create stores j, whose Rev is 1, its graph, its version and its Write. It returns
	// ErrTooMany if the tenant has MaxJourneys.
	Create(ctx context.Context, t ident.Tenant, j Journey) error
	// CreateOnce is Create together with r, which names j, unless r.Key has a record that
	// has not expired at r.ReceivedAt: then it stores nothing. It returns the record that
	// is then stored.
	CreateOnce(ctx context.Context, t ident.Tenant, j Journey, r KeyRecord) (KeyRecord, error)
	// Journey returns the journey without Description, EntryCondition, authors and
	// Definition, or ErrNotFound.
	Journey(ctx context.Context, t ident.Tenant, id ident.ID) (Journey, error)
	// JourneyToEnter is Journey together with the customers' Forgotten as of now.
	JourneyToEnter(ctx context.Context, t ident.Tenant, id ident.ID, customers []string, now time.Time) (Journey, Forgotten, error)
	// FullJourney returns the journey without Definition but with Tenant, or ErrNotFound.
	FullJourney(ctx context.Context, t ident.Tenant, id ident.ID) (Journey, error)
	// Definition returns the Journey.GraphText with that hash. It returns
	// ErrNoDefinition if there is none, ErrDamaged if the item cannot be read.
	Definition(ctx context.Context, t ident.Tenant, id ident.ID, hash string) ([]byte, error)
	// Appearance returns the Journey.GraphText that was stored with j.AppearanceRev,
	// which is not 0, or ErrNoDefinition.
	Appearance(ctx context.Context, t ident.Tenant, j Journey) ([]byte, error)
	// List returns a page of journeys.
	List(ctx context.Context, t ident.Tenant, f Filter) (Page, error)
	// Update replaces old with next, whose Rev is old.Rev+1, and everything that
	// depends on it in one transaction: the LIVE and event entries, the text if
	// TextRev changes, next.GraphText if GraphHash or AppearanceRev changes, the version
	// if GraphHash changes, and next.Write. It removes the graph and the version of a
	// draft that gets another one. If Published changes, it removes the draft with that
	// tag, and returns ErrLost if there is none. It returns ErrStale if the
	// stored revision is not old.Rev, ErrNotFound if the journey was deleted, and
	// ErrTooManyStarted if it would exceed MaxStarted, unless old was active before it was archived.
	Update(ctx context.Context, t ident.Tenant, old, next Journey) error
	// Draft returns the journey's draft, or ErrNoDraft.
	Draft(ctx context.Context, t ident.Tenant, id ident.ID) (DraftCopy, error)
	// PutDraft stores d if the stored draft has the tag old; "" for none. Otherwise it
	// returns ErrLost. It returns ErrNotFound if the journey was deleted, and nil if d was
	// stored and published already.
	PutDraft(ctx context.Context, t ident.Tenant, old string, d DraftCopy) error
	// DeleteDraft removes the draft with that tag. It returns ErrLost if there is
	// another one, nil if there is none.
	DeleteDraft(ctx context.Context, t ident.Tenant, id ident.ID, tag string) error
	// Delete removes j and its draft, but keeps what its customers need to leave it. It
	// returns ErrStale if the stored revision is not j.Rev, ErrNotFound if the
	// journey was deleted.
	Delete(ctx context.Context, t ident.Tenant, j Journey) error
}

// EnrollmentStore stores enrollments and Idempotency-Key records.
type EnrollmentStore interface {
	// Insert stores each enrollment unless its customer already has one in the
	// journey. It returns the outcomes in the order of list. The customers must
	// be distinct; Journey and RequestID must be the same everywhere. A stored
	// enrollment with this RequestID counts as enrolled. An enrollment that was
	// not stored when ctx ended is an OutcomeError.
	Insert(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []Outcome
	// UndoForgotten anonymizes the enrollments that Insert stored of customers who were
	// forgotten after received. Their outcomes become errors; if it cannot tell, all do.
	UndoForgotten(ctx context.Context, t ident.Tenant, list []progress.Enrollment, outcomes []Outcome, received, now time.Time)
	// Enrolled returns the outcomes of an earlier Insert, in the order of
	// customers: enrolled if that request stored the enrollment, skipped if
	// another did, OutcomeError with the code missing if there is none.
	Enrolled(ctx context.Context, t ident.Tenant, id ident.ID, customers []string, request ident.RequestID, missing string) []Outcome
	// Reenter replaces old, which has left, by next, the customer's next run, and keeps
	// old as an earlier run. It returns ErrLost if old has changed, nil if the stored
	// enrollment has the RequestID of next. shards is as for Insert.
	Reenter(ctx context.Context, t ident.Tenant, shards int, old, next progress.Enrollment) error
	// EarlierRuns returns the runs that Reenter kept, in their order. It is strongly
	// consistent.
	EarlierRuns(ctx context.Context, t ident.Tenant, id ident.ID, customer string) ([]progress.Enrollment, error)
	// ReserveKey stores r unless the key has a record that has not expired at
	// now. It returns the record that is then stored.
	ReserveKey(ctx context.Context, t ident.Tenant, id ident.ID, r KeyRecord, now time.Time) (KeyRecord, error)
	// Enrollment returns a customer's enrollment in a journey, or
	// ErrNotEnrolled. It is strongly consistent.
	Enrollment(ctx context.Context, t ident.Tenant, id ident.ID, customer string) (progress.Enrollment, error)
	// Advance writes each enrollment whose stored Rev is one less than its own
	// and whose stored PendingExit and PendingConversion are its own; the write removes
	// those. It returns an error for each: nil, an ExitPendingError, ErrLost, or another one if the
	// outcome of the write is unknown. shards places enrollments whose Due changes.
	Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error
	// RequestExit stores e's PendingExit and PendingConversion, of those that it has, if
	// the stored Rev is e's. Otherwise it returns ErrLost. It changes neither the Rev nor the figures.
	RequestExit(ctx context.Context, t ident.Tenant, e progress.Enrollment) error
	// ReadPartition returns up to n enrollments of a partition that follow
	// after, nil for its start. It also returns the key to continue from, nil
	// at the end. n is at most MaxIndexed. The index may be out of date; the
	// enrollments are not.
	ReadPartition(ctx context.Context, p Partition, n int, after *DueKey) ([]Indexed, *DueKey, error)
	// Crowded reports whether a shard has more than CrowdedShard customers, or more than
	// one page of the index holds. The index may be out of date.
	Crowded(ctx context.Context, p Partition) (bool, error)
	// DoubleShards doubles the journey's shards. It fails if there are not that many.
	DoubleShards(ctx context.Context, t ident.Tenant, id ident.ID, shards int) error
	// DrainFrom returns the lowest epoch of the journey that may still have
	// customers, or -1 if that is the current one. It is strongly consistent.
	DrainFrom(ctx context.Context, t ident.Tenant, id ident.ID) (int, error)
	// KeyRecord returns the record of key. It returns false if there is none
	// or it has expired at now.
	KeyRecord(ctx context.Context, t ident.Tenant, id ident.ID, key string, now time.Time) (KeyRecord, bool, error)
}

// CustomerStore stores profiles and erases customers.
type CustomerStore interface {
	// PutProfile stores p if the stored revision is rev; 0 also if there is no
	// profile. Otherwise it returns ErrLost.
	PutProfile(ctx context.Context, t ident.Tenant, p Profile, rev int64) error
	// Profile returns a customer's profile, or ErrNoCustomer. It is strongly
	// consistent.
	Profile(ctx context.Context, t ident.Tenant, customer string) (Profile, error)
	// ProfileToChange is Profile together with the tenant's Forgotten as of now,
	// which it returns with ErrNoCustomer and ErrDamaged too.
	ProfileToChange(ctx context.Context, t ident.Tenant, customer string, now time.Time) (Profile, Forgotten, error)
	// DeleteProfile deletes a customer's profile if the stored revision is rev.
	DeleteProfile(ctx context.Context, t ident.Tenant, customer string, rev int64) error
	// Forgotten returns the tenant's Forgotten as of now. It is strongly consistent.
	Forgotten(ctx context.Context, t ident.Tenant, customer string, now time.Time) (Forgotten, error)
	// Enrollments returns the enrollments of a customer that can be read, and
	// the damage of the others. It is strongly consistent.
	Enrollments(ctx context.Context, t ident.Tenant, customer string) ([]progress.Enrollment, []Damage, error)
	// Memberships reads up to n enrollments of a customer, newest journey first, in
	// journeys before the given one; "" for all. It leaves out deleted journeys, and
	// returns the damage of what it cannot read. last is the journey to continue
	// before; "" at the end. It sets NodeID if that takes no graph. It is strongly consistent.
	Memberships(ctx context.Context, t ident.Tenant, customer string, n int, before ident.ID) (
		list []Membership, unread []Damage, last ident.ID, err error)
	// Forget stores now as the customer's Forgotten, and then removes everything
	// stored under the customer. It keeps each enrollment as
	// Enrollment.Anonymize returns it; of an enrollment that cannot be read, the
	// parts that do not identify the customer. It returns ErrNewer, and changes
	// nothing, if one of the items is of a newer format. Before it removes anything, it
	// calls tell.KeepOptOuts.
	Forget(ctx context.Context, t ident.Tenant, customer string, now time.Time, tell Forgetting) error
}

// Forgetting is what Forget calls.
type Forgetting struct {
	// KeepOptOuts is called for each customer who is forgotten, and again if they say more
	// meanwhile. Nil keeps none.
	KeepOptOuts KeepOptOuts
	// Unstripped is called for each enrollment that is too damaged to find the records of
	// all its messages, which go on naming the customer until they expire. The cause names
	// no customer. Nil tells nothing.
	Unstripped func(ctx context.Context, t ident.Tenant, d Damage)
}

// KeepOptOuts keeps what a customer who is about to be forgotten has unsubscribed from, for
// the addresses in the attributes of their profile, nil for none. The same call again
// changes nothing.
type KeepOptOuts func(ctx context.Context, t ident.Tenant, said consent.Subscriptions, attributes []byte) error

// TopicStore stores the topics of tenants.
type TopicStore interface {
	// TenantSettings returns the tenant's settings. It is strongly consistent.
	TenantSettings(ctx context.Context, t ident.Tenant) (consent.TenantSettings, error)
}

// Starts is what an event of a type concerns.
type Starts struct {
	Journeys []ident.ID // active and paused ones that it starts, sorted
	Reads    [][]string // paths of the properties that must be remembered; an empty one means all
}

// EventStore stores events and wakes the enrollments that wait for them.
type EventStore interface {
	// ReserveEvent stores r unless its customer and id have a record that has
	// not expired at now. It returns the record that is then stored.
	ReserveEvent(ctx context.Context, t ident.Tenant, r EventRecord, now time.Time) (EventRecord, error)
	// MergeEvent marks r as merged and stores p, whose stored revision is rev as in
	// PutProfile, in one transaction; a nil p is not stored. It changes nothing if r is
	// marked already. It returns ErrLost if the revision differs or r is not stored.
	MergeEvent(ctx context.Context, t ident.Tenant, r EventRecord, p *Profile, rev int64) error
	// FinishEvent marks r as done. It returns ErrLost if r is not stored any more.
	FinishEvent(ctx context.Context, t ident.Tenant, r EventRecord) error
	// Remember adds an event to those of its type that are remembered of a customer, at
	// least the last RememberedEvents. An event that is there already is not added again.
	// The item outlives the longest run.
	Remember(ctx context.Context, t ident.Tenant, customer, eventType string, event progress.Received) error
	// Remembered returns the last RememberedEvents of each of these types that are
	// remembered of a customer, by type, at most 128 types. It is strongly consistent.
	Remembered(ctx context.Context, t ident.Tenant, customer string, eventTypes []string) (map[string][]progress.Received, error)
	// UndoEvent deletes r, if it has an ID and was received at r.ReceivedAt, and removes
	// the event with r.Stamp from those that are remembered of that type.
	UndoEvent(ctx context.Context, t ident.Tenant, r EventRecord, eventType string) error
	// KeepProperties adds to the paths of properties that must be remembered of events,
	// by type. They stay for good. Many become one empty path.
	KeepProperties(ctx context.Context, t ident.Tenant, reads map[string][][]string) error
	// StartedBy returns what an event of that type concerns. It is strongly consistent.
	// With an ErrNewer it returns all journeys but those whose entries are of a newer
	// format.
	StartedBy(ctx context.Context, t ident.Tenant, eventType string) (Starts, error)
	// Wake writes Rev, WrittenAt, Due and Woken of e if the stored Rev is one
	// less than e.Rev, and RequestID the same. Otherwise it returns ErrLost.
	Wake(ctx context.Context, t ident.Tenant, e progress.Enrollment) error
}

// MessageStore reads what the ids of messages stand for.
type MessageStore interface {
	// Message returns the record of a message, strongly consistent, or ErrNoMessage if
	// there is none or it has expired at now.
	Message(ctx context.Context, t ident.Tenant, id message.ID, now time.Time) (message.Record, error)
}

// Partition is one partition of the due index: the failed enrollments of a
// journey, or the active enrollments of one epoch and shard.
type Partition struct {
	Tenant  ident.Tenant
	Journey ident.ID
	Failed  bool // Epoch and Shard are 0
	Epoch   int
	Shard   int
}

// DueKey is the key of an entry within its Partition.
type DueKey struct {
	Customer string
	At       time.Time // when the enrollment is due; in a failed Partition, when it reached its node
}

// Indexed is an entry of the due index with its enrollment.
type Indexed struct {
	DueKey
	Enrollment progress.Enrollment // the current one; zero if it is gone
	Err        error               // an ErrDamaged or ErrNewer if the enrollment cannot be read
}

// MaxIndexed bounds the entries that one read of a Partition returns.
const MaxIndexed = 100
