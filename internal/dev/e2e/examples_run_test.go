package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/feedback"
	"journeys/internal/manifest"
)

// Delays of waits that nothing ends early. The longer one lets an event find the
// customer there; the path is the same if it comes too late.
const (
	shortWait = time.Millisecond
	eventWait = time.Second
)

// notEntered is the result of the first step of a walk that an entry condition ends.
const notEntered = "not_entered"

// run is a persona who walks an example for real.
type run struct {
	caller
	example  example
	name     string // of the persona
	test     personaTest
	path     string // of the journey
	expected walk
	pending  []pendingEvent
	held     map[string]bool // ids of the nodes that the customer leaves when the profile says so
	done     bool            // the customer has left
}

// personaTest is what a run reads of a persona's test.
type personaTest struct {
	CustomerID         string            `json:"customerId"`
	Now                time.Time         `json:"now"`
	CustomerAttributes map[string]any    `json:"customerAttributes"`
	EntryEvent         *exampleEvent     `json:"entryEvent"`
	Events             []exampleEvent    `json:"events"`
	Feedback           []exampleFeedback `json:"feedback"`
	Subscriptions      map[string]bool   `json:"subscriptions"`
}

// exampleFeedback is what is reported of the message of a step.
type exampleFeedback struct {
	Step       string  `json:"step"`
	Is         string  `json:"is"`
	AfterHours float64 `json:"afterHours"` // the message was sent
}

type exampleEvent struct {
	Type       string         `json:"type"`
	AfterHours float64        `json:"afterHours"`
	Properties map[string]any `json:"properties"`
}

// pendingEvent is an event that the customer causes at a visit, or what is reported there
// of a message.
type pendingEvent struct {
	exampleEvent
	feedback *exampleFeedback // nil for an event
	at       time.Time
	visit    int // index in the trace; its length after the customer has left
}

// Each persona has a tenant and a journey of their own, so that a wait can have
// another length for each of them and an event starts one journey.
func TestLocal_ExamplesRunAsTested(t *testing.T) {
	t.Parallel()

	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()

			simulator := e.editor(t)
			path := simulator.createExample(e.file)
			var runs []*run
			for _, p := range e.personas {
				test := e.today(t, p.Test)
				expected := simulator.walk(path, string(test))
				require.Equal(t, steps(p.Expected.Trace), steps(expected.Trace), "%s: the walk depends on the day", p.Name)
				r := newRun(t, e, p.Name, test, expected)
				r.start()
				runs = append(runs, r)
			}
			complete(t, runs)
			for _, r := range runs {
				r.requireMessages()
				r.requireProfile()
				r.requireFigures()
			}
		})
	}
}

// complete moves all customers until they have left.
func complete(t *testing.T, runs []*run) {
	t.Helper()
	limit := time.Now().Add(5 * time.Minute)
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for {
		var inside []string
		waiting := false
		for _, r := range runs {
			waiting = r.proceed() || waiting
			if !r.done {
				inside = append(inside, r.name)
			}
		}
		if len(inside) == 0 {
			return
		}
		require.True(t, time.Now().Before(limit), "still inside: %q", inside)
		if waiting {
			tick(t)
		}
		<-pace.C
	}
}

var ticking sync.Mutex

// tick does at once what the schedule does each minute.
func tick(t *testing.T) {
	ticking.Lock()
	defer ticking.Unlock()
	_, err := target.machine.Lambda.Invoke(t.Context(), manifest.Tick.Name, []byte(`{}`))
	require.NoError(t, err)
}

// newRun prepares a run of the customer of a test, which must go like the walk.
func newRun(t *testing.T, e example, name string, test json.RawMessage, expected walk) *run {
	t.Helper()
	r := &run{caller: e.editor(t), example: e, name: name, expected: expected}
	require.NoError(t, json.Unmarshal(test, &r.test))
	r.plan()
	r.path = r.createExample(r.shortened())
	return r
}

