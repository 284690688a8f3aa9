package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

func TestAdvance_TriesAFailingSendTenTimesWithBackOff(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.sendErr = errors.New("refused")
	f.enter(t, "channel_action", `{"channel":"push"}`)
	pauses := f.advance(t)
	require.Equal(t, progress.Failed, f.items["c"].Status)
	require.Equal(t, "send_failed", f.items["c"].ExitReason)
	require.Equal(t, engine.MaxAttempts, f.attempts)
	require.Equal(t, []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour,
	}, pauses)
}

// The node decides what becomes of the customer, as after the tenth attempt. A retry
// tries again.
func TestAdvance_DoesNotRepeatARefusedSend(t *testing.T) {
	t.Parallel()

	for onError, want := range map[string]progress.EnrollmentStatus{"fail": progress.Failed, "continue": progress.Completed} {
		f := newFake(1)
		f.sendErr = fmt.Errorf("wrapped: %w", &engine.RefusedError{Err: errors.New("no such address")})
		f.enter(t, "channel_action", `{"channel":"push","onError":"`+onError+`"}`)
		require.Empty(t, f.advance(t), onError)
		require.Equal(t, want, f.items["c"].Status, onError)
		require.Equal(t, 1, f.attempts, onError)
		if want == progress.Failed {
			require.Equal(t, "send_failed", f.items["c"].ExitReason)
		} else {
			require.Equal(t, trail.EffectError, f.items["c"].Path.Visits(noon)[1].Result)
		}
	}
}

func TestAdvance_DoesNotCountThrottledSends(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.enter(t, "channel_action", `{"channel":"push"}`)
	f.sendErr = &engine.ThrottledError{After: 5 * time.Second}
	for range 50 {
		require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
		require.Equal(t, f.now.Add(5*time.Second), f.items["c"].Due)
		f.now = f.items["c"].Due
	}
	require.Zero(t, f.items["c"].Attempts)
	f.sendErr = nil
	f.advance(t)
	require.Equal(t, progress.Completed, f.items["c"].Status)
}

func TestAdvance_FailedDecisionFollowsOnError(t *testing.T) {
	t.Parallel()

	goOn := newFake(1)
	goOn.askErr = errors.New("down")
	goOn.enter(t, "nba_decision", `{"decisionFlowId":"f"}`)
	goOn.advance(t)
	require.Equal(t, progress.Completed, goOn.items["c"].Status)
	require.Equal(t, trail.EffectError, goOn.items["c"].Path.Visits(noon)[1].Result)
	require.Equal(t, 1, goOn.attempts)

	fail := newFake(1)
	fail.askErr = errors.New("down")
	fail.enter(t, "nba_decision", `{"decisionFlowId":"f","onError":"fail"}`)
	fail.advance(t)
	require.Equal(t, progress.Failed, fail.items["c"].Status)
	require.Equal(t, "decision_failed", fail.items["c"].ExitReason)
	require.Equal(t, engine.MaxAttempts, fail.attempts)
}

// The attempts are the same either way; the last one decides. Throttling and a panic
// are no answer of the channel.
func TestAdvance_FailedMessageFollowsOnError(t *testing.T) {
	t.Parallel()

	for onError, want := range map[string]string{
		`"fail"`: "failed send_failed", "null": "failed send_failed", `"continue"`: "completed error",
	} {
		f := newFake(1)
		f.sendErr = errors.New("refused")
		f.enter(t, "channel_action", `{"channel":"push","onError":`+onError+`}`)
		for range engine.MaxAttempts - 1 {
			require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
			require.Equal(t, progress.Inside, f.items["c"].Status, onError)
			require.True(t, f.items["c"].Due.After(f.now), "it backs off")
			f.now = f.items["c"].Due
		}
		require.Equal(t, engine.MaxAttempts-1, f.items["c"].Attempts)
		f.advance(t)
		e := f.items["c"]
		got := e.Status.String() + " " + e.ExitReason
		if e.Status == progress.Completed {
			got = "completed " + e.Path.Visits(noon)[1].Result.String()
		}
		require.Equal(t, want, got)
		require.Equal(t, engine.MaxAttempts, f.attempts, onError)
	}

	f := newFake(1)
	f.enter(t, "channel_action", `{"channel":"push","onError":"continue"}`)
	e := f.engine()
	e.Provider = panicking{f}
	for f.items["c"].Status == progress.Inside {
		require.NoError(t, e.Advance(t.Context(), f.pack("c")))
		f.now = f.now.Add(2 * time.Hour)
	}
	require.Equal(t, "internal_error", f.items["c"].ExitReason)
}

