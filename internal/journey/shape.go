package journey

import (
	"errors"
	"fmt"
	"slices"
)

// Shape is what a graph looks like without its configs: enough to tell whether
// somebody can have gone a way. It is small, so that very many can be kept.
type Shape struct {
	entry int16
	nodes []shapeNode
}

type shapeNode struct {
	kind NodeType
	next [2]int16
}

// Shape returns the graph's shape.
func (g *Graph) Shape() Shape {
	s := Shape{entry: int16(g.entry), nodes: make([]shapeNode, len(g.nodes))}
	for i, n := range g.nodes {
		s.nodes[i] = shapeNode{n.kind, [2]int16{int16(n.next[0]), int16(n.next[1])}}
	}
	return s
}

// resultsOf is how each type of node can be left.
var resultsOf = map[NodeType][]Result{
	EntryTrigger:   {Entered},
	Wait:           {Waited, WokenByEvent},
	ConditionSplit: {True, False},
	NBADecision:    {Decided, DecidedEmpty, DecisionError},
	ChannelAction:  {Sent, SkippedNoAddress, SkippedUncertain},
	Exit:           {Exited},
}

// Check returns what cannot be true of an enrollment that follows a graph of
// this shape; nil for nothing. Whoever writes enrollments by Step, Cancel, Fail
// and Retry never makes such a one.
func (s Shape) Check(e Enrollment) error {
	if e.Node < 0 || e.Node >= len(s.nodes) {
		return fmt.Errorf("it is at node %d of %d", e.Node, len(s.nodes))
	}
	if e.Rev < 1 {
		return errors.New("it has no revision")
	}
	if e.Since.Before(e.EnrolledAt) {
		return errors.New("it is at its node since before it was enrolled")
	}
	if (e.Status == Inside) != (!e.Due.IsZero()) {
		return fmt.Errorf("its status is %s, and due: %t", e.Status, !e.Due.IsZero())
	}
	return s.checkPath(e)
}

// checkPath follows the path along the edges to where the enrollment is.
func (s Shape) checkPath(e Enrollment) error {
	visits, whole := e.Path.visits(e.EnrolledAt)
	if !whole {
		return errors.New("its path cannot be read")
	}
	expected, at := int(s.entry), e.EnrolledAt
	for i, v := range visits {
		if v.Node != expected {
			return fmt.Errorf("its path is at node %d after step %d, and the graph leads to %d", v.Node, i, expected)
		}
		if v.EnteredAt.Before(at) {
			return fmt.Errorf("step %d of its path is before the one before", i+1)
		}
		at = v.EnteredAt
		n := s.nodes[v.Node]
		if !slices.Contains(resultsOf[n.kind], v.Result) {
			return fmt.Errorf("its path leaves a %s with %q", n.kind, v.Result)
		}
		if v.Result == Exited {
			return s.checkExit(e, v, i == len(visits)-1)
		}
		expected = int(n.next[0])
		if v.Result == False {
			expected = int(n.next[1])
		}
		if expected < 0 {
			return fmt.Errorf("its path leaves node %d, from which no edge leads on", v.Node)
		}
	}
	switch {
	case e.Status == Completed:
		return errors.New("its status is completed, and its path has no exit")
	case e.Node != expected:
		return fmt.Errorf("it is at node %d, and its path leads to %d", e.Node, expected)
	case e.Since.Before(at):
		return errors.New("it is at its node since before the last step of its path")
	}
	return nil
}

func (s Shape) checkExit(e Enrollment, v Visit, last bool) error {
	switch {
	case !last:
		return errors.New("its path goes on after an exit")
	case e.Status != Completed:
		return fmt.Errorf("its path has an exit, and its status is %s", e.Status)
	case e.Node != v.Node || !e.Since.Equal(v.EnteredAt):
		return errors.New("it is not at the exit of its path")
	}
	return nil
}
