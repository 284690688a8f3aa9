package dynamo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

// readStream returns the enrollment records of the table's stream, and its shard.
func readStream(t *testing.T, table string) (shard string, records []analytics.Record) {
	t.Helper()
	described, err := dynamotest.Client().DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	require.NoError(t, err)
	client, arn := dynamodbstreams.NewFromConfig(dynamotest.Config()), described.Table.LatestStreamArn
	stream, err := client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	require.NoError(t, err)
	require.Len(t, stream.StreamDescription.Shards, 1)
	shard = *stream.StreamDescription.Shards[0].ShardId
	place, err := client.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: arn, ShardId: &shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
	})
	require.NoError(t, err)
	filter := manifest.Stream{SortKeyPrefixes: []string{"E#", "B#"}}
	for at := place.ShardIterator; at != nil; {
		page, err := client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at})
		require.NoError(t, err)
		if len(page.Records) == 0 {
			break
		}
		for _, r := range page.Records {
			record := events.DynamoDBEventRecord{EventName: string(r.EventName)}
			record.Change.SequenceNumber = *r.Dynamodb.SequenceNumber
			record.Change.Keys, record.Change.NewImage = handedOver(r.Dynamodb.Keys), handedOver(r.Dynamodb.NewImage)
			if filter.Delivers(record.Change.Keys["SK"].String()) {
				records = append(records, dynamo.Record(record))
			}
		}
		at = page.NextShardIterator
	}
	return shard, records
}

func handedOver(image map[string]streamtypes.AttributeValue) map[string]events.DynamoDBAttributeValue {
	over := map[string]events.DynamoDBAttributeValue{}
	for name, value := range image {
		switch v := value.(type) {
		case *streamtypes.AttributeValueMemberS:
			over[name] = events.NewStringAttribute(v.Value)
		case *streamtypes.AttributeValueMemberN:
			over[name] = events.NewNumberAttribute(v.Value)
		case *streamtypes.AttributeValueMemberB:
			over[name] = events.NewBinaryAttribute(v.Value)
		default:
			over[name] = events.NewNullAttribute()
		}
	}
	return over
}

func TestRecord_DecodesEnrollmentsOnly(t *testing.T) {
	t.Parallel()
	image := func(change func(map[string]events.DynamoDBAttributeValue)) events.DynamoDBEventRecord {
		r := events.DynamoDBEventRecord{EventName: "MODIFY"}
		r.Change.SequenceNumber = "000017"
		r.Change.Keys = map[string]events.DynamoDBAttributeValue{
			"PK": events.NewStringAttribute("T#demo#C#ada#T#other#C#"), "SK": events.NewStringAttribute("E#" + strings.TrimPrefix(string(id(1)), "jrn_")),
		}
		r.Change.NewImage = map[string]events.DynamoDBAttributeValue{
			"f": events.NewNumberAttribute("1"), "gh": events.NewBinaryAttribute(make([]byte, 16)), "v": events.NewNumberAttribute("2"), "r": events.NewNumberAttribute("3"),
			"dv": events.NewNumberAttribute("3"), "d": events.NewBinaryAttribute([]byte{1, 0, 1, 2}), "t": events.NewNumberAttribute("1795457182998"),
		}
		change(r.Change.NewImage)
		return r
	}
	same := func(map[string]events.DynamoDBAttributeValue) {}
	r := dynamo.Record(image(same))
	require.NoError(t, r.Err)
	require.Equal(t, analytics.Record{
		Number: "000017", Tenant: demo, Journey: id(1), Write: analytics.Write{
			Graph: strings.Repeat("0", 32), Version: 2, At: time.UnixMilli(1795457182998).UTC(), Delta: trail.Delta{1, 0, 1, 2},
		},
	}, r)
	anonymized := image(same)
	anonymized.Change.Keys["PK"] = events.NewStringAttribute("T#demo#A#0123")
	require.Equal(t, r, dynamo.Record(anonymized), "an anonymized enrollment counts the same")

	for name, change := range map[string]func(map[string]events.DynamoDBAttributeValue){
		"a delta of an earlier revision": func(i map[string]events.DynamoDBAttributeValue) { i["r"] = events.NewNumberAttribute("4") },
		"a delta without marks":          func(i map[string]events.DynamoDBAttributeValue) { i["d"] = events.NewBinaryAttribute([]byte{1, 0}) },
		"no delta":                       func(i map[string]events.DynamoDBAttributeValue) { delete(i, "d") },
	} {
		r := dynamo.Record(image(change))
		require.NoError(t, r.Err, name)
		require.Empty(t, r.Write.Delta, name)
	}
	gone := image(same)
	gone.EventName, gone.Change.NewImage = "REMOVE", nil
	require.Empty(t, dynamo.Record(gone).Write.Delta)
	require.NoError(t, dynamo.Record(gone).Err)

	for name, change := range map[string]func(map[string]events.DynamoDBAttributeValue){
		"no time":                  func(i map[string]events.DynamoDBAttributeValue) { delete(i, "t") },
		"no graph":                 func(i map[string]events.DynamoDBAttributeValue) { delete(i, "gh") },
		"a delta of another type":  func(i map[string]events.DynamoDBAttributeValue) { i["d"] = events.NewNumberAttribute("1") },
		"a revision that is a map": func(i map[string]events.DynamoDBAttributeValue) { i["r"] = events.NewMapAttribute(nil) },
		"a version of no number":   func(i map[string]events.DynamoDBAttributeValue) { i["v"] = events.NewNumberAttribute("x") },
	} {
		require.Error(t, dynamo.Record(image(change)).Err, name)
	}
	for _, pk := range []string{"T#a b#C#ada", "T#demo#X#ada", "T#demo", ""} {
		r := image(same)
		r.Change.Keys["PK"] = events.NewStringAttribute(pk)
		require.Error(t, dynamo.Record(r).Err, pk)
	}
}
