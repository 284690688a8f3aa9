package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/target"
	"journeys/internal/trail"
)

// targeted is a world in virtual time whose channels and flows are targets.
type targeted struct {
	*slowWorld
	mu       sync.Mutex
	rate     float64
	hangs    bool
	takes    time.Duration
	refused  error  // of PutTarget
	closing  func() // runs before the first write that closes a target; nil for nothing
	sentAt   []time.Time
	attempts int
	log      bytes.Buffer
	logger   *slog.Logger // to log, for all workers
	watch    target.Watch
}

func newTargeted(t *testing.T, customers int, kinds, onError string) *targeted {
	config := map[byte]string{'s': `{"channel":"push"}`, 'd': `{"decisionFlowId":"next","onError":"` + onError + `"}`}
	w := &targeted{slowWorld: newSlowWorld(t, kinds, config, customers)}
	w.logger = slog.New(slog.NewTextHandler(&w.log, nil))
	return w
}

func (w *targeted) engine() *engine.Engine {
	e := w.slowWorld.engine()
	e.Table, e.Provider, e.Watch, e.Log = w, w, &w.watch, w.logger
	return e
}

func (w *targeted) ChannelTarget(_ ident.Tenant, channel string) engine.Target {
	return engine.Target{Name: "c:" + channel, Rate: w.rate}
}

func (w *targeted) DecisionTarget(_ ident.Tenant, flow string) engine.Target {
	return engine.Target{Name: "d:" + flow}
}

func (w *targeted) PutTarget(ctx context.Context, name string, old, next target.State) (target.State, bool, error) {
	if w.refused != nil {
		return old, false, w.refused
	}
	if w.closing != nil && next.Kind == target.Closed {
		w.closing()
		w.closing = nil
	}
	return w.slowWorld.PutTarget(ctx, name, old, next)
}

// call notes a request to a target, which answers or not.
func (w *targeted) call(ctx context.Context, limit time.Duration) error {
	w.mu.Lock()
	w.attempts++
	hangs, takes := w.hangs, w.takes
	if !hangs {
		w.sentAt = append(w.sentAt, time.Now())
	}
	w.mu.Unlock()
	if hangs {
		takes = limit
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	if hangs {
		return fmt.Errorf("wrapped: %w", engine.ErrTimedOut)
	}
	return nil
}

func (w *targeted) Decide(ctx context.Context, r engine.DecisionRequest) (condition.Value, error) {
	return condition.Value{}, w.call(ctx, r.Config.TimeLimit())
}

func (w *targeted) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	return progress.Answer{Result: trail.Sent}, w.call(ctx, w.Timeout())
}

// work runs one worker with all customers.
func (w *targeted) work(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	pack := engine.Pack{Tenant: w.live.Tenant, Journey: w.live.Journey}
	for customer := range w.items {
		pack.Customers = append(pack.Customers, customer)
	}
	require.NoError(t, w.engine().Advance(ctx, pack))
}

// wait lets virtual time pass until all customers are due again.
func (w *targeted) wait() {
	var last time.Time
	for _, e := range w.items {
		if e.Due.After(last) {
			last = e.Due
		}
	}
	time.Sleep(time.Until(last) + time.Second)
}

func TestTargets_AHangingChannelIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 90, "s", "")
		w.hangs = true
		began := time.Now()
		w.work(t)
		require.Equal(t, 32, w.attempts, "those that were under way when it opened")
		require.Less(t, time.Since(began), 11*time.Second)
		require.Contains(t, w.log.String(), "target opened: timed out 5 times")
		state := w.Targets()["c:push"]
		require.Equal(t, target.Open, state.Kind)
		attempts := 0
		for _, e := range w.items {
			attempts += e.Attempts
			require.False(t, e.Due.Before(time.Now()))
			require.True(t, e.Attempts == 1 || e.LeaseUntil.IsZero(), "what was not sent is not in doubt")
		}
		require.Equal(t, 32, attempts, "only what was sent is an attempt")

		before, writes := time.Now(), w.Writes()
		w.work(t)
		require.Equal(t, 32, w.attempts)
		require.Less(t, time.Since(before), time.Second, "an open target holds no worker")
		require.Equal(t, writes, w.Writes())

		w.wait()
		w.work(t)
		require.Equal(t, 33, w.attempts, "a single probe")
		require.Equal(t, time.Minute, w.Targets()["c:push"].Wait)
		require.Contains(t, w.log.String(), "target stays open: a probe timed out")

		w.hangs, w.takes = false, 100*time.Millisecond
		w.wait()
		w.work(t)
		require.Empty(t, w.Targets())
		require.Contains(t, w.log.String(), "target closed")
		for customer, e := range w.items {
			require.Equal(t, progress.Completed, e.Status, customer)
		}
	})
}

// Of two workers that come after an opening, one probes.
func TestTargets_TwoWorkersProbeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 40, "s", "")
		w.hangs = true
		w.work(t)
		w.wait()
		w.attempts = 0
		var workers sync.WaitGroup
		var all []string
		for customer := range w.items {
			all = append(all, customer)
		}
		for some := range slices.Chunk(all, 8) {
			workers.Go(func() {
				pack := engine.Pack{Tenant: w.live.Tenant, Journey: w.live.Journey, Customers: some}
				require.NoError(t, w.engine().Advance(t.Context(), pack))
			})
		}
		workers.Wait()
		require.Equal(t, 1, w.attempts)
	})
}

// If the state cannot be written, as when it is of a newer format, a worker still leaves a
// hanging target alone.
func TestTargets_OpenForAWorkerThatCannotWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 90, "s", "")
		w.hangs, w.refused = true, journey.ErrNewer
		w.work(t)
		require.Equal(t, 32, w.attempts)
		require.Contains(t, w.log.String(), "target not written")
		require.Empty(t, w.Targets())
	})
}

