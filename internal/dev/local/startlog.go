package local

import (
	"bytes"
	"io"
	"sync"
)

// startLog holds back what the functions print until the machine is ready. The lines
// of the machine's own first call matter only if it fails.
type startLog struct {
	io.Writer

	mu   sync.Mutex
	held *bytes.Buffer // nil once nothing is held back
}

// Write implements io.Writer.
func (l *startLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		return l.held.Write(b)
	}
	return l.Writer.Write(b)
}

// end lets writes through. What was held back is printed if the start failed.
func (l *startLog) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && l.held != nil {
		_, _ = l.held.WriteTo(l.Writer)
	}
	l.held = nil
}
