package boot

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

// parts keeps the enrolled customers of the parts that it is given.
type parts struct{ enrolled int64 }

func (p *parts) PutPart(_ context.Context, part analytics.Part) (analytics.Part, error) {
	p.enrolled = part.Totals.Enrolled
	return part, nil
}

// An error of the function is what makes Lambda deliver the batch again, for as long
// as the stream keeps it.
func TestCount_FailsTheBatchOfANewerVersion(t *testing.T) {
	t.Parallel()

	enrollment := func(number string, delta ...byte) events.DynamoDBEventRecord {
		r := events.DynamoDBEventRecord{EventName: "INSERT"}
		r.Change.SequenceNumber = number
		r.Change.Keys = map[string]events.DynamoDBAttributeValue{
			"PK": events.NewStringAttribute("T#demo#C#ada"), "SK": events.NewStringAttribute("E#0" + strings.Repeat("1", 25)),
		}
		r.Change.NewImage = map[string]events.DynamoDBAttributeValue{
			"f": events.NewNumberAttribute("1"), "gh": events.NewBinaryAttribute(make([]byte, 16)), "v": events.NewNumberAttribute("1"), "r": events.NewNumberAttribute("1"),
			"dv": events.NewNumberAttribute("1"), "d": events.NewBinaryAttribute(delta), "t": events.NewNumberAttribute("1795457182998"),
		}
		return r
	}
	var table parts
	var log bytes.Buffer
	counter := &analytics.Counter{Parts: &table, Now: time.Now, Log: slog.New(slog.NewJSONHandler(&log, nil)), Parallel: 1}
	var batch events.DynamoDBTimeWindowEvent
	batch.ShardID = "shard"
	batch.Records = []events.DynamoDBEventRecord{enrollment("1", 1, 1, 0, 1), enrollment("2", trail.FeedbackForm+1, 1, 0, 1, 0)}
	_, err := countBatch(t.Context(), counter, batch)
	require.ErrorIs(t, err, journey.ErrNewer)
	require.Zero(t, table.enrolled)
	require.Equal(t, 1, strings.Count(log.String(), "batch not counted: newer format"))
	require.NotContains(t, strings.ToLower(log.String()), "poison")

	batch.Records = batch.Records[:1]
	_, err = countBatch(t.Context(), counter, batch)
	require.NoError(t, err)
	require.EqualValues(t, 1, table.enrolled)
}
