package virtual

import (
	"context"
	"time"

	"journeys/internal/engine"
	"journeys/internal/manifest"
	"journeys/internal/target"
)

// function is a function that is invoked asynchronously, with Lambda's queue before it.
type function struct {
	*World
	limit       int // reserved concurrency
	timeout     time.Duration
	maxEventAge time.Duration
	retries     int
	events      []event
	running     int
	free        []*environment // warm, the one used last at the end
}

type event struct {
	run     func(context.Context, *environment) error
	sent    time.Time
	attempt int
}

// retryAfter is how long Lambda waits before it invokes a function again that failed.
const retryAfter = time.Minute

// environment is an execution environment, which outlives invocations.
type environment struct {
	seen target.Watch
}

// watched returns what the environment has seen of targets; nil for that of tick.
func (env *environment) watched() *target.Watch {
	if env == nil {
		return nil
	}
	return &env.seen
}

// functions are the functions of a World, as the infrastructure sets them up.
func (w *World) functions() {
	w.sweep = &function{World: w, limit: w.Sweepers, timeout: manifest.Sweep.Timeout, maxEventAge: time.Minute}
	w.advance = &function{World: w, limit: w.Workers, timeout: manifest.Advance.Timeout, maxEventAge: 5 * time.Minute, retries: 1}
}

// dispatcher is the World's engine.Dispatcher.
type dispatcher struct{ *World }

func (d dispatcher) Dispatch(ctx context.Context, p engine.Pack) error {
	if !d.elapse(ctx, InvokeTime, requestCPU) {
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Count.Packs++
	if p.Solo {
		d.Count.Solo++
	}
	d.advance.send(event{run: func(ctx context.Context, env *environment) error { return d.work(ctx, env, p) }})
	return nil
}

func (d dispatcher) DispatchSweep(ctx context.Context, s engine.Segment) error {
	if !d.elapse(ctx, InvokeTime, requestCPU) {
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Count.Sweeps++
	d.sweep.send(event{run: func(ctx context.Context, _ *environment) error {
		begun := time.Now()
		err := d.engine(nil).Sweep(withProcessor(ctx), s)
		d.mu.Lock()
		d.Count.LongestSweep = max(d.Count.LongestSweep, time.Since(begun))
		d.mu.Unlock()
		return err
	}})
	return nil
}

// send puts an event into the queue. The World is locked.
func (f *function) send(e event) {
	e.sent = time.Now()
	f.events = append(f.events, e)
	f.Count.MaxQueue = max(f.Count.MaxQueue, len(f.events))
	f.start()
}

// start begins as many invocations as the concurrency allows.
func (f *function) start() {
	for f.running < f.limit && len(f.events) > 0 && f.ctx.Err() == nil {
		e := f.events[0]
		f.events = f.events[1:]
		if time.Since(e.sent) > f.maxEventAge {
			f.Count.Dropped++
			continue
		}
		env := &environment{}
		if n := len(f.free); n > 0 {
			env, f.free = f.free[n-1], f.free[:n-1]
		}
		f.running++
		f.World.running.Go(func() { f.invoke(env, e) })
	}
}

// invoke is one invocation.
func (f *function) invoke(env *environment, e event) {
	ctx, cancel := context.WithTimeout(f.ctx, f.timeout)
	defer cancel()
	begun := time.Now()
	err := e.run(ctx, env)
	f.mu.Lock()
	f.Count.Invocations++
	f.Count.GBSeconds += memoryGB * time.Since(begun).Seconds()
	f.running--
	f.free = append(f.free, env)
	f.start()
	f.mu.Unlock()
	if err == nil || e.attempt >= f.retries || !elapse(f.ctx, retryAfter) {
		return
	}
	e.attempt++
	f.mu.Lock()
	defer f.mu.Unlock()
	f.send(e)
}
