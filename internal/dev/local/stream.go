package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"journeys/internal/manifest"
)

// How the stream is read. Lambda looks four times a second; here who looks at a
// shard in which nothing happens does so ever less often, since each look costs
// DynamoDB Local more than the sleep between.
const (
	soonLook    = 250 * time.Millisecond
	lateLook    = 500 * time.Millisecond
	shardsLook  = 5 * time.Second
	streamLife  = 24 * time.Hour // DynamoDB Local keeps records for longer
	pageSize    = 1000
	firstRetry  = 100 * time.Millisecond
	lastRetry   = 5 * time.Second
	giveUpAfter = 50 * time.Millisecond // of a batch that cruelty gives up
	maxReplay   = 150                   // records
)

// streamReader hands the table's stream to a function as Lambda's event source
// mapping does: shards after their parents, filtered, one batch of a shard at a
// time, whole, until the function succeeds; at least once. Where it stood is
// not kept: the next run begins with the oldest record again.
type streamReader struct {
	stream  manifest.Stream
	source  streamSource
	invoke  func(ctx context.Context, payload []byte) ([]byte, error)
	cruelty *Cruelty // nil for none
	say     func(line string)
}

// read reads the stream until ctx ends.
func (s *streamReader) read(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	begun := map[string]chan struct{}{} // closed when all of the shard is handed over
	for {
		shards, err := s.source.shards(ctx)
		if err != nil && ctx.Err() == nil {
			s.say(fmt.Sprintf("the stream's shards cannot be read: %v", err))
		}
		for _, shard := range shards { // parents come first
			if begun[shard.ID] != nil {
				continue
			}
			parent, done := begun[shard.Parent], make(chan struct{})
			begun[shard.ID] = done
			readers.Go(func() {
				if parent != nil {
					select {
					case <-parent:
					case <-ctx.Done():
						return
					}
				}
				if s.readShard(ctx, shard.ID) {
					close(done)
				}
			})
		}
		if !sleep(ctx, shardsLook) {
			return
		}
	}
}

// readShard hands over a shard from its oldest record to its end, and reports
// whether it got there.
func (s *streamReader) readShard(ctx context.Context, shard string) bool {
	r := &shardReader{streamReader: s, shard: shard, state: json.RawMessage("{}")}
	iterator, look := "", soonLook
	for ctx.Err() == nil {
		var err error
		if iterator == "" {
			iterator, err = s.source.iterator(ctx, shard, r.last)
		}
		var page []streamRecord
		next := iterator
		if err == nil {
			page, next, err = s.source.records(ctx, iterator)
		}
		if err != nil { // the iterator is too old, or DynamoDB Local ends
			iterator = ""
			sleep(ctx, lateLook)
			continue
		}
		r.take(page)
		iterator = next
		if r.due(iterator == "") && !r.deliver(ctx) {
			return false
		}
		switch {
		case iterator == "":
			return r.endWindow(ctx)
		case len(page) > 0:
			look = soonLook
		default:
			look = min(2*look, lateLook)
		}
		wait := look
		if len(r.batch) > 0 {
			wait = min(wait, max(r.stream.BatchWindow-time.Since(r.since), 0))
		}
		if len(page) < pageSize && !sleep(ctx, wait) {
			return false
		}
	}
	return false
}

// shardReader is one shard on its way to the function.
type shardReader struct {
	*streamReader
	shard  string
	last   string         // sequence number that was read last
	batch  []streamRecord // filtered, not handed over
	since  time.Time      // when its first record came
	handed []streamRecord // the last ones of which the function said that they are done
	window time.Time      // begin of the tumbling window; zero for none
	state  json.RawMessage
}

// take keeps what passes the filter, and what DynamoDB would still have.
func (r *shardReader) take(page []streamRecord) {
	for _, record := range page {
		r.last = record.Change.SequenceNumber
		key := record.Change.Keys[manifest.SortKey].S
		if !strings.HasPrefix(key, r.stream.SortKeyPrefix) || time.Since(record.at()) > streamLife {
			continue
		}
		if len(r.batch) == 0 {
			r.since = time.Now()
		}
		r.batch = append(r.batch, record)
	}
}

func (r *shardReader) due(end bool) bool {
	return len(r.batch) > 0 && (end || len(r.batch) >= r.stream.BatchSize || time.Since(r.since) >= r.stream.BatchWindow)
}

// deliver hands over what was taken; false when ctx ended before.
func (r *shardReader) deliver(ctx context.Context) bool {
	for len(r.batch) > 0 {
		size := min(len(r.batch), r.stream.BatchSize)
		begin := r.batch[0].at().Truncate(r.stream.Window)
		if !r.window.IsZero() && begin.After(r.window) && !r.endWindow(ctx) {
			return false
		}
		r.window = begin
		for n := range size { // a batch is of one window
			if r.batch[n].at().Truncate(r.stream.Window).After(begin) {
				size = n
				break
			}
		}
		if !r.insist(ctx, r.batch[:size], false) {
			return false
		}
		r.handed = append(r.handed, r.batch[:size]...)
		r.handed = r.handed[max(0, len(r.handed)-maxReplay):]
		r.batch = r.batch[size:]
	}
	return true
}

