package analytics

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"journeys/internal/analytics/tally"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Report is the analytics of one journey.
type Report struct {
	Name        string
	Status      journey.Status
	AsOf        time.Time // of the newest counted write; zero for none
	Enrollments tally.Totals
	Steps       []NodeReport // at most MaxSteps; the current graph first
	Edges       []EdgeReport // of the graphs of Steps, in the order of their sources
	LeftOut     []int        // versions of the oldest graphs, whose steps exceed MaxSteps; ascending
	Series      []DayTotals  // one row per requested day
	size        int          // of Steps, in steps
}

// MaxSteps is the greatest number of steps of a report: those of 40 graphs of
// the greatest size. A function's answer may have 6 MB. Steps whose branches have long
// names count as several, and so do messages and steps with long labels. Edges count by
// their length.
const MaxSteps = 40 * graph.MaxNodes

// sizeOf returns the size of the labels' steps in an answer, in steps without named
// branches.
func sizeOf(labels []graph.Label) int {
	const edge, feedback = 96, 200 // bytes of an edge beside its names, and of what was heard of a message
	size, text, edges := len(labels), 0, 0
	for _, e := range edgesOf(labels) {
		edges += len(e.Source) + len(e.Target) + len(e.Handle) + edge
	}
	for _, l := range labels {
		for _, r := range l.Text {
			text += escapedSize(r)
		}
		if l.Type == graph.ChannelAction {
			text += feedback
		}
		bytes := 0
		for _, way := range l.Ways {
			bytes += len(way) + 8
		}
		size += bytes / 64
	}
	return size + (text+edges)/512
}

// escapedSize returns the number of bytes that a character takes in an answer. It is a
// JSON text within the JSON of the function's response.
func escapedSize(r rune) int {
	switch {
	case r < ' ':
		return 7
	case strings.ContainsRune("<>&\u2028\u2029", r):
		return 6
	case r == '"' || r == '\\':
		return 4
	}
	return utf8.RuneLen(r)
}

// NodeReport is the figures of one node of one graph.
type NodeReport struct {
	NodeID   string
	NodeType graph.NodeType
	Label    string   // "" for none
	Ways     []string // names of the ways out, if there are several; nil otherwise
	Version  int      // the latest version with the graph; 0 for the current graph
	tally.Step
}

// EdgeReport is the figure of one edge of one graph. Edges that no customer can take,
// because the graph is incomplete, have none.
type EdgeReport struct {
	Source, Target string // node ids
	Handle         string // name of the way, if several lead out of Source; "" otherwise
	Version        int    // as of NodeReport
	Passed         int64  // customers that left Source by the edge
	node, way      int    // indexes of Source and of the way
}

// edgesOf returns the edges between the labels' nodes, without figures.
func edgesOf(labels []graph.Label) []EdgeReport {
	ids := map[int]string{}
	for _, l := range labels {
		ids[l.Node] = l.ID
	}
	var edges []EdgeReport
	for _, l := range labels {
		for way, next := range l.Next {
			target, ok := ids[next]
			if !ok {
				continue
			}
			e := EdgeReport{Source: l.ID, Target: target, node: l.Node, way: way}
			if way < len(l.Ways) {
				e.Handle = l.Ways[way]
			}
			edges = append(edges, e)
		}
	}
	return edges
}

// Table is what reading figures needs of the table.
type Table interface {
	// Journey returns a journey without its Definition, or journey.ErrNotFound.
	Journey(ctx context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error)
	// Definition returns the definition with that hash, also of a deleted
	// journey.
	Definition(ctx context.Context, t ident.Tenant, id ident.ID, hash string) ([]byte, error)
	// Counters returns the counters of a journey, with the closed months from
	// days.From on. Reads are strongly consistent, one megabyte at a time; folds
	// may happen in between.
	Counters(ctx context.Context, t ident.Tenant, id ident.ID, days Range) (Counters, error)
}

// Reader reads reports. It may be used by several goroutines.
type Reader struct {
	table       Table
	definitions journey.Definitions
}

// NewReader returns a reader of the table.
func NewReader(table Table) *Reader { return &Reader{table: table} }

// Report returns a journey's report, with a series for days. It returns
// journey.ErrNotFound if there is no such journey. It takes one read of the
// table, plus two for a draft, plus one for each graph that was replaced before
// its first fold.
func (r *Reader) Report(ctx context.Context, t ident.Tenant, id ident.ID, days Range) (Report, error) {
	const attempts = 4
	for attempt := 1; ; attempt++ {
		report, err := r.readReport(ctx, t, id, days)
		// A draft's graph is removed when another replaces it.
		if !errors.Is(err, journey.ErrNoDefinition) || attempt == attempts {
			return report, err
		}
	}
}

func (r *Reader) readReport(ctx context.Context, t ident.Tenant, id ident.ID, days Range) (Report, error) {
	c, f, err := r.readFigures(ctx, t, id, days)
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
		labels := c.keptLabels(hash)
		if labels == nil {
			if labels, err = readLabels(ctx, &r.definitions, r.table, t, id, hash); err != nil {
				return Report{}, err
			}
		}
		report.addGraph(f.Graph(hash, 0), labels, i == 0)
	}
	slices.Sort(report.LeftOut)
	return report, nil
}

// addGraph adds a graph's steps, or leaves its version out if they are too many
// or an earlier graph was left out.
func (r *Report) addGraph(g *Graph, labels []graph.Label, current bool) {
	version := g.Version
	switch {
	case current:
		version = 0
	case len(r.LeftOut) > 0 || r.size+sizeOf(labels) > MaxSteps:
		r.LeftOut = append(r.LeftOut, version)
		return
	}
	r.size += sizeOf(labels)
	for _, l := range labels {
		r.Steps = append(r.Steps, NodeReport{l.ID, l.Type, l.Text, l.Ways, version, g.step(l.Node)})
	}
	for _, e := range edgesOf(labels) {
		e.Version, e.Passed = version, g.step(e.node).Results.Passed(e.way)
		r.Edges = append(r.Edges, e)
	}
}

// readFigures reads the counters and their sum. It reads again if the figures
// contradict each other, which happens when a stream shard ends during the read
// and its child is counted. If they still do, some writes were not counted and no
// audit has repaired that yet.
func (r *Reader) readFigures(ctx context.Context, t ident.Tenant, id ident.ID, days Range) (c Counters, f Figures, err error) {
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

// newestFirst returns the hash of the current graph, and then the hashes of all
// other graphs with figures.
func (f *Figures) newestFirst(current string) []string {
	var others []string
	for hash, g := range f.Graphs {
		if hash != current && !g.zero() {
			others = append(others, hash)
		}
	}
	slices.SortFunc(others, func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Graphs[b].Version, f.Graphs[a].Version), cmp.Compare(a, b))
	})
	return append([]string{current}, others...)
}
