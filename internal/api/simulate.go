package api

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/api/web"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/simulate"
	"journeys/internal/strict"
)

// The limits of a test call.
const (
	maxTestEvents = 100
	maxAfterHours = 8760 // before the entry too
	maxNodeID     = 64   // characters
)

type testBody struct {
	JourneyID     ident.ID        `json:"journeyId"`
	JourneyName   string          `json:"journeyName"`
	Version       *int            `json:"version"` // null for an inline definition
	Outcome       string          `json:"outcome"`
	ExitReason    *string         `json:"exitReason"` // null for none
	DurationHours float64         `json:"durationHours"`
	Conversion    *conversionBody `json:"conversion,omitzero"`
	Trace         []traceStep     `json:"trace"`
	Faults        []web.Fault     `json:"faults"`             // what keeps the graph from being activated
	Warnings      []web.Fault     `json:"warnings"`           // as of a create or an update
	Truncated     bool            `json:"truncated,omitzero"` // details were left out
}

type conversionBody struct {
	At        web.Timestamp `json:"at"`
	EventType string        `json:"eventType"`
}

type traceStep struct {
	Step     int            `json:"step"` // from 1
	NodeID   string         `json:"nodeId"`
	NodeType graph.NodeType `json:"nodeType"`
	At       web.Timestamp  `json:"at"`
	Result   string         `json:"result"`
	Detail   *traceDetail   `json:"detail,omitzero"`
	Next     string         `json:"next,omitzero"`
}

type traceDetail struct {
	Until     *web.Timestamp `json:"until,omitzero"`
	EndedBy   string         `json:"endedBy,omitzero"`
	Reason    string         `json:"reason,omitzero"`
	Timezone  string         `json:"timezone,omitzero"`
	Condition jsontext.Value `json:"condition,omitzero"`
	Decision  jsontext.Value `json:"decision,omitzero"`
	Branches  []triedBranch  `json:"branches,omitzero"`
	Share     *float64       `json:"share,omitzero"`
	Forced    bool           `json:"forced,omitzero"`
	Channel   string         `json:"channel,omitzero"`
	To        string         `json:"to,omitzero"`
	Payload   jsontext.Value `json:"payload,omitzero"`
	Before    jsontext.Value `json:"before,omitzero"`
	After     jsontext.Value `json:"after,omitzero"`
}

type triedBranch struct {
	ID        string         `json:"id"`
	Condition jsontext.Value `json:"condition"`
}

func testJourney(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.ReadBody(w, "{}")
	if err != nil {
		return err
	}
	var test simulate.Request
	if o, ok := body.Object(); ok {
		test = readTest(o)
		_, other := o.Take("definition")
		if !r.Faults.Empty() && (test.Definition != nil || !other) { // else it is not known what the names are of
			r.AddFaults(simulate.Faults(r.Context(), a.Journeys, r.tenant, r.id, test))
		}
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	simulation, err := simulate.Run(r.Context(), a.Journeys, r.tenant, r.id, test)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, newTestBody(simulation))
}

func readTest(o *strict.Object) simulate.Request {
	var test simulate.Request
	if v, ok := o.Take("customerId"); ok {
		test.Customer, _ = web.ReadID(v)
	}
	if v, ok := o.Take("customerAttributes"); ok {
		test.Attributes, _ = readAttributes(v)
	}
	if v, ok := o.Take("definition"); ok {
		test.Definition = okOrNil(journey.ReadDefinition(v))
	}
	if v, ok := o.Take("now"); ok {
		test.Now = web.ReadTime(v)
	}
	if v, ok := o.Take("events"); ok {
		test.Events = readTestEvents(v)
	}
	if v, ok := o.Take("feedback"); ok {
		test.Feedback = readTestFeedback(v)
	}
	if v, ok := o.Take("entryEvent"); ok {
		test.EntryEvent = readEntryEvent(v)
	}
	if v, ok := o.Take("decisions"); ok {
		test.Decisions = readByNode(v, readAttributes)
	}
	if v, ok := o.Take("subscriptions"); ok {
		test.Subscriptions = readSubscriptions(v)
	}
	if v, ok := o.Take("suppressed"); ok {
		test.Suppressed = readTestChannels(v)
	}
	if v, ok := o.Take("branches"); ok {
		test.Branches = readByNode(v, func(v strict.Value) (string, bool) { return v.Text(1, strict.MaxWord) })
	}
	test.Settings = graph.TakeSettings(o)
	o.Done(append([]string{"customerId", "customerAttributes", "definition", "now", "entryEvent", "events", "feedback", "decisions", "subscriptions", "suppressed", "branches"}, graph.SettingNames...)...)
	if _, ok := o.Take("definition"); !ok {
		for _, name := range graph.SettingNames {
			if v, ok := o.Take(name); ok {
				v.Fault("is only allowed beside a definition")
			}
		}
	}
	return test
}

// readAttributes reads an object in the form that conditions evaluate.
func readAttributes(v strict.Value) (condition.Value, bool) {
	if !v.IsObject() {
		v.Fault("must be an object")
		return condition.Value{}, false
	}
	value, err := condition.ParseValue(v.Raw())
	if err != nil {
		v.Fault("cannot be read: %v", err)
		return condition.Value{}, false
	}
	return value, true
}

func readTestEvents(v strict.Value) []simulate.Event { return readTestList(v, readTestEvent) }

