package journey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/progress"
	"journeys/internal/trail"
)

func TestConvert_CountsTheStepsThatWerePassedBefore(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, onboarding)
	in := progress.Input{Now: hours(48), Events: heard("login"), Attributes: value(t, `{"plan":"pro"}`), HasAttributes: true}
	e, _ = g.Step(e.NextWrite(in.Now), in) // in -> wait, until 48 hours -> split
	visits := e.Path.Visits(t0)
	require.Len(t, visits, 3)

	for name, row := range map[string]struct {
		at    time.Time
		steps []int
	}{
		"before the entry": {hours(-1), nil},
		"at the wait":      {hours(47), []int{0}},
		"when it moved on": {hours(48), []int{0, 1, 2}},
		"later":            {hours(49), []int{0, 1, 2}},
	} {
		converted := e.NextWrite(hours(50)).Convert(row.at)
		want := trail.Delta{trail.DeltaForm, byte(trail.MarkConverted)}
		for _, i := range row.steps {
			want = append(want, byte(visits[i].Node), byte(trail.NodeConverted), byte(visits[i].Result))
		}
		if row.steps != nil {
			want = append(want, byte(e.Node), 0)
		}
		require.Equal(t, want, converted.Delta, name)
		require.Equal(t, hours(50), converted.ConvertedAt, name)
		require.Equal(t, len(row.steps), converted.ConvertedSteps, name)
		require.NoError(t, g.Shape().Check(converted), name)

		again := converted.NextWrite(hours(60))
		require.Equal(t, again, again.Convert(hours(60)), "a run converts once")
	}

	late := e.NextWrite(hours(48)).Convert(hours(49))
	require.Equal(t, hours(49), late.ConvertedAt, "a worker that began before the event records no earlier conversion")
	require.Equal(t, hours(49), late.WrittenAt)
}

// A worker whose write began before the event meets the exit that the event requested.
func TestLeave_NotBeforeItsEvent(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, onboarding)
	exit := progress.ExitRequest{Reason: "event:purchase", Event: progress.Stamp{At: hours(49), ID: 1}}
	left := e.NextWrite(hours(48)).Leave(exit)
	require.Equal(t, hours(49), left.LeftAt)
	require.Equal(t, hours(49), left.WrittenAt)
	require.NoError(t, g.Shape().Check(left))
	require.Equal(t, hours(50), e.NextWrite(hours(50)).Leave(exit).LeftAt, "the worker began after the event")
}

// A write that converts also records what else happened, before or after it.
func TestConvert_SharesAWrite(t *testing.T) {
	t.Parallel()

	g, inside, _ := enter(t, onboarding)
	const converted = byte(trail.NodeConverted)
	entry := []byte{0, converted, byte(trail.Entered)}
	in := progress.Input{Now: hours(48), Events: heard("login")}
	step := func(e progress.Enrollment) progress.Enrollment {
		e, _ = g.Step(e, in)
		return e
	}
	failed := inside.NextWrite(hours(2)).Fail("send_failed")
	for name, row := range map[string]struct {
		from   progress.Enrollment
		change func(progress.Enrollment) progress.Enrollment
		want   []byte // of the delta, behind the entry's conversion
		mark   trail.Mark
	}{
		"a step": {inside, step, []byte{
			1, byte(trail.NodeLeft), byte(trail.Waited), 2, byte(trail.NodeEntered),
		}, 0},
		"an exit": {inside, func(e progress.Enrollment) progress.Enrollment { return e.Cancel("event:purchase") }, []byte{
			1, byte(trail.NodeDropped),
		}, trail.MarkCancelled},
		"a failure": {inside, func(e progress.Enrollment) progress.Enrollment { return e.Fail("send_failed") }, []byte{
			1, byte(trail.NodeFailed),
		}, trail.MarkFailed},
		"a retry": {failed, func(e progress.Enrollment) progress.Enrollment { return e.Retry(hours(48)) }, []byte{
			1, byte(trail.NodeRetried),
		}, trail.MarkRetried},
		"the removal of a failed one": {failed, func(e progress.Enrollment) progress.Enrollment { return e.Cancel("removed") }, []byte{
			1, byte(trail.NodeRetried | trail.NodeDropped),
		}, trail.MarkRetried | trail.MarkCancelled},
	} {
		want := trail.Delta{trail.DeltaForm, byte(trail.MarkConverted | row.mark)}
		want = append(append(want, entry...), row.want...)
		for order, e := range map[string]progress.Enrollment{
			"before": row.change(row.from.NextWrite(hours(48))).Convert(hours(47)),
			"after":  row.change(row.from.NextWrite(hours(48)).Convert(hours(47))),
		} {
			require.Equal(t, want, e.Delta, "converted %s %s", order, name)
			require.Equal(t, 1, e.ConvertedSteps, "converted %s %s", order, name)
			require.NoError(t, g.Shape().Check(e), "converted %s %s", order, name)
		}
	}
}

// A failed enrollment fails on the day of its failure, also if it converts later.
func TestConvert_DoesNotMoveAFailure(t *testing.T) {
	t.Parallel()

	_, e, _ := enter(t, onboarding)
	failed := e.NextWrite(hours(2)).Fail("send_failed")
	converted := failed.NextWrite(hours(50)).Convert(hours(50))
	require.Equal(t, progress.Failed, converted.Status)
	require.Equal(t, hours(2), converted.FailedAt)
	resumed := converted.NextWrite(hours(60)).Retry(hours(60))
	require.Zero(t, resumed.FailedAt)
	require.Equal(t, []trail.Retried{{Node: 1, FailedAt: hours(2), RetriedAt: hours(60)}}, resumed.Retries.Decode(t0))
	require.Equal(t, hours(50), resumed.ConvertedAt)

	gone := converted.Anonymize(hours(70))
	require.Equal(t, trail.UTCDay(hours(2)), gone.FailedAt)
	require.Equal(t, trail.UTCDay(hours(50)), gone.ConvertedAt)
	require.Equal(t, converted.ConvertedSteps, gone.ConvertedSteps)
	require.Nil(t, gone.Delta)
}
