package analytics

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// Audit is the current audit of an installation, or the last one. It compares
// the figures through Day with the enrollments.
//
// An audit reads the table in segments. When its time is up it stores what it
// found and the position in each segment, so that any run can resume it. A repeated
// read of an enrollment gives the same result, since nothing through Day changes
// any more, with one exception: forgetting a customer moves their enrollments to
// anonymized keys, so a pass may read them twice or not at all. Therefore a second
// pass checks the differences of the first. A difference is drift if both passes
// found it, unless the second read a customer of that journey forgotten since
// the audit began: the first pass may have missed that customer.
type Audit struct {
	Rev      int64 // number of writes, from 1; 0 before the first
	Day      Day
	Began    time.Time
	Pass     int // 1, or 2 to confirm Suspects
	Done     bool
	Segments []Segment
	Recount  *Recount // of the pass so far
	Suspects []Difference
}

// Segment is the progress of a pass in one segment of the table.
type Segment struct {
	Done   bool
	Cursor []byte // of the next page; nil for the first
}

// Difference is an error in the figures of one graph.
type Difference struct {
	JourneyKey
	Graph   string // hash
	Missing Graph  // counts to add; negative ones are in excess
}

// Scanned is one page of a segment.
type Scanned struct {
	Enrollments []ScannedEnrollment
	Counted     []JourneyKey // journeys with counters; may repeat
}

// ScannedEnrollment is an enrollment, or an item that should be one but cannot
// be read.
type ScannedEnrollment struct {
	JourneyKey
	journey.Enrollment
	Forgotten time.Time // when the customer was forgotten; zero otherwise
	Err       error     // why the item is not counted; a journey.ErrNewer if it is of a newer format
}

// AuditTable is what an audit needs of the table.
type AuditTable interface {
	// Audit returns the stored audit, the zero Audit if there is none.
	Audit(ctx context.Context) (Audit, error)
	// PutAudit stores the audit if the stored Rev is the preceding one, or
	// returns ErrStale.
	PutAudit(ctx context.Context, a Audit) error
	// Scan returns a page of a segment and the cursor of the next page, nil at
	// the end.
	Scan(ctx context.Context, segment, of int, cursor []byte) (Scanned, []byte, error)
	// PutRepair stores a repair unless one of that graph and day exists.
	PutRepair(ctx context.Context, k JourneyKey, r Repair) error
}

// progress is what the log line of a run says about the audit.
type progress struct {
	day  Day
	done bool // in this run
	left int  // segments
}

// audit starts the audit of the newest closed day, or resumes it. It does
// nothing if that day is audited, or if the stored audit is of a newer format.
func (r *Rollup) audit(ctx context.Context, now time.Time) (progress, error) {
	p, err := r.resumeAudit(ctx, now)
	if errors.Is(err, journey.ErrNewer) {
		r.Log.ErrorContext(ctx, "audit left alone: newer format", "error", err)
		return p, nil
	}
	return p, err
}

func (r *Rollup) resumeAudit(ctx context.Context, now time.Time) (progress, error) {
	a, err := r.nextAudit(ctx, now)
	if err != nil || a.Done {
		return progress{day: a.Day}, err
	}
	differences, err := r.runPass(ctx, &a)
	if err == nil && a.Pass == 1 && len(differences) > 0 {
		r.startPass(&a, differences)
		differences, err = r.runPass(ctx, &a)
	}
	if err != nil || a.segmentsLeft() > 0 {
		return progress{day: a.Day, left: a.segmentsLeft()}, ignoreStale(err)
	}
	return r.finish(ctx, a, now, r.confirm(ctx, &a, differences))
}

// nextAudit returns the stored audit if it is of the newest closed day, and else
// a new one. An audit of a later day, stored by a clock that is ahead, counts as
// done.
func (r *Rollup) nextAudit(ctx context.Context, now time.Time) (Audit, error) {
	day := lastClosedDay(now)
	a, err := r.Table.Audit(ctx)
	switch {
	case err != nil:
		return a, err
	case a.Day > day:
		a.Done = true
	case a.Day < day:
		a = Audit{Rev: a.Rev, Day: day, Began: now}
		r.startPass(&a, nil)
	}
	return a, nil
}

// startPass prepares a to read the whole table.
func (r *Rollup) startPass(a *Audit, suspects []Difference) {
	a.Pass++
	a.Segments = make([]Segment, r.segments())
	a.Recount, a.Suspects = NewRecount(), suspects
}

// runPass reads what is left of the pass and stores the progress. Once the whole
// table is read, it returns the differences. It returns ErrStale if a concurrent
// run stored its progress first.
func (r *Rollup) runPass(ctx context.Context, a *Audit) ([]Difference, error) {
	if a.segmentsLeft() > 0 {
		readErr := r.readSegments(ctx, a)
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
	for _, s := range a.Segments {
		if !s.Done {
			n++
		}
	}
	return n
}

// finish reports the drift, repairs it and marks the audit as done. It logs all
// drift before the first repair: if the run dies in between, the drift is logged
// already or will be found again.
func (r *Rollup) finish(ctx context.Context, a Audit, now time.Time, drift []Difference) (progress, error) {
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
			return progress{day: a.Day}, err
		}
	}
	done := Audit{Rev: a.Rev + 1, Day: a.Day, Pass: a.Pass, Done: true}
	return progress{day: a.Day, done: true}, ignoreStale(r.Table.PutAudit(ctx, done))
}
