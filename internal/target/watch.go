package target

import (
	"sync"
	"time"
)

// What makes a target slow, and what quick: the mean of its last answers.
const (
	SlowAfter   = 2 * time.Second
	quickBelow  = time.Second
	minAnswers  = 5  // fewer say nothing
	lastAnswers = 64 // beyond them, older ones count half
	staleAfter  = 10 * time.Minute
)

// Watch is what one process has seen of its targets and tenants, over many invocations. The zero
// value has seen nothing. It is safe for concurrent use.
type Watch struct {
	mu    sync.Mutex
	seen  map[string]*seen
	lines map[string]Line
	works map[string]*work // by tenant
}

type seen struct {
	timeouts int // in a row
	answers  int // time-outs included
	took     time.Duration
	last     time.Time
}

// TimedOut notes an effect without an answer, and reports whether it was the last of
// MaxTimeouts in a row.
func (w *Watch) TimedOut(name string, took time.Duration, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.of(name, now)
	s.timeouts++
	s.add(took)
	return s.timeouts >= MaxTimeouts
}

// Answered notes an effect that was answered.
func (w *Watch) Answered(name string, took time.Duration, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.of(name, now)
	s.timeouts = 0
	s.add(took)
}

// Line returns the line of a target as it was stored last, by this process or another: a
// first guess that saves a read.
func (w *Watch) Line(name string) Line {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines[name]
}

// SetLine notes the stored line of a target.
func (w *Watch) SetLine(name string, l Line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lines == nil {
		w.lines = map[string]Line{}
	}
	w.lines[name] = l
}

// Took returns the mean time of the last answers; zero if there was none.
func (w *Watch) Took(name string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[name]
	if s == nil {
		return 0
	}
	return s.took / time.Duration(s.answers)
}

// Slow reports whether the answers take longer than SlowAfter.
func (w *Watch) Slow(name string) bool {
	return w.mean(name, func(mean time.Duration) bool { return mean > SlowAfter })
}

// Quick reports whether the answers take far less than SlowAfter. A target that is
// neither slow nor quick stays as it is.
func (w *Watch) Quick(name string) bool {
	return w.mean(name, func(mean time.Duration) bool { return mean < quickBelow })
}

// Forget drops what was seen, after a change of the target's state.
func (w *Watch) Forget(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.seen, name)
}

func (w *Watch) mean(name string, holds func(time.Duration) bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[name]
	return s != nil && s.answers >= minAnswers && holds(s.took/time.Duration(s.answers))
}

// of returns what was seen of a target, unless that is long ago.
func (w *Watch) of(name string, now time.Time) *seen {
	if w.seen == nil {
		w.seen = map[string]*seen{}
	}
	s := w.seen[name]
	if s == nil || now.Sub(s.last) > staleAfter {
		s = &seen{}
		w.seen[name] = s
	}
	s.last = now
	return s
}

// add adds an answer. A negative time is of a clock that was set back.
func (s *seen) add(took time.Duration) {
	s.took += max(took, 0)
	if s.answers++; s.answers >= lastAnswers {
		s.answers /= 2
		s.took /= 2
	}
}
