package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/manifest"
)

// overlap is how many calls of one schedule may run at the same time. In the
// cloud the first call has run into its timeout when the second begins; here,
// where a minute may take a second, the first call may only be slow.
const overlap = 2

// maxSkipped is how many rounds in a row are skipped while asynchronous calls of
// an earlier round work.
const maxSkipped = 10

// Schedule invokes functions at the rate of their Schedule until ctx ends, and
// returns when none of its calls is running. A minute of a Schedule takes minute.
// A failed call is not retried. Where a minute takes a second, the asynchronous
// calls of one round may still be working at the next; that round is skipped,
// because in the cloud it would come much later.
func (s *Service) Schedule(ctx context.Context, functions []manifest.Function, minute time.Duration) {
	var all sync.WaitGroup
	for _, f := range functions {
		if f.Schedule > 0 {
			every := time.Duration(float64(f.Schedule) * (float64(minute) / float64(time.Minute)))
			all.Go(func() { s.invokeEvery(ctx, f.Name, every) })
		}
	}
	all.Wait()
}

func (s *Service) invokeEvery(ctx context.Context, name string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var calls errgroup.Group
	calls.SetLimit(overlap)
	defer func() { _ = calls.Wait() }() // no call returns an error
	skipped := 0
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticker.C:
			if skipped++; s.begun.Load() > 0 && skipped <= maxSkipped {
				continue
			}
			skipped = 0
			calls.TryGo(func() error { // skips the round while both are running
				if _, err := s.Invoke(ctx, name, scheduleEvent(name, at)); err != nil && ctx.Err() == nil {
					s.logLine(name, fmt.Sprintf("scheduled call failed: %v", err))
				}
				return nil
			})
		}
	}
}

// scheduleEvent returns an event in the form of EventBridge Scheduler.
func scheduleEvent(name string, at time.Time) []byte {
	event, _ := json.Marshal(map[string]any{ // strings can always be encoded
		"version": "0", "id": newRequestID(), "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": Account, "region": Region, "time": at.UTC().Format(time.RFC3339), "detail": "{}",
		"resources": []string{"arn:aws:scheduler:" + Region + ":" + Account + ":schedule/default/" + name},
	})
	return event
}
