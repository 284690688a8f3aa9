package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"journeys/internal/manifest"
)

// shardReader delivers one shard to the function.
type shardReader struct {
	*streamReader
	shard     string
	last      string         // sequence number of the last record read
	batch     []streamRecord // filtered, not delivered
	since     time.Time      // when the batch's first record was read
	delivered []streamRecord // the last ones that the function accepted
	window    time.Time      // start of the tumbling window; zero for none
	state     json.RawMessage
}

// take adds the records to the batch that pass the filter and are not too old.
func (r *shardReader) take(page []streamRecord) {
	for _, record := range page {
		r.last = record.Change.SequenceNumber
		key := record.Change.Keys[manifest.SortKey].S
		if !r.stream.Delivers(key) || time.Since(record.at()) > streamLife {
			continue
		}
		if len(r.batch) == 0 {
			r.since = time.Now()
		}
		r.batch = append(r.batch, record)
	}
}

// due reports whether the batch must be delivered now.
func (r *shardReader) due(end bool) bool {
	return len(r.batch) > 0 && (end || len(r.batch) >= r.stream.BatchSize || time.Since(r.since) >= r.stream.BatchWindow)
}

// deliver delivers the batch, and reports false if ctx ended before.
func (r *shardReader) deliver(ctx context.Context) bool {
	for len(r.batch) > 0 {
		size := min(len(r.batch), r.stream.BatchSize)
		begin := r.batch[0].at().Truncate(r.stream.Window)
		if !r.window.IsZero() && begin.After(r.window) && !r.endWindow(ctx) {
			return false
		}
		r.window = begin
		for n := range size { // a call covers one window
			if r.batch[n].at().Truncate(r.stream.Window).After(begin) {
				size = n
				break
			}
		}
		if !r.retry(ctx, r.batch[:size], false) {
			return false
		}
		r.delivered = append(r.delivered, r.batch[:size]...)
		r.delivered = r.delivered[max(0, len(r.delivered)-maxReplay):]
		r.batch = r.batch[size:]
	}
	return true
}

// endWindow makes the final call of the window.
func (r *shardReader) endWindow(ctx context.Context) bool {
	if r.window.IsZero() {
		return true
	}
	ok := r.retry(ctx, nil, true)
	r.window, r.state = time.Time{}, json.RawMessage("{}")
	return ok
}

// retry calls the function with a batch until it succeeds. Faults may give up a
// running call, deliver the batch in halves, or deliver it again with records
// before it.
func (r *shardReader) retry(ctx context.Context, batch []streamRecord, final bool) bool {
	wait := firstRetry
	for ctx.Err() == nil {
		err := r.call(ctx, batch, final)
		if err == nil && !final && r.strikes(Replayed) {
			from := len(r.delivered) - upTo(r.faults, Replayed, min(len(r.delivered), maxReplay)+1)
			batch = append(r.delivered[from:len(r.delivered):len(r.delivered)], batch...)
			batch = batch[:min(len(batch), r.stream.BatchSize)]
			continue // which may be struck again
		}
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.log(fmt.Sprintf("batch retried: %d records: %v", len(batch), err))
		if len(batch) > 1 && r.strikes(Bisected) {
			half := len(batch) / 2
			return r.retry(ctx, batch[:half], final) && r.retry(ctx, batch[half:], final)
		}
		if !sleep(ctx.Done(), wait) {
			return false
		}
		wait = min(2*wait, lastRetry)
	}
	return false
}

// strikes reports whether a fault strikes, and counts it.
func (r *shardReader) strikes(f Fault) bool {
	if r.faults == nil || !r.faults.strikes(f) {
		return false
	}
	r.faults.count(f)
	return true
}

// call calls the function once. An answer without a state is an error.
func (r *shardReader) call(ctx context.Context, batch []streamRecord, final bool) error {
	records := make([]json.RawMessage, len(batch))
	for i, record := range batch {
		records[i] = record.raw
	}
	payload, err := json.Marshal(map[string]any{
		"Records": records, "shardId": r.shard, "eventSourceARN": r.source.ARN, "state": r.state,
		"window":                 map[string]time.Time{"start": r.window, "end": r.window.Add(r.stream.Window)},
		"isFinalInvokeForWindow": final, "isWindowTerminatedEarly": false,
	})
	if err != nil {
		return err
	}
	if len(batch) > 0 && r.strikes(GivenUp) {
		short, cancel := context.WithTimeout(ctx, upTo(r.faults, GivenUp, giveUpAfter))
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
		return fmt.Errorf("the answer is not a JSON object: %w", err)
	}
	if len(answer.State) == 0 || answer.State[0] != '{' {
		return errors.New("the answer has no state, which a function with a tumbling window must return")
	}
	r.state = answer.State
	return nil
}
