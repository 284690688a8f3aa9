package analytics_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/ident"
)

// process is one process's access to the table. Once dead, it has no effect.
type process struct {
	*model
	analytics.RollupTable // nil: methods that the model does not use
	dead                  bool
}

// do makes a write, with or without a fault. retry is what the client does when
// the answer is lost.
func (p *process) do(write, retry func() error) error {
	if p.dead {
		return errDead
	}
	fault := ""
	if !p.calm && p.r.IntN(8) == 0 {
		kinds := []string{"crash before", "crash after", "write lands late", "answer lost", "throttled", "others first"}
		fault = kinds[p.r.IntN(len(kinds))]
		p.faults[fault]++
	}
	switch fault {
	case "crash before":
		p.dead = true
		return errDead
	case "write lands late":
		p.late = append(p.late, func() { _ = write() })
		p.dead = true
		return errDead
	case "throttled":
		return errThrottled
	case "others first":
		p.interleave()
	}
	err := write()
	switch fault {
	case "crash after":
		p.dead = true
		return errDead
	case "answer lost":
		return retry()
	}
	return err
}

func (p *process) PutPart(_ context.Context, part analytics.Part) (analytics.Part, error) {
	var stored analytics.Part
	put := func() (err error) {
		stored, err = p.store(part)
		return err
	}
	err := p.do(put, put)
	return stored, err
}

// store is the table's conditional write.
func (m *model) store(part analytics.Part) (analytics.Part, error) {
	stored := m.table[part.PartKey]
	if m.plain {
		m.table[part.PartKey] = addParts(stored, part)
		return analytics.Part{}, nil
	}
	if stored.Rev != part.Rev-1 || stored.Rev > 0 && !stored.Born.Equal(part.Born) {
		return stored, analytics.ErrStale
	}
	m.observe(part)
	if m.table[part.PartKey] = part; part.Rev == 1 && m.totals[journeyKey{part.Tenant, part.Journey}][part.Graph] != nil {
		m.faults["part recreated"]++
	}
	return part, nil
}

// observe reads the figures of a journey before a write of its part. They may be
// outdated but must not contradict each other.
func (m *model) observe(part analytics.Part) {
	c := m.counters(journeyKey{part.Tenant, part.Journey})
	f := c.Figures()
	m.torn = append(m.torn, f.Faults()...)
}

func (p *process) Counters(_ context.Context, t ident.Tenant, id ident.ID, _ analytics.Range) (analytics.Counters, error) {
	if p.dead {
		return analytics.Counters{}, errDead
	}
	return p.counters(journeyKey{t, id}), nil
}

// counters returns what a read of the table finds of a journey.
func (m *model) counters(key journeyKey) analytics.Counters {
	c := analytics.Counters{Totals: map[string]*analytics.Total{}}
	for graph, total := range m.totals[key] {
		copied := *total
		c.Totals[graph] = &copied
	}
	for _, k := range m.parts() {
		if k.Tenant == key.tenant && k.Journey == key.id {
			c.Parts = append(c.Parts, m.table[k])
		}
	}
	for _, month := range m.closed[key] {
		c.Closed = append(c.Closed, *month)
	}
	return c
}

// parts returns the sorted keys of all parts.
func (m *model) parts() []analytics.PartKey {
	keys := slices.Collect(maps.Keys(m.table))
	slices.SortFunc(keys, func(a, b analytics.PartKey) int {
		return cmp.Or(
			cmp.Compare(a.Journey, b.Journey), cmp.Compare(a.Tenant.String(), b.Tenant.String()), cmp.Compare(a.Day, b.Day),
			cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Graph, b.Graph),
		)
	})
	return keys
}

func (p *process) DueToFold(_ context.Context, _ time.Time, yield func(analytics.JourneyKey)) error {
	seen := map[analytics.JourneyKey]bool{}
	for _, k := range p.parts() {
		if key := (analytics.JourneyKey{Tenant: k.Tenant, Journey: k.Journey}); !seen[key] {
			seen[key] = true
			yield(key)
		}
	}
	return nil
}

func (p *process) Fold(_ context.Context, k analytics.JourneyKey, f analytics.Fold) error {
	key, done := journeyKey{k.Tenant, k.Journey}, false
	fold := func() error {
		err := p.fold(key, f)
		done = done || err == nil
		return err
	}
	return p.do(fold, func() error {
		if done { // the table recognizes the transaction by its token
			return nil
		}
		return fold()
	})
}

// fold is the transaction of RollupTable.Fold.
func (m *model) fold(key journeyKey, f analytics.Fold) error {
	rev := int64(0)
	if total := m.totals[key][f.Graph]; total != nil {
		rev = total.Rev
	}
	if rev != f.Total.Rev-1 {
		return analytics.ErrStale
	}
	for _, p := range f.Parts {
		if stored := m.table[p.PartKey]; stored.Rev != p.Rev || !stored.Born.Equal(p.Born) {
			return analytics.ErrStale
		}
	}
	if m.totals[key] == nil {
		m.totals[key], m.closed[key] = map[string]*analytics.Total{}, map[string]*analytics.Closed{}
	}
	m.totals[key][f.Graph] = &f.Total
	for _, p := range f.Parts {
		m.table[p.PartKey] = p.Emptied(f.Total.Rev)
	}
	name := f.Day.Month() + f.Graph
	if m.closed[key][name] == nil {
		m.closed[key][name] = &analytics.Closed{Month: f.Day.Month(), Graph: f.Graph}
	}
	month := m.closed[key][name]
	month.Rev = f.Total.Rev
	month.Days = append(month.Days, analytics.DayTotals{Day: f.Day, Totals: f.Totals})
	m.faults["fold"]++
	return nil
}

func (p *process) DeletePart(_ context.Context, part analytics.Part) error {
	remove := func() error {
		stored, ok := p.table[part.PartKey]
		if ok && (stored.Rev != part.Rev || !stored.Born.Equal(part.Born)) {
			return analytics.ErrStale
		}
		delete(p.table, part.PartKey)
		p.faults["part deleted"]++
		return nil
	}
	return p.do(remove, remove)
}

// Audit returns an audit of the last possible day, so that no audit starts: the
// model has no enrollments.
func (p *process) Audit(context.Context) (analytics.Audit, error) {
	return analytics.Audit{Day: "9999-12-31"}, nil
}

// addParts adds a part's counts, like ADD of an update expression.
func addParts(to, part analytics.Part) analytics.Part {
	to.PartKey, to.Version = part.PartKey, max(to.Version, part.Version)
	to.Totals.Add(part.Totals)
	to.Steps = tally.AddSteps(append([]tally.Step(nil), to.Steps...), 0, part.Steps)
	return to
}
