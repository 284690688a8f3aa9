package virtual

import (
	"context"
	"sync"
	"time"

	"journeys/internal/engine"
)

// Lambda's asynchronous invocations, as the infrastructure sets them up.
const (
	maxEventAge = 5 * time.Minute
	retries     = 1
	retryAfter  = time.Minute
)

// queue is Lambda's queue of a function's asynchronous invocations.
type queue struct {
	*World
	limit   int // reserved concurrency
	run     func(ctx context.Context, env *environment, pack engine.Pack) error
	events  []event
	running int
	free    []*environment // warm, the one used last at the end
}

type event struct {
	pack    engine.Pack
	sent    time.Time
	attempt int
}

// environment is an execution environment, which outlives invocations.
type environment struct {
	mu   sync.Mutex
	rate map[string]*rateLimit // by channel
}

// dispatcher is the World's engine.Dispatcher.
type dispatcher struct{ *World }

func (d dispatcher) Dispatch(ctx context.Context, p engine.Pack) error {
	if !elapse(ctx, InvokeTime) {
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Count.Packs++
	if p.Solo {
		d.Count.Solo++
	}
	d.advance.events = append(d.advance.events, event{pack: p, sent: time.Now()})
	d.Count.MaxQueue = max(d.Count.MaxQueue, len(d.advance.events))
	d.advance.start()
	return nil
}

// DispatchSweep runs the function sweep at once: its concurrency is more than its calls.
func (d dispatcher) DispatchSweep(ctx context.Context, s engine.Segment) error {
	if !elapse(ctx, InvokeTime) {
		return ctx.Err()
	}
	d.running.Go(func() { d.tick(d.ctx, func(ctx context.Context) error { return d.engine(nil).Sweep(ctx, s) }) })
	return nil
}

// start begins as many invocations as the concurrency allows.
func (q *queue) start() {
	for q.running < q.limit && len(q.events) > 0 && q.ctx.Err() == nil {
		e := q.events[0]
		q.events = q.events[1:]
		if time.Since(e.sent) > maxEventAge {
			q.Count.Dropped++
			continue
		}
		env := &environment{rate: map[string]*rateLimit{}}
		if n := len(q.free); n > 0 {
			env, q.free = q.free[n-1], q.free[:n-1]
		}
		q.running++
		q.World.running.Go(func() { q.invoke(env, e) })
	}
}

// invoke is one invocation.
func (q *queue) invoke(env *environment, e event) {
	ctx, cancel := context.WithTimeout(q.ctx, WorkerTimeout)
	defer cancel()
	begun := time.Now()
	err := q.run(ctx, env, e.pack)
	q.mu.Lock()
	q.Count.Invocations++
	q.Count.GBSeconds += memoryGB * time.Since(begun).Seconds()
	q.running--
	q.free = append(q.free, env)
	q.start()
	q.mu.Unlock()
	if err == nil || e.attempt >= retries || !elapse(q.ctx, retryAfter) {
		return
	}
	e.attempt++
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, e)
	q.start()
}
