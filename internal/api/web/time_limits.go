package web

import (
	"context"
	"time"

	"journeys/internal/apigw"
)

// maxAge is more than a gateway waits for a function. A request that seems to be older
// comes from a gateway without a clock.
const maxAge = 15 * time.Minute

// ReceivedAt returns when the gateway received a request, by our clock where the
// gateway's is of no use.
func ReceivedAt(ctx context.Context, now time.Time) time.Time {
	if at := apigw.ReceivedAt(ctx); !at.After(now) && now.Sub(at) < maxAge {
		return at
	}
	return now
}

// answerMargin is the part of a request's time that is reserved for answering
// that the time is up.
const answerMargin = 500 * time.Millisecond

// WithMargin returns ctx with a deadline earlier by answerMargin.
func WithMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-answerMargin))
	}
	return context.WithCancel(ctx)
}