// A decision whose node goes on without an answer does so at once; another waits without
// an attempt.
func TestTargets_AnOpenFlowDecidesByTheNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for onError, want := range map[string]progress.EnrollmentStatus{"continue": progress.Completed, "fail": progress.Inside} {
			w := newTargeted(t, 40, "d", onError)
			opened, _ := target.State{}.Opened(time.Now())
			_, _, err := w.PutTarget(t.Context(), "d:next", target.State{}, opened)
			require.NoError(t, err)
			w.work(t)
			require.Zero(t, w.attempts)
			for customer, e := range w.items {
				require.Equal(t, want, e.Status, customer)
				require.Zero(t, e.Attempts)
				if want == progress.Inside {
					require.True(t, e.Due.After(time.Now()))
				} else {
					require.Equal(t, trail.EffectError, e.Path.Visits(e.EnrolledAt)[1].Result)
				}
			}
		}
	})
}

// A worker sends through a slow target only with a lease, which it gives back.
func TestTargets_ASlowChannelHoldsItsShareOfTheWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 400, "s", "")
		w.takes = 5 * time.Second
		packs := make([]engine.Pack, 20)
		n := 0
		for customer := range w.items {
			p := &packs[n%len(packs)]
			p.Tenant, p.Journey, p.Customers = w.live.Tenant, w.live.Journey, append(p.Customers, customer)
			n++
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, w.engine().Advance(ctx, packs[0]))
		require.Equal(t, target.Limited, w.Targets()["c:push"].Kind)
		require.Empty(t, w.Targets()["c:push"].Leases)
		w.attempts = 0
		var workers sync.WaitGroup
		for _, p := range packs[1:] {
			workers.Go(func() { require.NoError(t, w.engine().Advance(ctx, p)) })
		}
		workers.Wait()
		require.Equal(t, 6*20, w.attempts, "6 of 25 workers hold a lease")

		w.takes = 100 * time.Millisecond
		w.wait()
		w.work(t)
		require.Empty(t, w.Targets(), "it answers fast")
	})
}

// A worker whose target answers fast lifts the limit, but not what another worker has found
// since.
func TestTargets_ALimitThatEndsClosesNoOpenTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 10, "s", "")
		w.takes = 100 * time.Millisecond
		limited, _ := target.State{}.Limited(time.Now())
		_, _, err := w.PutTarget(t.Context(), "c:push", target.State{}, limited)
		require.NoError(t, err)
		w.closing = func() {
			opened, _ := w.Targets()["c:push"].Opened(time.Now())
			_, ok, err := w.slowWorld.PutTarget(t.Context(), "c:push", w.Targets()["c:push"], opened)
			require.NoError(t, err)
			require.True(t, ok)
		}
		w.work(t)
		require.Nil(t, w.closing, "the worker tried")
		require.Equal(t, target.Open, w.Targets()["c:push"].Kind)
	})
}

// The answer of a message is written before its customer waits for the slot of the next
// message: the lease of the first could end meanwhile, and the message be in doubt.
func TestTargets_AnAnswerIsWrittenBeforeTheNextSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 1, "ss", "")
		w.rate, w.takes = 0.1, 2*time.Second
		var meanwhile progress.Enrollment
		time.AfterFunc(5*time.Second, func() {
			w.slowWorld.mu.Lock()
			defer w.slowWorld.mu.Unlock()
			for _, e := range w.items {
				meanwhile = e
			}
		})
		w.work(t)
		require.Len(t, w.sentAt, 2)
		require.Greater(t, w.sentAt[1].Sub(w.sentAt[0]), 9*time.Second)
		require.True(t, meanwhile.LeaseUntil.IsZero(), "no message is in doubt")
		require.Equal(t, trail.Sent, meanwhile.Path.Visits(meanwhile.EnrolledAt)[1].Result)
	})
}

// A message is sent at its slot although those before it have no answer yet.
func TestTargets_SlotsAreUsedThoughAnswersTakeLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 32, "s", "")
		w.rate, w.takes = 20, 1900*time.Millisecond
		begun := time.Now()
		w.work(t)
		require.Len(t, w.sentAt, 32)
		require.Less(t, time.Since(begun), 5*time.Second)
	})
}

// Many workers send through a channel with a rate: no window has more messages than that.
func TestTargets_WorkersKeepARateTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTargeted(t, 900, "s", "")
		w.rate, w.takes = 20, 300*time.Millisecond
		var all []string
		for customer := range w.items {
			all = append(all, customer)
		}
		for range 12 {
			var workers sync.WaitGroup
			for i := range 10 {
				workers.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					pack := engine.Pack{Tenant: w.live.Tenant, Journey: w.live.Journey, Customers: all[90*i : 90*(i+1)]}
					require.NoError(t, w.engine().Advance(ctx, pack))
				})
			}
			workers.Wait()
			time.Sleep(time.Second)
		}
		require.Greater(t, len(w.sentAt), 700)
		for i, at := range w.sentAt {
			second, ten := 0, 0
			for _, other := range w.sentAt[i:] {
				if other.Sub(at) < time.Second {
					second++
				}
				if other.Sub(at) < 10*time.Second {
					ten++
				}
			}
			require.LessOrEqual(t, second, 2*20+1, "none is sent more than a second after its slot")
			require.LessOrEqual(t, ten, 11*20+1)
		}
		for customer, e := range w.items {
			require.Zero(t, e.Attempts, customer)
		}
	})
}
