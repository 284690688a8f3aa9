package dynamo_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// readStream returns what the table's stream tells of enrollments, and a shard.
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
			if strings.HasPrefix(record.Change.Keys["SK"].String(), "E#") {
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

// counting returns a counter on a table, and what it logs.
func counting(s *dynamo.Store) (*analytics.Counter, *bytes.Buffer) {
	var log bytes.Buffer
	return &analytics.Counter{
		Parts: s.Analytics, Now: func() time.Time { return start }, Log: slog.New(slog.NewJSONHandler(&log, nil)), Parallel: 1,
	}, &log
}

// counted adds up what the table has of a journey.
func counted(t *testing.T, table string, tenant journey.Tenant, id journey.ID) *analytics.Figures {
	t.Helper()
	parts, err := dynamo.AllParts(t.Context(), dynamotest.Client(), table, tenant, id)
	require.NoError(t, err)
	f := &analytics.Figures{}
	for _, p := range parts {
		p.AddTo(f)
	}
	return f
}

// recounted adds up what the records say.
func recounted(t *testing.T, records []analytics.Record, id journey.ID) *analytics.Figures {
	t.Helper()
	f := &analytics.Figures{}
	for _, r := range records {
		if r.Journey == id && len(r.Write.Delta) > 0 {
			require.NoError(t, r.Err)
			require.NoError(t, f.Apply(r.Write))
		}
	}
	require.Empty(t, f.Faults())
	return f
}

// longGraph is a graph of 256 nodes whose ids have 64 letters: splits in a row.
func longGraph(t *testing.T) journey.Definition {
	t.Helper()
	id := func(i int) string { return fmt.Sprintf("n%063d", i) }
	nodes := []string{fmt.Sprintf(`{"id":%q,"type":"entry_trigger"}`, id(0))}
	edges := []string{fmt.Sprintf(`{"source":%q,"target":%q}`, id(0), id(1))}
	nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"wait","config":{"delayHours":1}}`, id(1)))
	edges = append(edges, fmt.Sprintf(`{"source":%q,"target":%q}`, id(1), id(2)))
	for i := 2; i < 255; i++ {
		nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"condition_split","config":{"condition":{"field":"a","operator":"exists"}}}`, id(i)))
		for _, handle := range []string{"true", "false"} {
			edges = append(edges, fmt.Sprintf(`{"source":%q,"target":%q,"sourceHandle":%q}`, id(i), id(i+1), handle))
		}
	}
	nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"exit"}`, id(255)))
	d := definitionOf(t, `{"nodes":[`+strings.Join(nodes, ",")+`],"edges":[`+strings.Join(edges, ",")+`]}`)
	require.Empty(t, d.Graph.Faults(""))
	return d
}

func definitionOf(t *testing.T, text string) journey.Definition {
	t.Helper()
	var faults strict.Faults
	v, ok := strict.Parse([]byte(text), &faults)
	require.True(t, ok)
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	return d
}

func TestAGraphOf256NodesIsCountedInOneBatch(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	d := longGraph(t)
	var list []journey.Enrollment
	for i := range 30 {
		e, _ := d.Graph.Start(journey.Enrollment{
			Journey: id(1), Customer: fmt.Sprint(i), GraphHash: d.Hash, Version: 1, EnrolledAt: start, ExpiresAt: start.AddDate(0, 0, 30),
		})
		list = append(list, e)
	}
	require.Equal(t, repeat(enrolled, 30), s.Enrollments.Insert(t.Context(), demo, 4, list))
	now := start.Add(time.Hour)
	for i := range list {
		list[i], _ = d.Graph.Step(list[i].NextWrite(now), journey.Input{Now: now, HasAttributes: true})
		require.Equal(t, journey.Completed, list[i].Status)
	}
	for _, err := range s.Engine.Advance(t.Context(), demo, 4, list) {
		require.NoError(t, err)
	}
	shard, records := readStream(t, table)
	require.Len(t, records, 60)

	counter, log := counting(s)
	ctx, meter := dynamo.WithMeter(t.Context())
	require.NoError(t, counter.Count(ctx, shard, records))
	truth := recounted(t, records, id(1))
	require.Len(t, truth.Graphs[d.Hash].Steps, 256)
	for _, step := range truth.Graphs[d.Hash].Steps {
		require.EqualValues(t, 30, step.Completed)
	}
	require.Equal(t, truth, counted(t, table, demo, id(1)))
	require.Equal(t, 1, meter.Usage().Requests)
	require.NotContains(t, log.String(), "poison")
	t.Logf("256 nodes with ids of 64 letters, 60 records: %d writes, %g units", meter.Usage().Requests, meter.Usage().WriteUnits)

	require.NoError(t, counter.Count(ctx, shard, records))
	fresh, _ := counting(s)
	require.NoError(t, fresh.Count(ctx, shard, records[30:]))
	require.Equal(t, truth, counted(t, table, demo, id(1)), "what comes again is not counted again")
}

// The table refuses one journey's part, which has all but outgrown an item: it
// is poison, once, and the others are exact. So is one that cannot be read.
func TestAJourneyThatTheTableRefusesStopsNobody(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	for n := range 5 {
		list := inside(1, customers(0, 10)...)
		for i := range list {
			list[i].Journey, list[i].WrittenAt = id(n), start
		}
		require.Equal(t, repeat(enrolled, 10), s.Enrollments.Insert(t.Context(), demo, 4, list))
	}
	shard, records := readStream(t, table)
	require.Len(t, records, 50)
	counter, _ := counting(s)
	require.NoError(t, counter.Count(t.Context(), shard, records[:5]), "of journey 0, which has a part then")
	parts, err := dynamo.AllParts(t.Context(), dynamotest.Client(), table, demo, id(0))
	require.NoError(t, err)
	fill(t, s, parts[0])

	// What comes next has longer numbers, for which there is no more room.
	rest := records[5:]
	for i := range rest {
		rest[i].Number = "123456789" + rest[i].Number
	}
	counter, log := counting(s)
	require.NoError(t, counter.Count(t.Context(), shard, rest))
	require.Contains(t, log.String(), `"Poison":1,`)
	require.Contains(t, log.String(), "ValidationException")
	require.NotContains(t, log.String(), "customer-", "no customer is named")
	for n := 1; n < 5; n++ {
		require.Equal(t, recounted(t, records, id(n)), counted(t, table, demo, id(n)), "journey %d", n)
	}
	before := counted(t, table, demo, id(0))
	require.EqualValues(t, 5, before.Totals().Enrolled, "what it had stays")

	broken := lookupPart(t, table, id(1))
	broken["wm"] = &types.AttributeValueMemberS{Value: "no bytes"}
	_, err = dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: broken})
	require.NoError(t, err)
	later := records[10:]
	for i := range later {
		later[i].Number = "9" + later[i].Number
	}
	counter, log = counting(s)
	require.NoError(t, counter.Count(t.Context(), shard, later))
	require.Contains(t, log.String(), `"Poison":1,`)
	for n := 2; n < 5; n++ {
		require.EqualValues(t, 20, counted(t, table, demo, id(n)).Totals().Enrolled, "journey %d", n)
	}
}

// fill makes a part as large as the table takes it.
func fill(t *testing.T, s *dynamo.Store, part analytics.Part) {
	t.Helper()
	length, filler := 0, ""
	for step := 1 << 18; step > 0; step /= 2 {
		part.Rev++
		delete(part.Watermarks, filler)
		filler = strings.Repeat("f", length+step)
		part.Watermarks[filler] = "1"
		_, err := s.Analytics.PutPart(t.Context(), part)
		if err == nil {
			length += step
			continue
		}
		require.ErrorIs(t, err, analytics.ErrInvalid)
		part.Rev--
	}
	require.Greater(t, length, 400*1000)
}

// lookupPart returns the one part of a journey as the table has it.
func lookupPart(t *testing.T, table string, id journey.ID) map[string]types.AttributeValue {
	t.Helper()
	pk := "T#demo#K#" + strings.TrimPrefix(string(id), "jrn_")
	out, err := dynamotest.Client().Query(t.Context(), &dynamodb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String("PK = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: pk}},
	})
	require.NoError(t, err)
	require.Len(t, out.Items, 1)
	return out.Items[0]
}

// Answers that are lost, and throttling, change nothing in what is counted.
func TestCountingRecognisesItsOwn(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]*dynamotest.Faults{
		"every first answer is lost": {LoseFirst: true},
		"much goes wrong":            {Seed: 5, Lose: 0.3, Throttle: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, table := store(t)
			for n := range 3 {
				list := inside(1, customers(0, 40)...)
				for i := range list {
					list[i].Journey, list[i].WrittenAt = id(n), start.AddDate(0, 0, i%2)
				}
				require.Equal(t, repeat(enrolled, 40), s.Enrollments.Insert(t.Context(), demo, 4, list))
			}
			shard, records := readStream(t, table)
			counter, _ := counting(storeOn(table, faults.Install))
			for from := 0; from < len(records); {
				batch := records[max(0, from-7):min(len(records), from+10)]
				if counter.Count(t.Context(), shard, batch) == nil {
					from += 10
				}
			}
			require.Positive(t, faults.Counts().Lost)
			for n := range 3 {
				require.Equal(t, recounted(t, records, id(n)), counted(t, table, demo, id(n)))
			}
		})
	}
}

// What 1,000 records cost is one write for each journey and batch.
func TestCountingCostsOneWriteForEachJourney(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	for _, journeys := range []int{1, 100} {
		var records []analytics.Record
		for i := range 1000 {
			records = append(records, analytics.Record{
				Number: fmt.Sprintf("%021d", journeys*10_000+i), Tenant: demo, Journey: id(1000*journeys + i%journeys),
				Write: analytics.Write{
					Graph: draft(1).GraphHash, Version: 1, At: start, Delta: journey.Delta{1, 0, 3, 1, 3, 2, 19, 3, 3, 4, 3, 5, 1},
				},
			})
		}
		counter, _ := counting(s)
		ctx, meter := dynamo.WithMeter(context.Background())
		require.NoError(t, counter.Count(ctx, "shardId-00000001542983423423-abcdef01", records))
		usage := meter.Usage()
		t.Logf("1,000 records of %d journeys in one batch: %d writes, %g units, %g of the index", journeys, usage.Requests, usage.WriteUnits, usage.IndexUnits)
		require.LessOrEqual(t, usage.WriteUnits+usage.IndexUnits, 10*float64(journeys))
		require.Equal(t, journeys, usage.Requests)
	}
	_ = table
}

func TestARecordThatIsOfNoEnrollmentIsToldAsSuch(t *testing.T) {
	t.Parallel()
	image := func(change func(map[string]events.DynamoDBAttributeValue)) events.DynamoDBEventRecord {
		r := events.DynamoDBEventRecord{EventName: "MODIFY"}
		r.Change.SequenceNumber = "000017"
		r.Change.Keys = map[string]events.DynamoDBAttributeValue{
			"PK": events.NewStringAttribute("T#demo#C#ada#T#other#C#"), "SK": events.NewStringAttribute("E#" + strings.TrimPrefix(string(id(1)), "jrn_")),
		}
		r.Change.NewImage = map[string]events.DynamoDBAttributeValue{
			"gh": events.NewBinaryAttribute(make([]byte, 32)), "v": events.NewNumberAttribute("2"), "r": events.NewNumberAttribute("3"),
			"dv": events.NewNumberAttribute("3"), "d": events.NewBinaryAttribute([]byte{0, 1, 2}), "t": events.NewNumberAttribute("1795457182998"),
		}
		change(r.Change.NewImage)
		return r
	}
	same := func(map[string]events.DynamoDBAttributeValue) {}
	r := dynamo.Record(image(same))
	require.NoError(t, r.Err)
	require.Equal(t, analytics.Record{
		Number: "000017", Tenant: demo, Journey: id(1), Write: analytics.Write{
			Graph: strings.Repeat("0", 64), Version: 2, At: time.UnixMilli(1795457182998).UTC(), Delta: journey.Delta{0, 1, 2},
		},
	}, r)
	nameless := image(same)
	nameless.Change.Keys["PK"] = events.NewStringAttribute("T#demo#A#0123")
	require.Equal(t, r, dynamo.Record(nameless), "a forgotten customer's counts the same")

	for name, change := range map[string]func(map[string]events.DynamoDBAttributeValue){
		"a delta of an earlier revision": func(i map[string]events.DynamoDBAttributeValue) { i["r"] = events.NewNumberAttribute("4") },
		"a delta without marks":          func(i map[string]events.DynamoDBAttributeValue) { i["d"] = events.NewBinaryAttribute([]byte{0}) },
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
