package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// MaxEntryCondition bounds an entry condition, in bytes of compact JSON.
const MaxEntryCondition = 4 * 1024

// Entry is a journey's entry condition, {"event", "condition"}. Both are optional.
type Entry struct {
	Raw       []byte // compact JSON; nil for none
	Event     string // "" for none
	Condition *condition.Program
}

// ReadEntryCondition compiles an entry condition and notes every fault. It returns what
// can be read of a faulty one too.
func ReadEntryCondition(v strict.Value) (Entry, bool) {
	before := v.FaultCount()
	raw, ok := v.Compact(MaxEntryCondition)
	if !ok {
		return Entry{}, false
	}
	object, ok := v.Object()
	if !ok {
		return Entry{}, false
	}
	e := Entry{Raw: raw, Event: takeEventType(object, "event"), Condition: takeEntryCondition(object)}
	object.Done("event", "condition")
	return e, v.FaultCount() == before
}

// EntryFault returns why customers cannot enter the graph; "" if they can.
func (g *Graph) EntryFault() string {
	switch {
	case g.entry < 0:
		return "the graph does not have exactly one entry_trigger"
	case g.nodes[g.entry].Fault != strict.Fault{}:
		return g.StopReason(g.entry)
	}
	return ""
}

// Refusal returns which condition keeps a customer with these facts from entering;
// "" for none. ofJourney is the journey's entry condition, nil for none. The graph must
// have an entry.
func (g *Graph) Refusal(ofJourney *condition.Program, facts *condition.Facts) string {
	entry := &g.nodes[g.entry]
	switch {
	case ofJourney != nil && !ofJourney.Eval(facts):
		return "the journey's entry condition is false"
	case entry.Condition != nil && !entry.Condition.Eval(facts):
		return fmt.Sprintf("node %s: the condition of the entry is false", entry.ID)
	}
	return ""
}

// EntryEvents returns the types of the events that the conditions of the entry ask for:
// the journey's, nil for none, and the node's. The graph must have an entry.
func (g *Graph) EntryEvents(ofJourney *condition.Program) (types []string) {
	for _, p := range []*condition.Program{ofJourney, g.nodes[g.entry].Condition} {
		if p != nil {
			types = append(types, p.Events()...)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// StopReason returns why customers stop at the node with that index: its id and the
// fault, at most 600 bytes.
func (g *Graph) StopReason(i int) string {
	n := &g.nodes[i]
	place, detail := strings.TrimPrefix(n.Fault.Pointer, "/"), cmp.Or(n.Fault.Detail, "no single edge leads on")
	if len(place) > 100 {
		place = "config"
	}
	if len(detail) > 200 || n.Fault.Pointer == "/config" {
		return fmt.Sprintf("node %s: %.200s", n.ID, detail)
	}
	return fmt.Sprintf("node %s: %s", n.ID, strings.TrimSpace(place+" "+detail))
}
