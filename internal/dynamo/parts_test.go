package dynamo_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// counting returns a counter on a table, and its log.
func counting(s *dynamo.Store) (*analytics.Counter, *bytes.Buffer) {
	var log bytes.Buffer
	return &analytics.Counter{
		Parts: s.Analytics, Now: func() time.Time { return start }, Log: slog.New(slog.NewJSONHandler(&log, nil)), Parallel: 1,
	}, &log
}

// counted adds up a journey's parts.
func counted(t *testing.T, table string, tenant ident.Tenant, id ident.ID) *analytics.Figures {
	t.Helper()
	parts, err := dynamo.AllParts(t.Context(), dynamotest.Client(), table, tenant, id)
	require.NoError(t, err)
	f := &analytics.Figures{}
	for _, p := range parts {
		p.AddTo(f)
	}
	return f
}

// recounted adds up the deltas of records.
func recounted(t *testing.T, records []analytics.Record, id ident.ID) *analytics.Figures {
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

// longGraph returns a graph of nodes in a row, with ids of 64 characters. Nearly all are
// condition splits; if named, random splits with labels of 80 characters whose branches
// have ids of 64.
func longGraph(t *testing.T, length int, named bool) journey.Definition {
	t.Helper()
	id := func(i int) string { return fmt.Sprintf("n%063d", i) }
	nodes := []string{fmt.Sprintf(`{"id":%q,"type":"entry_trigger"}`, id(0))}
	edges := []string{fmt.Sprintf(`{"source":%q,"target":%q}`, id(0), id(1))}
	nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"wait","config":{"delayHours":1}}`, id(1)))
	edges = append(edges, fmt.Sprintf(`{"source":%q,"target":%q}`, id(1), id(2)))
	for i := 2; i < length-1; i++ {
		handles := []string{"true", "false"}
		if !named {
			nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"condition_split","config":{"condition":{"field":"a","operator":"exists"}}}`, id(i)))
		} else {
			handles = []string{id(i), id(i + 1)}
			nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"random_split","label":%q,"config":{"branches":[{"id":%q,"weight":1},{"id":%q,"weight":1}]}}`,
				id(i), strings.Repeat("ü", graph.MaxLabel), handles[0], handles[1]))
		}
		for _, handle := range handles {
			edges = append(edges, fmt.Sprintf(`{"source":%q,"target":%q,"sourceHandle":%q}`, id(i), id(i+1), handle))
		}
	}
	nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":"exit"}`, id(length-1)))
	d := definitionOf(t, `{"nodes":[`+strings.Join(nodes, ",")+`],"edges":[`+strings.Join(edges, ",")+`]}`)
	require.Empty(t, d.Graph.Faults(""))
	return d
}

func definitionOf(t *testing.T, text string) journey.Definition {
	t.Helper()
	return journeytest.Definition(t, text)
}

func TestCounter_Counts256NodesInOneWrite(t *testing.T) {
	t.Parallel()
	s, table := store(t)
	d := longGraph(t, graph.MaxNodes, false)
	var list []progress.Enrollment
	for i := range 30 {
		e, _ := d.Graph.Start(progress.Enrollment{
			Journey: id(1), Customer: fmt.Sprint(i), GraphHash: d.Hash, Version: 1, EnrolledAt: start, ExpiresAt: start.AddDate(0, 0, 30),
		})
		list = append(list, e)
	}
	require.Equal(t, repeat(enrolled, 30), s.Enrollments.Insert(t.Context(), demo, 4, list))
	now := start.Add(time.Hour)
	for i := range list {
		list[i], _ = d.Graph.Step(list[i].NextWrite(now), progress.Input{Now: now, HasAttributes: true})
		require.Equal(t, progress.Completed, list[i].Status)
	}
	for _, err := range s.Engine.Advance(t.Context(), demo, 4, list) {
		require.NoError(t, err)
	}
	shard, records := readStream(t, table)
	require.Len(t, records, 60)

	counter, log := counting(s)
	ctx, meter := capacity.WithMeter(t.Context())
	require.NoError(t, counter.Count(ctx, shard, records))
	truth := recounted(t, records, id(1))
	require.Len(t, truth.Graphs[d.Hash].Steps, 256)
	for _, step := range truth.Graphs[d.Hash].Steps {
		require.EqualValues(t, 30, step.Completed())
	}
	require.Equal(t, truth, counted(t, table, demo, id(1)))
	require.Equal(t, 1, meter.Usage().Requests)
	require.NotContains(t, log.String(), "poison")
	t.Logf("256 nodes with ids of 64 characters, 60 records: %d writes, %g units", meter.Usage().Requests, meter.Usage().WriteUnits)

	require.NoError(t, counter.Count(ctx, shard, records))
	fresh, _ := counting(s)
	require.NoError(t, fresh.Count(ctx, shard, records[30:]))
	require.Equal(t, truth, counted(t, table, demo, id(1)), "repeated records are not counted again")
}

