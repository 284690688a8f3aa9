// Package engine moves customers through their journeys. The meaning of a step
// is internal/journey's; this package does the I/O around it.
//
// Tick runs every minute. It reads which journeys are live and which of their
// customers are due, puts the customers of a journey into packs, and has a
// dispatcher invoke Advance on each pack, asynchronously.
//
// Advance loads the customers of one pack and moves each as far as it can go
// now: through splits and waits that are over, to decisions and messages. A
// customer's position is one item, the enrollment, with a revision number. A
// write succeeds only if the stored revision is the one before its own, so any
// number of workers may advance the same customer: one wins, and the others
// leave the customer alone.
//
// Decisions and messages are effects, which a provider carries out. Before it
// sends a message, a worker claims it: it writes a revision with a lease, a time
// until which the message is this worker's alone. After the send it records the
// result. If it dies in between, the lease ends, and the next worker knows that
// the message may have been sent. The type state describes what happens to a
// customer during one Advance; attempt.go counts attempts.
//
// The package knows no AWS: the table, the provider and the dispatcher are
// interfaces, so that tests run it against a table in memory, with faults.
package engine

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"journeys/internal/consent/key"
	"journeys/internal/emf"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/target"
)

// Times and sizes of the engine.
const (
	PackSize     = 97               // customers of one pack: with the Live entry, the tenant's settings and the targets, one batch read
	PageSize     = 1000             // keys of one read of the due index
	MaxAttempts  = 10               // failed attempts at one effect, before the enrollment fails
	MaxCrashes   = 30               // attempts without a known outcome, before the enrollment fails
	DuePerShard  = 5000             // due customers that one shard of a journey is to have at most
	MaxLease     = 30 * time.Second // the longest lease of a claim
	LeaseMargin  = 12 * time.Second // what a lease adds to the provider's timeout
	recordTime   = 2 * time.Second  // of a lease, in which no message is sent: its answer is recorded
	LiveFor      = time.Second      // the oldest reading of a journey's Live entry that may begin an effect, and of a Consent that may claim a message
	ClaimedFor   = 2 * time.Second  // the oldest such reading on which a claimed message is sent: a claim's write may take the rest
	DrainGrace   = 2 * time.Minute  // after an archive or delete, enroll calls that began before it may still write
	firstBackOff = 30 * time.Second
	maxBackOff   = time.Hour
)

// Engine runs Tick and Advance. All fields but Paused and Restore are required, but
// Tick and Sweep need no Provider and Advance no Dispatcher. It is safe for concurrent use if its fields are.
type Engine struct {
	Table      Table
	Dispatcher Dispatcher // used by Tick and Sweep
	Provider   Provider   // used by Advance
	Parallel   int        // requests of one Tick or Sweep, and effects of one Advance, at a time; at least 1
	Workers    int        // calls of Advance that run at a time; at least 1
	Now        func() time.Time
	Sleep      func(context.Context, time.Duration) // nil for real time
	Jitter     func() float64                       // in [0, 1)
	Log        *slog.Logger
	Paused     bool    // Tick, Sweep and Advance do nothing
	Restore    Restore // zero if the table was never restored

	// ProfileWritten makes a customer's waits due, in all journeys but one, whose end
	// depends on an earlier revision of the profile. Nil does nothing.
	ProfileWritten func(ctx context.Context, t ident.Tenant, customer string, except ident.ID, rev int64) error

	// Sent is told the channels that report what became of their messages and have sent
	// some, once by each Advance. Nil does nothing.
	Sent func(ctx context.Context, channel string)

	Key       *key.Source // of the installation; Advance uses it for tenants that have addresses, and messages with a topic
	PublicURL string      // of the links in messages, without a trailing slash

	Definitions  *journey.Definitions // the cache of compiled graphs, shared by invocations
	Installation string               // names this installation in the metrics
	Watch        *target.Watch        // of the targets that Advance has called, shared by invocations; nil for one of each
}

// measure writes the log line of an invocation, with its metrics.
func (e *Engine) measure(ctx context.Context, message string, metrics []emf.Metric, attrs ...slog.Attr) {
	attrs = append(attrs, emf.Attrs(e.now(), e.Installation, metrics...)...)
	e.Log.LogAttrs(ctx, slog.LevelInfo, message, attrs...)
}

// logDamaged logs each distinct cause in unread once, with its count.
func (e *Engine) logDamaged(ctx context.Context, message string, unread Unread, attrs ...any) {
	counts := map[string]int{}
	for _, cause := range unread {
		counts[cause.Error()]++
	}
	for cause, n := range counts {
		e.Log.ErrorContext(ctx, message, append(slices.Clone(attrs), "count", n, "error", cause)...)
	}
}

// now returns the time in UTC, truncated to milliseconds.
func (e *Engine) now() time.Time { return e.Now().UTC().Truncate(time.Millisecond) }

// backOff returns when to try again after the given number of failed attempts:
// in 30 s, doubling up to an hour, plus up to 20 % of jitter.
func (e *Engine) backOff(now time.Time, attempts int) time.Time {
	wait := min(firstBackOff<<min(max(attempts-1, 0), 20), maxBackOff)
	wait += time.Duration(e.Jitter() * float64(wait) / 5)
	return now.Add(wait).Truncate(time.Millisecond)
}

// endMargin is the time that Tick and Advance leave for their last requests. It is
// enough for a write that succeeds right after one attempt that timed out.
const endMargin = 5 * time.Second

// nearEnd reports whether too little time is left before ctx's deadline to begin
// another request.
func nearEnd(ctx context.Context) bool { return !fits(ctx, 0) }

// fits reports whether something that takes up to d, and then the last requests,
// end before ctx's deadline.
func fits(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) >= d+endMargin
}
