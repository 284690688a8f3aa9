package engine

import (
	"fmt"
	"strings"
	"time"

	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Restore describes how the table was restored from a backup while customers were
// inside journeys. The zero value means that it never was.
//
// Between To and Stopped the original table's customers moved on, and the copy does
// not know what was sent to them. Every message that could have been sent then is
// Uncertain. See mayHaveSent.
type Restore struct {
	To      time.Time // the table is a copy of the original as of this time
	Stopped time.Time // the last message of the original was sent before this time
	Resumed time.Time // the first customer of the copy moves after this time
}

// neverRestored is the text of the zero Restore.
const neverRestored = "never"

// ParseRestore parses the three times in RFC 3339, separated by slashes, or
// "never". None may be earlier than the one before it.
func ParseRestore(text string) (Restore, error) {
	if text == neverRestored {
		return Restore{}, nil
	}
	parts := strings.Split(text, "/")
	var times []time.Time
	for _, part := range parts {
		at, err := time.Parse(time.RFC3339, part)
		if err != nil || len(times) > 0 && at.Before(times[len(times)-1]) {
			break
		}
		times = append(times, at)
	}
	if len(parts) != 3 || len(times) != 3 {
		return Restore{}, fmt.Errorf(`%q: want "never", or three times in order: restored to/stopped/resumed, each as 2026-11-28T10:00:00Z`, text)
	}
	return Restore{times[0], times[1], times[2]}, nil
}

// mayHaveSent reports whether the original could have sent the message of e's
// present node: whether a customer could have reached the node by Stopped, from
// where the copy found it, on the fastest way through the graph. It depends neither
// on how late the copy runs, nor on the events, attributes and decisions that moved
// the customer in one of the tables only.
//
// A customer that enrolled between Stopped and Resumed may have enrolled in the
// original too, at To or later. What was sent then had another key: rekeyed is true.
func (s Restore) mayHaveSent(g *progress.Graph, e *progress.Enrollment) (sent, rekeyed bool) {
	if !e.EnrolledAt.Before(s.Resumed) {
		return false, false
	}
	visits := append(e.Path.Visits(e.EnrolledAt), trail.Visit{Node: e.Node, EnteredAt: e.Since})
	from, left := visits[0], s.To
	for _, v := range visits {
		if !v.EnteredAt.Before(s.Stopped) {
			break
		}
		from = v
	}
	if from.EnteredAt.Before(s.Stopped) {
		if end := from.EnteredAt.Add(g.LeastStay(from.Node)); end.After(left) {
			left = end
		}
	}
	way, ok := fastestWay(g, from.Node, e.Node)
	return ok && !left.Add(way).After(s.Stopped), !e.EnrolledAt.Before(s.Stopped)
}

// fastestWay returns the least time that a customer needs from leaving one node to
// reaching another, and false if no way leads there.
func fastestWay(g *progress.Graph, from, to int) (time.Duration, bool) {
	reached := map[int]time.Duration{from: 0}
	for _, node := range g.Order() {
		at, ok := reached[node]
		if !ok {
			continue
		}
		if node != from {
			at += g.LeastStay(node)
		}
		for _, next := range g.Next(node) {
			if known, ok := reached[next]; next >= 0 && (!ok || at < known) {
				reached[next] = at
			}
		}
	}
	way, ok := reached[to]
	return way, ok
}