// The log says why the result of a step that was answered is an error.
func TestAdvance_LogsAnswersThatAreNotKept(t *testing.T) {
	t.Parallel()

	for answer, want := range map[string]bool{`{"x":"` + strings.Repeat("x", progress.MaxKept) + `"}`: true, `{"x":1}`: false} {
		f := newFake(1)
		f.answer = answer
		f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
			{"id":"s","type":"condition_split","config":{"condition":{"field":"decision.d.x","operator":"exists"}}},{"id":"out","type":"exit"}],
			"edges":[{"source":"in","target":"d"},{"source":"d","target":"s"},{"source":"s","sourceHandle":"true","target":"out"},{"source":"s","sourceHandle":"false","target":"out"}]}`, "")
		var log bytes.Buffer
		e := f.engine()
		e.Log = slog.New(slog.NewJSONHandler(&log, nil))
		require.NoError(t, e.Advance(t.Context(), f.pack("c")))
		require.Equal(t, progress.Completed, f.items["c"].Status)
		require.Equal(t, want, f.items["c"].Path.Visits(noon)[1].Result == trail.EffectError)
		require.Equal(t, want, strings.Contains(log.String(), `"msg":"answer not kept: too long"`), log.String())
		require.NotContains(t, log.String(), "xxx")
	}
}

// A later step reads what keep names of the answer of a channel, also if another worker
// carries it out.
func TestAdvance_KeepsTheAnswerOfAMessage(t *testing.T) {
	t.Parallel()

	for answer, want := range map[string]string{
		`{"id":7,"other":1}`: `{"t":"7  sent"}`,
		`{"id":"` + strings.Repeat("x", progress.MaxKept) + `"}`: `{"t":"  error"}`,
	} {
		f := newFake(1)
		f.reply = answer
		f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push","keep":["id"]}},
			{"id":"w","type":"wait","config":{"delayHours":1}},
			{"id":"b","type":"channel_action","config":{"channel":"push","payload":{"t":"{{step.a.answer.id}} {{step.a.answer.other}} {{step.a.result}}"}}},{"id":"out","type":"exit"}],
			"edges":[{"source":"in","target":"a"},{"source":"a","target":"w"},{"source":"w","target":"b"},{"source":"b","target":"out"}]}`, "")
		f.advance(t)
		f.now = f.now.Add(2 * time.Hour)
		f.advance(t)
		require.Len(t, f.messages, 2)
		text, err := f.messages[1].Config.Payload.JSON(&f.messages[1].Facts)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		require.Equal(t, progress.Completed, f.items["c"].Status)
	}
}

// A payload can read attributes, earlier decisions, and the event that started the
// journey.
func TestAdvance_MessageHasWhatItsPayloadReads(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.attributes = `{"name":"Ada"}`
	f.answer = `{"title":"Up","secret":1}`
	f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
		{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"t":"{{attributes.name}} {{decision.d.title}} {{event.x}}"}}},
		{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"d"},{"source":"d","target":"a"},{"source":"a","target":"out"}]}`,
		`{"x":7}`)
	f.advance(t)
	require.Len(t, f.messages, 1)
	text, err := f.messages[0].Config.Payload.JSON(&f.messages[0].Facts)
	require.NoError(t, err)
	require.Equal(t, `{"t":"Ada Up 7"}`, string(text))
}

// panicking panics in each send to customer c.
type panicking struct{ *fake }

func (p panicking) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	if m.Customer == "c" {
		panic("a bug")
	}
	return p.fake.Send(ctx, m)
}

func TestAdvance_PanicFailsOnlyItsOwnCustomer(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.enter(t, "channel_action", `{"channel":"push"}`)
	other := f.items["c"]
	other.Customer = "other"
	f.items["other"] = other
	e := f.engine()
	e.Provider = panicking{f}
	for f.items["c"].Status == progress.Inside {
		require.NoError(t, e.Advance(t.Context(), f.pack("c", "other")))
		f.now = f.now.Add(2 * time.Hour)
	}
	require.Equal(t, progress.Failed, f.items["c"].Status)
	require.Equal(t, "internal_error", f.items["c"].ExitReason)
	require.Equal(t, progress.Completed, f.items["other"].Status)
}

// slow takes some time for each message, and notes what was left of its lease.
type slow struct {
	*fake
	takes time.Duration
	left  []time.Duration
}

func (s *slow) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	s.now = s.now.Add(s.takes)
	s.left = append(s.left, s.items[m.Customer].LeaseUntil.Sub(s.now))
	return s.fake.Send(ctx, m)
}

// Messages that wait for others are sent within their lease or claimed again. Each
// is sent once, and none while another worker could claim it.
func TestAdvance_SendsOnlyWithinALease(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push"}},
		{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"a"},{"source":"a","target":"out"}]}`, "")
	pack := f.pack()
	first := f.items["c"]
	delete(f.items, "c")
	for i := range 20 {
		first.Customer = fmt.Sprint("c", i)
		f.items[first.Customer], pack.Customers = first, append(pack.Customers, first.Customer)
	}
	s := &slow{fake: f, takes: 3 * time.Second}
	e := f.engine()
	e.Provider = s
	require.NoError(t, e.Advance(t.Context(), pack))
	require.Len(t, f.messages, 20)
	for _, left := range s.left {
		require.GreaterOrEqual(t, left, time.Duration(0), "the lease had ended")
	}
	for _, customer := range pack.Customers {
		require.Equal(t, progress.Completed, f.items[customer].Status)
	}
	require.NotContains(t, f.uncertain, true)
}
