package tally

import (
	"errors"

	"journeys/internal/feedback"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

var errDelta = errors.New("tally: the delta is malformed")

// The marks that this version counts.
const (
	enrollmentMarks = trail.MarkEnrolled | trail.MarkCompleted | trail.MarkExpired | trail.MarkCancelled |
		trail.MarkFailed | trail.MarkRetried | trail.MarkConverted
	nodeMarks  = trail.NodeEntered | trail.NodeFailed | trail.NodeDropped | trail.NodeRetried | withResult
	withResult = trail.NodeLeft | trail.NodeConverted
)

// MaxResult is the greatest result that Pack can store.
const MaxResult trail.Result = 127

// Change is what one write adds to the counts of a graph.
type Change struct {
	totals Totals
	nodes  []nodeChange
}

type nodeChange struct {
	node int
	step Step
}

// AddTo adds the change to totals and steps, and returns the steps.
func (c *Change) AddTo(totals *Totals, steps []Step) []Step {
	totals.Add(c.totals)
	for _, n := range c.nodes {
		steps = AddSteps(steps, n.node, []Step{n.step})
	}
	return steps
}

// ReadDelta decodes a delta. It returns ErrNewer for one that this version must not
// count, and any other error for a malformed one.
func ReadDelta(d trail.Delta) (c Change, err error) {
	switch {
	case len(d) > 0 && d[0] == trail.FeedbackForm:
		return readFeedback(d)
	case len(d) > 0 && d[0] > trail.FeedbackForm:
		return c, journey.ErrNewer
	case len(d) < 2 || d[0] != trail.DeltaForm:
		return c, errDelta
	case trail.Mark(d[1])&^enrollmentMarks != 0:
		return c, journey.ErrNewer
	}
	c.totals = totalsOf(d[1])
	for rest := d[2:]; len(rest) > 0; {
		var n nodeChange
		if n, rest, err = readNode(rest); err != nil {
			return Change{}, err
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// readFeedback decodes a delta of feedback.
func readFeedback(d trail.Delta) (Change, error) {
	switch {
	case len(d) != 3:
		return Change{}, errDelta
	case d[2] >= byte(feedback.Kinds):
		return Change{}, journey.ErrNewer
	}
	return Change{nodes: []nodeChange{{int(d[1]), Step{Feedback: Reported(feedback.Kind(d[2]))}}}}, nil
}

// readNode decodes the first node of d and returns the others.
func readNode(d trail.Delta) (n nodeChange, rest trail.Delta, err error) {
	if len(d) < 2 {
		return n, nil, errDelta
	}
	node, marks, rest := int(d[0]), d[1], d[2:]
	result := trail.NoResult
	if trail.Mark(marks) >= trail.NodeLeft {
		if len(rest) == 0 {
			return n, nil, errDelta
		}
		result, rest = trail.Result(rest[0]), rest[1:]
	}
	switch {
	case trail.Mark(marks)&^nodeMarks != 0:
		return n, nil, journey.ErrNewer
	case trail.Mark(marks)&withResult != 0 && (result == trail.NoResult || result > MaxResult):
		return n, nil, errDelta
	}
	step := Step{
		Entered: bit(marks, trail.NodeEntered),
		Failed:  bit(marks, trail.NodeFailed) - bit(marks, trail.NodeRetried),
		Dropped: bit(marks, trail.NodeDropped),
	}
	if bit(marks, trail.NodeLeft) > 0 {
		step.Results = One(result)
	}
	if bit(marks, trail.NodeConverted) > 0 {
		step.Converted = One(result)
	}
	return nodeChange{node, step}, rest, nil
}

// totalsOf decodes the marks of the enrollment.
func totalsOf(marks byte) Totals {
	return Totals{
		Enrolled: bit(marks, trail.MarkEnrolled), Completed: bit(marks, trail.MarkCompleted),
		Expired: bit(marks, trail.MarkExpired), Cancelled: bit(marks, trail.MarkCancelled),
		Failed: bit(marks, trail.MarkFailed) - bit(marks, trail.MarkRetried), Conversions: bit(marks, trail.MarkConverted),
	}
}

func bit(marks byte, m trail.Mark) int64 {
	if marks&byte(m) != 0 {
		return 1
	}
	return 0
}
