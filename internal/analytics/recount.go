package analytics

import (
	"time"

	"journeys/internal/analytics/tally"
	"journeys/internal/feedback"
	"journeys/internal/progress"
)

// Recount is what a pass of an audit read from the enrollments and from what was heard of
// their messages.
type Recount struct {
	Figures map[JourneyKey]*Figures       // of every journey with enrollments or counters
	Wrong   map[JourneyKey]map[string]int // number of inconsistent items by graph hash; "" for unreadable figures
	Newer   map[JourneyKey]int            // number of items of a newer format; such a journey is not audited
}

// NewRecount returns an empty recount.
func NewRecount() *Recount {
	return &Recount{
		Figures: map[JourneyKey]*Figures{}, Wrong: map[JourneyKey]map[string]int{}, Newer: map[JourneyKey]int{},
	}
}

// figures returns the figures of a journey, and adds them if missing.
func (r *Recount) figures(k JourneyKey) *Figures {
	f := r.Figures[k]
	if f == nil {
		f = &Figures{}
		r.Figures[k] = f
	}
	return f
}

// AddWrong adds n inconsistent enrollments of a graph.
func (r *Recount) AddWrong(k JourneyKey, graph string, n int) {
	if r.Wrong[k] == nil {
		r.Wrong[k] = map[string]int{}
	}
	r.Wrong[k][graph] += n
}

func (r *Recount) merge(o *Recount) {
	for k, f := range o.Figures {
		r.figures(k).Merge(f)
	}
	for k, graphs := range o.Wrong {
		for graph, n := range graphs {
			r.AddWrong(k, graph, n)
		}
	}
	for k, n := range o.Newer {
		r.Newer[k] += n
	}
}

// wrongItems returns the number of wrong enrollments and unreadable figures.
func (r *Recount) wrongItems() (n int) {
	for _, graphs := range r.Wrong {
		for _, wrong := range graphs {
			n += wrong
		}
	}
	return n
}

// Recount adds everything that happened to an enrollment through a day, derived
// from the item alone: its path, its state and its times. The result is the sum
// of what Apply adds for the enrollment's writes, since a write falls on one day.
//
// Enrollment.Retries has the failures that were retried on a later day. Those
// retried on the same day may be missing there; they add up to zero.
func (f *Figures) Recount(e progress.Enrollment, through Day) {
	r := recounter{f: f, hash: e.GraphHash, version: e.Version, end: through.End()}
	if !r.add(e.EnrolledAt, tally.Totals{Enrolled: 1}) {
		return
	}
	r.addPath(e)
	if !e.ConvertedAt.IsZero() {
		r.add(e.ConvertedAt, tally.Totals{Conversions: 1})
	}
	for _, retry := range e.Retries.Decode(e.EnrolledAt) {
		r.add(retry.FailedAt, tally.Totals{Failed: 1})
		r.addStep(retry.FailedAt, retry.Node, tally.Step{Failed: 1})
		r.add(retry.RetriedAt, tally.Totals{Failed: -1})
		r.addStep(retry.RetriedAt, retry.Node, tally.Step{Failed: -1})
	}
	switch e.Status {
	case progress.Inside:
	case progress.Completed:
		r.add(e.LeftAt, tally.Totals{Completed: 1})
		if !e.ReachedExit() {
			r.addStep(e.LeftAt, e.Node, tally.Step{Dropped: 1})
		}
	case progress.Expired:
		r.add(e.LeftAt, tally.Totals{Expired: 1})
		r.addStep(e.LeftAt, e.Node, tally.Step{Dropped: 1})
	case progress.Cancelled:
		r.add(e.LeftAt, tally.Totals{Cancelled: 1})
		r.addStep(e.LeftAt, e.Node, tally.Step{Dropped: 1})
	case progress.Failed:
		r.add(e.FailedAt, tally.Totals{Failed: 1})
		r.addStep(e.FailedAt, e.Node, tally.Step{Failed: 1})
	}
}

// RecountFeedback adds each kind that was reported of a step through a day.
func (f *Figures) RecountFeedback(h feedback.Heard, through Day) {
	r := recounter{f: f, hash: h.GraphHash, version: h.Version, end: through.End()}
	for k, at := range h.At {
		if !at.IsZero() {
			r.addStep(at, h.Node, tally.Step{Feedback: tally.Reported(feedback.Kind(k))})
		}
	}
}

// recounter adds what happened before end to the figures of a graph.
type recounter struct {
	f       *Figures
	hash    string
	version int
	end     time.Time
}

// add returns false if at is too late.
func (r *recounter) add(at time.Time, t tally.Totals) bool {
	if !at.Before(r.end) {
		return false
	}
	r.f.Graph(r.hash, r.version).Totals.Add(t)
	return true
}

func (r *recounter) addStep(at time.Time, node int, s tally.Step) {
	if at.Before(r.end) {
		g := r.f.Graph(r.hash, r.version)
		g.Steps = tally.AddSteps(g.Steps, node, []tally.Step{s})
	}
}

// addPath adds the nodes that e left, and its current node.
func (r *recounter) addPath(e progress.Enrollment) {
	visits := e.Path.Visits(e.EnrolledAt)
	for i, v := range visits {
		r.addStep(v.EnteredAt, v.Node, tally.Step{Entered: 1})
		r.addStep(e.LeftVisit(visits, i), v.Node, tally.Step{Results: tally.One(v.Result)})
		if i < e.ConvertedSteps {
			r.addStep(e.ConvertedAt, v.Node, tally.Step{Converted: tally.One(v.Result)})
		}
	}
	if !e.ReachedExit() { // otherwise the path includes its exit
		r.addStep(e.Since, e.Node, tally.Step{Entered: 1})
	}
}
