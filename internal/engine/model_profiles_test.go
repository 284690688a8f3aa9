package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/journey"
)

// drawProfile draws the attributes of waits until a date. a0 and a1 decide a customer's
// way, so they stay as they are.
func (m *model) drawProfile(a0, a1 int) []byte {
	zone := []string{"Asia/Tokyo", "America/Lima", "Mars/Olympus", ""}[m.r.IntN(4)]
	day := m.now.AddDate(0, 0, m.r.IntN(20)-3).Format(time.DateOnly)
	return fmt.Appendf(nil, `{"a0":%d,"a1":%d,"d0":%q,"d1":"2026-12-%02dT12:00:00Z","timezone":%q}`, a0, a1, day, 1+m.r.IntN(28), zone)
}

func (m *model) storeProfile(p journey.Profile) {
	m.stored[p.Customer] = p
	m.profiles[p.Customer] = engine.Profile{Attributes: parse(m.t, string(p.Attributes)), Rev: p.Rev}
}

// putProfiles writes the profiles that have no answer yet. A write whose handler
// crashed is repeated.
func (m *model) putProfiles() {
	for _, customer := range slices.Sorted(maps.Keys(m.unanswered)) {
		p := &process{model: m, skew: time.Duration(m.r.IntN(200)-100) * time.Millisecond}
		c := m.unanswered[customer]
		if string(m.stored[customer].Attributes) == string(c.Attributes) {
			m.faults["profile again"]++
		}
		if _, err := m.service(p).PutCustomer(context.Background(), m.tenant, c, nil); err == nil && !p.dead {
			delete(m.unanswered, customer)
		}
	}
}

// requireFreshEnds checks that no wait has an end that was computed from an older
// profile, once all writes of profiles have been answered.
func (m *model) requireFreshEnds(seed uint64) {
	for customer, e := range m.items {
		if e.Status == journey.Inside && e.OnProfile && e.Due.After(m.now.Add(skew)) {
			require.Equal(m.t, m.profiles[customer].Rev, e.ProfileRev, "seed %d: customer %s waits until %s", seed, customer, e.Due)
		}
	}
}

func (h handler) ProfileToChange(
	ctx context.Context, _ journey.Tenant, customer string, _ time.Time,
) (journey.Profile, journey.Forgotten, error) {
	p := h.stored[customer]
	return p, func(string) time.Time { return time.Time{} }, h.read(ctx)
}

func (h handler) PutProfile(_ context.Context, _ journey.Tenant, p journey.Profile, rev int64) (err error) {
	failed := h.write(func() {
		if err = nil; h.stored[p.Customer].Rev != rev {
			err = journey.ErrLost
			return
		}
		h.storeProfile(p)
	})
	if failed != nil {
		return failed
	}
	return err
}
