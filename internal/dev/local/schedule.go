package local

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"journeys/internal/manifest"
)

// overlap is how many calls of one schedule are under way at a time. In the
// cloud the second begins when the first has run into its time-out; here,
// where a minute may be a second, the first may only be slow.
const overlap = 2

// maxLeftOut is how many rounds are left out at most while what the last one
// began is not done.
const maxLeftOut = 10

// Schedule invokes functions at the rate of their Schedule until ctx ends, and
// returns when no call of it is under way. minute is what a minute takes. What
// fails is not tried again: the next call is soon. Where a minute is a second,
// the asynchronous calls that one round makes may not be done when the next is
// due; it is left out then, as in the cloud it would come much later.
func (l *Lambda) Schedule(ctx context.Context, functions []manifest.Function, minute time.Duration) {
	var all sync.WaitGroup
	for _, f := range functions {
		if f.Schedule > 0 {
			every := time.Duration(float64(f.Schedule) * (float64(minute) / float64(time.Minute)))
			all.Go(func() { l.keepCalling(ctx, f.Name, every) })
		}
	}
	all.Wait()
}

func (l *Lambda) keepCalling(ctx context.Context, name string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	slots := make(chan struct{}, overlap)
	var calls sync.WaitGroup
	defer calls.Wait()
	leftOut := 0
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticker.C:
			if leftOut++; l.begun.Load() > 0 && leftOut <= maxLeftOut {
				continue
			}
			leftOut = 0
			select {
			case slots <- struct{}{}:
				calls.Go(func() {
					defer func() { <-slots }()
					if _, err := l.Invoke(ctx, name, scheduled(name, at)); err != nil && ctx.Err() == nil {
						l.say(name, fmt.Sprintf("the scheduled call failed: %v", err))
					}
				})
			default: // it is busy
			}
		}
	}
}

// scheduled is the event of EventBridge Scheduler.
func scheduled(name string, at time.Time) []byte {
	event, _ := json.Marshal(map[string]any{ // strings are always written
		"version": "0", "id": newRequestID(), "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": account, "region": region, "time": at.UTC().Format(time.RFC3339), "detail": "{}",
		"resources": []string{"arn:aws:scheduler:" + region + ":" + account + ":schedule/default/" + name},
	})
	return event
}
