package lambda

import "journeys/internal/dev/process"

// Kill kills the processes of a function that have a call, and returns their
// number. Each of these calls fails, unless it has its answer already.
func (s *Service) Kill(name string) int {
	return s.interrupt(hasName(name), kill)
}

// kill kills the process of a call that has no answer yet, and reports whether
// it did.
func kill(e *environment, c *call) bool {
	first := c.settle(nil, &FunctionError{"Runtime.ExitError", "the function's process was killed"})
	if first {
		e.process.Kill()
	}
	return first
}

// Freeze stops the processes of a function that have a call, and returns their
// number once all have stopped. They continue after Thaw, or die by the
// function's timeout.
func (s *Service) Freeze(name string) int {
	var frozen []*process.Process
	n := s.interrupt(hasName(name), func(e *environment, _ *call) bool {
		e.process.Freeze()
		frozen = append(frozen, e.process)
		return true
	})
	for _, p := range frozen {
		p.AwaitFrozen()
	}
	return n
}

// Thaw continues the processes that Freeze stopped, and returns the number of
// processes of the function that have a call.
func (s *Service) Thaw(name string) int {
	return s.interrupt(hasName(name), func(e *environment, _ *call) bool {
		e.process.Thaw()
		return true
	})
}

func hasName(name string) func(*environment) bool {
	return func(e *environment) bool { return e.function.Name == name }
}

// interrupt applies do to the matching environments that have a call, and
// returns how often do returned true.
func (s *Service) interrupt(matches func(*environment) bool, do func(*environment, *call) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.environments {
		if c := e.currentCall(); c != nil && matches(e) && do(e, c) {
			n++
		}
	}
	return n
}
