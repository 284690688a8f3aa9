package graph

import (
	"slices"
	"strings"

	"journeys/internal/condition"
	"journeys/internal/feedback"
	"journeys/internal/strict"
)

// warnOfMembers warns of each node and setting that reads a field which its step never has,
// and of each message and update that reads feedback, which only conditions do.
func (g *Graph) warnOfMembers(base string, warnings *strict.Faults) {
	for i := range g.nodes {
		n, pointer := &g.nodes[i], at(base, i)+"/config"
		g.warnOfUnknownMembers(pointer, n.reads(), warnings)
		for _, f := range slices.Concat(n.Action.Payload.Reads(), n.Update.Reads()) {
			if _, _, ok := g.feedbackOf(f); ok {
				warnings.Add(pointer, "reads step.%s in a text, but only conditions read feedback; the field is missing", short(strings.Join(f.Path, ".")))
			}
		}
	}
	g.eachSettingsCondition(func(pointer string, p *condition.Program) { g.warnOfUnknownMembers(pointer, p.Reads(), warnings) })
}

func (g *Graph) warnOfUnknownMembers(pointer string, fields []condition.Field, warnings *strict.Faults) {
	var warned []string
	for _, f := range fields {
		if f.Source != condition.Step || len(f.Path) < 2 {
			continue
		}
		name := strings.Join(f.Path[:2], ".")
		step, ok := g.index[f.Path[0]]
		if !ok || slices.Contains(warned, name) {
			continue // a step that does not exist has a warning of its own
		}
		warned = append(warned, name)
		_, isFeedback := feedback.Parse(f.Path[1])
		switch {
		case f.Path[1] == "answer", slices.Contains(g.nodes[step].members(), f.Path[1]): // warnOfUnkept is about answers
		case isFeedback:
			warnings.Add(pointer, "reads step.%s, but nodes/%d sends no message; the field is missing", short(name), step)
		case f.Path[1] == "event":
			warnings.Add(pointer, "reads step.%s, but nodes/%d waits for no event; the field is missing", short(name), step)
		default:
			warnings.Add(pointer, "reads step.%s, which nodes/%d never has; it has %s", short(name), step, strings.Join(g.nodes[step].members(), ", "))
		}
	}
}

// members returns the names of what later steps read of the node, as in step.<id>.<name>.
func (n *Node) members() []string {
	names := []string{"result"}
	if kept := n.Keeps(); kept != "" {
		names = append(names, kept)
	}
	if n.Type == ChannelAction {
		names = append(names, feedback.Names()...)
	}
	return names
}

// warnOfFeedback warns if c compares feedback with a value that is no Boolean.
func (g *Graph) warnOfFeedback(c comparison, warnings *strict.Faults) {
	if _, _, ok := g.feedbackOf(c.Field); !ok {
		return
	}
	other := slices.ContainsFunc(c.Operands, func(operand string) bool { return operand != "true" && operand != "false" })
	if other || len(c.Operands) == 0 {
		warnings.Add(c.pointer, "compares %s with something else than true or false, which it always is", short(c.Name))
	}
}

// warnOfSameFeedback warns of each way of a wait that an earlier way always goes before.
func (g *Graph) warnOfSameFeedback(base string, warnings *strict.Faults) {
	for i := range g.nodes {
		awaits := g.nodes[i].Awaits
		for j, a := range awaits {
			same := func(b Awaited) bool { return b.Step == a.Step && b.Is == a.Is }
			if earlier := slices.IndexFunc(awaits, same); a.Step != "" && earlier < j {
				warnings.Add(awaitPointer(base, i, j), "awaits the same as any/%d, so no customer goes this way", earlier)
			}
		}
	}
}
