package journeytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// Heard is an event that a customer caused.
type Heard struct {
	progress.Received
	Type   string
	Stored time.Time // the event was stored by then
}

// Attributes are those of a customer for some time, within From and Until.
type Attributes struct {
	Value       condition.Value
	From, Until time.Time // a zero Until is later than any time
}

// Run is the run of a customer with all that may have ended its waits.
type Run struct {
	Graph      *progress.Graph
	Enrollment progress.Enrollment // as it ended
	Events     []Heard
	Attributes []Attributes                          // in order
	HeardAt    func(node int) (progress.Stamp, bool) // Heard while the customer was at the node, if that was stored
	LeftBy     func(trail.Visit) time.Time           // nil, or returns when a node had been left; zero is unknown
}

// WaitEnd is how a wait ended.
type WaitEnd struct {
	Visit int             // index in the path
	Event *simulate.Event // that ended the wait; nil if its time did
	Moved bool            // its time did, and a write of the attributes had moved that meanwhile
}

// WaitEnds returns how the waits ended that the customer has left. It returns an error if
// that cannot be: if an event ended a wait that it could not end, or had ended another; if
// time did although an event had been stored in time, or before the time had come; or if
// an earlier event should have ended it.
func (r *Run) WaitEnds() (ends []WaitEnd, err error) {
	visits := r.Enrollment.Path.Visits(r.Enrollment.EnrolledAt)
	last := progress.Stamp{}
	for i, visit := range visits {
		n := r.Graph.Node(visit.Node)
		if n.Type != graph.Wait {
			continue
		}
		if stored, ok := r.HeardAt(visit.Node); ok {
			last = stored // otherwise one write passed the wait
		}
		w := r.wait(n, visit, last)
		w.left = r.Enrollment.LeftAt
		if i+1 < len(visits) {
			w.left = visits[i+1].EnteredAt
		} else if !r.Enrollment.ReachedExit() {
			w.left = r.Enrollment.Since
		}
		w.open()
		end := WaitEnd{Visit: i}
		if visit.Result.EndedByEvent(n) {
			event, err := w.event()
			if err != nil {
				return nil, err
			}
			if _, _, ok := feedback.ParseEventType(event.Type); !ok {
				last = event.Stamp
			}
			end.Event = &simulate.Event{Type: event.Type, Properties: event.Properties}
		} else if err := w.requireOver(); err != nil {
			return nil, err
		}
		end.Moved = end.Event == nil && w.moved()
		ends = append(ends, end)
	}
	return ends, nil
}

// wait is a wait that ended.
type wait struct {
	*Run
	n     *graph.Node
	visit trail.Visit
	at    progress.Enrollment // at its beginning
	left  time.Time

	during []Attributes // all that may have been stored during the wait
	ends   []time.Time  // of the wait without an event, by each of them
	last   time.Time    // the latest of ends
}

func (r *Run) wait(n *graph.Node, visit trail.Visit, heard progress.Stamp) *wait {
	at := r.Enrollment
	at.Status, at.Node, at.Since, at.WrittenAt = progress.Inside, visit.Node, visit.EnteredAt, visit.EnteredAt
	at.Path, at.Due, at.Heard, at.OnProfile, at.ProfileRev = nil, time.Time{}, heard, false, 0
	return &wait{Run: r, n: n, visit: visit, at: at}
}

// open sets the attributes and the ends of the time in which the wait was open.
func (w *wait) open() {
	by := w.left
	if w.LeftBy != nil {
		by = later(by, w.LeftBy(w.visit))
	}
	for _, a := range w.Attributes {
		if !a.From.After(by) && (a.Until.IsZero() || !a.Until.Before(w.at.Since)) {
			w.during = append(w.during, a)
		}
	}
	if len(w.during) == 0 {
		w.during = []Attributes{{}}
	}
	for _, a := range w.during {
		end := w.at.Since
		if e := w.step(a, nil, w.at); e.Status == progress.Inside && len(e.Path) == 0 {
			end = e.Due
		}
		w.ends, w.last = append(w.ends, end), later(w.last, end)
	}
}

