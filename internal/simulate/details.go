package simulate

import (
	"fmt"
	"time"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// detail sets the fields of the node's type. It adds each decision and each update to
// facts, so that a later step is explained with what it read.
func (s *simulation) detail(step *Step, visit trail.Visit, facts *condition.Facts) {
	n := s.graph.Node(visit.Node)
	switch n.Type {
	case graph.Wait:
		step.EndedBy = "timer"
		if visit.Result.EndedByEvent(n) {
			step.EndedBy = "event"
		}
		return
	case graph.ConditionSplit:
		if n.Condition != nil {
			step.Condition = n.Condition.Explain(facts)
		}
	case graph.MultiSplit:
		if visit.Result != trail.NoResult {
			step.Tried = tried(n, visit.Result.Way(), facts)
		}
	case graph.RandomSplit:
		if visit.Result != trail.NoResult {
			step.Share = n.Split.Share(visit.Result.Way())
			_, step.Forced = s.forced[visit.Node]
		}
	case graph.NBADecision:
		if decision, ok := s.request.Decisions[n.ID]; ok {
			step.Decision = decision.AppendJSON(nil)
			if visit.Result != trail.EffectError {
				facts.Decision = facts.Decision.With(n.ID, decision)
			}
		}
	case graph.ChannelAction:
		if visit.Result == trail.Sent {
			step.Channel = n.Action.Channel
			step.To, step.Payload, _ = s.fill(n.Action, *facts)
		}
	case graph.UpdateCustomer:
		if visit.Result != trail.NoResult {
			step.Before = n.Update.Changed(facts.Attributes).AppendJSON(nil)
			facts.Attributes, _ = s.graph.UpdateFrom(visit.Node, facts)
			step.After = n.Update.Changed(facts.Attributes).AppendJSON(nil)
		}
	case graph.EntryTrigger, graph.Exit: // no fields of their own
	}
	step.Until = time.Time{}
}

// stuckReason returns the node at which an incomplete graph stopped, and why.
func stuckReason(g *progress.Graph, visits []trail.Visit) string {
	last := visits[len(visits)-1].Node
	n := g.Node(last)
	for _, visit := range visits[:len(visits)-1] {
		if visit.Node == last && n.Fault == (strict.Fault{}) {
			return fmt.Sprintf("node %s: was passed before, the graph has a cycle", n.ID)
		}
	}
	return g.StopReason(last)
}

// explainUntil sets the fields of a wait until a date, of an enrollment that has ended.
// attributes are those at the wait.
func (s *simulation) explainUntil(step *Step, visit trail.Visit, e progress.Enrollment, attributes condition.Value) {
	until := s.graph.Node(visit.Node).Until
	if until == nil {
		return
	}
	e.Node, e.Since = visit.Node, visit.EnteredAt
	_, step.Reason = s.graph.EndOfUntil(&e, attributes)
	if zone, _ := s.graph.ZoneOf(attributes); until.NeedsZone(s.graph.DateOf(&e, attributes)) || until.Zone(nil) != nil {
		step.Zone = until.Zone(zone).String()
	}
}

// tried returns the branches whose conditions a multi_split evaluated to leave by way.
func tried(n *graph.Node, way int, facts *condition.Facts) []TriedBranch {
	var list []TriedBranch
	for i, c := range n.Split.Conditions[:min(way+1, len(n.Split.Conditions))] {
		list = append(list, TriedBranch{n.Ways[i], c.Explain(facts)})
	}
	return list
}
