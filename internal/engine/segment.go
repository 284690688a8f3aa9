package engine

import (
	"fmt"
	"strconv"
)

// Segment is the work of one Sweep: a part of the work list.
type Segment struct {
	From, To LiveKey // the first and the last entry
	Packs    int     // that it may dispatch
}

// ParseConcurrency parses how many calls of Advance run at a time.
func ParseConcurrency(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("is %q: want a whole number from 1", text)
	}
	return n, nil
}
