package journey

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// TestRequest is what a simulated customer meets.
type TestRequest struct {
	Attributes condition.Value // the customer's; missing for none
	Definition *Definition     // a graph to try instead of the journey's; nil for the journey's
	Now        time.Time       // when the customer enters; zero for the present
	Events     []TestEvent
	Decisions  map[string]condition.Value // by node id: what the decision answers; without one, nothing
}

// TestEvent is an event that the simulated customer causes.
type TestEvent struct {
	Type  string
	After time.Duration // since the entry
}

// Simulation is a simulated customer's way.
type Simulation struct {
	Journey    Journey // without Definition
	Version    int     // 0: the graph came with the request
	Outcome    string  // "exited", "expired" or "stopped"
	ExitReason string  // of the exit; for "stopped", where and why
	Duration   time.Duration
	Steps      []SimulationStep
}

// SimulationStep is one node on the way.
type SimulationStep struct {
	NodeID    string
	NodeType  NodeType
	At        time.Time // when it was entered
	Result    string
	Next      string    // id of the next node; "" for none
	Until     time.Time // wait: when it ended
	EndedBy   string    // wait: "timer" or "event"
	Condition []byte    // condition_split: JSON of the condition with what it saw
	Decision  []byte    // nba_decision: JSON of the answer
}

// Test simulates a customer's way. It writes nothing and sends nothing.
func (s *Service) Test(ctx context.Context, t Tenant, id ID, r TestRequest) (Simulation, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return Simulation{}, err
	}
	entry, err := j.entry()
	if err != nil {
		return Simulation{}, err
	}
	walk := simulation{request: r, maxDays: j.MaxDurationDays, entry: entry.Condition}
	version := 0
	if r.Definition != nil {
		walk.graph = r.Definition.Graph
	} else {
		d, err := s.definition(ctx, t, j)
		if err != nil {
			return Simulation{}, err
		}
		walk.graph, version = d.Graph, j.Version
	}
	if r.Now.IsZero() {
		walk.request.Now = s.clock()
	}
	if err := walk.unknownDecisions(); err != nil {
		return Simulation{}, err
	}
	result := walk.run()
	result.Journey, result.Version = j, version
	return result, nil
}

// simulation walks one customer through a graph under a virtual clock.
type simulation struct {
	graph   *Graph
	request TestRequest
	maxDays int
	entry   *condition.Program // the journey's entry condition; nil for none
}

// run walks with the step function that moves real customers; only the clock
// and the answers of effects are made up.
func (s *simulation) run() Simulation {
	if s.graph.entry < 0 {
		return Simulation{Outcome: "stopped", ExitReason: "the graph has not exactly one entry_trigger"}
	}
	start := s.request.Now
	if reason := s.refusal(); reason != "" {
		step := s.step(s.graph.entry, start)
		step.Result = "not_entered"
		return Simulation{Outcome: "stopped", ExitReason: reason, Steps: []SimulationStep{step}}
	}
	e, effect := s.graph.Start(Enrollment{
		EnrolledAt: start, ExpiresAt: start.AddDate(0, 0, s.maxDays),
	})
	now := start
	for e.Status == Inside && effect != Stuck && !s.cycled(e) {
		in := Input{Attributes: s.request.Attributes, HasAttributes: true}
		switch effect {
		case NeedDecision:
			in.Answer = s.answer(e.Node)
		case NeedSend:
			in.Answer = s.send(e.Node)
		case NoEffect:
			now, in.EventAt = s.sleep(&e)
		case NeedAttributes, Stuck: // they are there; the loop ends
		}
		in.Now = now
		e, effect = s.graph.Step(e.NextWrite(in.Now), in)
	}
	return s.report(e, now)
}

// unknownDecisions refuses stubs for what is no nba_decision of the graph.
func (s *simulation) unknownDecisions() error {
	var faults strict.Faults
	for _, id := range slices.Sorted(maps.Keys(s.request.Decisions)) {
		if i, ok := s.graph.index[id]; !ok || s.graph.nodes[i].kind != NBADecision {
			faults.Add("/decisions/"+id, "names no nba_decision of this graph")
		}
	}
	if faults.Empty() {
		return nil
	}
	return &Error{
		Kind: Invalid, Code: "invalid-request", Faults: faults.List(),
		Detail: "The request is not valid; each entry of errors says where and why.",
	}
}

// cycled reports whether a node was entered twice, which only a draft allows.
func (s *simulation) cycled(e Enrollment) bool {
	_, again := untilRepeat(append(e.Path.Visits(e.EnrolledAt), Visit{Node: e.Node}))
	return again
}

// untilRepeat cuts a way behind the first node that was entered before.
func untilRepeat(visits []Visit) (cut []Visit, again bool) {
	var seen [MaxNodes]bool
	for i, visit := range visits {
		if seen[visit.Node] {
			return visits[:i+1], true
		}
		seen[visit.Node] = true
	}
	return visits, false
}

