package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/strict"
)

// TestRequest describes a simulated customer.
type TestRequest struct {
	Customer   string               // id, on which random splits depend; "" means TestCustomer
	Attributes condition.Value      // of the customer; missing for none
	Definition *Definition          // nil for the journey's own
	Settings   graph.SettingsChange // of the journey's settings; needs Definition
	Now        time.Time            // when the customer enters; zero for the current time
	EntryEvent *TestEvent           // that starts the journey; nil for none
	Events     []TestEvent
	Decisions  map[string]condition.Value // answers by node id; a decision without one answers nothing
	Branches   map[string]string          // branches of random splits, by node id; others are drawn for Customer
}

// TestCustomer is the id of a simulated customer that has none.
const TestCustomer = "test"

// TestEvent is an event that the simulated customer causes.
type TestEvent struct {
	Type       string
	After      time.Duration // since the entry; negative for before
	Properties []byte        // compact JSON object; nil for none
}

// Simulation is the path of a simulated customer.
type Simulation struct {
	Journey    Journey // without Definition
	Version    int     // 0 if the request had a Definition
	Outcome    string  // "exited", "expired" or "stopped"
	ExitReason string  // of the exit; for "stopped", the node and the reason
	Duration   time.Duration
	Steps      []SimulationStep
	Faults     []strict.Fault // what keeps the graph from being activated
	Warnings   []strict.Fault // as of Service.Warnings
	Truncated  bool           // details beyond maxDetails were left out
}

// maxDetails bounds the bytes of the Faults, the Warnings and the details of all steps of
// a Simulation. With MaxNodes steps around them, the answer stays below 1 MB.
const maxDetails = 900_000

// SimulationStep is a node on the path.
type SimulationStep struct {
	NodeID    string
	NodeType  graph.NodeType
	At        time.Time // when the customer entered it
	Result    string
	Next      string        // id of the next node; "" for none
	Until     time.Time     // wait: when it ended
	EndedBy   string        // wait: "timer" or "event"
	Reason    string        // wait until a date: why it ended at once; "" if it did not
	Zone      string        // wait until a date: the time zone, if the end depends on one
	Condition []byte        // condition_split: condition.Program.Explain
	Decision  []byte        // nba_decision: JSON of the answer
	Tried     []TriedBranch // multi_split: up to the one whose condition is true
	Share     float64       // random_split: of the branch, from 0 to 1
	Forced    bool          // random_split: the request named the branch
	Channel   string        // channel_action that was sent
	To        string        // channel_action: the address; "" if the channel needs none
	Payload   []byte        // channel_action: JSON with the placeholders filled; nil for none
	Before    []byte        // update_customer: JSON of the attributes that it names, by path
	After     []byte
}

// size returns about how many bytes the details have as JSON.
func (s *SimulationStep) size() int {
	names, _ := jsontext.AppendQuote(nil, s.Channel+s.To)
	size := len(s.Condition) + len(s.Decision) + len(names) + len(s.Payload) + len(s.Before) + len(s.After)
	for _, tried := range s.Tried {
		size += len(tried.Branch) + len(tried.Condition) + 32
	}
	return size
}

// dropDetails leaves out what size counts.
func (s *SimulationStep) dropDetails() {
	s.Condition, s.Decision, s.Tried, s.Channel, s.To = nil, nil, nil, "", ""
	s.Payload, s.Before, s.After = nil, nil, nil
}

// Test simulates a customer in the journey. It writes nothing and sends nothing.
func (s *Service) Test(ctx context.Context, t Tenant, id ID, r TestRequest) (Simulation, error) {
	var d Definition
	var shown *Graph // has the order of nodes that the caller knows
	j, err := s.read(ctx, t, id, func(j Journey) (err error) {
		d, shown, err = s.bothGraphs(ctx, t, j)
		return err
	})
	version := j.Version
	if r.Definition != nil && j.ID != "" && (err == nil || Unreadable(err)) {
		version = 0
		d, err = r.Definition.with(r.Settings.Apply(d.Settings))
		shown = d.Graph
	}
	if err != nil {
		return Simulation{}, err
	}
	walk := simulation{
		request: r, journey: j.ID, maxDays: j.MaxDurationDays, graph: d.Graph, catalog: s.Catalog, tenant: t,
	}
	walk.entry, walk.entryFault = j.entry()
	if r.Now.IsZero() {
		walk.request.Now = s.clock()
	}
	if err := walk.check(); err != nil {
		return Simulation{}, err
	}
	faults, warnings := shown.ActivationFaults("/definition", j.MaxDurationDays), s.warnings(t, j, shown)
	walk.details = maxDetails - strict.SizeOf(faults) - strict.SizeOf(warnings)
	result := walk.run()
	result.Journey, result.Version, result.Faults, result.Warnings = j, version, faults, warnings
	return result, nil
}

// simulation walks one customer through a graph under a virtual clock.
type simulation struct {
	graph      *Graph
	request    TestRequest
	journey    ID
	maxDays    int
	entry      graph.Entry // of the journey
	entryFault string
	catalog    catalog.Catalog
	tenant     Tenant
	details    int // bytes of the details of all steps

	attributes condition.Value // as they are by now
	failure    string          // why a message cannot be sent; "" if it can
}

