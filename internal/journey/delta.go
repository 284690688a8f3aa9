package journey

// Delta is the change that one write makes to the journey's figures: one byte of
// marks of the enrollment, then two bytes for each node, its index and marks. It
// counts on the UTC day of WrittenAt.
type Delta []byte

// Mark is one bit of a Delta.
type Mark uint8

// The marks of a node.
const (
	NodeEntered   Mark = 1 << iota
	NodeCompleted      // left by an edge; for an exit, reached
	NodeFailed         // the enrollment failed here
	NodeDropped        // the enrollment expired or was cancelled here
	NodeTrue           // left by the edge "true"
	NodeFalse          // left by the edge "false"
	NodeRetried        // a failed enrollment was resumed here
)

// The marks of the enrollment.
const (
	MarkEnrolled Mark = 1 << iota
	MarkCompleted
	MarkExpired
	MarkCancelled
	MarkFailed
	MarkRetried // the failure ended
)
