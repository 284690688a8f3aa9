package analytics

import (
	"slices"
	"time"

	"journeys/internal/analytics/tally"
	"journeys/internal/graph"
)

// Total holds the folded counts of one graph.
type Total struct {
	Rev      int64 // number of writes, from 1
	Graph    Graph
	Poison   int64
	Newest   time.Time // of the counted writes
	Through  Day       // last day with counts in the total; "" for none
	Repaired Day       // every Repair of a day up to this one is in the total; "" for none
	Written  time.Time
	Taken    []Taken       // parts that recent folds took
	Labels   []graph.Label // of the graph's nodes; nil while it is the journey's current graph
}

// Taken is a part whose counts a fold moved to the total.
type Taken struct {
	Day   Day
	Shard int
	Born  time.Time // of the part
	Rev   int64     // of the emptied part
	Total int64     // Rev of the total that took it
	At    time.Time
}

// keepTaken is how long a total keeps its list of taken parts, and how long a
// taken repair is kept. Reads of the table must take less.
const keepTaken = 10 * time.Minute

// Repair is a correction that an audit made: its Counts plus the other figures of
// the graph are right. A graph has at most one per day.
type Repair struct {
	Graph  string // hash
	Day    Day    // last day of the audit
	Counts Graph
	Made   time.Time
}

// Closed holds the folded days of one month of one graph.
type Closed struct {
	Month string // as of Day.Month
	Graph string // hash
	Rev   int64  // of the total that the last fold of the month wrote
	Days  []DayTotals
}

// taken returns the fold that moved p's counts to t, nil if p still counts. t
// must have been read after p.
func (t *Total) taken(p *Part) *Taken {
	for i := range t.Taken {
		taken := &t.Taken[i]
		if taken.Day == p.Day && taken.Shard == p.Shard && taken.Born.Equal(p.Born) && p.Rev < taken.Rev {
			return taken
		}
	}
	return nil
}

func (t *Total) addTo(hash string, f *Figures) {
	t.Graph.addTo(f.Graph(hash, t.Graph.Version))
	f.Poison += t.Poison
	f.noteWrite(t.Newest)
}

func (r *Repair) addTo(f *Figures) { r.Counts.addTo(f.Graph(r.Graph, r.Counts.Version)) }

// take adds the parts of one day to the total and returns the fold that stores
// it.
func (t *Total) take(d graphDay, parts []Part, now time.Time) Fold {
	fold := Fold{Graph: d.graph, Day: d.day, Parts: parts}
	for i := range parts {
		p := &parts[i]
		t.Graph.Version = max(t.Graph.Version, p.Version)
		t.Graph.Totals.Add(p.Totals)
		t.Graph.Steps = tally.AddSteps(slices.Clone(t.Graph.Steps), 0, p.Steps)
		t.Poison += p.Poison
		if p.Newest.After(t.Newest) {
			t.Newest = p.Newest
		}
		fold.Totals.Add(p.Totals)
		t.Taken = append(slices.Clip(t.Taken), Taken{p.Day, p.Shard, p.Born, p.Rev + 1, t.Rev, now})
	}
	t.Through = max(t.Through, d.day)
	fold.Total = *t
	return fold
}
