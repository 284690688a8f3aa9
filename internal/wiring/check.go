package wiring

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"journeys/internal/emf"
)

// Check logs the channels whose events are missing.
type Check struct {
	// States returns what was noted of the channels. Beside an error, it returns what
	// could be read.
	States       func(ctx context.Context, now time.Time) (map[string]State, error)
	Now          func() time.Time
	Log          *slog.Logger
	Installation string // dimension of the metric
}

// Run logs one line if events of any channel are missing. An error is logged, because a
// later run checks the same.
func (c Check) Run(ctx context.Context) {
	now := c.Now()
	states, err := c.States(ctx, now)
	if err != nil {
		c.Log.ErrorContext(ctx, "channels not checked for feedback", "error", err)
	}
	var missing []string
	for _, channel := range slices.Sorted(maps.Keys(states)) {
		if states[channel].Status() == Missing {
			missing = append(missing, channel)
		}
	}
	if len(missing) == 0 {
		return
	}
	attrs := []slog.Attr{slog.Any("channels", missing), slog.Time("sendingSince", since(states, missing))}
	attrs = append(attrs, emf.Attrs(now, c.Installation, emf.CountMetric("FeedbackMissing", len(missing)))...)
	c.Log.LogAttrs(ctx, slog.LevelWarn, "feedback missing", attrs...)
}

// since returns the time of the first message without an event.
func since(states map[string]State, channels []string) time.Time {
	first := states[channels[0]].First
	for _, channel := range channels {
		if at := states[channel].First; at.Before(first) {
			first = at
		}
	}
	return first
}
