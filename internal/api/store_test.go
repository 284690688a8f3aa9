package api_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/dev/apitest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// countedStore is a store that returns the same counters for every journey.
type countedStore struct {
	apitest.Store
	counters analytics.Counters
}

func (c countedStore) Counters(context.Context, ident.Tenant, ident.ID, analytics.Range) (analytics.Counters, error) {
	return c.counters, nil
}

// memoryStore keeps journeys, profiles, idempotency keys and events in memory.
// It does not keep enrollments.
type memoryStore struct {
	apitest.Store

	mu       sync.Mutex
	journeys []journey.Journey // newest first
	drafts   map[ident.ID]journey.DraftCopy
	keys     map[string]journey.KeyRecord
	profiles map[string]journey.Profile
	events   map[string]journey.EventRecord

	forgotten map[string]time.Time
}

func (*memoryStore) KeepProperties(context.Context, ident.Tenant, map[string][][]string) error {
	return nil
}

func (m *memoryStore) Forgotten(context.Context, ident.Tenant, string, time.Time) (journey.Forgotten, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	forgotten := maps.Clone(m.forgotten)
	return func(customer string) time.Time { return forgotten[customer] }, nil
}

func (m *memoryStore) ProfileToChange(
	ctx context.Context, t ident.Tenant, customer string, now time.Time,
) (journey.Profile, journey.Forgotten, error) {
	forgotten, _ := m.Forgotten(ctx, t, "", now)
	p, err := m.Profile(ctx, t, customer)
	return p, forgotten, err
}

func (m *memoryStore) JourneyToEnter(
	ctx context.Context, t ident.Tenant, id ident.ID, _ []string, now time.Time,
) (journey.Journey, journey.Forgotten, error) {
	forgotten, _ := m.Forgotten(ctx, t, "", now)
	j, err := m.Journey(ctx, t, id)
	return j, forgotten, err
}

func (m *memoryStore) PutProfile(_ context.Context, _ ident.Tenant, p journey.Profile, rev int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.profiles == nil {
		m.profiles = map[string]journey.Profile{}
	}
	if m.profiles[p.Customer].Rev != rev {
		return journey.ErrLost
	}
	m.profiles[p.Customer] = p
	return nil
}

func (m *memoryStore) Profile(_ context.Context, _ ident.Tenant, customer string) (journey.Profile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.profiles[customer]; ok {
		return p, nil
	}
	return journey.Profile{}, journey.ErrNoCustomer
}

func (m *memoryStore) Enrollment(context.Context, ident.Tenant, ident.ID, string) (progress.Enrollment, error) {
	return progress.Enrollment{}, journey.ErrNotEnrolled
}

func (m *memoryStore) ReserveEvent(
	_ context.Context, _ ident.Tenant, r journey.EventRecord, _ time.Time,
) (journey.EventRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events = map[string]journey.EventRecord{}
	}
	if kept, ok := m.events[r.ID]; ok {
		return kept, nil
	}
	m.events[r.ID] = r
	return r, nil
}

func (m *memoryStore) FinishEvent(_ context.Context, _ ident.Tenant, r journey.EventRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Done = true
	m.events[r.ID] = r
	return nil
}

func (m *memoryStore) MergeEvent(ctx context.Context, t ident.Tenant, _ journey.EventRecord, p *journey.Profile, rev int64) error {
	if p == nil {
		return nil
	}
	return m.PutProfile(ctx, t, *p, rev)
}

func (m *memoryStore) Remember(context.Context, ident.Tenant, string, string, progress.Received) error {
	return nil
}

func (m *memoryStore) Enrollments(context.Context, ident.Tenant, string) ([]progress.Enrollment, []journey.Damage, error) {
	return nil, nil, nil
}

func (m *memoryStore) StartedBy(context.Context, ident.Tenant, string) (journey.Starts, error) {
	return journey.Starts{}, nil
}

func (m *memoryStore) ReadPartition(
	context.Context, journey.Partition, int, *journey.DueKey,
) ([]journey.Indexed, *journey.DueKey, error) {
	return nil, nil, nil
}

func (m *memoryStore) DrainFrom(context.Context, ident.Tenant, ident.ID) (int, error) {
	return -1, nil
}

func (m *memoryStore) Forget(_ context.Context, _ ident.Tenant, customer string, now time.Time, _ journey.Forgetting) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forgotten == nil {
		m.forgotten = map[string]time.Time{}
	}
	m.forgotten[customer] = now
	return nil
}

func (m *memoryStore) Create(_ context.Context, _ ident.Tenant, j journey.Journey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.journeys = append([]journey.Journey{j}, m.journeys...)
	return nil
}

