package chaos

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/dynamo/memory"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// stream is the table's stream, which holds every write in order.
type stream struct {
	client *dynamodbstreams.Client
	arn    *string
}

func (w *world) openStream(t *testing.T) *stream {
	t.Helper()
	region, at := "us-east-1", aws.String(w.machine.DynamoDB.Endpoint())
	keys := credentials.NewStaticCredentialsProvider("local", "local", "")
	table, err := dynamodb.New(dynamodb.Options{Region: region, BaseEndpoint: at, Credentials: keys}).
		DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(local.Table)})
	require.NoError(t, err)
	client := dynamodbstreams.New(dynamodbstreams.Options{Region: region, BaseEndpoint: at, Credentials: keys})
	return &stream{client, table.Table.LatestStreamArn}
}

// history is what was written of a customer's enrollment.
type history struct {
	revs       []int64           // in the order in which they were written
	runs       map[int]*begunRun // by number
	attributes string            // that were written last
	last       revision
}

// begunRun is a run as it began.
type begunRun struct {
	attributes string                 // of the customer at the entry
	event      []byte                 // that started the run, as far as the graph reads it; nil for none
	heard      map[int]progress.Stamp // of the event that last ended a wait, while the customer was at a node
}

// revision is a write of an enrollment.
type revision struct {
	rev, run, leaseUntil, writtenAt int64
	path                            int  // length
	pending, left                   bool // an exit or a conversion was requested; the run has ended
}

// histories returns what was written of each customer's enrollment, by tenant and customer.
func (s *stream) histories(t *testing.T) map[string]map[string]*history {
	t.Helper()
	written := map[string]map[string]*history{}
	s.each(t, func(image map[string]streamtypes.AttributeValue) { s.add(t, written, image) })
	return written
}

// each calls f with every item that was written, in the order of its key's writes.
func (s *stream) each(t *testing.T, f func(image map[string]streamtypes.AttributeValue)) {
	t.Helper()
	out, err := s.client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: s.arn})
	require.NoError(t, err)
	for _, shard := range out.StreamDescription.Shards {
		iterator, err := s.client.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
			StreamArn: s.arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		require.NoError(t, err)
		for at := iterator.ShardIterator; at != nil; {
			page, err := s.client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at})
			require.NoError(t, err)
			for _, record := range page.Records {
				f(record.Dynamodb.NewImage)
			}
			at = page.NextShardIterator
			if open := shard.SequenceNumberRange.EndingSequenceNumber == nil; open && len(page.Records) == 0 {
				break // nothing more was written
			}
		}
	}
}

// add adds a record if it is of an enrollment or a profile.
func (s *stream) add(t *testing.T, all map[string]map[string]*history, image map[string]streamtypes.AttributeValue) {
	t.Helper()
	sort, ok := image[manifest.SortKey].(*streamtypes.AttributeValueMemberS)
	isProfile := ok && sort.Value == "P"
	if !ok || !isProfile && !strings.HasPrefix(sort.Value, "E#") {
		return
	}
	partition := image[manifest.PartitionKey].(*streamtypes.AttributeValueMemberS).Value
	tenant, customer, _ := strings.Cut(strings.TrimPrefix(partition, "T#"), "#C#")
	written := all[tenant]
	if written == nil {
		written = map[string]*history{}
		all[tenant] = written
	}
	h := written[customer]
	if h == nil {
		h = &history{runs: map[int]*begunRun{}}
		written[customer] = h
	}
	if isProfile {
		h.attributes = string(bytesOf(image["a"]))
		return
	}
	next := revision{
		rev: numberOf(t, image["r"]), run: numberOf(t, image["run"]), leaseUntil: numberOf(t, image["lu"]), writtenAt: numberOf(t, image["t"]),
		path: len(bytesOf(image["p"])), pending: image["px"] != nil || image["pc"] != nil, left: image["lf"] != nil,
	}
	last := h.last
	h.last = next
	if next.rev == last.rev && next.pending {
		return // a request, which the next revision carries out
	}
	if next.left && next.run == last.run && next.path == last.path && !last.left && !last.pending && next.writtenAt < last.leaseUntil {
		t.Errorf("%s left run %d while a message was claimed, without its result", customer, next.run)
	}
	h.revs = append(h.revs, next.rev)
	run := h.runs[int(next.run)]
	if run == nil {
		run = &begunRun{attributes: h.attributes, event: bytesOf(image["ev"]), heard: map[int]progress.Stamp{}}
		h.runs[int(next.run)] = run
	}
	run.heard[int(numberOf(t, image["nd"]))] = memory.ReadStamp(bytesOf(image["he"]))
}

// numberOf returns a number; 0 if it is missing.
func numberOf(t *testing.T, v streamtypes.AttributeValue) int64 {
	t.Helper()
	number, ok := v.(*streamtypes.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(number.Value, 10, 64)
	require.NoError(t, err)
	return n
}

// bytesOf returns a binary value; nil if it is missing.
func bytesOf(v streamtypes.AttributeValue) []byte {
	if b, ok := v.(*streamtypes.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

// requireEveryRevision checks that each revision of each enrollment, from the
// first to the last of all runs, was written once.
func (s *stream) requireEveryRevision(t *testing.T, w *world) {
	t.Helper()
	written, count := s.histories(t)[w.tenant.String()], 0
	for _, c := range w.cohorts {
		count += len(c.customers)
		_, list := w.load(t, c)
		for customer, e := range list {
			var all []int64
			for rev := int64(1); rev <= e.Rev; rev++ {
				all = append(all, rev)
			}
			require.Equal(t, all, written[customer].revs, "revisions of %s", customer)
		}
	}
	require.Len(t, slices.Collect(maps.Keys(written)), count)
}
