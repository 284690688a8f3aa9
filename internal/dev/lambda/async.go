package lambda

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Lambda's rules for asynchronous calls. A minute takes Options.Minute.
const (
	functionRetries = 2       // after an error of the function: a minute later, and two minutes after that
	maxEventMinutes = 6 * 60  // for which an event is retried before it is lost
	firstThrottle   = 1. / 60 // minutes until a throttled event is retried; doubles each time
	maxThrottle     = 5.      // minutes
)

// longestWork is how long an asynchronous call works at most. One that takes longer waits
// for others, such as a provider that does not answer.
const longestWork = 2 * time.Second

// Concurrency returns how many asynchronous calls run at the same time. On
// one machine more of them would only slow each other down.
func Concurrency() int { return 4 * runtime.NumCPU() }

// InvokeAsync queues a call and returns its request id. A failed call is made up
// to two more times; a throttled one is retried for six hours. The queue is in
// memory.
func (s *Service) InvokeAsync(name string, payload []byte) (requestID string, err error) {
	if len(payload) > MaxEvent {
		return "", ErrTooLarge
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return "", ErrStopped
	}
	if s.functions[name] == nil {
		return "", fmt.Errorf("%w %q", ErrUnknown, name)
	}
	id := newRequestID()
	s.begun.Add(1)
	s.events.Go(func() { s.deliver(id, name, payload) })
	return id, nil
}

// deliver makes a call until it succeeds or its retries are used up.
func (s *Service) deliver(id, name string, payload []byte) {
	failures, throttle, waited := 0., firstThrottle, 0.
	worked := sync.OnceFunc(func() { s.begun.Add(-1) })
	for {
		_ = s.slots.Acquire(context.Background(), 1) // fails only if its context ends
		waits := time.AfterFunc(longestWork, worked)
		_, err := s.invoke(context.Background(), name, &call{id: id, payload: payload, event: true})
		s.slots.Release(1)
		waits.Stop()
		worked()
		if err == nil || errors.Is(err, ErrStopped) {
			return
		}
		minutes := throttle
		if failed := (*FunctionError)(nil); errors.As(err, &failed) {
			failures++
			minutes = failures
		} else {
			throttle = min(2*throttle, maxThrottle)
		}
		waited += minutes
		if failures > functionRetries || waited > maxEventMinutes {
			s.logLine(name, fmt.Sprintf("event lost: %s: %v", id, err))
			return
		}
		if !sleep(s.ending, time.Duration(minutes*float64(s.options.Minute))) {
			return
		}
	}
}

// sleep waits for d and reports true, or false as soon as done is closed.
func sleep(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}
