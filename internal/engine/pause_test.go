package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// pausing pauses the journey during the first send, which takes some time.
type pausing struct {
	*fake
	takes time.Duration
	pause func(*engine.Live)
	loads int
}

func (p *pausing) Load(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) (engine.Loaded, error) {
	p.loads++
	loaded, err := p.fake.Load(ctx, t, id, customers)
	read := *loaded.Live
	loaded.Live = &read
	return loaded, err
}

func (p *pausing) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	if len(p.messages) == 0 {
		p.pause(&p.lives[0])
		p.now = p.now.Add(p.takes)
	}
	return p.fake.Send(ctx, m)
}

// If a journey is paused or ended during an Advance, the worker sends the messages
// that it has claimed, records them, and begins no further effect.
func TestAdvance_PauseStopsAPackUnderWay(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		takes  time.Duration
		pause  func(*engine.Live)
		sends  int // to each of two customers
		node   int
		status progress.EnrollmentStatus
		loads  int
	}{
		"stays active":        {time.Minute, func(*engine.Live) {}, 2, 4, progress.Completed, 2},
		"paused":              {engine.LiveFor + time.Millisecond, func(l *engine.Live) { l.On = false }, 1, 2, progress.Inside, 2},
		"archived and active": {engine.LiveFor + time.Millisecond, func(l *engine.Live) { l.Epoch++ }, 1, 2, progress.Inside, 2},
		"paused a second ago": {engine.LiveFor, func(l *engine.Live) { l.On = false }, 2, 4, progress.Completed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := newFake(1)
			f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},
				{"id":"a","type":"channel_action","config":{"channel":"push"}},
				{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
				{"id":"b","type":"channel_action","config":{"channel":"push"}},{"id":"out","type":"exit"}],
				"edges":[{"source":"in","target":"a"},{"source":"a","target":"d"},{"source":"d","target":"b"},{"source":"b","target":"out"}]}`, "")
			other := f.items["c"]
			other.Customer = "other"
			f.items["other"] = other
			p := &pausing{fake: f, takes: test.takes, pause: test.pause}
			e := f.engine()
			e.Table, e.Provider = p, p
			require.NoError(t, e.Advance(t.Context(), f.pack("c", "other")))
			require.Len(t, f.messages, 2*test.sends)
			require.Equal(t, test.loads, p.loads)
			for _, customer := range []string{"c", "other"} {
				e := f.items[customer]
				require.Equal(t, test.status, e.Status)
				require.Equal(t, test.node, e.Node)
				require.Equal(t, trail.Sent, e.Path.Visits(noon)[1].Result, "the sent message is recorded")
				require.Zero(t, e.Attempts)
				require.Zero(t, e.LeaseUntil, "nothing more is claimed")
			}
			if test.status == progress.Inside {
				f.lives[0].On, f.lives[0].Epoch = true, 0
				require.Empty(t, f.advance(t), "the next worker goes on at once")
				require.Equal(t, progress.Completed, f.items["c"].Status)
			}
		})
	}
}

// A message that follows another is not claimed either; the first is recorded
// without that claim.
func TestAdvance_PauseStopsTheNextMessage(t *testing.T) {
	t.Parallel()

	for name, read := range map[string]error{"paused": nil, "the table does not answer": errors.New("busy")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := newFake(1)
			f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},
				{"id":"a","type":"channel_action","config":{"channel":"push"}},
				{"id":"b","type":"channel_action","config":{"channel":"push"}},{"id":"out","type":"exit"}],
				"edges":[{"source":"in","target":"a"},{"source":"a","target":"b"},{"source":"b","target":"out"}]}`, "")
			p := &pausing{fake: f, takes: time.Minute, pause: func(l *engine.Live) { l.On = read != nil; f.loadErr = read }}
			e := f.engine()
			e.Table, e.Provider = p, p
			require.NoError(t, e.Advance(t.Context(), f.pack("c")))
			require.Len(t, f.messages, 1)
			at := f.items["c"]
			require.Equal(t, 2, at.Node)
			require.Zero(t, at.LeaseUntil)
			require.Zero(t, at.Attempts)
			require.False(t, at.Due.After(f.now))

			f.lives[0].On, f.loadErr = true, nil
			f.advance(t)
			require.Len(t, f.messages, 2)
			require.Equal(t, []bool{false, false}, f.uncertain)
		})
	}
}
