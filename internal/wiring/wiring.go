// Package wiring tells whether the events arrive that say what became of a channel's
// messages. Where they never do, the installation sends without hearing of bounces and
// complaints, and nothing else shows it.
package wiring

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// noteEvery is how often a process notes the same of a channel.
	noteEvery = time.Hour
	// missingAfter is how long a channel sends without any event before these are missing:
	// a day, and the hour in which an event may go unnoted.
	missingAfter = 24*time.Hour + noteEvery
	// Keep is how long a note is kept, so that channels that are gone are forgotten.
	Keep = 14 * 24 * time.Hour
)

// State is what was noted of a channel.
type State struct {
	First time.Time // of the messages since the last event; zero for none
	Last  time.Time // of these messages
	Heard time.Time // when the last event came; zero for none
}

// Status says whether the events of a channel arrive.
type Status string

// The statuses.
const (
	Heard   Status = "heard"
	Missing Status = "missing" // it has sent for a day since the last event, or since it began to send
	Waiting Status = "waiting" // it has sent for less than a day, or not at all, and nothing was heard
)

// Status returns the status of a channel. It compares times of messages with each other
// alone, so it is not sooner or later missing by the clock of the reader, and a channel
// that stopped sending does not become missing.
func (s State) Status() Status {
	switch {
	case !s.First.IsZero() && s.Last.Sub(s.First) >= missingAfter:
		return Missing
	case !s.Heard.IsZero():
		return Heard
	}
	return Waiting
}

// Notes writes what a process sees of channels, at most once an hour for each. It is safe
// for concurrent use.
type Notes struct {
	Write func(ctx context.Context, channel string, now time.Time) error
	Now   func() time.Time
	Log   *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

// writeTimeout bounds a write: nothing waits for it but the end of an invocation.
const writeTimeout = 2 * time.Second

// Note notes the channel. What cannot be written is noted the next time.
func (n *Notes) Note(ctx context.Context, channel string) {
	now := n.Now()
	if !n.begin(channel, now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := n.Write(ctx, channel, now); err != nil {
		n.Log.WarnContext(ctx, "channel not noted", "channel", channel, "error", err)
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.last, channel)
	}
}

// begin reports whether the channel is to be noted, and takes it that it is. A clock that
// was set back does not keep it from being noted.
func (n *Notes) begin(channel string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last, ok := n.last[channel]; ok && now.Sub(last).Abs() < noteEvery {
		return false
	}
	if n.last == nil {
		n.last = map[string]time.Time{}
	}
	n.last[channel] = now
	return true
}
