package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// runKey names a run.
func runKey(e progress.Enrollment) string { return fmt.Sprintf("%s#%d", e.Customer, e.Run) }

// marked reports whether a worker must carry out an exit or a conversion.
func marked(e progress.Enrollment) bool {
	return e.PendingExit != progress.ExitRequest{} || e.PendingConversion != progress.Stamp{}
}

// reentry is the setting of a journey.
type reentry struct {
	raw      []byte
	interval time.Duration
	most     int
}

// drawReentry draws the setting. In a third of the journeys no customer enters again.
func drawReentry(r *rand.Rand) reentry {
	switch r.IntN(3) {
	case 0:
		return reentry{}
	case 1:
		return reentry{raw: []byte(`{"mode":"afterExit"}`)}
	}
	hours, most := 1+r.IntN(30), 2+r.IntN(3)
	raw := fmt.Appendf(nil, `{"mode":"afterExit","minIntervalHours":%d,"max":%d}`, hours, most)
	return reentry{raw, time.Duration(hours) * time.Hour, most}
}

// runs returns all runs, those of each customer in their order.
func (m *model) runs() []progress.Enrollment {
	var list []progress.Enrollment
	for _, customer := range slices.Sorted(maps.Keys(m.items)) {
		list = append(append(list, m.earlier[customer]...), m.items[customer])
	}
	return list
}

// call is an enroll call with a key.
type call struct {
	journey.EnrollRequest
	answered bool
	id       ident.RequestID            // of the key when it was last answered
	outcomes map[string]journey.Outcome // of the customers that got one, errors apart
}

// drawCall makes an enroll call of one customer: those of a call enter again concurrently,
// in an order that no seed decides.
func (m *model) drawCall() {
	c := &call{outcomes: map[string]journey.Outcome{}}
	c.Key = fmt.Sprint("key", len(m.calls))
	c.Customers = []string{fmt.Sprintf("c%d", m.r.IntN(35))}
	if m.r.IntN(2) == 0 {
		c.Properties = [][]byte{fmt.Appendf(nil, `{"n":%d,"cart":%d}`, m.r.IntN(10), m.r.IntN(2))}
	}
	m.faults["call"]++
	m.calls = append(m.calls, c)
	m.sendCall(c)
}

// sendCalls repeats the calls that have no answer yet.
func (m *model) sendCalls() {
	for _, c := range m.calls {
		if !c.answered {
			m.faults["call again"]++
			m.sendCall(c)
		}
	}
}

// repeat sends a call and an event that have been answered before.
func (m *model) repeat() {
	if len(m.calls) > 0 {
		m.faults["repeat of a call"]++
		m.sendCall(m.calls[m.r.IntN(len(m.calls))])
	}
	if len(m.sent) > 0 {
		m.faults["repeat of an event"]++
		m.putEvent(m.sent[m.r.IntN(len(m.sent))])
	}
}

func (m *model) sendCall(c *call) {
	if m.live.Reason == "journey_deleted" {
		c.answered = true
		return
	}
	p := &process{model: m, skew: time.Duration(m.r.IntN(200)-100) * time.Millisecond}
	result, err := m.service(p).Enroll(context.Background(), m.tenant, m.live.Journey, c.EnrollRequest)
	var refused *journey.Error
	if p.dead || err != nil && !errors.As(err, &refused) {
		return
	}
	c.answered = true
	record, known := m.keys[c.Key]
	if err != nil || !known {
		return
	}
	if record.RequestID != c.id {
		c.id = record.RequestID
		clear(c.outcomes)
	}
	for i, o := range result.Outcomes {
		m.note(c, c.Customers[i], o, record)
	}
}

