package progress

import (
	"errors"
	"fmt"
	"time"

	"journeys/internal/trail"
)

// Convert records the conversion of e by an event that was received at that time. It
// must follow NextWrite, in any order with other changes of the write, and e must not be
// anonymized. It changes nothing if e has converted before.
func (e Enrollment) Convert(at time.Time) Enrollment {
	if !e.ConvertedAt.IsZero() {
		return e
	}
	// A worker that began before the event learns of it from a mark.
	e.advanceClock(at)
	e.ConvertedAt, e.ConvertedSteps = e.WrittenAt, 0
	delta := trail.Delta{e.Delta[0], e.Delta[1] | byte(trail.MarkConverted)}
	visits := e.Path.Visits(e.EnrolledAt)
	for i, v := range visits {
		if e.LeftVisit(visits, i).After(at) {
			break
		}
		delta = append(delta, byte(v.Node), byte(trail.NodeConverted), byte(v.Result))
		e.ConvertedSteps++
	}
	// The last entry is the current node's, which later changes of the write mark.
	marked := e.Delta[2:]
	if len(marked) == 0 && len(delta) > 2 && e.LeftAt.IsZero() {
		marked = trail.Delta{byte(e.Node), 0}
	}
	e.Delta = append(delta, marked...)
	return e
}

// LeftVisit returns when e left the i-th visit of its path, given all of them.
func (e Enrollment) LeftVisit(visits []trail.Visit, i int) time.Time {
	switch {
	case i+1 < len(visits):
		return visits[i+1].EnteredAt
	case e.ReachedExit():
		return e.LeftAt
	}
	return e.Since
}

func (e Enrollment) checkConversion() error {
	steps := len(e.Path.Visits(e.EnrolledAt))
	switch {
	case e.ConvertedAt.IsZero() && e.ConvertedSteps != 0:
		return errors.New("steps before a conversion, but no conversion")
	case e.ConvertedSteps < 0 || e.ConvertedSteps > steps:
		return fmt.Errorf("%d of %d steps before its conversion", e.ConvertedSteps, steps)
	case !e.ConvertedAt.IsZero() && e.ConvertedAt.Before(e.EnrolledAt):
		return errors.New("converted before it was enrolled")
	}
	return nil
}
