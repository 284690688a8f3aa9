package analytics

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"journeys/internal/emf"
	"journeys/internal/feedback"
	"journeys/internal/progress"
)

// Audit is the current audit of an installation, or the last one. It compares
// the figures through Day with the enrollments.
//
// An audit reads the table in segments. When its time is up it stores which ones it
// read and what it found there, so that any run can resume it, for as many days as
// it takes. Until it is done, later days are not folded. A segment is read to its
// end or again: a position inside would be the key of a customer, and a customer
// who is forgotten later must not be named there.
//
// A repeated or slightly outdated read of an enrollment gives the same result,
// since nothing through Day changes any more, with one exception: forgetting a
// customer moves their enrollments to anonymized keys, so a pass may read them
// twice or not at all. Therefore a second pass, which is strongly consistent, checks
// the journeys in which the first found differences. What it finds is drift, unless
// an enrollment of the journey was moved after the first pass. Entering again moves the
// run before, too: both passes would have to read around such a move to be wrong.
type Audit struct {
	Rev      int64 // number of writes, from 1; 0 before the first
	Day      Day   // "" before the first, and to start over
	Began    time.Time
	Pass     int // 1, or 2 to check Suspects
	Done     bool
	Segments []bool               // which segments of the table the pass has read
	Recount  *Recount             // of those segments
	Suspects map[JourneyKey]int64 // journeys with differences in pass 1, with Counters.Forgotten after it
}

// Difference is an error in the figures of one graph.
type Difference struct {
	JourneyKey
	Graph     string // hash
	Missing   Graph  // counts to add; negative ones are in excess
	Forgotten int64  // Counters.Forgotten at the comparison
}

// Scanned is one page of a segment.
type Scanned struct {
	Enrollments []ScannedEnrollment
	Feedback    []ScannedFeedback
	Counted     []JourneyKey // journeys with counters; may repeat
}

// ScannedEnrollment is an enrollment, an earlier run, or an item that should be one but
// cannot be read.
type ScannedEnrollment struct {
	JourneyKey
	progress.Enrollment
	Err error // why the item is not counted; a journey.ErrNewer if it is of a newer format
}

// ScannedFeedback is what was heard of a step of a run, or an item that should be that but
// cannot be read.
type ScannedFeedback struct {
	JourneyKey
	feedback.Heard
	Err error // as of ScannedEnrollment
}

// AuditTable is what an audit needs of the table.
type AuditTable interface {
	// Audit returns the stored audit, the zero Audit if there is none.
	Audit(ctx context.Context) (Audit, error)
	// PutAudit stores the audit if the stored Rev is the preceding one, or
	// returns ErrStale.
	PutAudit(ctx context.Context, a Audit) error
	// Scan returns a page of a segment and the cursor of the next page, nil at
	// the end. It is strongly consistent if consistent, for twice the price. A cursor
	// names a customer and must not be stored.
	Scan(ctx context.Context, segment, of int, cursor []byte, consistent bool) (Scanned, []byte, error)
	// PutRepair stores a repair unless one of that graph and day exists.
	PutRepair(ctx context.Context, k JourneyKey, r Repair) error
}

// auditRun is what a run did for the audit.
type auditRun struct {
	day  Day
	idle bool // the newest closed day was audited before
	done bool // in this run
	read int  // segments, in this run
	left int  // segments
}

// stalled reports whether the run did nothing for an audit that is not done.
func (p auditRun) stalled() bool { return !p.idle && !p.done && p.read == 0 }

// audit continues an audit until it is done or time is up.
func (r *Rollup) audit(ctx context.Context, a Audit, now time.Time) (auditRun, error) {
	p := auditRun{day: a.Day, idle: a.Done && a.Day <= lastClosedDay(now)}
	if a.Done {
		return p, nil
	}
	differences, err := r.runPass(ctx, &a, &p)
	if err == nil && a.Pass == 1 && len(differences) > 0 {
		r.startPass(&a, suspects(differences))
		differences, err = r.runPass(ctx, &a, &p)
	}
	if p.left = a.segmentsLeft(); errors.Is(err, errOvertaken) {
		p.read = 0 // what was read is lost
		r.Log.WarnContext(ctx, "audit started over", "through", string(a.Day), "error", err)
		return p, ignoreStale(r.Table.PutAudit(ctx, Audit{Rev: a.Rev + 1}))
	}
	if err != nil || p.left > 0 {
		return p, ignoreStale(err)
	}
	p.done, err = r.finish(ctx, a, now, r.confirm(ctx, &a, differences))
	return p, err
}

