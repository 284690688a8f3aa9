package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/message"
	"journeys/internal/progress"
)

// reporting is a fake whose channels have feedback.
type reporting struct {
	*fake
	refusals int // of PutMessages, before it works
	silent   bool
}

func (h *reporting) ChannelTarget(_ ident.Tenant, channel string) engine.Target {
	return engine.Target{Name: "c:" + channel, Channel: channel, Feedback: !h.silent}
}

func (h *reporting) PutMessages(ctx context.Context, t ident.Tenant, records []message.Record) error {
	if h.refusals--; h.refusals >= 0 {
		return errors.New("table busy")
	}
	return h.fake.PutMessages(ctx, t, records)
}

func (h *reporting) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	if _, ok := h.Messages()[m.ID]; !ok && !h.silent {
		panic("a message without a record")
	}
	return h.fake.Send(ctx, m)
}

func (h *reporting) advance(t *testing.T) {
	t.Helper()
	for turn := 0; h.items["c"].Status == progress.Inside; turn++ {
		require.Less(t, turn, 20)
		e := h.engine()
		e.Table, e.Provider = h, h
		require.NoError(t, e.Advance(t.Context(), h.pack("c")))
		if e := h.items["c"]; e.Status == progress.Inside {
			h.now = e.Due
		}
	}
}

// slowToClaim is a table that answers a claim after its lease has ended.
type slowToClaim struct{ *reporting }

func (s slowToClaim) Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error {
	errs := s.reporting.Advance(ctx, t, shards, list)
	if lease := list[0].LeaseUntil; !lease.IsZero() {
		s.now = lease.Add(time.Second)
	}
	return errs
}

// Forget passes over a customer only while a lease lasts, so a record that is stored later
// could name one who was forgotten.
func TestMessages_AreNotedWhileTheLeaseLasts(t *testing.T) {
	t.Parallel()

	h := &reporting{fake: newFake(1)}
	h.enter(t, "channel_action", `{"channel":"push"}`)
	e := h.engine()
	e.Table, e.Provider = slowToClaim{h}, h
	require.NoError(t, e.Advance(t.Context(), h.pack("c")))
	require.Empty(t, h.Messages())
	require.Empty(t, h.messages)
	h.advance(t)
	require.Len(t, h.messages, 1)
}

func TestMessages_EachAttemptHasTheSameID(t *testing.T) {
	t.Parallel()

	h := &reporting{fake: newFake(1)}
	h.sendErr = errors.New("refused")
	h.enter(t, "channel_action", `{"channel":"push"}`)
	h.advance(t)
	require.Len(t, h.messages, engine.MaxAttempts)
	e := h.items["c"]
	id := message.NewID(h.lives[0].Tenant, "jrn_0", "c", e.Run, 1, e.RequestID)
	for _, m := range h.messages {
		require.Equal(t, id, m.ID)
		require.Empty(t, m.UnsubscribeURL)
	}
	require.Len(t, h.Messages(), 1)
	record := h.Messages()[id]
	require.False(t, record.ExpiresAt.Before(message.Expiry("", noon)))
	record.ExpiresAt = noon
	require.Equal(t, message.Record{
		ID: id, Channel: "push", Named: "push", Customer: "c", Journey: "jrn_0", GraphHash: e.GraphHash, Version: e.Version, Run: e.Run, Node: 1, ExpiresAt: noon,
	}, record)
}

// A message whose record cannot be stored is not sent. That is no attempt.
func TestMessages_NoneIsSentWithoutItsRecord(t *testing.T) {
	t.Parallel()

	h := &reporting{fake: newFake(1), refusals: 15}
	h.enter(t, "channel_action", `{"channel":"push"}`)
	h.advance(t)
	require.Equal(t, progress.Completed, h.items["c"].Status)
	require.Len(t, h.messages, 1)
	require.False(t, h.messages[0].Uncertain)
	require.Len(t, h.Messages(), 1)
}

func TestMessages_AChannelWithoutFeedbackStoresNone(t *testing.T) {
	t.Parallel()

	h := &reporting{fake: newFake(1), silent: true}
	h.enter(t, "channel_action", `{"channel":"push"}`)
	h.advance(t)
	require.Len(t, h.messages, 1)
	require.NotZero(t, h.messages[0].ID)
	require.Empty(t, h.Messages())
}

// A channel is told once for each invocation, and only if it sent something of which it
// reports what becomes.
func TestMessages_TellWhichChannelsSent(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		silent bool
		err    error
		told   []string
	}{
		"sent":           {told: []string{"push"}},
		"nothing to say": {silent: true},
		"not sent":       {err: errors.New("refused")},
	} {
		h := &reporting{fake: newFake(1), silent: row.silent}
		h.sendErr = row.err
		h.enter(t, "channel_action", `{"channel":"push"}`)
		var told []string
		e := h.engine()
		e.Table, e.Provider = h, h
		e.Sent = func(_ context.Context, channel string) { told = append(told, channel) }
		require.NoError(t, e.Advance(t.Context(), h.pack("c")))
		require.Equal(t, row.told, told, name)
	}
}