// run uses the step function that moves real customers. Only the clock and the
// answers of effects are simulated.
func (s *simulation) run() Simulation {
	if s.graph.Entry() < 0 {
		return Simulation{Outcome: "stopped", ExitReason: s.graph.EntryFault()}
	}
	start := s.request.Now
	if reason := s.refusal(); reason != "" {
		step := s.step(s.graph.Entry(), start)
		step.Result = "not_entered"
		return Simulation{Outcome: "stopped", ExitReason: reason, Steps: []SimulationStep{step}}
	}
	e, effect := s.graph.Start(Enrollment{
		Journey: s.journey, Customer: cmp.Or(s.request.Customer, TestCustomer),
		EnrolledAt: start, ExpiresAt: start.AddDate(0, 0, s.maxDays), Event: s.graph.encodeEvent(s.entryProperties()),
	})
	now := start
	s.attributes = s.request.Attributes
	for e.Status == Inside && effect != Stuck && s.failure == "" && !s.hasCycled(e) {
		in := Input{HasAttributes: true}
		switch effect {
		case NeedDecision:
			in.Answer = s.answer(e.Node)
		case NeedSend:
			in.Answer = s.send(&e)
		case NeedUpdate:
			s.attributes, in.Answer.Result = s.graph.Update(&e, s.attributes)
		case NoEffect:
			now = s.sleep(&e, now)
		case NeedAttributes, NeedEvents, Stuck: // not reached: the facts are given, and Stuck ends the loop
		}
		in.Now, in.Attributes, in.Events = now, s.attributes, s.received(now)
		e, effect = s.graph.Step(e.NextWrite(in.Now), in)
	}
	return s.report(e, now)
}

// check returns an error if an answer names no nba_decision of the graph, or a branch no
// branch of a random_split. It sets the branches.
func (s *simulation) check() error {
	var faults strict.Faults
	for _, id := range slices.Sorted(maps.Keys(s.request.Decisions)) {
		if i, ok := s.graph.Index(id); !ok || s.graph.NodeType(i) != graph.NBADecision {
			faults.Add(pointerTo("decisions", id), "names no nba_decision of this graph")
		}
	}
	forced := map[int]int{}
	for _, id := range slices.Sorted(maps.Keys(s.request.Branches)) {
		i, ok := s.graph.Index(id)
		if !ok || s.graph.NodeType(i) != graph.RandomSplit {
			faults.Add(pointerTo("branches", id), "names no random_split of this graph")
			continue
		}
		if forced[i] = slices.Index(s.graph.Node(i).Ways, s.request.Branches[id]); forced[i] < 0 {
			faults.Add(pointerTo("branches", id), "must be a branch of this random_split: %s", strings.Join(s.graph.Node(i).Ways, ", "))
		}
	}
	s.graph = &Graph{Graph: s.graph.Graph, forced: forced}
	if faults.Empty() {
		return nil
	}
	return &Error{
		Kind: Invalid, Code: "invalid-request", Faults: faults.List(),
		Detail: "The request is not valid; each entry of errors says where and why.",
	}
}

// pointerTo returns the JSON Pointer to a member of a field of the request.
func pointerTo(field, member string) string {
	return string(jsontext.Pointer("").AppendToken(field).AppendToken(member))
}

// hasCycled reports whether a node was entered twice, which only drafts allow.
func (s *simulation) hasCycled(e Enrollment) bool {
	_, again := cutAtRepeat(append(e.Path.Visits(e.EnrolledAt), Visit{Node: e.Node}))
	return again
}

// cutAtRepeat cuts visits after the first node that was visited before. It reports
// whether there was one.
func cutAtRepeat(visits []Visit) (cut []Visit, again bool) {
	var seen [graph.MaxNodes]bool
	for i, visit := range visits {
		if seen[visit.Node] {
			return visits[:i+1], true
		}
		seen[visit.Node] = true
	}
	return visits, false
}

// send returns the answer of a channel_action. It sets failure if there is none.
func (s *simulation) send(e *Enrollment) Answer {
	action, facts := s.graph.Action(e.Node), s.graph.Facts(e, s.attributes)
	switch _, _, err := action.Fill(s.address(action), &facts); {
	case errors.Is(err, graph.ErrNoAddress):
		return Answer{Result: SkippedNoAddress}
	case err != nil && action.GoOnError:
		return Answer{Result: EffectError}
	case err != nil:
		s.failure = fmt.Sprintf("node %s: the message cannot be sent: %v", s.graph.NodeID(e.Node), err)
		return Answer{}
	}
	return Answer{Result: Sent}
}

// address returns the attribute that has the address for a message; "" for none.
func (s *simulation) address(action graph.ActionConfig) string {
	return s.catalog.Address(action.Channel, s.tenant.String())
}

