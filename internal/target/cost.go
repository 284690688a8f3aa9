package target

import "time"

// tellEvery is how often one process tells what it has seen of a tenant, at most.
const tellEvery = 30 * time.Second

// work is what one process has seen of the packs of a tenant.
type work struct {
	wave time.Duration // the mean, of late
	told time.Time
}

// Worked notes how long a worker took for each wave of a tenant's pack, and returns the mean
// of late. That rises fast and falls slowly.
func (w *Watch) Worked(tenant string, wave time.Duration, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.works[tenant]
	switch {
	case seen == nil:
		seen = &work{wave: wave}
		if w.works == nil {
			w.works = map[string]*work{}
		}
		w.works[tenant] = seen
	case wave > seen.wave:
		seen.wave += (wave - seen.wave) / 2
	default:
		seen.wave -= (seen.wave - wave) / 4
	}
	return seen.wave
}

// Wave returns the mean of late; false if no pack of the tenant was seen.
func (w *Watch) Wave(tenant string) (time.Duration, bool) {
	if w == nil {
		return 0, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.works[tenant]
	if seen == nil {
		return 0, false
	}
	return seen.wave, true
}

// Tell reports whether it is time to tell others about a tenant again, and notes that it
// is done.
func (w *Watch) Tell(tenant string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.works[tenant]
	if seen == nil || now.Sub(seen.told) < tellEvery {
		return false
	}
	seen.told = now
	return true
}
