// Package secret holds the secrets of targets: what the settings say of them, reading
// them from AWS Systems Manager's Parameter Store and AWS Secrets Manager, and signing
// requests with them.
package secret

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// When secrets are read.
const (
	MaxAge      = 5 * time.Minute // of keys that are used; older ones are read again
	repeatAfter = time.Minute     // after keys could not be read again, until the next try
	pause       = 5 * time.Second // from the beginning of a read, before a refusal or a first use begins another
)

// Store reads secrets where they are kept. It is safe for concurrent use.
type Store struct {
	reader *Reader
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	sources map[Place]*Source
}

// NewStore returns a store with the region, the credentials and the endpoints of cfg.
func NewStore(cfg aws.Config, now func() time.Time, log *slog.Logger) *Store {
	return &Store{reader: NewReader(cfg, now), now: now, log: log, sources: map[Place]*Source{}}
}

// Source returns the source of a setting's keys, the same for the same place. It reads
// nothing yet.
func (s *Store) Source(setting Setting) *Source {
	if setting.at == (Place{}) {
		return &Source{keys: setting.keys}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	source, ok := s.sources[setting.at]
	if !ok {
		source = &Source{store: s, at: setting.at}
		s.sources[setting.at] = source
	}
	return source
}

// Source gives the keys of a target. It is safe for concurrent use.
type Source struct {
	store *Store // nil for keys of the settings
	at    Place

	mu    sync.Mutex
	keys  Keys          // nil before they were read
	err   error         // of the last read; nil for none
	began time.Time     // when the last read began
	due   time.Time     // when the next read is due
	ended chan struct{} // closed when the read that runs ends; nil if none runs
}

// Keys returns the keys; none if the target has no secret. It reads those that are kept
// elsewhere at the first call, and again once they are older than MaxAge. If that
// fails, the old keys are kept. Its error says where the secret is kept and why it
// could not be read.
func (s *Source) Keys(ctx context.Context) (Keys, error) {
	if s.store == nil {
		return s.keys, nil
	}
	s.mu.Lock()
	if now := s.now(); !now.Before(s.due) || now.Before(s.began) { // also after the clock went back
		s.begin(ctx, now)
	}
	s.mu.Unlock()
	s.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.keys != nil:
		return s.keys, nil
	case s.err != nil:
		return nil, fmt.Errorf("secret %s not read: %w", s.at, s.err)
	}
	return nil, fmt.Errorf("secret %s not read in time", s.at)
}

// Renew returns other keys than those that the target refused; none if there are no
// others. It reads the secret again, but at most once in a few seconds.
func (s *Source) Renew(ctx context.Context, refused Keys) Keys {
	if s.store == nil {
		return nil
	}
	s.mu.Lock()
	if now := s.now(); s.keys.equal(refused) && (now.Sub(s.began) >= pause || now.Before(s.began)) {
		s.begin(ctx, now)
	}
	s.mu.Unlock()
	s.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys.equal(refused) {
		return nil
	}
	return s.keys
}

// now returns the wall clock: the monotonic one stops while Lambda freezes the process.
func (s *Source) now() time.Time { return s.store.now().Round(0) }

// begin begins a read unless one runs. The read has a time limit of its own: the call that
// waits for it may have less time, and must not spoil it for the others. s.mu is held.
func (s *Source) begin(ctx context.Context, now time.Time) {
	if s.ended != nil {
		return
	}
	s.began, s.ended = now, make(chan struct{})
	go func() {
		ctx := context.WithoutCancel(ctx)
		text, err := s.store.reader.Read(ctx, s.at)
		var keys Keys
		if err == nil {
			keys, err = parseKeys(text)
		}
		s.end(ctx, keys, err)
	}()
}

// end records what the read gave.
func (s *Source) end(ctx context.Context, keys Keys, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	switch {
	case err == nil:
		s.keys, s.due = keys, s.began.Add(MaxAge)
	case s.keys != nil:
		s.due = s.began.Add(repeatAfter)
		s.store.log.WarnContext(ctx, "secret not read again: old one kept", "secret", s.at.String(), "error", err)
	default:
		s.due = s.began.Add(pause)
		s.store.log.ErrorContext(ctx, "secret not read", "secret", s.at.String(), "error", err)
	}
	close(s.ended)
	s.ended = nil
}

// wait waits for the end of the read that runs, if one does, or of ctx.
func (s *Source) wait(ctx context.Context) {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
