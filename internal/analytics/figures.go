// Package analytics keeps the figures of journeys: how many customers entered,
// moved on and left, by graph and node. The counter adds every write of an
// enrollment exactly once, rollup folds closed days and audits them against the
// enrollments, and a report reads them. The package does not know AWS: the table
// is an interface, so that a model can inject every fault between the two.
package analytics

import (
	"fmt"
	"slices"
	"time"

	"journeys/internal/analytics/tally"
	"journeys/internal/trail"
)

// Graph holds the figures of one graph.
type Graph struct {
	Version int // the latest journey version with this graph
	tally.Totals
	Steps []tally.Step // by node index; may be shorter than the graph
}

// Figures holds the figures of a journey. The zero value is empty.
type Figures struct {
	Graphs map[string]*Graph // by the graph's hash
	Poison int64             // writes that could not be counted
	Newest time.Time         // of the counted writes; zero for none
}

// Totals returns the sum of all graphs.
func (f *Figures) Totals() tally.Totals {
	var sum tally.Totals
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
	Delta   trail.Delta
}

// Apply adds one write. It changes nothing if the delta is malformed or newer.
func (f *Figures) Apply(w Write) error {
	change, err := tally.ReadDelta(w.Delta)
	if err != nil {
		return err
	}
	g := f.Graph(w.Graph, w.Version)
	g.Steps = change.AddTo(&g.Totals, g.Steps)
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
		var sum tally.Step
		for i, s := range g.Steps {
			sum.Add(s)
			if !s.Consistent() || s.Converted.Sum() > g.Conversions {
				faults = append(faults, fmt.Sprintf("graph %.8s: node %d: %+v", hash, i, s))
			}
		}
		t := g.Totals
		if min(t.Enrolled, t.Completed, t.Expired, t.Cancelled, t.Failed, t.Active(), t.Conversions) < 0 ||
			t.Conversions > t.Enrolled || sum.Active() != t.Active() || sum.Failed != t.Failed || sum.Dropped < t.Expired+t.Cancelled ||
			sum.Results.Of(trail.Exited)+sum.Dropped != t.Completed+t.Expired+t.Cancelled {
			faults = append(faults, fmt.Sprintf("graph %.8s: %+v, of all nodes %+v", hash, t, sum))
		}
	}
	slices.Sort(faults)
	return faults
}

// addTo adds g's counts to another graph.
func (g *Graph) addTo(to *Graph) {
	to.Totals.Add(g.Totals)
	to.Steps = tally.AddSteps(to.Steps, 0, g.Steps)
}

// subtractFrom subtracts g's counts from another graph.
func (g *Graph) subtractFrom(from *Graph) {
	minus := Graph{Totals: g.Totals.Negate(), Steps: make([]tally.Step, len(g.Steps))}
	for i, s := range g.Steps {
		minus.Steps[i] = s.Negate()
	}
	minus.addTo(from)
}

func (g *Graph) zero() bool {
	return g.Totals == (tally.Totals{}) && len(tally.TrimZeros(g.Steps)) == 0
}

// step returns the step of a node, a zero one beyond the end of Steps.
func (g *Graph) step(node int) tally.Step {
	if node >= len(g.Steps) {
		return tally.Step{}
	}
	return g.Steps[node]
}
