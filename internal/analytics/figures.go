// Package analytics keeps the figures of journeys: how many customers entered,
// moved on and left, by graph and node. The counter adds every write of an
// enrollment exactly once, rollup folds closed days and audits them against the
// enrollments, and a report reads them. The package does not know AWS: the table
// is an interface, so that a model can inject every fault between the two.
package analytics

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"journeys/internal/journey"
)

// Totals counts enrollments. Each is either active or counted by exactly one of
// the other fields.
type Totals struct {
	Enrolled  int64
	Completed int64
	Expired   int64
	Cancelled int64
	Failed    int64 // minus retried ones, so it can be below zero for a single day
}

// Active returns the number of enrollments that are still in the journey.
func (t Totals) Active() int64 {
	return t.Enrolled - t.Completed - t.Expired - t.Cancelled - t.Failed
}

// Add adds o to the receiver.
func (t *Totals) Add(o Totals) {
	t.Enrolled += o.Enrolled
	t.Completed += o.Completed
	t.Expired += o.Expired
	t.Cancelled += o.Cancelled
	t.Failed += o.Failed
}

// Step counts what happened at one node.
type Step struct {
	Entered   int64
	Completed int64 // left along an edge, or at an exit
	Failed    int64 // minus retried ones
	Dropped   int64 // expired or cancelled here
	True      int64 // left a split along the edge "true"
	False     int64 // left a split along the edge "false"
}

// Active returns the number of enrollments at the node.
func (s Step) Active() int64 { return s.Entered - s.Completed - s.Failed - s.Dropped }

// Add adds o to the receiver.
func (s *Step) Add(o Step) {
	s.Entered += o.Entered
	s.Completed += o.Completed
	s.Failed += o.Failed
	s.Dropped += o.Dropped
	s.True += o.True
	s.False += o.False
}

// AddSteps adds the steps of the nodes from index first on to list, and returns
// it, extended if needed. Nodes beyond the end of a list have zero counts.
func AddSteps(list []Step, first int, more []Step) []Step {
	if missing := first + len(more) - len(list); missing > 0 && len(more) > 0 {
		list = append(list, make([]Step, missing)...)
	}
	for i, s := range more {
		list[first+i].Add(s)
	}
	return list
}

// Graph holds the figures of one graph.
type Graph struct {
	Version int // the latest journey version with this graph
	Totals
	Steps []Step // by node index; may be shorter than the graph
}

// Figures holds the figures of a journey. The zero value is empty.
type Figures struct {
	Graphs map[string]*Graph // by the graph's hash
	Poison int64             // writes that could not be counted
	Newest time.Time         // of the counted writes; zero for none
}

// Totals returns the sum of all graphs.
func (f *Figures) Totals() Totals {
	var sum Totals
	for _, g := range f.Graphs {
		sum.Add(g.Totals)
	}
	return sum
}

// Graph returns the figures of a graph, and adds them to f if missing. It raises
// their Version to version.
func (f *Figures) Graph(hash string, version int) *Graph {
	g := f.Graphs[hash]
	if g == nil {
		g = &Graph{}
		if f.Graphs == nil {
			f.Graphs = map[string]*Graph{}
		}
		f.Graphs[hash] = g
	}
	g.Version = max(g.Version, version)
	return g
}

// Merge adds o, which must not count the same writes.
func (f *Figures) Merge(o *Figures) {
	for hash, g := range o.Graphs {
		g.addTo(f.Graph(hash, g.Version))
	}
	f.Poison += o.Poison
	f.noteWrite(o.Newest)
}

// noteWrite raises Newest to at.
func (f *Figures) noteWrite(at time.Time) {
	if at.After(f.Newest) {
		f.Newest = at
	}
}

// Write is the change that one write of an enrollment made.
type Write struct {
	Graph   string // hash of the enrollment's graph
	Version int    // of that graph
	At      time.Time
	Delta   journey.Delta
}

