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
	revs  []int64                // in the order in which they were written
	heard map[int]progress.Stamp // of the event that last ended a wait, while the customer was at a node
}

// histories returns what was written of each customer's enrollment.
func (s *stream) histories(t *testing.T) map[string]*history {
	t.Helper()
	out, err := s.client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: s.arn})
	require.NoError(t, err)
	written := map[string]*history{}
	for _, shard := range out.StreamDescription.Shards {
		iterator, err := s.client.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
			StreamArn: s.arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		require.NoError(t, err)
		for at := iterator.ShardIterator; at != nil; {
			page, err := s.client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at})
			require.NoError(t, err)
			for _, record := range page.Records {
				s.add(t, written, record.Dynamodb.NewImage)
			}
			at = page.NextShardIterator
			if open := shard.SequenceNumberRange.EndingSequenceNumber == nil; open && len(page.Records) == 0 {
				break // nothing more was written
			}
		}
	}
	return written
}

// add adds a record if it is of an enrollment.
func (s *stream) add(t *testing.T, written map[string]*history, image map[string]streamtypes.AttributeValue) {
	t.Helper()
	sort, ok := image[manifest.SortKey].(*streamtypes.AttributeValueMemberS)
	if !ok || !strings.HasPrefix(sort.Value, "E#") {
		return
	}
	partition := image[manifest.PartitionKey].(*streamtypes.AttributeValueMemberS).Value
	_, customer, _ := strings.Cut(partition, "#C#")
	number := func(name string) int64 {
		n, err := strconv.ParseInt(image[name].(*streamtypes.AttributeValueMemberN).Value, 10, 64)
		require.NoError(t, err)
		return n
	}
	h := written[customer]
	if h == nil {
		h = &history{heard: map[int]progress.Stamp{}}
		written[customer] = h
	}
	h.revs = append(h.revs, number("r"))
	var heard progress.Stamp
	if b, ok := image["he"].(*streamtypes.AttributeValueMemberB); ok {
		heard = memory.ReadStamp(b.Value)
	}
	h.heard[int(number("nd"))] = heard
}

// requireEveryRevision checks that each revision of each enrollment, from the
// first to the last, was written once.
func (s *stream) requireEveryRevision(t *testing.T, w *world) {
	t.Helper()
	written := s.histories(t)
	for _, c := range w.cohorts {
		_, list := w.load(t, c)
		for customer, e := range list {
			var all []int64
			for rev := int64(1); rev <= e.Rev; rev++ {
				all = append(all, rev)
			}
			require.Equal(t, all, written[customer].revs, "revisions of %s", customer)
		}
	}
	require.Len(t, slices.Collect(maps.Keys(written)), journeyCount*perJourney+laterCustomers)
}