func (m *memoryStore) CreateOnce(ctx context.Context, t ident.Tenant, j journey.Journey, r journey.KeyRecord) (journey.KeyRecord, error) {
	if kept, _ := m.ReserveKey(ctx, t, "", r, r.ReceivedAt); kept != r {
		return kept, nil
	}
	return r, m.Create(ctx, t, j)
}

func (m *memoryStore) Journey(_ context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.journeys {
		if j.ID == id && t.String() == "t1" {
			j.Definition, j.Settings = nil, nil
			return j, nil
		}
	}
	return journey.Journey{}, journey.ErrNotFound
}

func (m *memoryStore) FullJourney(ctx context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error) {
	return m.Journey(ctx, t, id)
}

func (m *memoryStore) Appearance(ctx context.Context, t ident.Tenant, j journey.Journey) ([]byte, error) {
	return m.Definition(ctx, t, j.ID, j.GraphHash)
}

func (m *memoryStore) Definition(_ context.Context, _ ident.Tenant, id ident.ID, _ string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.journeys {
		if j.ID == id {
			return j.GraphText(), nil
		}
	}
	return nil, journey.ErrNotFound
}

func (m *memoryStore) List(_ context.Context, _ ident.Tenant, f journey.Filter) (journey.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var page journey.Page
	list := slices.DeleteFunc(slices.Clone(m.journeys), func(j journey.Journey) bool {
		return !f.Matches()(j) || f.After != (journey.Place{}) && f.Compare(f.Place(j), f.After) <= 0
	})
	if f.Sort != "" {
		slices.SortFunc(list, func(a, b journey.Journey) int { return f.Compare(f.Place(a), f.Place(b)) })
	}
	for _, j := range list {
		if page.Total >= f.Offset && len(page.Journeys) < f.Limit {
			j.Definition, j.Settings = nil, nil
			page.Journeys = append(page.Journeys, j)
		}
		page.Total++
	}
	return page, nil
}

func (m *memoryStore) Update(_ context.Context, _ ident.Tenant, old, next journey.Journey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.journeys {
		if m.journeys[i].ID == old.ID {
			m.journeys[i] = next
			if next.Published != old.Published {
				delete(m.drafts, old.ID)
			}
		}
	}
	return nil
}

func (m *memoryStore) Delete(_ context.Context, _ ident.Tenant, j journey.Journey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.journeys {
		if m.journeys[i].ID == j.ID {
			m.journeys = append(m.journeys[:i], m.journeys[i+1:]...)
			return nil
		}
	}
	return journey.ErrNotFound
}

func (m *memoryStore) Versions(context.Context, ident.Tenant, ident.ID, int) ([]journey.Version, error) {
	return nil, nil
}

func (m *memoryStore) History(context.Context, ident.Tenant, ident.ID, int64, int, time.Time) ([]journey.HistoryEntry, error) {
	return nil, nil
}

func (m *memoryStore) Draft(_ context.Context, _ ident.Tenant, id ident.ID) (journey.DraftCopy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.drafts[id]; ok {
		return d, nil
	}
	return journey.DraftCopy{}, journey.ErrNoDraft
}

func (m *memoryStore) PutDraft(_ context.Context, _ ident.Tenant, old string, d journey.DraftCopy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drafts == nil {
		m.drafts = map[ident.ID]journey.DraftCopy{}
	}
	if m.drafts[d.Journey].Tag != old {
		return journey.ErrLost
	}
	m.drafts[d.Journey] = d
	return nil
}

func (m *memoryStore) DeleteDraft(_ context.Context, _ ident.Tenant, id ident.ID, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.drafts, id)
	return nil
}

func (m *memoryStore) Insert(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []journey.Outcome {
	outcomes := make([]journey.Outcome, len(list))
	for i, e := range list {
		outcomes[i] = journey.Outcome{Result: journey.OutcomeEnrolled}
		if strings.HasPrefix(e.Customer, "throttled") {
			outcomes[i] = journey.Outcome{Result: journey.OutcomeError, Code: "table-throttled"}
		}
	}
	return outcomes
}

func (m *memoryStore) UndoForgotten(
	context.Context, ident.Tenant, []progress.Enrollment, []journey.Outcome, time.Time, time.Time,
) {
}

func (m *memoryStore) UndoEvent(context.Context, ident.Tenant, journey.EventRecord, string) error {
	return nil
}

func (m *memoryStore) ReserveKey(
	_ context.Context, _ ident.Tenant, _ ident.ID, r journey.KeyRecord, _ time.Time,
) (journey.KeyRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]journey.KeyRecord{}
	}
	if kept, ok := m.keys[r.Key]; ok {
		return kept, nil
	}
	m.keys[r.Key] = r
	return r, nil
}
