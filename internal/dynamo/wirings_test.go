package dynamo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/feedback"
	"journeys/internal/journey"
	"journeys/internal/wiring"
)

func TestWirings_RememberTheFirstMessageSinceTheLastEvent(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	require.NoError(t, s.Wirings.Sent(t.Context(), "email", at(0)))
	require.NoError(t, s.Wirings.Sent(t.Context(), "email", at(1)))
	require.NoError(t, s.Wirings.Sent(t.Context(), "a#b", at(1)))
	require.NoError(t, s.Wirings.Sent(t.Context(), "email", at(30)))
	states, err := s.Wirings.States(t.Context(), at(30))
	require.NoError(t, err)
	require.Equal(t, map[string]wiring.State{"email": {First: at(0), Last: at(30)}, "a#b": {First: at(1), Last: at(1)}}, states)
	require.Equal(t, wiring.Missing, states["email"].Status())

	require.NoError(t, s.Wirings.Heard(t.Context(), "email", at(31)))
	states, err = s.Wirings.States(t.Context(), at(31))
	require.NoError(t, err)
	require.Equal(t, wiring.State{Heard: at(31)}, states["email"])
	require.NoError(t, s.Wirings.Sent(t.Context(), "email", at(32)))
	states, err = s.Wirings.States(t.Context(), at(32))
	require.NoError(t, err)
	require.Equal(t, wiring.State{First: at(32), Last: at(32), Heard: at(31)}, states["email"])

	states, err = s.Wirings.States(t.Context(), at(1).Add(wiring.Keep))
	require.NoError(t, err)
	require.NotContains(t, states, "a#b", "a channel that is gone is forgotten")
	require.Contains(t, states, "email")

	newer(t, table, "HEARD", "a#b")
	require.ErrorIs(t, s.Wirings.Sent(t.Context(), "a#b", at(33)), journey.ErrNewer)
	states, err = s.Wirings.States(t.Context(), at(33))
	require.ErrorIs(t, err, journey.ErrNewer)
	require.Contains(t, states, "email", "what can be read")
}

// The first report of a message shows that the feedback of its channel arrives.
func TestFeedback_TellsTheChannelThatItWasHeard(t *testing.T) {
	t.Parallel()

	p, _, m := heardWorld(t, "ada")
	p.Heard = (&wiring.Notes{Write: p.store.Wirings.Heard, Now: func() time.Time { return p.now }}).Note
	require.NoError(t, p.Feedback(t.Context(), demo, m, feedback.Opened))
	states, err := p.store.Wirings.States(t.Context(), p.now)
	require.NoError(t, err)
	require.Equal(t, wiring.State{Heard: p.now}, states["push"])
}
