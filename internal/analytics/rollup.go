package analytics

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"journeys/internal/emf"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// JourneyKey identifies a journey.
type JourneyKey struct {
	Tenant  ident.Tenant
	Journey ident.ID
}

// RollupTable is what folding and auditing need of the table. All reads but
// DueToFold are strongly consistent.
type RollupTable interface {
	Table
	AuditTable

	// DueToFold calls yield once for each journey with repairs, or with parts of
	// days that may be folded at now. It may miss recent ones.
	DueToFold(ctx context.Context, now time.Time, yield func(JourneyKey)) error
	// Fold stores the total, replaces each part with its Emptied, and adds Totals
	// to the day in its closed month, in one transaction. It returns ErrStale if
	// a stored Rev is not the preceding one or a part has another Born, and
	// journey.ErrNewer if an item is of a newer format.
	Fold(ctx context.Context, k JourneyKey, f Fold) error
	// DeletePart deletes a part, or returns ErrStale if its Born or Rev are not
	// the stored ones.
	DeletePart(ctx context.Context, p Part) error
	// DeleteRepair deletes a repair.
	DeleteRepair(ctx context.Context, k JourneyKey, r Repair) error
}

// Rollup folds the figures of all journeys, so that they stay small, and audits
// them. All fields but Installation, Segments and Workers are required.
type Rollup struct {
	Table        RollupTable
	Now          func() time.Time
	Log          *slog.Logger
	Installation string // dimension of the metrics

	Segments int // of the table, for an audit; 0 means 4,096. A run must be able to read a few whole ones
	Workers  int // journeys or segments processed at a time; 0 means 16

	definitions journey.Definitions
}

const (
	defaultSegments = 4096
	defaultWorkers  = 16
	// endMargin is the remaining time in which no work is started: enough to
	// store the progress of the audit.
	endMargin = 30 * time.Second
)

func (r *Rollup) workers() int {
	if r.Workers > 0 {
		return r.Workers
	}
	return defaultWorkers
}

func (r *Rollup) segments() int { return cmp.Or(r.Segments, defaultSegments) }

// Run folds what can be folded, and resumes the audit or starts that of the newest
// closed day. It stops before ctx ends and leaves the rest to the next run. Runs
// may repeat, be late, and overlap. Without the stored audit, or with one of a newer
// format, it does nothing, because a fold may take away what that compares with.
func (r *Rollup) Run(ctx context.Context) error {
	now := r.Now().UTC().Truncate(time.Millisecond)
	folded, audited := &foldCounts{}, auditRun{}
	a, err := r.nextAudit(ctx, now)
	if errors.Is(err, journey.ErrNewer) {
		r.Log.ErrorContext(ctx, "nothing folded: the audit is of a newer format", "error", err)
		return nil
	}
	if err == nil {
		var foldErr, auditErr error
		folded, foldErr = r.foldAll(ctx, now, a.foldThrough(now))
		audited, auditErr = r.audit(ctx, a, now)
		err = errors.Join(foldErr, auditErr)
	}
	attrs := []slog.Attr{
		slog.Int("journeys", folded.journeys), slog.Int64("parts", folded.parts.Load()),
		slog.Int64("deleted", folded.deleted.Load()), slog.String("auditOf", string(audited.day)),
		slog.Bool("audited", audited.done), slog.Int("segmentsRead", audited.read), slog.Int("segmentsLeft", audited.left),
		slog.Int64("newer", folded.newer.Load()),
	}
	var metrics []emf.Metric
	if err == nil {
		metrics = append(metrics, emf.CountMetric("RollupRuns", 1))
	}
	if audited.stalled() {
		metrics = append(metrics, emf.CountMetric("AuditStalled", 1))
	}
	r.Log.LogAttrs(ctx, slog.LevelInfo, "rollup", append(attrs, emf.Attrs(now, r.Installation, metrics...)...)...)
	return err
}

// nearEnd reports whether ctx leaves too little time to start more work.
func nearEnd(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < endMargin
}

// lastClosedDay returns the newest day whose figures can no longer change.
func lastClosedDay(now time.Time) Day { return DayOf(now.Add(-SettleAfter).AddDate(0, 0, -1)) }

// ignoreStale drops ErrStale: a concurrent run made progress.
func ignoreStale(err error) error {
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}
