package lambda

import "time"

// How long faults delay things.
const (
	shortFreeze = 2 * time.Second
	longFreeze  = 24 * time.Second // longer than a lease of the engine's
	maxLate     = 3 * time.Second  // of an asynchronous call

	minSlow, maxSlow   = time.Second, 8 * time.Second       // of a provider's answer
	minHurry, maxHurry = 13 * time.Second, 20 * time.Second // left to a hurried call
)

// limitEvent returns how long an asynchronous call may take: limit, or too little
// for all of a pack's effects if Hurried strikes.
func (f *Faults) limitEvent(limit time.Duration) time.Duration {
	if f == nil || limit < maxHurry || !f.strikes(Hurried) {
		return limit
	}
	f.count(Hurried)
	return minHurry + upTo(f, Hurried, maxHurry-minHurry)
}

func hasID(process string) func(*environment) bool {
	return func(e *environment) bool { return e.id == process }
}

// kill kills the process with that id, unless its call has an answer.
func (f *Faults) kill(process string) bool {
	return f.service.interrupt(hasID(process), kill) > 0
}

// freeze stops the process with that id, and continues it later: after up to two
// seconds, or in one of four cases after 22 seconds more. Meanwhile the request is
// answered.
func (f *Faults) freeze(process string) bool {
	var stopped *call
	f.service.interrupt(hasID(process), func(e *environment, c *call) bool {
		stopped = c
		e.process.Freeze()
		return true
	})
	if stopped == nil {
		return false
	}
	wait := upTo(f, Frozen, shortFreeze)
	if upTo(f, Frozen, 4) == 0 {
		wait += longFreeze - shortFreeze
	}
	go func() {
		sleep(f.stopped, wait)
		// The process may have died, or have another call by now.
		f.service.interrupt(func(e *environment) bool { return e.currentCall() == stopped }, func(e *environment, _ *call) bool {
			e.process.Thaw()
			return true
		})
	}()
	return true
}