// maxAuditAge is how long an audit may take. Then it starts over, so that one that
// cannot finish does not stop the folding of later days for ever.
const maxAuditAge = 30 * 24 * time.Hour

// nextAudit returns the stored audit unless there is a closed day to start a new one
// for: it keeps its day until it is done. An audit of a day that is not closed yet,
// stored by a clock that is ahead, counts as done.
func (r *Rollup) nextAudit(ctx context.Context, now time.Time) (Audit, error) {
	day := lastClosedDay(now)
	a, err := r.Table.Audit(ctx)
	switch running := a.Day != "" && !a.Done && now.Sub(a.Began) < maxAuditAge; {
	case err != nil:
		return a, err
	case a.Day > day:
		a.Done = true
	case a.Day < day && !running:
		a = Audit{Rev: a.Rev, Day: day, Began: now}
		r.startPass(&a, nil)
	}
	return a, nil
}

// foldThrough returns the last day that may be folded while a is the stored audit:
// an audit compares with totals that have no later day.
func (a *Audit) foldThrough(now time.Time) Day {
	if a.Done {
		return lastClosedDay(now)
	}
	return a.Day
}

// startPass prepares a to read the whole table.
func (r *Rollup) startPass(a *Audit, suspects map[JourneyKey]int64) {
	a.Pass++
	a.Segments = make([]bool, r.segments())
	a.Recount, a.Suspects = NewRecount(), suspects
}

func suspects(differences []Difference) map[JourneyKey]int64 {
	journeys := map[JourneyKey]int64{}
	for _, d := range differences {
		journeys[d.JourneyKey] = d.Forgotten
	}
	return journeys
}

// runPass reads what is left of the pass and stores the progress. Once the whole
// table is read, it returns the differences. It returns ErrStale if a concurrent
// run stored its progress first.
func (r *Rollup) runPass(ctx context.Context, a *Audit, p *auditRun) ([]Difference, error) {
	if left := a.segmentsLeft(); left > 0 {
		readErr := r.readSegments(ctx, a)
		p.read += left - a.segmentsLeft()
		a.Rev++
		// Stored before comparing, which may take long or fail.
		putErr := r.Table.PutAudit(context.WithoutCancel(ctx), *a)
		if readErr != nil {
			return nil, errors.Join(readErr, ignoreStale(putErr))
		}
		if putErr != nil || a.segmentsLeft() > 0 {
			return nil, putErr
		}
	}
	return r.compare(ctx, a)
}

func (a *Audit) segmentsLeft() (n int) {
	for _, read := range a.Segments {
		if !read {
			n++
		}
	}
	return n
}

// finish reports the drift, repairs it and marks the audit as done. It logs all
// drift before the first repair: if the run dies in between, the drift is logged
// already or will be found again.
func (r *Rollup) finish(ctx context.Context, a Audit, now time.Time, drift []Difference) (done bool, err error) {
	figures := 0
	for _, d := range drift {
		figures += r.logDrift(ctx, a.Day, d, a.Recount)
	}
	newer := 0
	for k, n := range a.Recount.Newer {
		newer += n
		r.Log.ErrorContext(ctx, "journey not audited: newer format",
			"tenant", k.Tenant.String(), "journey", k.Journey, "items", n, "through", string(a.Day))
	}
	attrs := emf.Attrs(now, r.Installation, emf.CountMetric("Audits", 1), emf.CountMetric("Drift", figures),
		emf.CountMetric("WrongItems", a.Recount.wrongItems()), emf.CountMetric("NewerItems", newer))
	r.Log.LogAttrs(ctx, slog.LevelInfo, "audit", append(attrs,
		slog.String("through", string(a.Day)), slog.Int("journeys", len(a.Recount.Figures)), slog.Int("pass", a.Pass))...)
	for _, d := range drift {
		r.Log.WarnContext(ctx, "figures repaired", "tenant", d.Tenant.String(), "journey", d.Journey,
			"graph", d.Graph, "through", string(a.Day))
		err := r.Table.PutRepair(ctx, d.JourneyKey, Repair{Graph: d.Graph, Day: a.Day, Counts: d.Missing, Made: now})
		if err != nil {
			return false, err
		}
	}
	last := Audit{Rev: a.Rev + 1, Day: a.Day, Pass: a.Pass, Done: true}
	return true, ignoreStale(r.Table.PutAudit(ctx, last))
}
