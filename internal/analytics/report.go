package analytics

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"journeys/internal/journey"
)

// Report is what became of a journey's customers.
type Report struct {
	Name        string
	Status      journey.Status
	AsOf        time.Time // of the newest write that is counted; zero when there is none
	Enrollments Totals
	Steps       []NodeReport // at most MaxSteps
	LeftOut     []int        // versions of the oldest graphs, whose steps would be too many; ascending
	Series      []DayTotals  // a row for every day that was asked for
}

// MaxSteps is how many steps a report has at most: those of 40 graphs of the
// largest kind. A function may answer with 6 MB.
const MaxSteps = 40 * journey.MaxNodes

// NodeReport is what happened at one node of one of the journey's graphs.
type NodeReport struct {
	NodeID   string
	NodeType journey.NodeType
	Version  int // the highest under which customers followed the graph; 0 for the present one
	Step
}

// Table is what reading needs of the table.
type Table interface {
	// Journey returns the journey, without its Definition. journey.ErrNotFound
	// when there is none.
	Journey(ctx context.Context, t journey.Tenant, id journey.ID) (journey.Journey, error)
	// Definition returns the definition called hash of a journey, also of a
	// deleted one.
	Definition(ctx context.Context, t journey.Tenant, id journey.ID, hash string) ([]byte, error)
	// Counters returns what is counted of a journey, strongly consistent, with
	// the closed months from the first of a range on. It is one read of at most
	// a megabyte at a time, which folds may come in between.
	Counters(ctx context.Context, t journey.Tenant, id journey.ID, days Range) (Counters, error)
}

// Reader reports on journeys. It may be used by several goroutines.
type Reader struct {
	table       Table
	definitions journey.Definitions
}

// NewReader returns a reader of the table.
func NewReader(table Table) *Reader { return &Reader{table: table} }

// Report returns what became of a journey's customers, with a series for a range
// of days. journey.ErrNotFound when there is no such journey. It is one read of
// the table; a draft takes two more, and each graph one that was replaced before
// anything of it was folded.
func (r *Reader) Report(ctx context.Context, t journey.Tenant, id journey.ID, days Range) (Report, error) {
	c, f, err := r.read(ctx, t, id, days)
	if err != nil {
		return Report{}, err
	}
	if c.Head == nil {
		j, err := r.table.Journey(ctx, t, id)
		if err != nil {
			return Report{}, err
		}
		c.Head = &Head{Name: j.Name, Status: j.Status, Graph: j.GraphHash}
	}
	report := Report{
		Name: c.Head.Name, Status: c.Head.Status, AsOf: f.Newest, Enrollments: f.Totals(), Series: c.Series(days),
	}
	for i, hash := range f.newestFirst(c.Head.Graph) {
		labels, err := r.labels(ctx, t, id, hash, &c)
		if err != nil {
			return Report{}, err
		}
		g := f.Graph(hash, 0)
		version := g.Version
		switch {
		case i == 0:
			version = 0
		case len(report.LeftOut) > 0 || len(report.Steps)+len(labels) > MaxSteps:
			report.LeftOut = append(report.LeftOut, version)
			continue
		}
		for _, l := range labels {
			report.Steps = append(report.Steps, NodeReport{l.ID, l.Type, version, g.step(l.Node)})
		}
	}
	slices.Sort(report.LeftOut)
	return report, nil
}

// read returns the figures. Counts that cannot be true together were read while
// a shard of the stream ended and its child went on, and are read again. They are
// what they are when that does not help: then some writes could not be counted,
// and an audit has not repaired it yet.
func (r *Reader) read(ctx context.Context, t journey.Tenant, id journey.ID, days Range) (c Counters, f Figures, err error) {
	for range 2 {
		if c, err = readCounters(ctx, r.table, t, id, days); err != nil {
			return c, f, err
		}
		if f = c.Figures(); len(f.Faults()) == 0 {
			break
		}
	}
	return c, f, nil
}

// labels returns what a graph's nodes are called, as the present graph's head and
// an earlier one's total tell it, and else its definition.
func (r *Reader) labels(ctx context.Context, t journey.Tenant, id journey.ID, hash string, c *Counters) ([]journey.Label, error) {
	labels := c.total(hash).Labels
	if hash == c.Head.Graph {
		labels = c.Head.Labels
	}
	if labels != nil {
		return labels, nil
	}
	return definedLabels(ctx, &r.definitions, r.table, t, id, hash)
}

// definedLabels returns what a definition calls the nodes of its graph.
func definedLabels(
	ctx context.Context, kept *journey.Definitions, table Table, t journey.Tenant, id journey.ID, hash string,
) ([]journey.Label, error) {
	d, err := kept.Get(t, id, hash, func() ([]byte, error) { return table.Definition(ctx, t, id, hash) })
	if err != nil {
		return nil, err
	}
	return d.Graph.Labels(), nil
}

// maxTorn is how often a read is repeated that folds came in between. A journey
// is folded once an hour.
const maxTorn = 5

var errTorn = errors.New("analytics: the figures changed while they were read, again and again")

func readCounters(ctx context.Context, table Table, t journey.Tenant, id journey.ID, days Range) (Counters, error) {
	for range maxTorn {
		c, err := table.Counters(ctx, t, id, days)
		if err != nil || !c.Torn(days) {
			return c, err
		}
	}
	return Counters{}, errTorn
}

// newestFirst returns the hash of the present graph, and then those of others
// in which somebody is or was.
func (f *Figures) newestFirst(present string) []string {
	var others []string
	for hash, g := range f.Graphs {
		if hash != present && !g.zero() {
			others = append(others, hash)
		}
	}
	slices.SortFunc(others, func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Graphs[b].Version, f.Graphs[a].Version), cmp.Compare(a, b))
	})
	return append([]string{present}, others...)
}

func (g *Graph) zero() bool {
	return g.Totals == (Totals{}) && !slices.ContainsFunc(g.Steps, func(s Step) bool { return s != Step{} })
}

func (g *Graph) step(i int) Step {
	if i >= len(g.Steps) {
		return Step{}
	}
	return g.Steps[i]
}
