package lambda

import (
	"cmp"
	"fmt"
)

// acquire assigns c to an idle environment of a function, or to a new one.
func (s *Service) acquire(name string, c *call) (*environment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.functions[name]
	switch {
	case s.stopped:
		return nil, ErrStopped
	case !ok:
		return nil, fmt.Errorf("%w %q", ErrUnknown, name)
	}
	e := s.popIdle(f)
	if e == nil {
		if f.running >= cmp.Or(f.Concurrency, s.options.MaxConcurrency) {
			return nil, ErrThrottled
		}
		var err error
		if e, err = s.start(f); err != nil {
			return nil, fmt.Errorf("start function %s: %w", name, err)
		}
	}
	e.setCall(c)
	s.calls.Add(1)
	return e, nil
}

// popIdle returns an idle environment whose process is alive, or nil. The caller
// holds s.mu.
func (s *Service) popIdle(f *function) *environment {
	for len(f.idle) > 0 {
		e := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if e.process.Alive() {
			return e
		}
		s.forget(e)
	}
	return nil
}

// release freezes an environment until its next call.
func (s *Service) release(e *environment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.setCall(nil)
	e.process.Freeze()
	e.function.idle = append(e.function.idle, e)
}

// discard kills an environment and returns when its process is gone.
func (s *Service) discard(e *environment) {
	e.process.Kill()
	<-e.process.Ended()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(e)
}

// forget removes an environment. The caller holds s.mu.
func (s *Service) forget(e *environment) {
	e.function.running--
	delete(s.environments, e.id)
}
