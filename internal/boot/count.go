package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/analytics"
	"journeys/internal/boot/settings"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// parallelParts is how many parts of figures are written at a time.
const parallelParts = 16

// Count runs the function that counts what the table's stream tells.
func Count() {
	settings.Start(manifest.Count, func(set map[string]string) (any, error) {
		counter := &analytics.Counter{
			Parts: dynamo.New(connect(context.Background()), set[manifest.EnvTable], rand.Reader).Analytics,
			Now:   time.Now, Log: lambdacontext.NewLogger(), Installation: set[manifest.EnvTable],
			Parallel: parallelParts,
		}
		return func(ctx context.Context, event events.DynamoDBTimeWindowEvent) (events.DynamoDBTimeWindowEventResponse, error) {
			return countWindow(ctx, counter, event)
		}, nil
	})
}

// countWindow counts a batch. It has a window only because an event without one
// does not name its shard; the window's state stays empty.
func countWindow(
	ctx context.Context, counter *analytics.Counter, event events.DynamoDBTimeWindowEvent,
) (answer events.DynamoDBTimeWindowEventResponse, err error) {
	answer.State = map[string]string{}
	if len(event.Records) == 0 {
		return answer, nil // the window's end
	}
	if event.ShardID == "" {
		return answer, errors.New("the event does not name its shard: the stream must be mapped with a tumbling window")
	}
	records := make([]analytics.Record, len(event.Records))
	for i, r := range event.Records {
		records[i] = dynamo.Record(r)
	}
	return answer, counter.Count(ctx, event.ShardID, records)
}
