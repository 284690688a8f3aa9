package dynamo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// What a run keeps of events, decisions and answers is part of its enrollment up to
// maxInside bytes, so that most enrollments are below 1 KB. Beyond that, all of it is an
// item of its own, and the enrollment has eApart.
//
// Insert writes that item before the enrollment, Advance and Reenter in one transaction with it.
// Its key has the RequestID, which no other run has. So a run reads only what was written
// for it, and an item whose enrollment was not written is read by no run.
const maxInside = 512

// keptLife is how long a kept item outlives its run. Conditions of a goal read it for up
// to 90 days after the entry.
const keptLife = 90 * 24 * time.Hour

// keptAttributes are what a run keeps.
var keptAttributes = []string{eDecisions, eEvent, eSteps}

// putKept adds what e's run keeps to its item, or eApart.
func putKept(it item.Item, e *progress.Enrollment) {
	if e.KeptSize() > maxInside {
		it[eApart] = item.Number(int64(e.KeptSize()))
		return
	}
	putKeptValues(it, e)
}

func putKeptValues(it item.Item, e *progress.Enrollment) {
	it.PutBinary(eDecisions, e.Decisions)
	it.PutBinary(eEvent, e.Event)
	it.PutBinary(eSteps, e.Steps)
}

// encodeKept returns the item of what e's run keeps apart; nil for nothing.
func encodeKept(t ident.Tenant, e *progress.Enrollment) item.Item {
	if e.KeptSize() <= maxInside {
		return nil
	}
	it := item.KeptKey(item.EnrollmentKey(t, e.Journey, e.Customer), e.RequestID[:])
	putKeptValues(it, e)
	it[manifest.TTL] = item.Number(e.ExpiresAt.Add(keptLife).Unix())
	return it
}

// changedKept is encodeKept of what has changed since the stored revision.
func changedKept(t ident.Tenant, e *progress.Enrollment) item.Item {
	if e.KeptSize() == e.KeptBefore {
		return nil
	}
	return encodeKept(t, e)
}

// keptKeyOf returns the key of what an enrollment's run keeps apart; nil for nothing.
func keptKeyOf(it item.Item) item.Item {
	r := item.Reader{Item: it}
	if r.Number(eApart) == 0 {
		return nil
	}
	return item.KeptKey(it, r.Binary(eRequest))
}

// addKept reads what the runs of enrollments keep apart and adds it to them. It reads
// nothing if they keep nothing apart. A kept item that is missing was deleted: the run
// ended long ago, or the customer is being forgotten.
func (s *table) addKept(ctx context.Context, enrollments []item.Item) error {
	owners := map[string]item.Item{} // by the text of the kept item's key
	var keys []map[string]types.AttributeValue
	for _, it := range enrollments {
		if k := keptKeyOf(it); k != nil {
			keys, owners[keyText(k)] = append(keys, k), it
		}
	}
	for chunk := range slices.Chunk(keys, batchKeys) {
		found, err := s.BatchGet(ctx, chunk)
		if err != nil {
			return err
		}
		for _, kept := range found {
			mergeKept(owners[keyText(kept)], kept)
		}
	}
	for _, k := range keys {
		if err := s.awaitKept(ctx, k, owners[keyText(k)]); err != nil {
			return err
		}
	}
	return nil
}

// awaitKept reads a kept item again if it is missing or older than its enrollment: a read
// may see one of two writes of a transaction and not yet the other. A transactional read
// does not.
func (s *table) awaitKept(ctx context.Context, k, it item.Item) error {
	for attempt := 0; keptIn(it) < (&item.Reader{Item: it}).Number(eApart); attempt++ {
		out, err := s.Client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{
			TransactItems: []types.TransactGetItem{{Get: &types.Get{TableName: &s.Name, Key: k}}},
		})
		if err == nil {
			mergeKept(it, out.Responses[0].Item)
			return nil
		}
		if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); !ok ||
			!conn.IsTransient(canceled) || !backoff.Pause(ctx, attempt) {
			return err
		}
	}
	return nil
}

// keptIn returns the size of the values that mergeKept adds.
func keptIn(it item.Item) (size int64) {
	r := item.Reader{Item: it}
	for _, name := range keptAttributes {
		size += int64(len(r.Binary(name)))
	}
	return size
}

// mergeKept adds the values of a kept item, nil for none, to its enrollment. An
// enrollment whose kept item is of a newer format cannot be read either.
func mergeKept(it, kept item.Item) {
	for _, name := range keptAttributes {
		if value, ok := kept[name]; ok {
			it[name] = value
		}
	}
	if item.CheckNewer(kept) != nil {
		it[format.Attribute] = kept[format.Attribute]
	}
}

func keyText(it item.Item) string {
	r := item.Reader{Item: it}
	return r.Text(manifest.PartitionKey) + "\x00" + r.Text(manifest.SortKey)
}

// insertKept stores what the runs of new enrollments keep apart. A row whose item cannot
// be stored gets its outcome. An item that exists is of an earlier attempt of the same
// request, or of the run that it started.
func (s *table) insertKept(ctx context.Context, t ident.Tenant, rows []*row, list []progress.Enrollment) {
	var items []*row
	var owners []*row
	for i := range list {
		if it := encodeKept(t, &list[i]); it != nil && !rows[i].settled() {
			items, owners = append(items, &row{item: it}), append(owners, rows[i])
		}
	}
	inBatches(ctx, items, batchStatements, s.insertBatch)
	for i, r := range items {
		owners[i].kept = item.KeyOf(r.item)
		if !r.exists && r.outcome.Result != journey.OutcomeEnrolled {
			owners[i].settle(journey.OutcomeError, r.outcome.Code)
		}
	}
}

// removeSkipped deletes the kept items of rows whose customers are inside by another
// request. Those that it cannot delete expire. So do those of customers who have left:
// another attempt of the same request may start their next run with that item.
func (s *table) removeSkipped(ctx context.Context, rows []*row) {
	var deletes []types.WriteRequest
	for _, r := range rows {
		if r.kept != nil && r.outcome.Result == journey.OutcomeSkipped && r.outcome.Code == journey.CodeInside {
			deletes = append(deletes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: r.kept}})
		}
	}
	_ = s.BatchWrite(ctx, deletes)
}

// advanceInTransaction is Advance of e together with what its run keeps apart, if that
// has changed, and with the write that other returns, if other is not nil. refused is true
// if only the condition of that write failed.
func (s *table) advanceInTransaction(
	ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, other func(access.WriteID) *types.Put,
) (refused bool, err error) {
	w, err := s.NewWriteID()
	if err != nil {
		return false, err
	}
	update, err := s.enrollmentUpdate(t, shards, e, w)
	if err != nil {
		return false, err
	}
	writes := []types.TransactWriteItem{{Update: update}}
	if kept := changedKept(t, &e); kept != nil {
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.Name, Item: kept}})
	}
	if other != nil {
		writes = append(writes, types.TransactWriteItem{Put: other(w)})
	}
	reasons, err := s.Transact(ctx, w, writes)
	switch {
	case err != nil || reasons == nil:
		return false, access.WrapFailed("write an enrollment", err)
	case access.ConditionFailed(reasons[0]):
		return false, lostTo(reasons[0].Item, e, w)
	}
	return true, nil
}
