package trail

import "journeys/internal/feedback"

// Delta is the change that one write makes to the journey's figures, on the UTC day
// of WrittenAt: DeltaForm, the marks of the enrollment, and for each node its index,
// its marks and, if these are NodeLeft or more, a Result. Every element is one byte.
// A node may have two entries: one for this visit, one for its conversion. A delta of
// feedback has FeedbackForm, the index of the node, and the kind. Another form or an unknown
// mark or kind was written by a newer version and must not be counted.
type Delta []byte

// The forms of the deltas that this version writes and reads.
const (
	DeltaForm    = 1 // of enrollments
	FeedbackForm = 2 // of what is heard of messages
)

// FeedbackDelta returns the delta of a write that adds a kind of feedback to a step.
func FeedbackDelta(node int, k feedback.Kind) Delta { return Delta{FeedbackForm, byte(node), byte(k)} }

// Mark is one bit of a Delta.
type Mark uint8

// The marks of a node.
const (
	NodeEntered Mark = 1 << iota
	NodeFailed       // the enrollment failed here
	NodeDropped      // the enrollment ended here, but not at an exit
	NodeRetried      // a failed enrollment was resumed here

	NodeLeft      Mark = 64
	NodeConverted Mark = 128 // left with the result before the conversion
)

// The marks of the enrollment.
const (
	MarkEnrolled Mark = 1 << iota
	MarkCompleted
	MarkExpired
	MarkCancelled
	MarkFailed
	MarkRetried // the failure ended
	MarkConverted
)