// A part that has nearly reached the size of an item is refused and counted as poison,
// once; the other journeys stay exact. So does one that cannot be read.
func TestCounter_RefusedJourneyStopsNoOther(t *testing.T) {
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
	require.NoError(t, counter.Count(t.Context(), shard, records[:5]), "journey 0 now has a part")
	parts, err := dynamo.AllParts(t.Context(), dynamotest.Client(), table, demo, id(0))
	require.NoError(t, err)
	fill(t, s, parts[0])

	// Longer sequence numbers do not fit any more.
	rest := records[5:]
	for i := range rest {
		rest[i].Number = "123456789" + rest[i].Number
	}
	counter, log := counting(s)
	require.NoError(t, counter.Count(t.Context(), shard, rest))
	require.Contains(t, log.String(), `"Poison":1,`)
	require.Contains(t, log.String(), "ValidationException")
	require.NotContains(t, log.String(), "customer-", "customers are not named")
	for n := 1; n < 5; n++ {
		require.Equal(t, recounted(t, records, id(n)), counted(t, table, demo, id(n)), "journey %d", n)
	}
	before := counted(t, table, demo, id(0))
	require.EqualValues(t, 5, before.Totals().Enrolled, "earlier counts stay")

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

// fill makes a part as large as the table accepts.
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

// lookupPart returns the item of a journey's only part.
func lookupPart(t *testing.T, table string, id ident.ID) map[string]types.AttributeValue {
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

// Lost responses and throttling do not change the counts.
func TestCounter_RecognizesItsOwnWrites(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]*dynamotest.Faults{
		"the first response to every request is lost": {LoseFirst: true},
		"many faults": {Seed: 5, Lose: 0.3, Throttle: 0.3},
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

func TestCounter_WritesOncePerJourneyAndBatch(t *testing.T) {
	t.Parallel()
	s, _ := store(t)
	customer := trail.Delta{trail.DeltaForm, byte(trail.MarkEnrolled | trail.MarkConverted)} // passes 20 nodes
	for node := range byte(20) {
		customer = append(customer, node, byte(trail.NodeEntered|trail.NodeLeft|trail.NodeConverted), 0)
	}
	for _, journeys := range []int{1, 100} {
		var records []analytics.Record
		for i := range 1000 {
			delta := slices.Clone(customer)
			for at := 4; at < len(delta); at += 3 { // with each of 8 results at every node
				delta[at] = byte(i%8 + 32)
			}
			records = append(records, analytics.Record{
				Number: fmt.Sprintf("%021d", journeys*10_000+i), Tenant: demo, Journey: id(1000*journeys + i%journeys),
				Write: analytics.Write{Graph: draft(1).GraphHash, Version: 1, At: start, Delta: delta},
			})
		}
		counter, _ := counting(s)
		ctx, meter := capacity.WithMeter(context.Background())
		require.NoError(t, counter.Count(ctx, "shardId-00000001542983423423-abcdef01", records))
		usage := meter.Usage()
		t.Logf("1,000 records of %d journeys in one batch: %d writes, %g units, %g of the index", journeys, usage.Requests, usage.WriteUnits, usage.IndexUnits)
		require.LessOrEqual(t, usage.WriteUnits+usage.IndexUnits, 10*float64(journeys))
		require.Equal(t, journeys, usage.Requests)
	}
}
