package memory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/memory"
	"journeys/internal/progress"
)

func TestExitText_IsReadBack(t *testing.T) {
	t.Parallel()

	event := progress.NewStamp(time.UnixMilli(1_796_000_000_123).UTC(), "e1")
	texts := map[string]bool{}
	for _, reason := range []string{"removed", "event:bought", "at 10: the end", "completed: no"} {
		for _, exit := range []progress.ExitRequest{
			{Reason: reason}, {Reason: reason, Completed: true}, {Reason: reason, Event: event}, {Reason: reason, Completed: true, Event: event},
		} {
			text := memory.ExitText(exit)
			require.Equal(t, exit, memory.ReadExit(text), text)
			require.False(t, texts[text], text)
			texts[text] = true
		}
	}
	require.Empty(t, memory.ExitText(progress.ExitRequest{}))
	require.Zero(t, memory.ReadExit(""))
}