// step moves a customer who is at the wait, with one event.
func (w *wait) step(a Attributes, event *Heard, at progress.Enrollment) progress.Enrollment {
	in := progress.Input{Now: at.Since, Attributes: a.Value, HasAttributes: true, Events: map[string][]progress.Received{}}
	for _, eventType := range w.n.Events {
		in.Events[eventType] = nil
	}
	if event != nil {
		in.Events[event.Type] = []progress.Received{event.Received}
	}
	e, _ := w.Graph.Step(at, in)
	return e
}

// result returns the result with which the event ends the wait; NoResult if it does not.
func (w *wait) result(a Attributes, event Heard, at progress.Enrollment) trail.Result {
	if !slices.Contains(w.n.Events, event.Type) {
		return trail.NoResult
	}
	visits := w.step(a, &event, at).Path.Visits(at.EnrolledAt)
	if len(visits) == 0 || !visits[0].Result.EndedByEvent(w.n) {
		return trail.NoResult
	}
	return visits[0].Result
}

// mayEnd returns whether the event could end the wait with that result, at a time for
// which no attributes are certain.
func (w *wait) mayEnd(event Heard, result trail.Result) bool {
	at := w.at
	at.Due = w.last // a wait whose date moves to an earlier one is open until it is due
	for _, retried := range w.Enrollment.Retries.Decode(at.EnrolledAt) {
		if retried.Node == w.visit.Node {
			at.Due = later(at.Due, w.left)
		}
	}
	return slices.ContainsFunc(w.during, func(a Attributes) bool { return w.result(a, event, at) == result })
}

// mustEnd returns whether the event would end the wait, by all attributes, even if it had
// been received when it was certainly stored.
func (w *wait) mustEnd(event Heard) bool {
	late := event
	late.At = event.Stored
	return !slices.ContainsFunc(w.during, func(a Attributes) bool {
		return w.result(a, event, w.at) == trail.NoResult || w.result(a, late, w.at) == trail.NoResult
	})
}

// event returns the event that ended the wait.
func (w *wait) event() (first Heard, err error) {
	found := false
	for _, event := range w.Events {
		if w.mayEnd(event, w.visit.Result) && (!found || event.Compare(first.Stamp) < 0) {
			first, found = event, true
		}
	}
	if !found {
		return first, fmt.Errorf("an event ended the wait at %s, but none could", w.n.ID)
	}
	for _, event := range w.Events {
		if event.Stored.Before(first.At) && w.mustEnd(event) {
			return first, fmt.Errorf("the event of %s ended the wait at %s instead of that of %s", first.At, w.n.ID, event.At)
		}
	}
	return first, nil
}

// requireOver returns an error unless the time of the wait can have ended it.
func (w *wait) requireOver() error {
	for _, event := range w.Events {
		if w.mustEnd(event) {
			return fmt.Errorf("the wait at %s lost the event of %s", w.n.ID, event.At)
		}
	}
	if first := slices.MinFunc(w.ends, time.Time.Compare); w.left.Before(first) {
		return fmt.Errorf("the wait at %s ended at %s, before %s", w.n.ID, w.left, first)
	}
	return nil
}

// moved returns whether the last attributes moved the end of a wait that was still open.
func (w *wait) moved() bool {
	last := len(w.ends) - 1
	if last == 0 || w.ends[last].Equal(w.ends[0]) || w.left.Before(w.ends[last]) {
		return false
	}
	stored := w.during[last-1].Until
	return stored.After(w.at.Since) && stored.Before(w.left) && stored.Before(w.ends[0])
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// WithLateDates returns the definition with waits until that time, instead of until a
// date, at the nodes with those ids.
func WithLateDates(t testing.TB, definition string, ids []string, at time.Time) string {
	t.Helper()
	var d struct {
		Nodes []map[string]any  `json:"nodes"`
		Edges []json.RawMessage `json:"edges"`
	}
	require.NoError(t, json.Unmarshal([]byte(definition), &d))
	for _, n := range d.Nodes {
		config, _ := n["config"].(map[string]any)
		if id, _ := n["id"].(string); slices.Contains(ids, id) && config["until"] != nil {
			config["until"] = map[string]any{"at": at.UTC().Format(time.RFC3339Nano)}
		}
	}
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return string(text)
}
