// Package engine moves customers through journeys: it finds who is due, loads
// them, steps them, claims what is to be done for them, does it, and records
// it. What a step means is internal/journey's; here is the I/O around it. It
// knows no AWS: the table, the provider and the invocation of workers are
// interfaces, so that tests run it against a table in memory, with faults.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/emf"
	"journeys/internal/journey"
)

// Times and sizes of the engine.
const (
	PackSize     = 99               // customers of one invocation of advance: with their journey one batch read
	PageSize     = 1000             // keys that tick reads at a time
	MaxAttempts  = 10               // of one effect that fails, before the enrollment fails
	MaxCrashes   = 30               // tries of which nobody knows how they ended, before it fails
	MaxShards    = 256              // of one journey's part of the due index
	SoloAfter    = 5 * time.Minute  // overdue by this, a key goes in a pack of one
	MaxLease     = 30 * time.Second // of a claim
	LeaseMargin  = 10 * time.Second // of a claim, beyond the provider's timeout
	LiveFor      = time.Second      // no effect is claimed on an older reading of whether its journey is active
	DrainGrace   = 2 * time.Minute  // after it, no enroll call from before an archiving still writes
	firstBackOff = 30 * time.Second
	maxBackOff   = time.Hour
)

// Live is what tick must visit: a journey that is active, or that customers
// still have to leave.
type Live struct {
	Tenant    journey.Tenant
	Journey   journey.ID
	On        bool      // active: who is due goes on
	Shards    int       // of its part of the due index
	Epoch     int       // of who enrolls now
	DrainFrom int       // lowest epoch that somebody may still be in; everybody below Epoch leaves
	Reason    string    // why those leave: "journey_archived" or "journey_deleted"
	Since     time.Time // of the last change; nobody is overdue from before it
}

// Draining reports whether customers have to leave.
func (l Live) Draining() bool { return l.DrainFrom < l.Epoch }

// Pack is what one invocation of advance handles: customers of one journey.
type Pack struct {
	Tenant    journey.Tenant
	Journey   journey.ID
	Customers []string // 1 to PackSize, different from each other
	Solo      bool     // one customer who may be what killed an earlier worker
}

// Profile is what is known of a customer.
type Profile struct {
	Attributes condition.Value // an object, or missing
	Err        error           // an ErrDamaged when it cannot be read
}

// Unread is the error of a read that has left out what is damaged: everything
// else was read, and is returned. It holds the cause of each, an ErrDamaged that
// names no customer, since the log may have it.
type Unread []error

// Error says what is damaged.
func (u Unread) Error() string { return errors.Join(u...).Error() }

// Unwrap returns the causes.
func (u Unread) Unwrap() []error { return u }

// Err returns u as an error; nil when nothing was left out.
func (u Unread) Err() error {
	if len(u) == 0 {
		return nil
	}
	return u
}

// damage parts what a read has left out from an error that ends everything.
func damage(err error) (Unread, error) {
	if unread, ok := errors.AsType[Unread](err); ok {
		return unread, nil
	}
	return nil, err
}

// Table is what the engine needs of the table. Reads are strongly consistent
// except those of the due index, which may show what was true before.
type Table interface {
	// Lives returns every Live entry. Its error is an Unread when some are
	// damaged.
	Lives(ctx context.Context) ([]Live, error)
	// Due returns at most PageSize keys of a shard that are due at before or
	// earlier, in order of their times, from after on (nil: from the start),
	// and where the next page begins; nil when there is none.
	Due(ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey) (page []journey.DueKey, next *journey.DueKey, err error)
	// GrowShards makes a journey's shards twice as many as l says, unless
	// they are that many already.
	GrowShards(ctx context.Context, l Live) error
	// Drained records that nobody is left in the epochs below l.Epoch, and
	// removes the entry when the journey is not active either. It does
	// nothing when the entry has changed since it was read.
	Drained(ctx context.Context, l Live) error
	// Definition returns the definition called hash of a journey, also of a
	// deleted one.
	Definition(ctx context.Context, t journey.Tenant, id journey.ID, hash string) ([]byte, error)
	// Load returns a journey's Live entry, nil when there is none, and the
	// enrollments of at most PackSize customers, also of none, in any order, in
	// one read. Its error is an Unread when some of that is damaged.
	Load(ctx context.Context, t journey.Tenant, id journey.ID, customers []string) (*Live, []journey.Enrollment, error)
	// Profiles returns what is known of customers; who is unknown is absent.
	Profiles(ctx context.Context, t journey.Tenant, customers []string) (map[string]Profile, error)
	// LastEvents returns when each customer last caused the event that is
	// named for them; absent for never. Its error is an Unread when some of
	// that is damaged.
	LastEvents(ctx context.Context, t journey.Tenant, awaited map[string]string) (map[string]time.Time, error)
	// Advance writes each enrollment if the stored Rev is its own less one,
	// and returns for each nil, journey.ErrLost, or another error after which it is
	// unknown whether it was written. A write of its own that had succeeded
	// before is a success. shards is for those whose Due changes.
	Advance(ctx context.Context, t journey.Tenant, shards int, list []journey.Enrollment) []error
}

