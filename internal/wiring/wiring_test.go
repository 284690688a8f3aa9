package wiring_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/wiring"
)

// world keeps what processes note, as the table does.
type world struct {
	states map[string]wiring.State
	writes int
	err    error
	log    bytes.Buffer
}

func newWorld() *world { return &world{states: map[string]wiring.State{}} }

// sender returns a new process that sends.
func (w *world) sender() *wiring.Notes {
	return w.notes(func(s *wiring.State, now time.Time) {
		if s.Last = now; s.First.IsZero() {
			s.First = now
		}
	})
}

// hearer returns a new process that hears.
func (w *world) hearer() *wiring.Notes {
	return w.notes(func(s *wiring.State, now time.Time) { *s = wiring.State{Heard: now} })
}

func (w *world) notes(note func(*wiring.State, time.Time)) *wiring.Notes {
	return &wiring.Notes{
		Write: func(_ context.Context, channel string, now time.Time) error {
			w.writes++
			if w.err != nil {
				return w.err
			}
			s := w.states[channel]
			note(&s, now)
			w.states[channel] = s
			return nil
		},
		Now: time.Now, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	}
}

// pass lets time pass, in which something is done every ten minutes.
func pass(t *testing.T, d time.Duration, do func(context.Context)) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Minute) {
		do(t.Context())
	}
}

// runs calls f where time is virtual, for a channel that new processes send through every
// ten minutes, and one process that hears.
func runs(t *testing.T, f func(t *testing.T, w *world, send, hear func(context.Context))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		hearer := w.hearer()
		f(t, w,
			func(ctx context.Context) { w.sender().Note(ctx, "email") },
			func(ctx context.Context) { hearer.Note(ctx, "email") })
	})
}

func TestStatus_MissingAfterADayOfSendingWithoutAnEvent(t *testing.T) {
	t.Parallel()
	runs(t, func(t *testing.T, w *world, send, _ func(context.Context)) {
		require.Equal(t, wiring.Waiting, w.states["email"].Status())
		pass(t, 24*time.Hour, send)
		require.Equal(t, wiring.Waiting, w.states["email"].Status())
		pass(t, 2*time.Hour, send)
		require.Equal(t, wiring.Missing, w.states["email"].Status())
	})
}

func TestStatus_AnyEventADayIsEnough(t *testing.T) {
	t.Parallel()
	runs(t, func(t *testing.T, w *world, send, hear func(context.Context)) {
		for range 10 {
			pass(t, 24*time.Hour, func(ctx context.Context) {
				send(ctx)
				require.NotEqual(t, wiring.Missing, w.states["email"].Status())
			})
			hear(t.Context())
		}
		require.Equal(t, wiring.Heard, w.states["email"].Status())
	})
}

// A process notes one event an hour, so the last one may have gone unnoted.
func TestStatus_CountsADayFromAnEventThatWentUnnoted(t *testing.T) {
	t.Parallel()
	runs(t, func(t *testing.T, w *world, send, hear func(context.Context)) {
		hear(t.Context())
		pass(t, 50*time.Minute, send)
		hear(t.Context())
		pass(t, 24*time.Hour, send)
		require.Equal(t, wiring.Heard, w.states["email"].Status())
	})
}

func TestStatus_AChannelThatWasHeardAndBrokeIsMissing(t *testing.T) {
	t.Parallel()
	runs(t, func(t *testing.T, w *world, send, hear func(context.Context)) {
		pass(t, 72*time.Hour, func(ctx context.Context) { send(ctx); hear(ctx) })
		require.Equal(t, wiring.Heard, w.states["email"].Status())
		pass(t, 26*time.Hour, send)
		require.Equal(t, wiring.Missing, w.states["email"].Status())
		hear(t.Context())
		require.Equal(t, wiring.Heard, w.states["email"].Status(), "it was repaired")
	})
}

func TestStatus_AChannelThatStoppedSendingIsNotMissing(t *testing.T) {
	t.Parallel()
	runs(t, func(t *testing.T, w *world, send, _ func(context.Context)) {
		pass(t, 3*time.Hour, send)
		time.Sleep(10 * 24 * time.Hour)
		require.Equal(t, wiring.Waiting, w.states["email"].Status())
	})
}

func TestNotes_AProcessWritesOnceAnHourForEachChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		sender := w.sender()
		pass(t, 5*time.Hour, func(ctx context.Context) {
			sender.Note(ctx, "email")
			sender.Note(ctx, "texts")
		})
		require.Equal(t, 10, w.writes)
		require.ElementsMatch(t, []string{"email", "texts"}, keys(w.states))
	})
}

func TestNotes_WhatCannotBeWrittenIsNotedTheNextTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.err = errors.New("throttled")
		sender := w.sender()
		sender.Note(t.Context(), "email")
		require.Contains(t, w.log.String(), `"msg":"channel not noted","channel":"email","error":"throttled"`)
		w.err = nil
		sender.Note(t.Context(), "email")
		require.Equal(t, time.Now(), w.states["email"].First)
	})
}

// A clock that jumps and comes back keeps no channel from being noted.
func TestNotes_FollowAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	sender := w.sender()
	for _, at := range []time.Time{now.AddDate(1, 0, 0), now} {
		sender.Now = func() time.Time { return at }
		sender.Note(t.Context(), "email")
	}
	require.Equal(t, now, w.states["email"].Last)
	require.Equal(t, wiring.Waiting, w.states["email"].Status())
}

func TestCheck_LogsTheChannelsThatAreNotHeard(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	states, failed := map[string]wiring.State{"push": {First: now.Add(-time.Hour), Last: now}, "texts": {Heard: now}}, error(nil)
	check := wiring.Check{
		States: func(context.Context, time.Time) (map[string]wiring.State, error) { return states, failed },
		Now:    func() time.Time { return now }, Log: slog.New(slog.NewJSONHandler(&log, nil)), Installation: "Journeys-prod",
	}
	check.Run(t.Context())
	require.Empty(t, log.String())

	states["news"] = wiring.State{First: now.AddDate(0, 0, -3), Last: now}
	states["email"] = wiring.State{First: now.AddDate(0, 0, -2), Last: now, Heard: now.AddDate(0, 0, -2)}
	failed = errors.New("one is damaged")
	check.Run(t.Context())
	require.Contains(t, log.String(), `"msg":"channels not checked for feedback","error":"one is damaged"`)
	require.Contains(t, log.String(), `"msg":"feedback missing","channels":["email","news"],"sendingSince":"2026-11-20T10:00:00Z","FeedbackMissing":2,"installation":"Journeys-prod"`)
}

func keys(states map[string]wiring.State) (names []string) {
	for name := range maps.Keys(states) {
		names = append(names, name)
	}
	return names
}
