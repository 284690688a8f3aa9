package engine

import (
	"context"
	"time"

	"journeys/internal/ident"
)

// The time of a worker that packs are assumed to take as long as nothing else is known of
// their tenant: that of full packs with a message for each customer, on a channel that
// answers in 100 ms. A wave is up to SmallPack customers, which a worker serves at a time.
const (
	packTime    = 30 * time.Millisecond  // beside the waves
	assumedWave = 100 * time.Millisecond // of each wave
	longestWave = 14 * time.Second       // what is known of a wave is at most this: a full pack takes an invocation's time
)

// A pack whose tenant's packs are known to take more than costly times what is assumed is
// not served if it has waited too long: the next tick finds its customers again.
const (
	costly      = 2
	longestAge  = time.Minute      // a pack that takes what tick thought it would
	surpriseAge = 15 * time.Second // a pack that takes surprising times as long
	surprising  = 1.5
	firstTime   = 12 * time.Second // a pack begins effects for twice the time that tick thought it takes, and at least this
	costFor     = 7 * 24 * time.Hour
)

// timeOf returns the time of a worker that a pack of n customers takes.
func timeOf(n int, wave time.Duration) time.Duration {
	return packTime + time.Duration(waves(n))*wave
}

func waves(n int) int { return (n + SmallPack - 1) / SmallPack }

// capacity returns the time of workers that as many full packs take that nothing is known of.
func capacity(packs int) time.Duration { return time.Duration(packs) * timeOf(PackSize, assumedWave) }

// costs returns the time of a wave of each tenant that is known; none if it cannot be read,
// or if the journeys have nothing to be swept.
func (e *Engine) costs(ctx context.Context, lives []Live) map[ident.Tenant]time.Duration {
	if countShards(lives) == 0 {
		return nil
	}
	costs, err := e.Table.Costs(ctx)
	unread, err := splitUnread(err)
	if err != nil {
		e.Log.ErrorContext(ctx, "costs of tenants not read", "error", err)
	}
	e.logDamaged(ctx, "costs of tenants passed over", unread)
	return costs
}

// wave returns what tick thought that a wave of the pack takes.
func (p Pack) wave() time.Duration {
	if p.Wave == 0 {
		return assumedWave
	}
	return p.Wave
}

// leave reports whether a pack is left to the next tick, so that others have its worker.
func (e *Engine) leave(ctx context.Context, p Pack) bool {
	known, ok := e.Watch.Wave(p.Tenant.String())
	if !ok || p.At.IsZero() || known <= costly*assumedWave {
		return false
	}
	limit, waited := longestAge, e.now().Sub(p.At)
	if surprises(known, p.wave()) {
		limit = surpriseAge
	}
	if waited <= limit {
		return false
	}
	e.Log.InfoContext(ctx, "pack left to the next tick: packs of its tenant take long", "tenant", p.Tenant.String(),
		"journey", p.Journey, "customers", len(p.Customers), "waited", waited, "wave", known)
	return true
}

func surprises(known, thought time.Duration) bool {
	return float64(known) > surprising*float64(thought)
}

// bounded returns a context in which a pack that takes much longer than tick thought begins
// no effects after a while, so that it is soon known how long it takes.
func (e *Engine) bounded(ctx context.Context, p Pack) (context.Context, context.CancelFunc) {
	if e.Watch == nil || p.At.IsZero() {
		return context.WithCancel(ctx)
	}
	limit := max(2*timeOf(len(p.Customers), p.wave()), firstTime)
	return context.WithTimeout(ctx, limit+endMargin+e.Provider.Timeout())
}

// noteCost notes how long a pack took, and tells tick if that is not what it thought.
func (e *Engine) noteCost(ctx context.Context, p Pack, took time.Duration) {
	now := e.now()
	if len(p.Customers) == 0 {
		return
	}
	wave := max(took-packTime, 0) / time.Duration(waves(len(p.Customers)))
	known, tell := e.Watch.Worked(p.Tenant.String(), min(wave, longestWave), now), false
	known = max(known, assumedWave)
	switch {
	case p.Wave == 0: // tick knows nothing of this pack
	case surprises(known, p.Wave):
		tell = known > costly*assumedWave
	default:
		tell = p.Wave > assumedWave && known < p.Wave/2
	}
	if !tell || !e.Watch.Tell(p.Tenant.String(), now) {
		return
	}
	if err := e.Table.PutCost(ctx, p.Tenant, known, now.Add(costFor)); err != nil {
		e.Log.WarnContext(ctx, "cost of a tenant not written", "tenant", p.Tenant.String(), "error", err)
		return
	}
	e.Log.InfoContext(ctx, "cost of a tenant changed", "tenant", p.Tenant.String(), "wave", known)
}