// start lets the customer enter.
func (r *run) start() {
	r.t.Helper()
	if r.test.CustomerAttributes != nil {
		r.must(200, "PUT", "/customers/"+r.test.CustomerID, toJSON(r.t, map[string]any{"attributes": r.test.CustomerAttributes}))
	}
	for topic := range r.example.topics.Topics {
		if in, ok := r.test.Subscriptions[topic]; in || !ok {
			r.must(200, "PUT", "/customers/"+r.test.CustomerID+"/subscriptions", toJSON(r.t, map[string]any{"topics": map[string]bool{topic: true}}))
		}
	}
	if r.test.EntryEvent != nil {
		r.send(*r.test.EntryEvent)
		return
	}
	require.Empty(r.t, r.example.journey.EntryCondition.Event, "%s has no entryEvent", r.name)
	r.must(201, "POST", r.path+"/enroll", toJSON(r.t, map[string]any{"customerId": r.test.CustomerID})).counts(r.t, 1, 0)
}

// happen does what is pending.
func (r *run) happen(e pendingEvent) {
	if e.feedback != nil {
		r.report(*e.feedback)
	} else {
		r.send(e.exampleEvent)
	}
}

// report plays the provider, or the mail program by which the customer unsubscribes, and
// waits until the figures have what it reports.
func (r *run) report(f exampleFeedback) {
	r.t.Helper()
	messages := r.inbox()
	sent := slices.IndexFunc(messages, func(m map[string]any) bool { return m["nodeId"] == f.Step })
	require.GreaterOrEqual(r.t, sent, 0, "%s: no message of %s", r.name, f.Step)
	message := messages[sent]
	address, kind, status := target.url+local.FeedbackPath, "application/json", http.StatusAccepted
	body := toJSON(r.t, map[string]any{
		"tenant": message["tenant"], "messageId": message["messageId"], "kind": f.Is, "address": message["address"],
	})
	if f.Is == feedback.Unsubscribed.String() {
		address, kind, status = message["unsubscribe"].(map[string]any)["url"].(string), "application/x-www-form-urlencoded", http.StatusOK
		body = "List-Unsubscribe=One-Click"
	}
	response, err := http.Post(address, kind, strings.NewReader(body))
	require.NoError(r.t, err)
	require.NoError(r.t, response.Body.Close())
	require.Equal(r.t, status, response.StatusCode)
	require.Eventually(r.t, func() bool {
		steps := r.must(200, "GET", r.path+"/analytics", "").body["steps"].([]any)
		return slices.ContainsFunc(steps, func(s any) bool {
			counts, _ := s.(map[string]any)["feedback"].(map[string]any)
			return s.(map[string]any)["nodeId"] == f.Step && counts[f.Is] == 1.0
		})
	}, 2*time.Minute, 50*time.Millisecond)
}

// send sends an event of the persona.
func (r *run) send(e exampleEvent) {
	body := map[string]any{"customerId": r.test.CustomerID, "eventType": e.Type}
	if e.Properties != nil {
		body["properties"] = e.Properties
	}
	r.must(202, "POST", "/events", toJSON(r.t, body))
}

var dateInText = regexp.MustCompile(`"\d{4}-\d{2}-\d{2}(T[0-9:]*Z)?"`)

// today returns a test whose dates are moved, so that its "now" is the present. It is
// within the last seven days, on the same day of the week, if that matters to the
// journey.
func (e example) today(t *testing.T, test json.RawMessage) json.RawMessage {
	t.Helper()
	var fields personaTest
	require.NoError(t, json.Unmarshal(test, &fields))
	shift := time.Since(fields.Now)
	if strings.Contains(e.file, `"time":`) {
		shift = shift.Truncate(7 * 24 * time.Hour)
	}
	text := dateInText.ReplaceAllStringFunc(string(test), func(text string) string {
		layout := time.RFC3339
		if len(text) == len(time.DateOnly)+2 {
			layout = time.DateOnly
		}
		date, err := time.Parse(`"`+layout+`"`, text)
		require.NoError(t, err)
		return date.Add(shift).Format(`"` + layout + `"`)
	})
	return json.RawMessage(text)
}

// plan finds the visit during which each event happens.
func (r *run) plan() {
	for _, e := range r.test.Events {
		at := r.test.Now.Add(time.Duration(e.AfterHours * float64(time.Hour)))
		r.pending = append(r.pending, pendingEvent{e, nil, at, r.visitAt(at)})
	}
	for _, f := range r.test.Feedback {
		for _, v := range r.expected.Trace {
			if v.NodeID == f.Step && v.Sent != nil {
				at := r.parse(v.At).Add(time.Duration(f.AfterHours * float64(time.Hour)))
				r.pending = append(r.pending, pendingEvent{exampleEvent{}, &f, at, r.visitAt(at)})
			}
		}
	}
	slices.SortStableFunc(r.pending, func(a, b pendingEvent) int { return a.at.Compare(b.at) })
}

