package boot

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/analytics"
	"journeys/internal/boot/function"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// parallelParts is how many parts of the figures count writes at a time.
const parallelParts = 16

// Count runs the function that counts the records of the table's stream. It
// never returns.
func Count() {
	function.Run(manifest.Count, func(settings map[string]string) (any, error) {
		counter := &analytics.Counter{
			Parts: openStore(settings).Analytics,
			Now:   time.Now, Log: lambdacontext.NewLogger(), Installation: settings[manifest.EnvTable],
			Parallel: parallelParts,
		}
		return func(ctx context.Context, event events.DynamoDBTimeWindowEvent) (events.DynamoDBTimeWindowEventResponse, error) {
			return countBatch(ctx, counter, event)
		}, nil
	})
}

// countBatch counts a batch of stream records. The stream has a tumbling window
// because Lambda names the shard only in the events of a window; the window's
// state stays empty.
func countBatch(
	ctx context.Context, counter *analytics.Counter, event events.DynamoDBTimeWindowEvent,
) (answer events.DynamoDBTimeWindowEventResponse, err error) {
	answer.State = map[string]string{}
	if len(event.Records) == 0 {
		return answer, nil // the final event of a window
	}
	if event.ShardID == "" {
		return answer, errors.New("the event names no shard: the stream must be mapped with a tumbling window")
	}
	records := make([]analytics.Record, len(event.Records))
	for i, r := range event.Records {
		records[i] = dynamo.Record(r)
	}
	return answer, counter.Count(ctx, event.ShardID, records)
}
