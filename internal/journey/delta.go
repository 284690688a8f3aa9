package journey

// Delta is what one write changes in the journey's figures: one byte of the
// enrollment's own marks, then two bytes for each node that it touches: index
// and marks. All of it belongs to the UTC day of the write's time.
type Delta []byte

// Mark is one bit of a Delta.
type Mark uint8

// The marks of a node.
const (
	NodeEntered   Mark = 1 << iota
	NodeCompleted      // left by an edge, or an exit
	NodeFailed         // the enrollment failed here
	NodeDropped        // the enrollment expired or was cancelled here
	NodeTrue           // left by the edge "true"
	NodeFalse          // left by the edge "false"
	NodeRetried        // a failed enrollment is inside again, here
)

// The marks of the enrollment.
const (
	MarkEnrolled Mark = 1 << iota
	MarkCompleted
	MarkExpired
	MarkCancelled
	MarkFailed
	MarkRetried // a failed one is inside again
)