// visitAt returns the index of the visit during which an event at that time happens: of a
// wait, or the length of the trace after the customer has left.
func (r *run) visitAt(at time.Time) int {
	index := 0
	for i, v := range r.expected.Trace {
		entered := r.parse(v.At)
		if entered.Before(at) {
			index = i
		}
		if last := i == len(r.expected.Trace)-1; last && index == i && (v.until == "" || r.parse(v.until).Before(at)) {
			index++
		}
	}
	return index
}

func (r *run) parse(at string) time.Time {
	r.t.Helper()
	parsed, err := time.Parse(time.RFC3339, at)
	require.NoError(r.t, err)
	return parsed
}

// endsByTime reports whether the wait at a visit ends without an event.
func (r *run) endsByTime(i int) bool {
	v := r.expected.Trace[i]
	return v.endedBy == "timer" || v.endedBy == "exit" && !slices.ContainsFunc(r.pending, func(e pendingEvent) bool {
		return e.visit == i && e.at.Equal(r.parse(v.until))
	})
}

// holdField is the attribute with the dates at which waits until a date end, by node.
const holdField = "hold"

// shortened returns the journey with a short delay in each wait that no event ends for
// this persona. A wait until a date becomes one until an attribute, which the run sets
// once the customer is there, and so does one during which something is reported: later
// steps may ask for that. A date that ends no wait, and ends it at once, is kept.
func (r *run) shortened() string {
	r.t.Helper()
	configs := map[string]map[string]any{}
	var journey map[string]any
	require.NoError(r.t, json.Unmarshal([]byte(r.example.file), &journey))
	for _, n := range journey["definition"].(map[string]any)["nodes"].([]any) {
		node := n.(map[string]any)
		configs[node["id"].(string)], _ = node["config"].(map[string]any)
	}
	r.held = map[string]bool{}
	holds := map[string]any{}
	for i, v := range r.expected.Trace {
		if v.nodeType != "wait" || v.At == v.until {
			continue
		}
		config := configs[v.NodeID]
		if r.endsByTime(i) && slices.ContainsFunc(r.pending, func(e pendingEvent) bool { return e.visit == i && e.feedback != nil }) {
			delete(config, "delay")
			config["until"] = map[string]any{}
		}
		if until, ok := config["until"].(map[string]any); ok {
			until["field"] = holdField + "." + v.NodeID
			maps.DeleteFunc(until, func(name string, _ any) bool { return name != "field" && name != "otherwise" })
			holds[v.NodeID] = time.Now().Add(12 * time.Hour).Format(time.RFC3339)
			r.held[v.NodeID] = r.endsByTime(i)
		} else if r.endsByTime(i) {
			delete(config, "delay")
			config["delayHours"] = shortWait.Hours()
			if slices.ContainsFunc(r.pending, func(e pendingEvent) bool { return e.visit == i }) {
				config["delayHours"] = eventWait.Hours()
			}
		}
	}
	if len(holds) > 0 {
		r.test.CustomerAttributes[holdField] = holds
	}
	return toJSON(r.t, journey)
}

// release ends the wait until a date at which the customer is.
func (r *run) release(node string) {
	if r.held[node] {
		r.held[node] = false
		r.must(200, "PATCH", "/customers/"+r.test.CustomerID, toJSON(r.t, map[string]any{
			"attributes": map[string]any{holdField: map[string]any{node: time.Now().UTC().Format(time.RFC3339Nano)}},
		}))
	}
}

