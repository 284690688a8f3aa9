package dynamo_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
)

// An audit for which five days of runs have too little time keeps its day and ends with
// the drift of that day. Meanwhile the figures stay exact, although later days cannot
// be folded. The next audit takes the newest closed day, and finds nothing.
func TestRollup_AuditTakesFiveDays(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 12)
	w.enroll(30)
	w.loseOne()
	w.later(2)
	began, open := w.now, 0
	for len(w.lines("audit")) == 0 {
		pages, read := 4, 0
		r := w.rollupOf(paged{RollupTable: w.store.Analytics, pages: &pages, read: &read})
		r.Segments = 24
		require.NoError(t, r.Run(hurried{t.Context(), &pages}))
		require.LessOrEqual(t, read, 4)
		w.requireTrueBut()
		w.enroll(1)
		w.step()
		open = max(open, w.items()["D"])
		w.now = w.now.Add(12 * time.Hour)
		require.Less(t, w.now.Sub(began), 10*24*time.Hour)
	}
	require.Greater(t, w.now.Sub(began), 5*24*time.Hour)
	require.Equal(t, "2026-10-10", w.lines("audit")[0]["through"])
	require.Equal(t, []any{4.0}, drifts(w.lines("audit")), "enrolled, entered at two nodes, completed at one")
	require.Len(t, w.lines("figures repaired"), 1)
	require.GreaterOrEqual(t, open, 7, "days wait for the audit")
	for _, line := range w.lines("rollup") {
		require.NotContains(t, line, "AuditStalled")
	}
	w.run()
	w.now = w.now.Add(time.Hour)
	w.run()
	require.Equal(t, []any{4.0, 0.0}, drifts(w.lines("audit")))
	require.Equal(t, analytics.DayOf(w.now.AddDate(0, 0, -2)), analytics.Day(w.lines("audit")[1]["through"].(string)))
	require.Less(t, w.items()["D"], open, "folded")
	w.requireTrue(analytics.Range{})
}

// unreadable fails every scan.
type unreadable struct{ analytics.RollupTable }

func (unreadable) Scan(context.Context, int, int, []byte, bool) (analytics.Scanned, []byte, error) {
	return analytics.Scanned{}, nil, errors.New("throttled")
}

// What the alarm AuditStalled watches: a run without progress of an audit says so, one
// with progress or without anything to do does not.
func TestRollup_ReportsAStalledAudit(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 13)
	w.enroll(5)
	w.later(2)
	pages := 0
	require.NoError(t, w.rollup().Run(hurried{t.Context(), &pages}), "no time")
	require.Error(t, w.rollupOf(unreadable{w.store.Analytics}).Run(t.Context()))
	require.Error(t, w.rollupOf(withoutAudit{w.store.Analytics}).Run(t.Context()))
	w.run()
	w.run()
	w.now = w.now.AddDate(0, 0, -1)
	w.run() // the stored audit is of a day that is not closed
	var stalled []any
	for _, line := range w.lines("rollup") {
		stalled = append(stalled, line["AuditStalled"])
	}
	require.Equal(t, []any{1.0, 1.0, 1.0, nil, nil, 1.0}, stalled)
	require.Len(t, w.lines("audit"), 1)
}

// withoutAudit cannot read the stored audit.
type withoutAudit struct{ analytics.RollupTable }

func (withoutAudit) Audit(context.Context) (analytics.Audit, error) {
	return analytics.Audit{}, errors.New("throttled")
}

func (u withoutAudit) Fold(context.Context, analytics.JourneyKey, analytics.Fold) error {
	return errors.New("folded without knowing what the audit compares with")
}

// halved returns each segment in two pages. The cursor between them names a customer,
// as the table's does.
type halved struct{ paged }

func (h halved) Scan(ctx context.Context, segment, of int, cursor []byte, consistent bool) (analytics.Scanned, []byte, error) {
	page, next, err := h.paged.Scan(ctx, segment, of, nil, consistent)
	half := len(page.Enrollments) / 2
	if cursor == nil {
		page.Enrollments = page.Enrollments[:half]
		return page, []byte("T#t1#C#c1\x00E#"), err
	}
	page.Enrollments = page.Enrollments[half:]
	return page, next, err
}

// A run that stops in the middle of a segment stores no place in it, since that would
// name a customer, and the segment is read again without counting anything twice.
func TestRollup_StoredAuditNamesNoCustomer(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 14)
	w.enroll(40)
	w.later(2)
	for len(w.lines("audit")) == 0 {
		pages, read := 3, 0
		r := w.rollupOf(halved{paged{RollupTable: w.store.Analytics, pages: &pages, read: &read}})
		r.Segments = 5
		require.NoError(t, r.Run(hurried{t.Context(), &pages}))
		for _, it := range allItems(t, w.table) {
			if textOf(it, "PK") == "AUDIT" {
				stored, _ := it["x"].(*types.AttributeValueMemberB)
				require.True(t, stored == nil || !strings.Contains(string(stored.Value), "#C#") &&
					!strings.Contains(string(stored.Value), "NDI2Mx"), "as text or base64: %s", printed(it))
			}
		}
		require.Less(t, len(w.lines("rollup")), 10)
	}
	require.Len(t, w.lines("rollup"), 5, "one whole segment a run")
	require.Equal(t, []any{0.0}, drifts(w.lines("audit")))
	require.Empty(t, w.lines("figures repaired"))
}

// idle is the table of a run that takes the audit for done, as one that overlaps with the
// start of an audit does.
type idle struct{ analytics.RollupTable }

func (i idle) Audit(ctx context.Context) (analytics.Audit, error) {
	a, err := i.RollupTable.Audit(ctx)
	a.Done = true
	return a, err
}

func (idle) PutAudit(context.Context, analytics.Audit) error { return analytics.ErrStale }

// An audit starts over if a run folds a later day than the audit's nevertheless.
func TestRollup_AuditStartsOverWhenOvertaken(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 15)
	w.enroll(5)
	w.later(2)
	w.enroll(5)
	pages, read := 1, 0
	require.NoError(t, w.rollupOf(paged{RollupTable: w.store.Analytics, pages: &pages, read: &read}).Run(hurried{t.Context(), &pages}))
	w.later(2)
	w.run()
	require.Len(t, w.lines("audit"), 1, "of the day of the first")
	w.enroll(5)
	w.later(2)
	pages = 1
	require.NoError(t, w.rollupOf(paged{RollupTable: w.store.Analytics, pages: &pages, read: &read}).Run(hurried{t.Context(), &pages}))
	w.enroll(5)
	w.later(2)
	require.NoError(t, w.rollupOf(idle{w.store.Analytics}).Run(t.Context()))
	w.run()
	require.Len(t, w.lines("audit started over"), 1)
	w.run()
	require.Len(t, w.lines("audit"), 2)
	require.Equal(t, []any{0.0, 0.0}, drifts(w.lines("audit")))
	w.requireTrue(all)
}
