// Package targettest has what a table in memory needs for targets, and providers without
// them.
package targettest

import (
	"context"
	"encoding/binary"
	"maps"
	"sync"
	"time"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/message"
	"journeys/internal/target"
)

// Table holds the states of targets, with the conditions of the real table. The zero value
// holds none. It is safe for concurrent use.
type Table struct {
	mu     sync.Mutex
	states target.States
	lines  map[string]target.Line
	costs  map[ident.Tenant]time.Duration
	writes int

	messages map[message.ID]message.Record
}

// Messages returns the records of messages by id.
func (t *Table) Messages() map[message.ID]message.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.messages)
}

// PutMessages implements engine.Table.
func (t *Table) PutMessages(_ context.Context, _ ident.Tenant, records []message.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.messages == nil {
		t.messages = map[message.ID]message.Record{}
	}
	for _, r := range records {
		t.messages[r.ID] = r
	}
	return nil
}

// Targets returns all states.
func (t *Table) Targets() target.States {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.states == nil {
		return target.States{}
	}
	return maps.Clone(t.states)
}

// Writes returns how many writes there were, refused ones included.
func (t *Table) Writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes
}

// PutTarget implements engine.Table.
func (t *Table) PutTarget(_ context.Context, name string, old, next target.State) (target.State, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stored := t.states[name]
	next.Stamp = t.stamp()
	switch {
	case stored.Stamp != old.Stamp:
		return stored, false, nil
	case next.Kind == target.Closed:
		delete(t.states, name)
		return target.State{}, true, nil
	case t.states == nil:
		t.states = target.States{}
	}
	t.states[name] = next
	return next, true, nil
}

// PutLine implements engine.Table.
func (t *Table) PutLine(_ context.Context, name string, old, next target.Line) (target.Line, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stored := t.lines[name]
	next.Stamp = t.stamp()
	if stored.Stamp != old.Stamp {
		return stored, false, nil
	}
	if t.lines == nil {
		t.lines = map[string]target.Line{}
	}
	t.lines[name] = next
	return next, true, nil
}

// Lines implements engine.Table.
func (t *Table) Lines(context.Context) (map[string]target.Line, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.lines), nil
}

// Costs implements engine.Table.
func (t *Table) Costs(context.Context) (map[ident.Tenant]time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.costs), nil
}

// PutCost implements engine.Table.
func (t *Table) PutCost(_ context.Context, tenant ident.Tenant, wave time.Duration, _ time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.costs == nil {
		t.costs = map[ident.Tenant]time.Duration{}
	}
	t.costs[tenant] = wave
	return nil
}

func (t *Table) stamp() (stamp [16]byte) {
	t.writes++
	binary.BigEndian.PutUint64(stamp[:], uint64(t.writes))
	return stamp
}

// Untargeted is a part of a provider whose effects have no targets.
type Untargeted struct{}

// ChannelTarget implements engine.Provider.
func (Untargeted) ChannelTarget(ident.Tenant, string) engine.Target { return engine.Target{} }

// DecisionTarget implements engine.Provider.
func (Untargeted) DecisionTarget(ident.Tenant, string) engine.Target { return engine.Target{} }