// refusal returns why the customer may not enter; "" if they may.
func (s *simulation) refusal() string {
	properties := s.entryProperties()
	facts := condition.Facts{Attributes: s.request.Attributes, Event: properties, EntryEvent: properties, Now: s.request.Now}
	types := s.graph.EntryEvents(s.entry.Condition)
	facts.LastEvents = lastBefore(s.receivedOf(types, s.request.Now), Stamp{At: s.request.Now}, types)
	event := ""
	if r := s.request.EntryEvent; r != nil && r.Type != s.entry.Event && r.Type != s.graph.Event() {
		event = "the event does not start the journey"
	}
	return cmp.Or(s.entryFault, s.graph.EntryFault(), event, s.graph.Refusal(s.entry.Condition, &facts))
}

// answer returns the answer of an nba_decision.
func (s *simulation) answer(node int) Answer {
	decision, ok := s.request.Decisions[s.graph.NodeID(node)]
	if !ok {
		return Answer{Result: DecidedEmpty}
	}
	return Answer{Result: Decided, Decision: decision}
}

// report converts the walk into steps.
func (s *simulation) report(e Enrollment, now time.Time) Simulation {
	visits := e.Path.Visits(e.EnrolledAt)
	if e.Status != Completed {
		visits = append(visits, Visit{e.Node, e.Since, NoResult})
	}
	visits, again := cutAtRepeat(visits)
	if again {
		visits[len(visits)-1].Result = NoResult
		now = visits[len(visits)-1].EnteredAt
	}
	facts := s.graph.Facts(&e, s.request.Attributes)
	facts.Decision, facts.Step = condition.Value{}, condition.Value{}
	stepEvents, _ := condition.ParseValue(e.StepEvents)
	result := Simulation{Outcome: "exited", ExitReason: e.ExitReason, Duration: now.Sub(s.request.Now)}
	left := s.details
	for i, visit := range visits {
		step := s.step(visit.Node, visit.EnteredAt)
		step.Result = visit.Result.Name(s.graph.Node(visit.Node).Ways)
		if i+1 < len(visits) {
			step.Next = s.graph.NodeID(visits[i+1].Node)
			step.Until = visits[i+1].EnteredAt
		} else {
			step.Until = now
		}
		known := Input{Events: s.received(visit.EnteredAt)}
		facts.Now, facts.LastEvents = step.Until, known.lastEvents(s.graph.Node(visit.Node).Events)
		s.detail(&step, visit, &facts)
		if event := stepEvents.Get(step.NodeID); !event.Missing() {
			facts.Step = facts.Step.With(step.NodeID, event)
		}
		s.graph.addResult(&facts, visit)
		s.explainUntil(&step, visit, e, facts.Attributes)
		if size := step.size(); size <= left {
			left -= size
		} else {
			step.dropDetails()
			result.Truncated = true
		}
		result.Steps = append(result.Steps, step)
	}
	last := &result.Steps[len(result.Steps)-1]
	switch {
	case e.Status == Expired && !again:
		result.Outcome, last.Result = "expired", "expired"
	case e.Status == Inside || again:
		result.Outcome, last.Result = "stopped", "stopped"
		result.ExitReason = cmp.Or(s.failure, s.graph.stuckReason(visits))
	}
	return result
}

func (s *simulation) step(node int, at time.Time) SimulationStep {
	return SimulationStep{NodeID: s.graph.NodeID(node), NodeType: s.graph.NodeType(node), At: at}
}

// detail sets the fields of the node's type. It adds each decision and each update to
// facts, so that a later step is explained with what it read.
func (s *simulation) detail(step *SimulationStep, visit Visit, facts *condition.Facts) {
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
		if visit.Result != NoResult {
			step.Tried = tried(n, visit.Result.way(), facts)
		}
	case graph.RandomSplit:
		if visit.Result != NoResult {
			step.Share = n.Split.Share(visit.Result.way())
			_, step.Forced = s.graph.forced[visit.Node]
		}
	case graph.NBADecision:
		if decision, ok := s.request.Decisions[n.ID]; ok {
			step.Decision = decision.AppendJSON(nil)
			if visit.Result != EffectError {
				facts.Decision = facts.Decision.With(n.ID, decision)
			}
		}
	case graph.ChannelAction:
		if visit.Result == Sent {
			step.Channel = n.Action.Channel
			step.To, step.Payload, _ = n.Action.Fill(s.address(n.Action), facts)
		}
	case graph.UpdateCustomer:
		if visit.Result != NoResult {
			step.Before = n.Update.Changed(facts.Attributes).AppendJSON(nil)
			facts.Attributes, _ = updateBy(s.graph, visit.Node, facts)
			step.After = n.Update.Changed(facts.Attributes).AppendJSON(nil)
		}
	case graph.EntryTrigger, graph.Exit: // no fields of their own
	}
	step.Until = time.Time{}
}

// stuckReason returns the node at which an incomplete graph stopped, and why.
func (g *Graph) stuckReason(visits []Visit) string {
	last := visits[len(visits)-1].Node
	n := g.Node(last)
	for _, visit := range visits[:len(visits)-1] {
		if visit.Node == last && n.Fault == (strict.Fault{}) {
			return fmt.Sprintf("node %s: was passed before, the graph has a cycle", n.ID)
		}
	}
	return g.StopReason(last)
}