// note compares an outcome with that of an earlier answer to the call.
func (m *model) note(c *call, customer string, o journey.Outcome, record journey.KeyRecord) {
	if o.Result == journey.OutcomeError {
		c.answered = m.live.On && c.answered && o.Code == "journey-not-active"
		return
	}
	before, again := c.outcomes[customer]
	if again && before.Result != o.Result && !m.leftNear(customer, record.ReceivedAt) {
		require.Fail(m.t, "a repeated call has another outcome", "%s of %s: %v, before %v", c.Key, customer, o, before)
	}
	c.outcomes[customer] = o
	started := slices.ContainsFunc(append(slices.Clone(m.earlier[customer]), m.items[customer]), func(e progress.Enrollment) bool {
		return e.RequestID == record.RequestID
	})
	require.Equal(m.t, started, o.Result == journey.OutcomeEnrolled, "%s of %s: %v", c.Key, customer, o)
	require.False(m.t, m.mustEnter(customer, record.ReceivedAt), "%s of %s: %v", c.Key, customer, o)
}

// mustEnter reports whether a call or event that was first received then had to start a
// further run of the customer, and none has been started since.
func (m *model) mustEnter(customer string, received time.Time) bool {
	last := m.items[customer]
	return m.reentry.raw != nil && last.Status.Left() && last.EnrolledAt.Before(received) && m.left[runKey(last)].Before(received.Add(-skew)) &&
		!last.EnrolledAt.Add(m.reentry.interval).After(received) && (m.reentry.most == 0 || last.Run < m.reentry.most)
}

// leftNear reports whether a run of the customer ended at that time, or began to be written
// as ended before and was stored after it: then the call and its repeat may see either.
func (m *model) leftNear(customer string, at time.Time) bool {
	for _, e := range append(slices.Clone(m.earlier[customer]), m.items[customer]) {
		if e.Status.Left() && e.LeftAt.Before(at.Add(skew)) && m.left[runKey(e)].After(at.Add(-skew)) {
			return true
		}
	}
	return false
}

// requireRuns checks that each run was started once, when that was allowed.
func (m *model) requireRuns(seed uint64) {
	for customer, last := range m.items {
		runs := append(slices.Clone(m.earlier[customer]), last)
		requests := map[ident.RequestID]bool{}
		for i, e := range runs {
			where := fmt.Sprintf("seed %d run %s", seed, runKey(e))
			require.Equal(m.t, i+1, e.Run, where)
			require.False(m.t, requests[e.RequestID], "%s: started by a repeat", where)
			requests[e.RequestID] = true
			if i == 0 {
				continue
			}
			before, since := runs[i-1], m.since[runKey(e)]
			require.NotNil(m.t, m.reentry.raw, where)
			require.False(m.t, e.EnrolledAt.Before(since), where)
			require.True(m.t, before.EnrolledAt.Before(since), "%s: the customer entered since", where)
			require.False(m.t, before.LeftAt.After(since), "%s: the customer was inside", where)
			require.False(m.t, before.EnrolledAt.Add(m.reentry.interval).After(since), "%s: too soon", where)
			require.True(m.t, m.reentry.most == 0 || e.Run <= m.reentry.most, where)
		}
	}
}

func (h handler) JourneyToEnter(
	ctx context.Context, t ident.Tenant, id ident.ID, _ []string, _ time.Time,
) (journey.Journey, journey.Forgotten, error) {
	j, err := h.Journey(ctx, t, id)
	return j, func(string) time.Time { return time.Time{} }, err
}

func (h handler) ReserveKey(
	_ context.Context, _ ident.Tenant, _ ident.ID, r journey.KeyRecord, now time.Time,
) (kept journey.KeyRecord, err error) {
	err = h.write(func() {
		if kept = h.keys[r.Key]; !kept.ExpiresAt.After(now) {
			h.keys[r.Key], kept = r, r
		}
	})
	h.received = kept.ReceivedAt
	return kept, err
}

func (h handler) KeyRecord(
	ctx context.Context, _ ident.Tenant, _ ident.ID, key string, now time.Time,
) (journey.KeyRecord, bool, error) {
	r := h.keys[key]
	return r, r.ExpiresAt.After(now), h.read(ctx)
}

