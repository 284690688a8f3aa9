// Package analytics keeps the figures of journeys: how many customers entered,
// moved on and left, by graph and node. The counter adds every write of an
// enrollment exactly once, rollup folds closed days and audits them against the
// enrollments, and a report reads them. The package does not know AWS: the table
// is an interface, so that a model can inject every fault between the two.
package analytics

import (
	"fmt"
	"journeys/internal/trail"
	"slices"
	"time"
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
	Entered int64
	Failed  int64   // minus retried ones
	Dropped int64   // expired or cancelled here
	Results Results // left along an edge, or at an exit
}

// Completed returns the number of enrollments that left the node along an edge or at
// an exit: the sum of its results.
func (s Step) Completed() int64 { return s.Results.Sum() }

// Active returns the number of enrollments at the node.
func (s Step) Active() int64 { return s.Entered - s.Completed() - s.Failed - s.Dropped }

// Add adds o to the receiver.
func (s *Step) Add(o Step) {
	s.Entered += o.Entered
	s.Failed += o.Failed
	s.Dropped += o.Dropped
	s.Results = s.Results.Plus(o.Results...)
}

// Zero reports whether all counts are zero.
func (s Step) Zero() bool {
	return s.Entered == 0 && s.Failed == 0 && s.Dropped == 0 && len(s.Results) == 0
}

// minus returns the opposite counts.
func (s Step) minus() Step { return Step{-s.Entered, -s.Failed, -s.Dropped, s.Results.minus()} }

// negative reports whether any count is below zero.
func (s Step) negative() bool {
	return min(s.Entered, s.Failed, s.Dropped, s.Active()) < 0 ||
		slices.ContainsFunc(s.Results, func(c ResultCount) bool { return c.Count < 0 })
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

// addNodes adds the counts of single nodes to list, and returns it.
func addNodes(list []Step, nodes []nodeCounts) []Step {
	for _, n := range nodes {
		list = AddSteps(list, n.node, []Step{n.step})
	}
	return list
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
	Delta   trail.Delta
}

// Apply adds one write. It changes nothing if the delta is malformed or newer.
func (f *Figures) Apply(w Write) error {
	c, err := readDelta(w.Delta)
	if err != nil {
		return err
	}
	g := f.Graph(w.Graph, w.Version)
	g.Totals.Add(c.totals)
	g.Steps = addNodes(g.Steps, c.nodes)
	f.noteWrite(w.At)
	return nil
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
			if s.negative() {
				faults = append(faults, fmt.Sprintf("graph %.8s: node %d: %+v", hash, i, s))
			}
		}
		t := g.Totals
		if min(t.Enrolled, t.Completed, t.Expired, t.Cancelled, t.Failed, t.Active()) < 0 ||
			sum.Active() != t.Active() || sum.Failed != t.Failed || sum.Dropped != t.Expired+t.Cancelled ||
			sum.Results.Of(trail.Exited) != t.Completed {
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
		minus.Steps[i] = s.minus()
	}
	minus.addTo(from)
}

func (g *Graph) zero() bool {
	return g.Totals == (Totals{}) && len(trimZeros(g.Steps)) == 0
}

// step returns the step of a node, a zero one beyond the end of Steps.
func (g *Graph) step(node int) Step {
	if node >= len(g.Steps) {
		return Step{}
	}
	return g.Steps[node]
}
