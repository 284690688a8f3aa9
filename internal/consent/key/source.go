package key

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// repeatAfter is the time from a read that failed until the next one.
const repeatAfter = 5 * time.Second

// Source gives the key. It is safe for concurrent use.
type Source struct {
	read func(context.Context) (string, error)
	now  func() time.Time

	mu    sync.Mutex
	key   Key
	known bool
	err   error     // of the last read
	due   time.Time // when the next read may begin, after one that failed
}

// Fixed returns the source of a key that is known.
func Fixed(k Key) *Source { return &Source{key: k, known: true} }

// NewSource returns a source that reads the text of the key at the first use, and keeps
// the key. The read must end in a few seconds, and its error must not quote the text.
func NewSource(read func(context.Context) (string, error), now func() time.Time) *Source {
	return &Source{read: read, now: now}
}

// Key returns the key. Callers share a read. One that failed is repeated, but not for a
// few seconds, in which all callers get its error.
func (s *Source) Key(ctx context.Context) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		return s.key, nil
	}
	// Without the monotonic clock: it stops while Lambda freezes the process.
	began := s.now().Round(0)
	if s.err != nil && began.Before(s.due) && s.due.Sub(began) <= repeatAfter {
		return Key{}, s.err
	}
	// The read has a time limit of its own: the call that began it may have less time, and
	// must not spoil it for the others.
	text, err := s.read(context.WithoutCancel(ctx))
	if err == nil {
		s.key, err = Parse(text)
	}
	if err != nil {
		s.err, s.due = fmt.Errorf("key of the installation not read: %w", err), began.Add(repeatAfter)
		return Key{}, s.err
	}
	s.known, s.err = true, nil
	return s.key, nil
}
