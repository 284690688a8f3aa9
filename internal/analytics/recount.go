package analytics

import (
	"time"

	"journeys/internal/journey"
)

// Recount adds to f what the writes of an enrollment through a day changed, as
// the item alone tells it: its path, where it is, how it left, and when. It adds
// up to what Apply added of those writes, since all of a write is of one day.
//
// A failure that was retried on another day is told by Enrollment.Retries. One
// of the same day may be told or not: it adds up to nothing.
func (f *Figures) Recount(e journey.Enrollment, through Day) {
	r := recount{f: f, hash: e.GraphHash, version: e.Version, end: through.End()}
	if !r.add(e.EnrolledAt, Totals{Enrolled: 1}) {
		return
	}
	r.addPath(e)
	for _, again := range e.Retries.Decode(e.EnrolledAt) {
		r.add(again.FailedAt, Totals{Failed: 1})
		r.addStep(again.FailedAt, again.Node, Step{Failed: 1})
		r.add(again.RetriedAt, Totals{Failed: -1})
		r.addStep(again.RetriedAt, again.Node, Step{Failed: -1})
	}
	switch e.Status {
	case journey.Inside:
	case journey.Completed:
		r.add(e.WrittenAt, Totals{Completed: 1})
	case journey.Expired:
		r.add(e.WrittenAt, Totals{Expired: 1})
		r.addStep(e.WrittenAt, e.Node, Step{Dropped: 1})
	case journey.Cancelled:
		r.add(e.WrittenAt, Totals{Cancelled: 1})
		r.addStep(e.WrittenAt, e.Node, Step{Dropped: 1})
	case journey.Failed:
		r.add(e.WrittenAt, Totals{Failed: 1})
		r.addStep(e.WrittenAt, e.Node, Step{Failed: 1})
	}
}

// recount adds what happened before end.
type recount struct {
	f       *Figures
	hash    string
	version int
	end     time.Time
}

func (r *recount) add(at time.Time, t Totals) bool {
	if !at.Before(r.end) {
		return false
	}
	r.f.Graph(r.hash, r.version).Totals.Add(t)
	return true
}

func (r *recount) addStep(at time.Time, node int, s Step) {
	if at.Before(r.end) {
		g := r.f.Graph(r.hash, r.version)
		g.Steps = AddSteps(g.Steps, node, []Step{s})
	}
}

// addPath adds the nodes that were left, and the one where e is.
func (r *recount) addPath(e journey.Enrollment) {
	visits := e.Path.Visits(e.EnrolledAt)
	for i, v := range visits {
		left := e.Since
		if i+1 < len(visits) {
			left = visits[i+1].EnteredAt
		}
		r.addStep(v.EnteredAt, v.Node, Step{Entered: 1})
		step := Step{Completed: 1}
		if v.Result == journey.True {
			step.True = 1
		}
		if v.Result == journey.False {
			step.False = 1
		}
		r.addStep(left, v.Node, step)
	}
	if e.Status != journey.Completed { // the exit stands in the path
		r.addStep(e.Since, e.Node, Step{Entered: 1})
	}
}