func readTestList[T any](v strict.Value, read func(*strict.Object) T) (all []T) {
	list, ok := v.List()
	if !ok {
		return nil
	}
	if len(list) > maxTestEvents {
		v.Fault("must have at most %d events, has %d", maxTestEvents, len(list))
		return nil
	}
	for _, item := range list {
		var one T // of one that cannot be read, so that the others keep their index
		if o, ok := item.Object(); ok {
			one = read(o)
		}
		all = append(all, one)
	}
	return all
}

func readTestFeedback(v strict.Value) []simulate.Feedback {
	return readTestList(v, func(o *strict.Object) (f simulate.Feedback) {
		if step, ok := o.Need("step"); ok {
			f.Step, _ = step.Text(1, strict.MaxWord)
		}
		if is, ok := o.Need("is"); ok {
			name, _ := is.OneOf(feedback.Names()...)
			f.Is, _ = feedback.Parse(name)
		}
		if hours, ok := o.Need("afterHours"); ok {
			f.After = readHours(hours, 0)
		}
		o.Done("step", "is", "afterHours")
		return f
	})
}

// readTestChannels reads the names of channels.
func readTestChannels(v strict.Value) (channels []string) {
	list, ok := v.List()
	if ok && len(list) > consent.MaxChannels {
		v.Fault("must have at most %d channels, has %d", consent.MaxChannels, len(list))
		return nil
	}
	for _, item := range list {
		channel, _ := item.Text(1, web.MaxID)
		channels = append(channels, channel)
	}
	return channels
}

func readTestEvent(o *strict.Object) simulate.Event {
	event := readTyped(o)
	if v, ok := o.Need("afterHours"); ok {
		event.After = readHours(v, -maxAfterHours)
	}
	o.Done("type", "properties", "afterHours")
	return event
}

// readEntryEvent reads the event that starts the journey.
func readEntryEvent(v strict.Value) *simulate.Event {
	o, ok := v.Object()
	if !ok {
		return nil
	}
	event := readTyped(o)
	o.Done("type", "properties")
	return &event
}

// readTyped reads the type and the properties of an event.
func readTyped(o *strict.Object) (event simulate.Event) {
	if v, ok := o.Need("type"); ok {
		event.Type = condition.ReadEventType(v)
	}
	if v, ok := o.Take("properties"); ok {
		event.Properties = readCompactObject(v, journey.MaxProperties)
	}
	return event
}

// readHours reads a number of hours from least to maxAfterHours.
func readHours(v strict.Value, least float64) time.Duration {
	if v.IsNumber() {
		hours, err := strconv.ParseFloat(string(v.Raw()), 64)
		if err == nil && hours >= least && hours <= maxAfterHours {
			return time.Duration(hours * float64(time.Hour)).Truncate(time.Millisecond)
		}
	}
	v.Fault("must be a number of hours from %g to %d", least, maxAfterHours)
	return 0
}

// readByNode reads an object of values by node id.
func readByNode[T any](v strict.Value, read func(strict.Value) (T, bool)) map[string]T {
	o, ok := v.Object()
	if !ok {
		return nil
	}
	values := map[string]T{}
	for _, node := range o.Names() {
		v, _ := o.Take(node)
		if n := utf8.RuneCountInString(node); n < 1 || n > maxNodeID {
			v.Fault("the name must be a node's id, of 1 to %d characters", maxNodeID)
			continue
		}
		if value, ok := read(v); ok {
			values[node] = value
		}
	}
	return values
}

func newTestBody(s simulate.Simulation) testBody {
	body := testBody{
		JourneyID: s.Journey.ID, JourneyName: s.Journey.Name,
		Version: web.ValueOrNil(s.Version), Outcome: s.Outcome, ExitReason: web.ValueOrNil(s.ExitReason), Truncated: s.Truncated,
		DurationHours: s.Duration.Hours(), Trace: []traceStep{},
		Faults: web.NewFaultList(s.Faults), Warnings: web.NewFaultList(s.Warnings),
	}
	if c := s.Conversion; c != nil {
		body.Conversion = &conversionBody{web.Timestamp(c.At), c.EventType}
	}
	for i, step := range s.Steps {
		body.Trace = append(body.Trace, traceStep{
			Step: i + 1, NodeID: step.NodeID, NodeType: step.NodeType, At: web.Timestamp(step.At),
			Result: step.Result, Detail: newTraceDetail(step), Next: step.Next,
		})
	}
	return body
}

// newTraceDetail returns nil for a step without details.
func newTraceDetail(step simulate.Step) *traceDetail {
	random := step.NodeType == graph.RandomSplit && step.Next != ""
	if step.Until.IsZero() && step.Condition == nil && step.Decision == nil && step.Tried == nil && !random &&
		step.Channel == "" && step.Before == nil {
		return nil
	}
	detail := &traceDetail{
		EndedBy: step.EndedBy, Reason: step.Reason, Timezone: step.Zone,
		Condition: step.Condition, Decision: step.Decision, Forced: step.Forced,
		Channel: step.Channel, To: step.To, Payload: step.Payload, Before: step.Before, After: step.After,
	}
	if !step.Until.IsZero() {
		detail.Until = web.ValueOrNil(web.Timestamp(step.Until))
	}
	for _, tried := range step.Tried {
		detail.Branches = append(detail.Branches, triedBranch{tried.Branch, tried.Condition})
	}
	if random {
		detail.Share = &step.Share
	}
	return detail
}
