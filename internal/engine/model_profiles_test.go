package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
	"journeys/internal/progress"
)

// drawDates draws the attributes of waits until a date, as members of an object.
func (m *model) drawDates() string {
	zone := []string{"Asia/Tokyo", "America/Lima", "Mars/Olympus", ""}[m.r.IntN(4)]
	day := m.now.AddDate(0, 0, m.r.IntN(20)-3).Format(time.DateOnly)
	return fmt.Sprintf(`"d0":%q,"d1":"2026-12-%02dT12:00:00Z","timezone":%q`, day, 1+m.r.IntN(28), zone)
}

// change merges attributes into a customer's profile, and reports whether it was
// answered. Otherwise putProfiles repeats it.
func (m *model) change(customer string, attributes []byte) bool {
	if _, waits := m.unanswered[customer]; waits {
		return false
	}
	m.faults["profile"]++
	m.unanswered[customer] = journey.ProfileChange{Customer: customer, Attributes: attributes}
	return m.send(customer)
}

// putProfiles repeats the changes of profiles that have no answer yet.
func (m *model) putProfiles() {
	for _, customer := range slices.Sorted(maps.Keys(m.unanswered)) {
		m.faults["profile again"]++
		m.send(customer)
	}
}

// send makes the change of a customer that has no answer yet, and reports whether it
// was answered.
func (m *model) send(customer string) bool {
	p := &process{model: m, skew: time.Duration(m.r.IntN(200)-100) * time.Millisecond}
	_, err := m.service(p).PatchCustomer(context.Background(), m.tenant, m.unanswered[customer], nil)
	if err != nil || p.dead {
		return false
	}
	delete(m.unanswered, customer)
	return true
}

// countPatches returns how often patch has changed a profile.
func (m *model) countPatches(p journey.Profile) int {
	var attributes struct{ Patches int }
	require.NoError(m.t, json.Unmarshal(p.Attributes, &attributes))
	return attributes.Patches
}

// requireFreshEnds checks that no wait has an end that was computed from an older
// profile, once all writes of profiles have been answered.
func (m *model) requireFreshEnds(seed uint64) {
	for customer, e := range m.items {
		if e.Status == progress.Inside && e.OnProfile && e.Due.After(m.now.Add(skew)) {
			require.Equal(m.t, m.profiles[customer].Stored.Rev, e.ProfileRev, "seed %d: customer %s waits until %s", seed, customer, e.Due)
		}
	}
}