// Apply adds one write. It changes nothing if the delta is malformed.
func (f *Figures) Apply(w Write) error {
	if err := checkDelta(w.Delta); err != nil {
		return err
	}
	g := f.Graph(w.Graph, w.Version)
	g.Totals.Add(totalsOf(w.Delta))
	for node, s := range stepsOf(w.Delta) {
		g.Steps = AddSteps(g.Steps, node, []Step{s})
	}
	f.noteWrite(w.At)
	return nil
}

var errDelta = errors.New("analytics: the delta is malformed")

func checkDelta(d journey.Delta) error {
	if len(d)%2 == 0 {
		return errDelta
	}
	return nil
}

// totalsOf decodes the enrollment's marks of a well-formed delta.
func totalsOf(d journey.Delta) Totals {
	one := func(m journey.Mark) int64 { return bit(d[0], m) }
	return Totals{
		Enrolled: one(journey.MarkEnrolled), Completed: one(journey.MarkCompleted),
		Expired: one(journey.MarkExpired), Cancelled: one(journey.MarkCancelled),
		Failed: one(journey.MarkFailed) - one(journey.MarkRetried),
	}
}

// stepsOf yields the node indexes and steps of a well-formed delta.
func stepsOf(d journey.Delta) func(yield func(int, Step) bool) {
	return func(yield func(int, Step) bool) {
		for pair := range slices.Chunk(d[1:], 2) {
			one := func(m journey.Mark) int64 { return bit(pair[1], m) }
			s := Step{
				Entered: one(journey.NodeEntered), Completed: one(journey.NodeCompleted),
				Failed:  one(journey.NodeFailed) - one(journey.NodeRetried),
				Dropped: one(journey.NodeDropped), True: one(journey.NodeTrue), False: one(journey.NodeFalse),
			}
			if !yield(int(pair[0]), s) {
				return
			}
		}
	}
}

func bit(marks byte, m journey.Mark) int64 {
	if marks&byte(m) != 0 {
		return 1
	}
	return 0
}

// Faults describes every graph whose figures contradict each other; it is empty
// if the identities that the API documents hold. They hold per graph, since an
// enrollment never changes its graph, and only for figures since the journey's
// start, not for those of a single day.
func (f *Figures) Faults() []string {
	var faults []string
	for hash, g := range f.Graphs {
		var sum Step
		for i, s := range g.Steps {
			sum.Add(s)
			if min(s.Entered, s.Completed, s.Failed, s.Dropped, s.True, s.False, s.Active()) < 0 || s.True+s.False > s.Completed {
				faults = append(faults, fmt.Sprintf("graph %.8s: node %d: %+v", hash, i, s))
			}
		}
		t := g.Totals
		if min(t.Enrolled, t.Completed, t.Expired, t.Cancelled, t.Failed, t.Active()) < 0 ||
			sum.Active() != t.Active() || sum.Failed != t.Failed || sum.Dropped != t.Expired+t.Cancelled {
			faults = append(faults, fmt.Sprintf("graph %.8s: %+v, of all nodes %+v", hash, t, sum))
		}
	}
	slices.Sort(faults)
	return faults
}

// addTo adds g's counts to another graph.
func (g *Graph) addTo(to *Graph) {
	to.Totals.Add(g.Totals)
	to.Steps = AddSteps(to.Steps, 0, g.Steps)
}

// subtractFrom subtracts g's counts from another graph.
func (g *Graph) subtractFrom(from *Graph) {
	minus := Graph{Steps: make([]Step, len(g.Steps))}
	minus.Totals = Totals{-g.Enrolled, -g.Completed, -g.Expired, -g.Cancelled, -g.Failed}
	for i, s := range g.Steps {
		minus.Steps[i] = Step{-s.Entered, -s.Completed, -s.Failed, -s.Dropped, -s.True, -s.False}
	}
	minus.addTo(from)
}

func (g *Graph) zero() bool {
	return g.Totals == (Totals{}) && !slices.ContainsFunc(g.Steps, func(s Step) bool { return s != Step{} })
}

// step returns the step of a node, a zero one beyond the end of Steps.
func (g *Graph) step(node int) Step {
	if node >= len(g.Steps) {
		return Step{}
	}
	return g.Steps[node]
}