// proceed looks where the customer is, and sends the events that happen there. It
// reports whether the customer waits.
func (r *run) proceed() (waits bool) {
	if r.done {
		return false
	}
	if r.expected.Trace[0].Result == notEntered {
		r.refused(404, "enrollment-not-found", "GET", r.path+"/enrollments/"+r.test.CustomerID, "")
		r.done = true
		return false
	}
	a := r.must(200, "GET", r.path+"/enrollments/"+r.test.CustomerID, "")
	visits := a.body["path"].([]any)
	for len(r.pending) > 0 && r.pending[0].visit < len(visits) {
		r.happen(r.pending[0])
		r.pending = r.pending[1:]
	}
	if a.body["status"] == "active" {
		r.release(a.body["nodeId"].(string))
		return visits[len(visits)-1].(map[string]any)["nodeType"] == "wait"
	}
	r.done = true
	var got []string
	for _, v := range visits {
		visit := v.(map[string]any)
		if visit["result"] == nil { // left by exitOn or exitWhen
			visit["result"] = "exited"
		}
		got = append(got, fmt.Sprint(visit["nodeId"], ": ", visit["result"]))
	}
	require.Equal(r.t, steps(r.expected.Trace), got, r.name)
	require.Equal(r.t, *r.expected.ExitReason, a.body["exitReason"], r.name)
	require.Equal(r.t, r.status(), a.body["status"], r.name)
	for _, e := range r.pending {
		r.happen(e)
	}
	r.requireReported()
	return false
}

// requireReported fails the test unless the path says what became of each message.
func (r *run) requireReported() {
	var want, got []string
	for _, f := range r.test.Feedback {
		want = append(want, f.Step+": "+f.Is)
	}
	a := r.must(200, "GET", r.path+"/enrollments/"+r.test.CustomerID, "")
	for _, v := range a.body["path"].([]any) {
		visit := v.(map[string]any)
		reported, _ := visit["feedback"].([]any)
		for _, f := range reported {
			got = append(got, fmt.Sprint(visit["nodeId"], ": ", f.(map[string]any)["is"]))
		}
	}
	require.ElementsMatch(r.t, want, got, r.name)
}

// status returns the status with which the customer leaves.
func (r *run) status() string {
	if !r.expected.Trace[len(r.expected.Trace)-1].exitedFromAnywhere() {
		return "completed"
	}
	for _, exit := range r.example.journey.ExitOn {
		if exit.Reason == *r.expected.ExitReason && exit.As != "" {
			return exit.As
		}
	}
	return "cancelled"
}

// steps returns the nodes of a trace with their results.
func steps(trace []visit) []string {
	var all []string
	for _, v := range trace {
		all = append(all, v.NodeID+": "+v.Result)
	}
	return all
}

// requireMessages fails the test unless the channels sent what the walk says.
func (r *run) requireMessages() {
	want := []map[string]any{}
	for _, v := range r.expected.Trace {
		if v.Sent != nil {
			want = append(want, map[string]any{"nodeId": v.NodeID, "channel": v.Sent.Channel, "payload": v.Sent.Payload})
		}
	}
	got := []map[string]any{}
	for _, message := range r.inbox() {
		require.Equal(r.t, r.test.CustomerID, message["customerId"])
		payload := message["payload"].(map[string]any)
		if unsubscribe, ok := message["unsubscribe"].(map[string]any); ok { // /test has an example of a link
			for name, value := range payload {
				text, _ := value.(string)
				payload[name] = strings.ReplaceAll(text, unsubscribe["url"].(string), "https://example.com/u/simulated")
			}
		}
		got = append(got, map[string]any{"nodeId": message["nodeId"], "channel": message["channel"], "payload": payload})
	}
	require.Equal(r.t, want, got, r.name)
}

// inbox returns the messages that the channels sent.
func (r *run) inbox() []map[string]any {
	r.t.Helper()
	response, err := http.Get(target.url + local.InboxPath + "?journeyId=" + strings.TrimPrefix(r.path, "/journeys/"))
	require.NoError(r.t, err)
	defer response.Body.Close()
	var inbox struct{ Data []map[string]any }
	require.NoError(r.t, json.NewDecoder(response.Body).Decode(&inbox))
	return inbox.Data
}

// requireProfile fails the test unless the customer has the attributes that the walk
// sets.
func (r *run) requireProfile() {
	for _, v := range r.expected.Trace {
		for path, want := range v.After {
			got := r.must(200, "GET", "/customers/"+r.test.CustomerID, "").body["attributes"]
			for name := range strings.SplitSeq(path, ".") {
				object, _ := got.(map[string]any)
				got = object[name]
			}
			require.Equal(r.t, want, got, "%s: %s", r.name, path)
		}
	}
}

// toJSON returns the JSON of a value.
func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
