package graph

import (
	"time"

	"journeys/internal/strict"
)

// The bounds of a reentry setting.
const (
	MaxReentryHours = 87_600 // ten years
	MaxRuns         = 100
)

// Reentry says when customers who left a journey may enter it again. The zero value is
// never.
type Reentry struct {
	Raw         []byte // compact JSON; nil for never
	AfterExit   bool
	MinInterval time.Duration // from one entry to the next
	Max         int           // runs of one customer; 0 for any number
}

// ReadReentry reads {"mode", "minIntervalHours", "max"} and notes every fault.
func ReadReentry(v strict.Value) (r Reentry, ok bool) {
	before := v.FaultCount()
	object, ok := v.Object()
	if !ok {
		return Reentry{}, false
	}
	object.DropNulls()
	mode := ""
	if m, ok := object.Need("mode"); ok {
		mode, _ = m.OneOf("never", "afterExit")
	}
	r.AfterExit = mode == "afterExit"
	hours, hasInterval := object.Take("minIntervalHours")
	if hasInterval {
		if h, ok := hours.Float(0, MaxReentryHours); ok {
			r.MinInterval = toDelay(h, time.Hour)
		}
	}
	most, hasMax := object.Take("max")
	if hasMax {
		r.Max, _ = most.Int(2, MaxRuns)
	}
	if mode == "never" && (hasInterval || hasMax) {
		v.Fault("may have minIntervalHours and max only with mode afterExit")
	}
	object.Done("mode", "minIntervalHours", "max")
	if v.FaultCount() > before {
		return Reentry{}, false
	}
	if r.AfterExit {
		r.Raw, ok = v.Compact(256)
	}
	return r, ok
}
