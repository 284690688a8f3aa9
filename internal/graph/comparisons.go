package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// warnOfComparisons warns of each comparison of a field with a number that an earlier one
// compares with a text, and the reverse, of an order among texts that are numbers, and of
// a comparison of a step's result with a value that is none of its results, or of its
// feedback with one that is no Boolean.
func (g *Graph) warnOfComparisons(base string, entry *condition.Program, warnings *strict.Faults) {
	first := map[string]comparison{}
	// event is the type of the event at hand, "" for the one that started the journey.
	check := func(pointer, event string, p *condition.Program) {
		if p == nil {
			return
		}
		for _, c := range p.Comparisons() {
			c := comparison{c, pointer + c.Pointer, event}
			warnOfKind(c, first, warnings)
			g.warnOfResult(c, warnings)
			g.warnOfFeedback(c, warnings)
		}
	}
	check("/entryCondition/condition", "", entry)
	for i := range g.nodes {
		check(at(base, i)+"/config/condition", "", g.nodes[i].Condition)
		for branch, p := range g.nodes[i].Split.Conditions {
			check(fmt.Sprintf("%s/config/branches/%d/condition", at(base, i), branch), "", p)
		}
		for j, a := range g.nodes[i].Awaits {
			check(awaitPointer(base, i, j)+"/condition", a.Type, a.Condition)
		}
	}
	for _, watched := range g.watchedSettings() {
		check(watched.pointer+"/condition", watched.Type, watched.Condition)
	}
	if g.exitWhen != nil {
		check("/exitWhen/condition", "", g.exitWhen.Condition)
	}
}

// awaitPointer returns the pointer of an event that a wait names.
func awaitPointer(base string, node, awaited int) string {
	return fmt.Sprintf("%s/config/waitForEvent/any/%d", at(base, node), awaited)
}

// comparison is a condition.Comparison with its place in the journey.
type comparison struct {
	condition.Comparison
	pointer string
	event   string // type of the event at hand; "" for the one that started the journey
}

// key returns a text that is the same for the same field.
func (c *comparison) key() string {
	source, event := c.Field.Source, c.event
	if source != condition.Event {
		event = ""
	}
	if source == condition.EntryEvent {
		source = condition.Event
	}
	return fmt.Sprintf("%d %q %q", source, event, c.Field.Path)
}

// warnOfKind compares c with the first comparison of its field.
func warnOfKind(c comparison, first map[string]comparison, warnings *strict.Faults) {
	if c.Ordered != "" {
		warnings.Add(c.pointer, "compares %s with the text %q; no number is more or less than a text, so write it without quotes if it is a number",
			short(c.Name), short(c.Ordered))
	}
	if c.WithNumber == c.WithText {
		return
	}
	earlier, ok := first[c.key()]
	switch {
	case !ok:
		first[c.key()] = c
	case c.WithNumber && earlier.WithText:
		warnings.Add(c.pointer, "compares %s with a number, and %s with a text; a number and a text are never equal", short(c.Name), earlier.pointer)
	case c.WithText && earlier.WithNumber:
		warnings.Add(c.pointer, "compares %s with a text, and %s with a number; a number and a text are never equal", short(c.Name), earlier.pointer)
	}
}

// warnOfResult warns if c compares a step's result with a value that is none of them.
func (g *Graph) warnOfResult(c comparison, warnings *strict.Faults) {
	if c.Field.Source != condition.Step || len(c.Field.Path) != 2 || c.Field.Path[1] != "result" {
		return
	}
	i, ok := g.index[c.Field.Path[0]]
	if !ok {
		return // has a warning of its own
	}
	results := g.nodes[i].Results()
	for _, operand := range c.Operands {
		text, err := strconv.Unquote(operand)
		if results != nil && (err != nil || !slices.Contains(results, text)) {
			warnings.Add(c.pointer, "compares %s with %s, which is never its result; %s", short(c.Name), short(operand), allOf(results))
		}
	}
}

// allOf returns `it is always "a"` or `its results are "a", "b"`.
func allOf(results []string) string {
	list := `"` + strings.Join(results, `", "`) + `"`
	if len(results) == 1 {
		return "it is always " + list
	}
	return "its results are " + list
}

// Results returns the results with which a customer can leave the node and go on; nil if
// the node is not finished.
func (n *Node) Results() []string {
	switch n.Type {
	case EntryTrigger:
		return []string{"entered", "error"}
	case Wait:
		if len(n.Ways) == 1 && n.Next[0] < 0 {
			return nil // its edges may become several
		}
		if len(n.Ways) == 1 && n.Awaits != nil {
			return []string{"waited", "woken", "error"}
		}
		if len(n.Ways) == 1 {
			return []string{"waited"}
		}
	case NBADecision:
		return []string{"decided", "empty", "error"}
	case ChannelAction:
		results := []string{"sent", "skipped_no_address", "skipped_uncertain", "skipped_unsubscribed", "skipped_suppressed"}
		if n.Action.GoOnError || n.Action.Keep != nil {
			results = append(results, "error")
		}
		return results
	case UpdateCustomer:
		return []string{"updated", "error"}
	case ConditionSplit, MultiSplit, RandomSplit, Exit: // an exit has none
	}
	return n.Ways
}