func (s *simulation) send(node int) Answer {
	if address, needed := s.graph.nodes[node].action.Address(s.request.Attributes); needed && address == "" {
		return Answer{Result: SkippedNoAddress}
	}
	return Answer{Result: Sent}
}

// refusal tells why the customer does not come in, "" if they do.
func (s *simulation) refusal() string {
	facts := condition.Facts{Attributes: s.request.Attributes}
	return s.graph.refusal(s.entry, &facts)
}

// refusal tells which condition keeps out a customer of whom these are the
// facts, "" for none. journeys is the journey's entry condition, nil for none.
func (g *Graph) refusal(journeys *condition.Program, facts *condition.Facts) string {
	entry := &g.nodes[g.entry]
	switch {
	case journeys != nil && !journeys.Eval(facts):
		return "the journey's entry condition is false"
	case entry.condition != nil && !entry.condition.Eval(facts):
		return fmt.Sprintf("node %s: the condition of the entry is false", entry.id)
	}
	return ""
}

func (s *simulation) answer(node int) Answer {
	decision, ok := s.request.Decisions[s.graph.nodes[node].id]
	if !ok {
		return Answer{Result: DecidedEmpty}
	}
	return Answer{Result: Decided, Decision: decision}
}

// sleep returns when the wait that e is in ends, and the event that ends it.
func (s *simulation) sleep(e *Enrollment) (now, eventAt time.Time) {
	now = e.Due
	awaited := s.graph.AwaitedEvent(e.Node)
	for _, event := range s.request.Events {
		at := s.request.Now.Add(event.After)
		if awaited != "" && event.Type == awaited && at.After(e.Since) && at.Before(now) {
			now, eventAt = at, at
		}
	}
	return now, eventAt
}

// report turns the way into steps.
func (s *simulation) report(e Enrollment, now time.Time) Simulation {
	visits := e.Path.Visits(e.EnrolledAt)
	if e.Status != Completed {
		visits = append(visits, Visit{e.Node, e.Since, NoResult})
	}
	visits, again := untilRepeat(visits)
	if again {
		visits[len(visits)-1].Result = NoResult
		now = visits[len(visits)-1].EnteredAt
	}
	facts := condition.Facts{Attributes: s.request.Attributes}
	result := Simulation{Outcome: "exited", ExitReason: e.ExitReason, Duration: now.Sub(s.request.Now)}
	for i, visit := range visits {
		step := s.step(visit.Node, visit.EnteredAt)
		step.Result = visit.Result.String()
		if i+1 < len(visits) {
			step.Next = s.graph.nodes[visits[i+1].Node].id
			step.Until = visits[i+1].EnteredAt
		} else {
			step.Until = now
		}
		s.detail(&step, visit, &facts)
		result.Steps = append(result.Steps, step)
	}
	last := &result.Steps[len(result.Steps)-1]
	switch {
	case e.Status == Expired && !again:
		result.Outcome, last.Result = "expired", "expired"
	case e.Status == Inside || again:
		result.Outcome, last.Result = "stopped", "stopped"
		result.ExitReason = s.graph.stuckReason(visits)
	}
	return result
}

func (s *simulation) step(node int, at time.Time) SimulationStep {
	return SimulationStep{NodeID: s.graph.nodes[node].id, NodeType: s.graph.nodes[node].kind, At: at}
}

// detail adds what the node's type has to tell. facts grows by each decision,
// so that a split is explained with what it saw.
func (s *simulation) detail(step *SimulationStep, visit Visit, facts *condition.Facts) {
	n := &s.graph.nodes[visit.Node]
	switch n.kind {
	case Wait:
		step.EndedBy = "timer"
		if visit.Result == WokenByEvent {
			step.EndedBy = "event"
		}
		return
	case ConditionSplit:
		if n.condition != nil {
			step.Condition = n.condition.Explain(facts)
		}
	case NBADecision:
		if decision, ok := s.request.Decisions[n.id]; ok {
			step.Decision = decision.AppendJSON(nil)
			facts.Decision = facts.Decision.With(n.id, decision)
		}
	case EntryTrigger, ChannelAction, Exit: // nothing
	}
	step.Until = time.Time{}
}

// stuckReason tells where and why a graph that is not whole ends.
func (g *Graph) stuckReason(visits []Visit) string {
	last := visits[len(visits)-1].Node
	n := &g.nodes[last]
	if n.missing != "" {
		return fmt.Sprintf("node %s: %s", n.id, n.missing)
	}
	for _, visit := range visits[:len(visits)-1] {
		if visit.Node == last {
			return fmt.Sprintf("node %s: was passed before, the graph has a cycle", n.id)
		}
	}
	return fmt.Sprintf("node %s: no single edge leads on", n.id)
}
