// Package simulate walks a simulated customer through a journey under a virtual clock,
// with the step function that moves real customers.
package simulate

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
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// Request describes a simulated customer.
type Request struct {
	Customer      string               // id, on which random splits depend; "" means DefaultCustomer
	Attributes    condition.Value      // of the customer; missing for none
	Definition    *journey.Definition  // nil for the journey's own
	Settings      graph.SettingsChange // of the journey's settings; needs Definition
	Now           time.Time            // when the customer enters; zero for the current time
	EntryEvent    *Event               // that starts the journey; nil for none
	Events        []Event
	Feedback      []Feedback
	Decisions     map[string]condition.Value // answers by node id; a decision without one answers nothing
	Subscriptions map[string]bool            // by topic; the customer is subscribed to others
	Suppressed    []string                   // channels that the customer's addresses take no messages of
	Branches      map[string]string          // branches of random splits, by node id; others are drawn for Customer
}

// DefaultCustomer is the id of a simulated customer that has none.
const DefaultCustomer = "test"

// Simulation is the path of a simulated customer.
type Simulation struct {
	journey.Subject
	Outcome    string // "exited", "expired" or "stopped"
	ExitReason string // of the exit; for "stopped", the node and the reason
	Duration   time.Duration
	Steps      []Step
	Conversion *Conversion // nil for none
	Truncated  bool        // details beyond maxDetails were left out
}

// maxDetails bounds the bytes of the Faults, the Warnings and the details of all steps of
// a Simulation. With MaxNodes steps around them, the answer stays below 1 MB.
const maxDetails = 900_000

// Step is a node on the path.
type Step struct {
	NodeID    string
	NodeType  graph.NodeType
	At        time.Time // when the customer entered it
	Result    string
	Next      string        // id of the next node; "" for none
	Until     time.Time     // wait: when it ended
	EndedBy   string        // wait: "timer" or "event"; "exit" where exitOn or exitWhen ended the run
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

// TriedBranch is a branch of a multi_split whose condition was evaluated.
type TriedBranch struct {
	Branch    string
	Condition []byte // condition.Program.Explain
}

// size returns about how many bytes the details have as JSON.
func (s *Step) size() int {
	names, _ := jsontext.AppendQuote(nil, s.Channel+s.To)
	size := len(s.Condition) + len(s.Decision) + len(names) + len(s.Payload) + len(s.Before) + len(s.After)
	for _, tried := range s.Tried {
		size += len(tried.Branch) + len(tried.Condition) + 32
	}
	return size
}

// dropDetails leaves out what size counts.
func (s *Step) dropDetails() {
	s.Condition, s.Decision, s.Tried, s.Channel, s.To = nil, nil, nil, "", ""
	s.Payload, s.Before, s.After = nil, nil, nil
}

// Run simulates a customer in a journey of the service. It writes nothing and sends
// nothing.
func Run(ctx context.Context, service *journey.Service, t ident.Tenant, id ident.ID, r Request) (Simulation, error) {
	walk, err := prepare(ctx, service, t, id, r)
	if err != nil {
		return Simulation{}, err
	}
	subject := walk.subject
	walk.details = maxDetails - strict.SizeOf(subject.Faults) - strict.SizeOf(subject.Warnings)
	result := walk.run()
	result.Subject = subject
	return result, nil
}

// Faults returns the faults that Run would find in the request. In one that could be read
// only in part, empty names are no faults. It returns none if the journey cannot be read.
func Faults(ctx context.Context, service *journey.Service, t ident.Tenant, id ident.ID, r Request) []strict.Fault {
	_, err := prepare(ctx, service, t, id, r)
	if refused, ok := errors.AsType[*journey.Error](err); ok {
		return refused.Faults
	}
	return nil
}

// prepare returns the simulation of a request before its first step.
func prepare(ctx context.Context, service *journey.Service, t ident.Tenant, id ident.ID, r Request) (*simulation, error) {
	subject, err := service.Subject(ctx, t, id, r.Definition, r.Settings)
	if err != nil {
		return nil, err
	}
	if r.Now.IsZero() {
		r.Now = subject.Now
	}
	walk := &simulation{
		request: r, subject: subject, graph: subject.Graph, catalog: service.Catalog, tenant: t,
		events: slices.Clone(r.Events), suppressed: map[place]time.Time{},
	}
	return walk, walk.check()
}

// simulation walks one customer through a graph under a virtual clock.
type simulation struct {
	subject journey.Subject
	graph   *progress.Graph // of subject, with the branches of request
	forced  map[int]int
	request Request
	catalog catalog.Catalog
	tenant  ident.Tenant
	details int // bytes of the details of all steps

	attributes condition.Value     // as they are by now
	heard      int                 // events that hear has taken
	events     []Event             // of the request, and those that messages cause
	suppressed map[place]time.Time // since when
	conversion *Conversion
	failure    string // why a message cannot be sent; "" if it can
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
		return Simulation{Outcome: "stopped", ExitReason: reason, Steps: []Step{step}}
	}
	e, effect := s.graph.Start(progress.Enrollment{
		Journey: s.subject.Journey.ID, Customer: cmp.Or(s.request.Customer, DefaultCustomer),
		EnrolledAt: start, ExpiresAt: start.AddDate(0, 0, s.subject.Journey.MaxDurationDays), Event: s.graph.EncodeEvent(s.entryProperties()),
	})
	now := start
	s.attributes = s.request.Attributes
	for e.Status == progress.Inside && effect != progress.Stuck && s.failure == "" && !s.hasCycled(e) {
		in := progress.Input{HasAttributes: true}
		switch effect {
		case progress.NeedDecision:
			in.Answer = s.answer(e.Node)
		case progress.NeedSend:
			in.Answer = s.send(&e, now)
		case progress.NeedUpdate:
			s.attributes, in.Answer.Result = s.graph.Update(&e, s.attributes)
		case progress.NoEffect:
			now = s.sleep(&e, now)
			e = s.hear(e, now)
		case progress.NeedAttributes, progress.NeedEvents, progress.Stuck: // not reached: the facts are given, and Stuck ends the loop
		}
		in.Now, in.Attributes, in.Events = now, s.attributes, s.received(now)
		e, effect = s.graph.Step(e.NextWrite(in.Now), in)
	}
	return s.report(s.hear(e, s.request.Now.Add(maxHeard)), now)
}

