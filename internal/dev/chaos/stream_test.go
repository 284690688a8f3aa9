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
	"journeys/internal/manifest"
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

// revisions returns the revisions of each customer's enrollment in the order in
// which they were written.
func (s *stream) revisions(t *testing.T) map[string][]int64 {
	t.Helper()
	out, err := s.client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: s.arn})
	require.NoError(t, err)
	revs := map[string][]int64{}
	for _, shard := range out.StreamDescription.Shards {
		iterator, err := s.client.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
			StreamArn: s.arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		require.NoError(t, err)
		for at := iterator.ShardIterator; at != nil; {
			page, err := s.client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at})
			require.NoError(t, err)
			for _, record := range page.Records {
				s.add(t, revs, record.Dynamodb.NewImage)
			}
			at = page.NextShardIterator
			if open := shard.SequenceNumberRange.EndingSequenceNumber == nil; open && len(page.Records) == 0 {
				break // nothing more was written
			}
		}
	}
	return revs
}

// add adds the revision of a record if it is of an enrollment.
func (s *stream) add(t *testing.T, revs map[string][]int64, image map[string]streamtypes.AttributeValue) {
	t.Helper()
	sort, ok := image[manifest.SortKey].(*streamtypes.AttributeValueMemberS)
	if !ok || !strings.HasPrefix(sort.Value, "E#") {
		return
	}
	partition := image[manifest.PartitionKey].(*streamtypes.AttributeValueMemberS).Value
	_, customer, _ := strings.Cut(partition, "#C#")
	rev, err := strconv.ParseInt(image["r"].(*streamtypes.AttributeValueMemberN).Value, 10, 64)
	require.NoError(t, err)
	revs[customer] = append(revs[customer], rev)
}

// requireEveryRevision checks that each revision of each enrollment, from the
// first to the last, was written once.
func (s *stream) requireEveryRevision(t *testing.T, w *world) {
	t.Helper()
	written := s.revisions(t)
	for _, c := range w.cohorts {
		_, list := w.load(t, c)
		for customer, e := range list {
			var all []int64
			for rev := int64(1); rev <= e.Rev; rev++ {
				all = append(all, rev)
			}
			require.Equal(t, all, written[customer], "revisions of %s", customer)
		}
	}
	require.Len(t, slices.Collect(maps.Keys(written)), journeyCount*perJourney+laterCustomers)
}