// Dispatcher starts advance on a pack, asynchronously. The pack may come more
// than once, late, or never.
type Dispatcher interface {
	Dispatch(ctx context.Context, p Pack) error
}

// DecisionRequest asks for the next best action of one customer.
type DecisionRequest struct {
	Key        string // the same on every attempt
	Tenant     journey.Tenant
	Journey    journey.ID
	Customer   string
	NodeID     string
	Config     journey.DecisionConfig
	Attributes condition.Value
}

// Message is one thing to send.
type Message struct {
	Key       string // the same on every attempt: who honours it sends once
	Tenant    journey.Tenant
	Journey   journey.ID
	Customer  string
	NodeID    string
	Config    journey.ActionConfig
	Facts     condition.Facts // what its payload reads, and its address
	Uncertain bool            // an earlier attempt may have been sent
}

// ThrottledError is a provider that wants to be asked later. It is no attempt.
type ThrottledError struct{ After time.Duration }

// Error says how long to wait.
func (e *ThrottledError) Error() string { return "provider: too many, again after " + e.After.String() }

// UncertainError is a message of which nobody knows whether it was sent, on a
// channel that takes no key: to send it again may send it twice.
type UncertainError struct{ Err error }

// Error says what happened.
func (e *UncertainError) Error() string { return "perhaps sent: " + e.Err.Error() }

// Unwrap returns what happened.
func (e *UncertainError) Unwrap() error { return e.Err }

// Provider decides and sends. Each call ends within Timeout.
type Provider interface {
	// Decide answers with a JSON object, or a missing value for no answer.
	Decide(ctx context.Context, r DecisionRequest) (condition.Value, error)
	// Send sends and returns Sent or SkippedNoAddress; SkippedUncertain for an
	// uncertain message that its channel would perhaps send twice and its node
	// does not want so. Its error is an UncertainError, a ThrottledError, or
	// something after which the message was certainly not sent.
	Send(ctx context.Context, m Message) (journey.Result, error)
	// Timeout is the longest that Send takes.
	Timeout() time.Duration
}

// Engine is the engine. All fields are needed.
type Engine struct {
	Table      Table
	Dispatcher Dispatcher // tick's
	Provider   Provider   // advance's
	Parallel   int        // decisions and messages that one Advance has under way at a time; at least 1
	Now        func() time.Time
	Jitter     func() float64 // from 0 to less than 1
	Log        *slog.Logger

	Definitions  *journey.Definitions // kept between invocations
	Installation string               // names this one among others, in the metrics
}

// measure writes the one line of an invocation, with its metrics.
func (e *Engine) measure(ctx context.Context, message string, metrics []emf.Metric, attrs ...slog.Attr) {
	attrs = append(attrs, emf.Attrs(e.now(), e.Installation, metrics...)...)
	e.Log.LogAttrs(ctx, slog.LevelInfo, message, attrs...)
}

func count(name string, n int) emf.Metric {
	return emf.Metric{Name: name, Unit: emf.Count, Value: float64(n)}
}

// logDamaged tells of what was passed over, a line for each cause.
func (e *Engine) logDamaged(ctx context.Context, message string, unread Unread, attrs ...any) {
	counts := map[string]int{}
	for _, cause := range unread {
		counts[cause.Error()]++
	}
	for cause, n := range counts {
		e.Log.ErrorContext(ctx, message, append(slices.Clone(attrs), "count", n, "error", cause)...)
	}
}

// now returns the present in UTC, to the millisecond.
func (e *Engine) now() time.Time { return e.Now().UTC().Truncate(time.Millisecond) }

// backOff returns when to try again after so many attempts, the last of which
// failed: 30 s, doubling to an hour, with up to a fifth of jitter.
func (e *Engine) backOff(now time.Time, attempts int) time.Time {
	wait := min(firstBackOff<<min(max(attempts-1, 0), 20), maxBackOff)
	wait += time.Duration(e.Jitter() * float64(wait) / 5)
	return now.Add(wait).Truncate(time.Millisecond)
}