// endWindow makes the last call of a window.
func (r *shardReader) endWindow(ctx context.Context) bool {
	if r.window.IsZero() {
		return true
	}
	ok := r.insist(ctx, nil, true)
	r.window, r.state = time.Time{}, json.RawMessage("{}")
	return ok
}

// insist calls the function with a batch until it succeeds. Cruelty gives up a
// call that goes on, hands the batch over in halves, or once more with records
// from before.
func (r *shardReader) insist(ctx context.Context, batch []streamRecord, final bool) bool {
	wait := firstRetry
	for ctx.Err() == nil {
		err := r.call(ctx, batch, final)
		if err == nil && !final && r.strikes(Replayed) {
			from := len(r.handed) - upTo(r.cruelty, Replayed, min(len(r.handed), maxReplay)+1)
			batch = append(r.handed[from:len(r.handed):len(r.handed)], batch...)
			batch = batch[:min(len(batch), r.stream.BatchSize)]
			continue // which may strike again
		}
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.say(fmt.Sprintf("a batch of %d records comes again: %v", len(batch), err))
		if len(batch) > 1 && r.strikes(Bisected) {
			half := len(batch) / 2
			return r.insist(ctx, batch[:half], final) && r.insist(ctx, batch[half:], final)
		}
		if !sleep(ctx, wait) {
			return false
		}
		wait = min(2*wait, lastRetry)
	}
	return false
}

func (r *shardReader) strikes(f Fault) bool {
	if r.cruelty == nil || !r.cruelty.strikes(f) {
		return false
	}
	r.cruelty.count(f)
	return true
}

// call makes one call. An answer without a state is a failure.
func (r *shardReader) call(ctx context.Context, batch []streamRecord, final bool) error {
	records := make([]json.RawMessage, len(batch))
	for i, record := range batch {
		records[i] = record.raw
	}
	payload, err := json.Marshal(map[string]any{
		"Records": records, "shardId": r.shard, "eventSourceARN": r.source.stream, "state": r.state,
		"window":                 map[string]time.Time{"start": r.window, "end": r.window.Add(r.stream.Window)},
		"isFinalInvokeForWindow": final, "isWindowTerminatedEarly": false,
	})
	if err != nil {
		return err
	}
	if len(batch) > 0 && r.strikes(GivenUp) {
		short, cancel := context.WithTimeout(ctx, upTo(r.cruelty, GivenUp, giveUpAfter))
		defer cancel()
		ctx = short
	}
	text, err := r.invoke(ctx, payload)
	if err != nil {
		return err
	}
	var answer struct {
		State json.RawMessage `json:"state"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("its answer is no JSON object: %w", err)
	}
	if len(answer.State) == 0 || answer.State[0] != '{' {
		return errors.New("its answer has no state, as that of a function with a tumbling window must have")
	}
	r.state = answer.State
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// streamSource is a stream of DynamoDB Local, in whose JSON Lambda hands on the
// records, with the stream's name in each.
type streamSource struct {
	endpoint string
	stream   string // ARN
}

type streamShard struct {
	ID     string `json:"ShardId"`
	Parent string `json:"ParentShardId"`
}

type streamRecord struct {
	raw    json.RawMessage
	Change struct {
		ApproximateCreationDateTime float64 // seconds since 1970
		SequenceNumber              string
		Keys                        map[string]struct{ S string }
	} `json:"dynamodb"`
}

func (r *streamRecord) at() time.Time {
	return time.UnixMilli(int64(r.Change.ApproximateCreationDateTime * 1000)).UTC()
}

// shards returns every shard, parents before their children.
func (s streamSource) shards(ctx context.Context) ([]streamShard, error) {
	var all []streamShard
	var after *string
	for {
		var out struct {
			StreamDescription struct {
				Shards               []streamShard
				LastEvaluatedShardID *string `json:"LastEvaluatedShardId"`
			}
		}
		in := map[string]any{"StreamArn": s.stream}
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

// iterator returns a place in a shard, behind a sequence number if there is one.
func (s streamSource) iterator(ctx context.Context, shard, behind string) (string, error) {
	in := map[string]any{"StreamArn": s.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
	if behind != "" {
		in["ShardIteratorType"], in["SequenceNumber"] = "AFTER_SEQUENCE_NUMBER", behind
	}
	var out struct{ ShardIterator string }
	err := s.call(ctx, "GetShardIterator", in, &out)
	return out.ShardIterator, err
}

// records returns a page and the place behind it; "" behind the shard's end.
func (s streamSource) records(ctx context.Context, iterator string) ([]streamRecord, string, error) {
	var out struct {
		Records           []map[string]json.RawMessage
		NextShardIterator string
	}
	in := map[string]any{"ShardIterator": iterator, "Limit": pageSize}
	if err := s.call(ctx, "GetRecords", in, &out); err != nil {
		return nil, "", err
	}
	arn, _ := json.Marshal(s.stream) // a string is always written
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

// call speaks the stream's protocol as it is, since its JSON is what is wanted.
// DynamoDB Local looks at the form of a signature only.
func (s streamSource) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+operation)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/"+region+
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
