package progress

import (
	"errors"
	"fmt"
	"slices"

	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/trail"
)

// Shape is a graph without configs: enough to check whether an enrollment's path
// is possible. It is small, so many can be kept in memory.
type Shape struct {
	entry     int16
	nodes     []shapeNode
	completes bool // an event may complete a run at any node
}

type shapeNode struct {
	kind graph.NodeType
	ways uint8
	next [graph.MaxWays]int16
}

// Shape returns the graph's shape.
func (g *Graph) Shape() Shape {
	s := Shape{entry: int16(g.Entry()), nodes: make([]shapeNode, g.Len())}
	s.completes = slices.ContainsFunc(g.Exits(), func(exit graph.EventExit) bool { return exit.Completed })
	for i := range s.nodes {
		n := &s.nodes[i]
		n.kind, n.ways = g.NodeType(i), uint8(len(g.Next(i)))
		for way, next := range g.Next(i) {
			n.next[way] = int16(next)
		}
	}
	return s
}

// resultsOf lists the results with which each type of node can be left, besides the
// branches of a node with several ways.
var resultsOf = map[graph.NodeType][]trail.Result{
	graph.EntryTrigger:   {trail.Entered, trail.EffectError},
	graph.Wait:           {trail.Waited, trail.WokenByEvent, trail.Exited, trail.EffectError},
	graph.ConditionSplit: {trail.True, trail.False},
	graph.MultiSplit:     {},
	graph.RandomSplit:    {},
	graph.NBADecision:    {trail.Decided, trail.DecidedEmpty, trail.EffectError},
	graph.ChannelAction:  {trail.Sent, trail.SkippedNoAddress, trail.SkippedUncertain, trail.EffectError, trail.SkippedUnsubscribed, trail.SkippedSuppressed},
	graph.UpdateCustomer: {trail.Updated, trail.EffectError},
	graph.Exit:           {trail.Exited},
}

// allows reports whether the node can be left with the result.
func (n *shapeNode) allows(r trail.Result) bool {
	branches := n.ways > 1 && n.kind != graph.ConditionSplit
	switch {
	case r.IsBranch():
		return branches && r.Way() < int(n.ways)
	case branches:
		return r == trail.Exited && n.kind == graph.Wait
	}
	return slices.Contains(resultsOf[n.kind], r)
}

// Check returns an error if e is inconsistent with a graph of this shape.
// Enrollments that only Start, Step, Cancel, Fail and Retry wrote are consistent.
func (s Shape) Check(e Enrollment) error {
	if e.Node < 0 || e.Node >= len(s.nodes) {
		return fmt.Errorf("node %d of %d", e.Node, len(s.nodes))
	}
	if e.Rev < 1 {
		return errors.New("no revision")
	}
	if e.Since.Before(e.EnrolledAt) {
		return errors.New("entered its node before it was enrolled")
	}
	if (e.Status == Inside) == e.Due.IsZero() || (e.Status == Inside || e.Status == Failed) != e.LeftAt.IsZero() {
		return fmt.Errorf("status %s, due: %t, left: %t", e.Status, !e.Due.IsZero(), !e.LeftAt.IsZero())
	}
	if (e.Status == Failed) == e.FailedAt.IsZero() {
		return fmt.Errorf("status %s, failed: %t", e.Status, !e.FailedAt.IsZero())
	}
	if err := e.checkConversion(); err != nil {
		return err
	}
	return s.checkPath(e)
}

// CheckFeedback returns an error if h cannot be of a graph of this shape.
func (s Shape) CheckFeedback(h feedback.Heard) error {
	switch {
	case h.Node < 0 || h.Node >= len(s.nodes):
		return fmt.Errorf("node %d of %d", h.Node, len(s.nodes))
	case resultsOf[s.nodes[h.Node].kind] != nil && s.nodes[h.Node].kind != graph.ChannelAction:
		return fmt.Errorf("node %d is a %s", h.Node, s.nodes[h.Node].kind)
	case h.Rev < 1 || h.Run < 1:
		return errors.New("no revision or run")
	}
	return nil
}

// checkPath follows the path along the edges to the current node.
func (s Shape) checkPath(e Enrollment) error {
	visits, whole := e.Path.Decode(e.EnrolledAt)
	if !whole {
		return errors.New("malformed path")
	}
	expected, at := int(s.entry), e.EnrolledAt
	for i, v := range visits {
		if v.Node != expected {
			return fmt.Errorf("path at node %d after step %d, but the graph leads to %d", v.Node, i, expected)
		}
		if v.EnteredAt.Before(at) {
			return fmt.Errorf("path step %d is earlier than the previous one", i+1)
		}
		at = v.EnteredAt
		n := &s.nodes[v.Node]
		if resultsOf[n.kind] == nil { // a type that this version does not have
			return nil
		}
		if !n.allows(v.Result) {
			return fmt.Errorf("path leaves a %s with %q", n.kind, v.Result)
		}
		if v.Result == trail.Exited {
			return s.checkExit(e, v, i == len(visits)-1)
		}
		if expected = int(n.next[v.Result.Way()]); expected < 0 {
			return fmt.Errorf("path leaves node %d, which has no edge", v.Node)
		}
	}
	switch {
	case e.Status == Completed && !s.completes:
		return errors.New("completed without an exit in its path")
	case e.Node != expected:
		return fmt.Errorf("at node %d, but its path leads to %d", e.Node, expected)
	case e.Since.Before(at):
		return errors.New("entered its node before the last step of its path")
	}
	return nil
}

// checkExit checks the exit of a path, which must be its last step.
func (s Shape) checkExit(e Enrollment, v trail.Visit, last bool) error {
	switch {
	case !last:
		return errors.New("path continues after an exit")
	case e.Status != Completed:
		return fmt.Errorf("exit in its path, but status %s", e.Status)
	case e.Node != v.Node || !e.Since.Equal(v.EnteredAt):
		return errors.New("not at the exit of its path")
	}
	return nil
}