// check returns an error if an answer names no nba_decision of the graph, a branch no
// branch of a random_split, a subscription no topic, or a suppression no channel. It sets
// the branches.
func (s *simulation) check() error {
	var faults strict.Faults
	for _, id := range slices.Sorted(maps.Keys(s.request.Decisions)) {
		if i, ok := s.graph.Index(id); !ok || s.graph.NodeType(i) != graph.NBADecision {
			faults.Add(pointerTo("decisions", id), "names no nba_decision of this graph")
		}
	}
	s.forced = map[int]int{}
	for _, id := range slices.Sorted(maps.Keys(s.request.Branches)) {
		i, ok := s.graph.Index(id)
		if !ok || s.graph.NodeType(i) != graph.RandomSplit {
			faults.Add(pointerTo("branches", id), "names no random_split of this graph")
			continue
		}
		if s.forced[i] = slices.Index(s.graph.Node(i).Ways, s.request.Branches[id]); s.forced[i] < 0 {
			faults.Add(pointerTo("branches", id), "must be a branch of this random_split: %s", strings.Join(s.graph.Node(i).Ways, ", "))
		}
	}
	s.checkTopics(&faults)
	s.checkSuppressed(&faults)
	s.graph = s.graph.WithBranches(s.forced)
	for i, f := range s.request.Feedback {
		if node, ok := s.graph.Index(f.Step); f.Step != "" && (!ok || s.graph.NodeType(node) != graph.ChannelAction) {
			faults.Add(fmt.Sprintf("/feedback/%d/step", i), "names no channel_action of this graph")
		}
	}
	if faults.Empty() {
		return nil
	}
	return &journey.Error{
		Kind: journey.Invalid, Code: "invalid-request", Faults: faults.List(),
		Detail: "The request is not valid; each entry of errors says where and why.",
	}
}

// pointerTo returns the JSON Pointer to a member of a field of the request.
func pointerTo(field, member string) string {
	return string(jsontext.Pointer("").AppendToken(field).AppendToken(member))
}

