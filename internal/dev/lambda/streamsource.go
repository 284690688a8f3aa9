package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"journeys/internal/dev/dynamolocal"
)

// StreamSource is a stream of DynamoDB Local. Lambda passes its records on as
// JSON, with the stream's ARN in each.
type StreamSource struct {
	Endpoint string
	ARN      string
}

// streamShard is a shard of the stream, as DescribeStream lists it.
type streamShard struct {
	ID     string `json:"ShardId"`
	Parent string `json:"ParentShardId"`
}

// streamRecord is a record, with the fields that the reader needs.
type streamRecord struct {
	raw    json.RawMessage // the whole record
	Change struct {
		ApproximateCreationDateTime float64 // seconds since 1970
		SequenceNumber              string
		Keys                        map[string]struct{ S string }
	} `json:"dynamodb"`
}

// at returns when the record was written.
func (r *streamRecord) at() time.Time {
	return time.UnixMilli(int64(r.Change.ApproximateCreationDateTime * 1000)).UTC()
}

// shards returns every shard, parents before their children.
func (s StreamSource) shards(ctx context.Context) ([]streamShard, error) {
	var all []streamShard
	var after *string
	for {
		var out struct {
			StreamDescription struct {
				Shards               []streamShard
				LastEvaluatedShardID *string `json:"LastEvaluatedShardId"`
			}
		}
		in := map[string]any{"StreamArn": s.ARN}
		if after != nil {
			in["ExclusiveStartShardId"] = *after
		}
		if err := s.call(ctx, "DescribeStream", in, &out); err != nil {
			return nil, err
		}
		all = append(all, out.StreamDescription.Shards...)
		if after = out.StreamDescription.LastEvaluatedShardID; after == nil {
			return all, nil
		}
	}
}

// iterator returns an iterator of a shard, after a sequence number; "" means from
// the oldest record.
func (s StreamSource) iterator(ctx context.Context, shard, after string) (string, error) {
	in := map[string]any{"StreamArn": s.ARN, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
	if after != "" {
		in["ShardIteratorType"], in["SequenceNumber"] = "AFTER_SEQUENCE_NUMBER", after
	}
	var out struct{ ShardIterator string }
	err := s.call(ctx, "GetShardIterator", in, &out)
	return out.ShardIterator, err
}

// records returns a page and the iterator of the next one; "" at the shard's end.
func (s StreamSource) records(ctx context.Context, iterator string) ([]streamRecord, string, error) {
	var out struct {
		Records           []map[string]json.RawMessage
		NextShardIterator string
	}
	in := map[string]any{"ShardIterator": iterator, "Limit": pageSize}
	if err := s.call(ctx, "GetRecords", in, &out); err != nil {
		return nil, "", err
	}
	arn, _ := json.Marshal(s.ARN) // a string can always be encoded
	page := make([]streamRecord, len(out.Records))
	for i, record := range out.Records {
		record["eventSourceARN"] = arn
		raw, err := json.Marshal(record)
		if err == nil {
			err = json.Unmarshal(raw, &page[i])
		}
		if err != nil {
			return nil, "", err
		}
		page[i].raw = raw
	}
	return page, out.NextShardIterator, nil
}

// call makes a request of the stream's API without the SDK, because Lambda passes
// its JSON on. DynamoDB Local checks only the form of the signature.
func (s StreamSource) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+operation)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/"+dynamolocal.Region+
		"/dynamodb/aws4_request, SignedHeaders=host;x-amz-target, Signature=local")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", operation, text[:min(len(text), 300)])
	}
	return json.Unmarshal(text, out)
}
