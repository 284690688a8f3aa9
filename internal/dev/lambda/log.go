package lambda

import (
	"bytes"
	"io"
	"sync"
)

// logLine writes a line of the service itself to the log of a function.
func (s *Service) logLine(function, line string) {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	_, _ = io.WriteString(s.options.Log, function+" | "+line+"\n") // a broken log must not end the run
}

// lineWriter writes whole lines to a shared writer, each after a prefix.
type lineWriter struct {
	mu      *sync.Mutex // of the shared writer
	to      io.Writer
	prefix  string
	partial []byte // the last line, while it has no end
}

// Write never fails: a broken log must not end the function that writes to it.
func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, b...)
	for {
		line, rest, whole := bytes.Cut(w.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		_, _ = w.to.Write(append(append([]byte(w.prefix), line...), '\n'))
		w.partial = rest
	}
}
