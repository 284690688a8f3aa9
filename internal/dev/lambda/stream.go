package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"journeys/internal/manifest"
)

// How the stream is read. Lambda polls each shard four times a second; here a
// shard without records is polled less and less often, because a poll costs
// DynamoDB Local more than the delay costs a run.
const (
	firstPoll   = 250 * time.Millisecond
	lastPoll    = 500 * time.Millisecond
	shardsPoll  = 5 * time.Second
	streamLife  = 24 * time.Hour // older records are dropped, as DynamoDB does
	pageSize    = 1000           // records
	firstRetry  = 100 * time.Millisecond
	lastRetry   = 5 * time.Second
	giveUpAfter = 50 * time.Millisecond // at most, of a batch that a fault gives up
	maxReplay   = 150                   // records
)

// ReadStream passes the records of a table's stream to a function with a Stream,
// as Lambda's event source mapping does: shards after their parents, filtered, one
// batch of a shard at a time, each until the function succeeds; at least once. It
// returns when ctx ends. Its position is not stored: the next ReadStream begins
// with the oldest record. Nil faults inject none.
func (s *Service) ReadStream(ctx context.Context, f manifest.Function, source StreamSource, faults *Faults) {
	reader := &streamReader{
		stream: *f.Stream, source: source, faults: faults,
		invoke: func(ctx context.Context, payload []byte) ([]byte, error) { return s.Invoke(ctx, f.Name, payload) },
		log:    func(line string) { s.logLine(f.Name, line) },
	}
	reader.read(ctx)
}

// streamReader is a ReadStream.
type streamReader struct {
	stream manifest.Stream
	source StreamSource
	invoke func(ctx context.Context, payload []byte) ([]byte, error)
	faults *Faults // nil for none
	log    func(line string)
}

// read reads the stream until ctx ends.
func (s *streamReader) read(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	begun := map[string]chan struct{}{} // by shard; closed when all of the shard is delivered
	for {
		shards, err := s.source.shards(ctx)
		if err != nil && ctx.Err() == nil {
			s.log(fmt.Sprintf("stream read failed: %v", err))
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
		if !sleep(ctx.Done(), shardsPoll) {
			return
		}
	}
}

// readShard delivers a shard from its oldest record to its end, and reports
// whether it reached the end.
func (s *streamReader) readShard(ctx context.Context, shard string) bool {
	r := &shardReader{streamReader: s, shard: shard, state: json.RawMessage("{}")}
	iterator, poll := "", firstPoll
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
		if err != nil { // the iterator has expired, or DynamoDB Local is stopping
			iterator = ""
			sleep(ctx.Done(), lastPoll)
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
			poll = firstPoll
		default:
			poll = min(2*poll, lastPoll)
		}
		wait := poll
		if len(r.batch) > 0 {
			wait = min(wait, max(r.stream.BatchWindow-time.Since(r.since), 0))
		}
		if len(page) < pageSize && !sleep(ctx.Done(), wait) {
			return false
		}
	}
	return false
}
