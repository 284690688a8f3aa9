package analytics

import (
	"errors"

	"journeys/internal/journey"
)

var errDelta = errors.New("analytics: the delta is malformed")

// The marks that this version counts.
const (
	enrollmentMarks = journey.MarkEnrolled | journey.MarkCompleted | journey.MarkExpired | journey.MarkCancelled |
		journey.MarkFailed | journey.MarkRetried | journey.MarkConverted
	nodeMarks  = journey.NodeEntered | journey.NodeFailed | journey.NodeDropped | journey.NodeRetried | withResult
	withResult = journey.NodeLeft | journey.NodeConverted
)

// MaxResult is the greatest result that PackCounts can store.
const MaxResult journey.Result = 127

// counts is what one write adds to the figures of a graph.
type counts struct {
	totals Totals
	nodes  []nodeCounts
}

type nodeCounts struct {
	node int
	step Step
}

// readDelta decodes a delta. It returns ErrNewer for one that this version must not
// count, and any other error for a malformed one.
func readDelta(d journey.Delta) (c counts, err error) {
	switch {
	case len(d) > 0 && d[0] > journey.DeltaForm:
		return c, journey.ErrNewer
	case len(d) < 2 || d[0] != journey.DeltaForm:
		return c, errDelta
	case journey.Mark(d[1])&^enrollmentMarks != 0:
		return c, journey.ErrNewer
	}
	c.totals = totalsOf(d[1])
	for rest := d[2:]; len(rest) > 0; {
		var n nodeCounts
		if n, rest, err = readNode(rest); err != nil {
			return counts{}, err
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// readNode decodes the first node of d and returns the others.
func readNode(d journey.Delta) (n nodeCounts, rest journey.Delta, err error) {
	if len(d) < 2 {
		return n, nil, errDelta
	}
	node, marks, rest := int(d[0]), d[1], d[2:]
	result := journey.NoResult
	if journey.Mark(marks) >= journey.NodeLeft {
		if len(rest) == 0 {
			return n, nil, errDelta
		}
		result, rest = journey.Result(rest[0]), rest[1:]
	}
	switch {
	case journey.Mark(marks)&^nodeMarks != 0:
		return n, nil, journey.ErrNewer
	case journey.Mark(marks)&withResult != 0 && (result == journey.NoResult || result > MaxResult):
		return n, nil, errDelta
	}
	step := Step{
		Entered: bit(marks, journey.NodeEntered),
		Failed:  bit(marks, journey.NodeFailed) - bit(marks, journey.NodeRetried),
		Dropped: bit(marks, journey.NodeDropped),
	}
	if bit(marks, journey.NodeLeft) > 0 {
		step.Results = Results{{result, 1}}
	}
	if bit(marks, journey.NodeConverted) > 0 {
		step.Converted = Results{{result, 1}}
	}
	return nodeCounts{node, step}, rest, nil
}

// totalsOf decodes the marks of the enrollment.
func totalsOf(marks byte) Totals {
	return Totals{
		Enrolled: bit(marks, journey.MarkEnrolled), Completed: bit(marks, journey.MarkCompleted),
		Expired: bit(marks, journey.MarkExpired), Cancelled: bit(marks, journey.MarkCancelled),
		Failed: bit(marks, journey.MarkFailed) - bit(marks, journey.MarkRetried), Conversions: bit(marks, journey.MarkConverted),
	}
}

func bit(marks byte, m journey.Mark) int64 {
	if marks&byte(m) != 0 {
		return 1
	}
	return 0
}