// hasCycled reports whether a node was entered twice, which only drafts allow.
func (s *simulation) hasCycled(e progress.Enrollment) bool {
	_, again := cutAtRepeat(append(e.Path.Visits(e.EnrolledAt), trail.Visit{Node: e.Node}))
	return again
}

// cutAtRepeat cuts visits after the first node that was visited before. It reports
// whether there was one.
func cutAtRepeat(visits []trail.Visit) (cut []trail.Visit, again bool) {
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
func (s *simulation) send(e *progress.Enrollment, now time.Time) progress.Answer {
	action, facts := s.graph.Action(e.Node), s.graph.Facts(e, s.attributes)
	if result := s.refused(action, now); result != trail.NoResult {
		return progress.Answer{Result: result}
	}
	switch _, _, err := s.fill(action, facts); {
	case errors.Is(err, graph.ErrNoAddress):
		return progress.Answer{Result: trail.SkippedNoAddress}
	case err != nil && action.GoOnError:
		return progress.Answer{Result: trail.EffectError}
	case err != nil:
		s.failure = fmt.Sprintf("node %s: the message cannot be sent: %v", s.graph.NodeID(e.Node), err)
		return progress.Answer{}
	}
	s.noteSent(e, now)
	return progress.Answer{Result: trail.Sent}
}

// exampleURL stands for the link of a message with a topic, which only a real one has.
const exampleURL = "https://example.com/u/simulated"

// fill returns where a message goes, and its payload.
func (s *simulation) fill(action graph.ActionConfig, facts condition.Facts) (to string, payload []byte, err error) {
	if action.Topic != "" {
		facts.Unsubscribe = condition.Value{}.With("url", condition.NewText(exampleURL))
	}
	return action.Fill(s.address(action), &facts)
}

// address returns the attribute that has the address for a message; "" for none.
func (s *simulation) address(action graph.ActionConfig) string {
	return s.catalog.Address(action.Channel, s.tenant.String())
}

// answer returns the answer of an nba_decision.
func (s *simulation) answer(node int) progress.Answer {
	decision, ok := s.request.Decisions[s.graph.NodeID(node)]
	if !ok {
		return progress.Answer{Result: trail.DecidedEmpty}
	}
	return progress.Answer{Result: trail.Decided, Value: decision}
}

// report converts the walk into steps.
func (s *simulation) report(e progress.Enrollment, now time.Time) Simulation {
	visits := e.Path.Visits(e.EnrolledAt)
	if !e.ReachedExit() {
		visits = append(visits, trail.Visit{Node: e.Node, EnteredAt: e.Since})
	}
	visits, again := cutAtRepeat(visits)
	if again {
		visits[len(visits)-1].Result = trail.NoResult
		now = visits[len(visits)-1].EnteredAt
	}
	facts := s.graph.Facts(&e, s.request.Attributes)
	facts.Decision, facts.Step = condition.Value{}, condition.Value{}
	kept, _ := condition.ParseValue(e.Steps)
	result := Simulation{Outcome: "exited", ExitReason: e.ExitReason, Duration: now.Sub(s.request.Now), Conversion: s.conversion}
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
		earlier := facts.Step
		known := progress.Input{Events: s.received(visit.EnteredAt)}
		s.graph.AddEvents(&facts, &known, step.Until, s.graph.Node(visit.Node).Events)
		s.detail(&step, visit, &facts)
		facts.Step = earlier // each step has its own feedback
		if values := kept.Get(step.NodeID); !values.Missing() {
			facts.Step = facts.Step.With(step.NodeID, values)
		}
		s.graph.AddResult(&facts, visit)
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
	case e.Status == progress.Expired && !again:
		result.Outcome, last.Result = "expired", "expired"
	case e.Status != progress.Inside && !e.ReachedExit() && !again:
		last.Result = "exited" // by exitOn or exitWhen
		if last.NodeType == graph.Wait {
			last.EndedBy = "exit"
		}
	case e.Status == progress.Inside || again:
		result.Outcome, last.Result = "stopped", "stopped"
		result.ExitReason = cmp.Or(s.failure, stuckReason(s.graph, visits))
	}
	return result
}

func (s *simulation) step(node int, at time.Time) Step {
	return Step{NodeID: s.graph.NodeID(node), NodeType: s.graph.NodeType(node), At: at}
}