// Insert stores one enrollment per customer. Meeting its own is a success.
func (h handler) Insert(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []journey.Outcome {
	outcomes := make([]journey.Outcome, len(list))
	for i, e := range list {
		err := h.write(func() {
			if old, ok := h.items[e.Customer]; ok {
				outcomes[i] = outcomeOf(old, e.RequestID)
				return
			}
			h.faults["started"]++
			h.since[runKey(e)] = h.received
			h.put(e)
			outcomes[i].Result = journey.OutcomeEnrolled
		})
		if err != nil {
			outcomes[i] = journey.Outcome{Result: journey.OutcomeError, Code: "table-throttled"}
		}
	}
	return outcomes
}

// outcomeOf returns the outcome of a request whose customer has an enrollment.
func outcomeOf(stored progress.Enrollment, request ident.RequestID) journey.Outcome {
	if stored.RequestID == request {
		return journey.Outcome{Result: journey.OutcomeEnrolled}
	}
	return journey.Outcome{
		Result: journey.OutcomeSkipped, Code: journey.SkippedCode(stored.Status), Run: stored.Run, EnteredAt: stored.EnrolledAt,
	}
}

func (h handler) Enrolled(
	ctx context.Context, _ ident.Tenant, _ ident.ID, customers []string, request ident.RequestID, missing string,
) []journey.Outcome {
	outcomes := make([]journey.Outcome, len(customers))
	err := h.read(ctx)
	for i, customer := range customers {
		stored, ok := h.items[customer]
		switch {
		case err != nil:
			outcomes[i] = journey.Outcome{Result: journey.OutcomeError, Code: "table-throttled"}
		case !ok:
			outcomes[i] = journey.Outcome{Result: journey.OutcomeError, Code: missing}
		default:
			outcomes[i] = outcomeOf(stored, request)
		}
	}
	return outcomes
}

// Reenter replaces a run, or does nothing. Meeting its own is a success.
func (h handler) Reenter(_ context.Context, _ ident.Tenant, _ int, old, next progress.Enrollment) (err error) {
	failed := h.write(func() {
		stored := h.items[next.Customer]
		switch {
		case stored.RequestID == next.RequestID:
		case stored.Rev != old.Rev || stored.RequestID != old.RequestID || stored.Run != old.Run:
			err = journey.ErrLost
		default:
			h.replace(stored, old, next)
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

func (p *process) replace(stored, old, next progress.Enrollment) {
	where := runKey(next)
	require.Equal(p.t, stored, old, where)
	require.True(p.t, old.Status.Left(), where)
	require.Equal(p.t, old.Run+1, next.Run, where)
	require.Equal(p.t, old.Rev+1, next.Rev, where)
	require.False(p.t, next.EnrolledAt.Before(old.LeftAt), where)
	p.faults["entered again"]++
	p.since[where] = p.received
	p.earlier[old.Customer] = append(p.earlier[old.Customer], old)
	p.put(next)
}

// EarlierRuns returns what the table keeps of earlier runs.
func (h handler) EarlierRuns(ctx context.Context, _ ident.Tenant, _ ident.ID, customer string) ([]progress.Enrollment, error) {
	runs := slices.Clone(h.earlier[customer])
	for i := range runs {
		e := &runs[i]
		e.Delta, e.Decisions, e.Event, e.Steps = nil, nil, nil, nil
		e.Heard, e.Woken, e.Attempts = progress.Stamp{}, progress.Stamp{}, 0
	}
	return runs, h.read(ctx)
}

func (h handler) Remembered(ctx context.Context, _ ident.Tenant, customer string, types []string) (map[string][]progress.Received, error) {
	known, err := h.LastEvents(ctx, h.tenant, map[string][]string{customer: types})
	return known[customer].ByType, err
}
