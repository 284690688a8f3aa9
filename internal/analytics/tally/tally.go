// Package tally has the counts of one graph: the totals of its enrollments and a step for
// each node, what one write adds to them, and their packed form.
package tally

import (
	"slices"

	"journeys/internal/feedback"
)

// Totals counts enrollments. Each is either active or counted by exactly one of
// Completed, Expired, Cancelled and Failed. Any may have converted.
type Totals struct {
	Enrolled    int64
	Completed   int64
	Expired     int64
	Cancelled   int64
	Failed      int64 // minus retried ones, so it can be below zero for a single day
	Conversions int64
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
	t.Conversions += o.Conversions
}

// Negate returns the opposite counts.
func (t Totals) Negate() Totals {
	return Totals{-t.Enrolled, -t.Completed, -t.Expired, -t.Cancelled, -t.Failed, -t.Conversions}
}

// Step counts what happened at one node.
type Step struct {
	Entered   int64
	Failed    int64   // minus retried ones
	Dropped   int64   // left the journey here, but not by an exit
	Results   Results // left along an edge, or at an exit
	Converted Results // those of Results that converted later
	Feedback  Feedback
}

// Feedback counts the steps of runs of whose message each kind was reported. A report may
// be counted before the result of its step.
type Feedback [feedback.Kinds]int64

// Reported returns the count of one report.
func Reported(k feedback.Kind) (f Feedback) {
	f[k] = 1
	return f
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
	s.Converted = s.Converted.Plus(o.Converted...)
	for k, n := range o.Feedback {
		s.Feedback[k] += n
	}
}

// Zero reports whether all counts are zero.
func (s Step) Zero() bool {
	return s.Entered == 0 && s.Failed == 0 && s.Dropped == 0 && len(s.Results) == 0 && len(s.Converted) == 0 &&
		s.Feedback == Feedback{}
}

// Negate returns the opposite counts.
func (s Step) Negate() Step {
	opposite := Step{Entered: -s.Entered, Failed: -s.Failed, Dropped: -s.Dropped, Results: s.Results.negate(), Converted: s.Converted.negate()}
	for k, n := range s.Feedback {
		opposite.Feedback[k] = -n
	}
	return opposite
}

// Consistent reports whether no count is below zero, and no more converted than left. Those
// of feedback are not compared with the others, which may be counted later.
func (s Step) Consistent() bool {
	return min(s.Entered, s.Failed, s.Dropped, s.Active(), slices.Min(s.Feedback[:])) >= 0 &&
		!slices.ContainsFunc(s.Results, func(c ResultCount) bool { return c.Count < 0 }) &&
		!slices.ContainsFunc(s.Converted, func(c ResultCount) bool { return c.Count < 0 || c.Count > s.Results.Of(c.Result) })
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

// TrimZeros removes the zero steps at the end.
func TrimZeros(steps []Step) []Step {
	for len(steps) > 0 && steps[len(steps)-1].Zero() {
		steps = steps[:len(steps)-1]
	}
	return steps
}
