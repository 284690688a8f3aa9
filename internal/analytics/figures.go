// Package analytics keeps the figures of journeys: how many entered, went on
// and left, by graph and node. The counter adds what every write of an
// enrollment changed, each exactly once. It knows no AWS: the table is an
// interface, so that a model can let everything go wrong between the two.
package analytics

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"journeys/internal/journey"
)

// Totals are of enrollments. Who was enrolled is inside or left one way.
type Totals struct {
	Enrolled  int64
	Completed int64
	Expired   int64
	Cancelled int64
	Failed    int64 // less those that were retried; below zero on a day that only retried
}

// Active is how many are inside.
func (t Totals) Active() int64 {
	return t.Enrolled - t.Completed - t.Expired - t.Cancelled - t.Failed
}

// Add adds o.
func (t *Totals) Add(o Totals) {
	t.Enrolled += o.Enrolled
	t.Completed += o.Completed
	t.Expired += o.Expired
	t.Cancelled += o.Cancelled
	t.Failed += o.Failed
}

// Step is what happened at one node.
type Step struct {
	Entered   int64
	Completed int64 // left by an edge, or at an exit
	Failed    int64 // less those that were retried
	Dropped   int64 // expired or cancelled here
	True      int64 // left a split by its edge "true"
	False     int64 // left a split by its edge "false"
}

// Active is how many are at the node.
func (s Step) Active() int64 { return s.Entered - s.Completed - s.Failed - s.Dropped }

// Add adds o.
func (s *Step) Add(o Step) {
	s.Entered += o.Entered
	s.Completed += o.Completed
	s.Failed += o.Failed
	s.Dropped += o.Dropped
	s.True += o.True
	s.False += o.False
}

// AddSteps adds what happened at nodes from index first on, and returns the
// longer list. Nodes behind the end of a list count as zero.
func AddSteps(list []Step, first int, more []Step) []Step {
	if missing := first + len(more) - len(list); missing > 0 && len(more) > 0 {
		list = append(list, make([]Step, missing)...)
	}
	for i, s := range more {
		list[first+i].Add(s)
	}
	return list
}

// Graph is what happened to those who follow one graph.
type Graph struct {
	Version int // the highest under which the journey had this graph
	Totals
	Steps []Step // by node index; may end before the graph does
}

// Figures are a journey's. The zero value has nothing counted.
type Figures struct {
	Graphs map[string]*Graph // by the graph's hash
	Poison int64             // writes that could not be counted
	Newest time.Time         // of the writes that are counted; zero for none
}

// Totals returns the totals of all graphs.
func (f *Figures) Totals() Totals {
	var sum Totals
	for _, g := range f.Graphs {
		sum.Add(g.Totals)
	}
	return sum
}

// Graph returns the figures of a graph, which it makes if there are none.
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

// Merge adds o, which counted other writes.
func (f *Figures) Merge(o *Figures) {
	for hash, g := range o.Graphs {
		into := f.Graph(hash, g.Version)
		into.Totals.Add(g.Totals)
		into.Steps = AddSteps(into.Steps, 0, g.Steps)
	}
	f.Poison += o.Poison
	f.see(o.Newest)
}

func (f *Figures) see(at time.Time) {
	if at.After(f.Newest) {
		f.Newest = at
	}
}

// Write is what one write of an enrollment changed.
type Write struct {
	Graph   string // hash of the graph that the customer follows
	Version int    // of that graph
	At      time.Time
	Delta   journey.Delta
}

// Apply adds one write. It changes nothing when the delta is malformed.
func (f *Figures) Apply(w Write) error {
	if err := checkDelta(w.Delta); err != nil {
		return err
	}
	g := f.Graph(w.Graph, w.Version)
	g.Totals.Add(totalsOf(w.Delta))
	for node, s := range stepsOf(w.Delta) {
		g.Steps = AddSteps(g.Steps, node, []Step{s})
	}
	f.see(w.At)
	return nil
}

var errDelta = errors.New("analytics: the delta is malformed")

func checkDelta(d journey.Delta) error {
	if len(d)%2 == 0 {
		return errDelta
	}
	return nil
}

// totalsOf returns a well-formed delta's marks of the enrollment.
func totalsOf(d journey.Delta) Totals {
	one := func(m journey.Mark) int64 { return bit(d[0], m) }
	return Totals{
		Enrolled: one(journey.MarkEnrolled), Completed: one(journey.MarkCompleted),
		Expired: one(journey.MarkExpired), Cancelled: one(journey.MarkCancelled),
		Failed: one(journey.MarkFailed) - one(journey.MarkRetried),
	}
}

// stepsOf yields a well-formed delta's nodes.
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

// Faults returns what cannot be true of figures since a journey began: it is
// empty when the identities that the API promises hold. They are per graph,
// since nobody changes graphs. Figures of a single day need not keep them.
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
