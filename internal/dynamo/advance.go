package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/change"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/memory"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// advanceAttempts bounds the attempts of a write that the table throttles.
const advanceAttempts = 4

// enrollmentChanges are the attributes that an advance writes or removes.
var enrollmentChanges = []string{
	eStatus, eRev, eWritten, eNode, eSince, eLeft, eReason, ePath, eRetries, eDelta, eDeltaRev, eDecisions, eEvent, eAttempts, eLease, eInLine, eWoken, eOnProfile, ePending,
	eSteps, eApart, eHeard, eEndedBy, eListens, eFailed, eConverted, ePassed, eConvert,
	manifest.DuePartitionKey, manifest.DueSortKey, eWriteID,
}

// advance is the write of one enrollment.
type advance struct {
	statement types.BatchStatementRequest
	next      progress.Enrollment // as written
	done      bool
	err       error
}

// Advance implements journey.EnrollmentStore and engine.Table. It sends 25
// statements a request; they succeed or fail independently. An enrollment whose run
// keeps more apart than before is a request of its own.
func (s *table) Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error {
	w, err := s.NewWriteID()
	advances := make([]*advance, len(list))
	var transactions errgroup.Group
	transactions.SetLimit(maxBatches)
	for i, e := range list {
		a := &advance{next: e, err: err, done: err != nil}
		advances[i] = a
		switch {
		case err != nil:
		case changedKept(t, &e) != nil:
			a.done = true
			transactions.Go(func() error {
				_, a.err = s.advanceInTransaction(ctx, t, shards, e, nil)
				return nil
			})
		default:
			a.statement, a.err = s.updateStatement(t, shards, e, w)
			a.done = a.err != nil
		}
	}
	s.advanceAll(ctx, advances, w)
	_ = transactions.Wait() // each has its own error
	errs := make([]error, len(list))
	for i, a := range advances {
		errs[i] = a.err
	}
	return errs
}

// advanceAll sends the statements that are not done.
func (s *table) advanceAll(ctx context.Context, advances []*advance, w access.WriteID) {
	for attempt := range advanceAttempts {
		open := slices.DeleteFunc(slices.Clone(advances), func(a *advance) bool { return a.done })
		if len(open) == 0 || attempt > 0 && !backoff.Pause(ctx, attempt) {
			break
		}
		var running sync.WaitGroup
		for batch := range slices.Chunk(open, batchStatements) {
			running.Go(func() { s.advanceBatch(ctx, batch, w) })
		}
		running.Wait()
	}
}

func (s *table) advanceBatch(ctx context.Context, batch []*advance, w access.WriteID) {
	statements := make([]types.BatchStatementRequest, len(batch))
	for i, a := range batch {
		statements[i] = a.statement
	}
	out, err := s.Client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: statements})
	for i, a := range batch {
		if err != nil {
			a.err, a.done = access.WrapFailed("write enrollments", err), conn.Code(err) == conn.Refused
			continue
		}
		a.resolve(out.Responses[i].Error, w)
	}
}

// resolve sets the result of a statement. If its condition failed, that is an
// ExitPendingError, ErrLost or ErrNewer, or nil if the stored revision is this call's own
// write, whose response was lost.
func (a *advance) resolve(refusal *types.BatchStatementError, w access.WriteID) {
	a.done, a.err = true, nil
	switch {
	case refusal == nil:
	case refusal.Code == types.BatchStatementErrorCodeEnumConditionalCheckFailed:
		a.err = lostTo(refusal.Item, a.next, w)
	default:
		code := conn.ServiceCode(string(refusal.Code))
		a.done = code == conn.Refused
		a.err = fmt.Errorf("dynamo: write an enrollment: %s: %s", refusal.Code, aws.ToString(refusal.Message))
		if !a.done {
			a.err = access.WrapUnavailable(code, a.err)
		}
	}
}

// lostTo returns the result of a write of e whose condition failed on the stored item.
func lostTo(it item.Item, e progress.Enrollment, w access.WriteID) error {
	stored := item.Reader{Item: it}
	found, exit, conversion := stored.Number(eRev), stored.Text(ePending), memory.ReadStamp(stored.Binary(eConvert))
	switch {
	case errors.Is(stored.Err, journey.ErrNewer):
		return stored.Err
	case found == e.Rev && w.Wrote(it):
		return nil
	case found != e.Rev-1:
	case exit != "" && exit != memory.ExitText(e.PendingExit), conversion != (progress.Stamp{}) && conversion != e.PendingConversion:
		return &journey.ExitPendingError{Exit: memory.ReadExit(exit), Conversion: conversion}
	}
	return journey.ErrLost
}

// AdvanceWithProfile implements engine.Table.
func (s Engine) AdvanceWithProfile(
	ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, p journey.Profile, rev int64,
) error {
	refused, err := s.advanceInTransaction(ctx, t, shards, e, func(w access.WriteID) *types.Put { return s.profilePut(t, p, rev, w) })
	if refused {
		return engine.ErrProfileChanged
	}
	return err
}

// enrollmentUpdate is updateStatement for a transaction.
func (s *table) enrollmentUpdate(t ident.Tenant, shards int, e progress.Enrollment, w access.WriteID) (*types.Update, error) {
	it, err := encodeEnrollment(t, shards, e)
	if err != nil {
		return nil, err
	}
	it.PutBinary(eWriteID, w[:])
	text, names, values := change.Expression(enrollmentChanges, it)
	values[":before"], values[":request"] = item.Number(e.Rev-1), item.Binary(e.RequestID[:])
	names["#"+eRequest] = eRequest
	pending := "attribute_not_exists(#" + ePending + ")"
	if exit := memory.ExitText(e.PendingExit); exit != "" {
		pending, values[":pending"] = "#"+ePending+" = :pending", item.Text(exit)
	}
	conversion := "attribute_not_exists(#" + eConvert + ")"
	if e.PendingConversion != (progress.Stamp{}) {
		conversion, values[":conversion"] = "#"+eConvert+" = :conversion", item.Binary(memory.Stamp(e.PendingConversion))
	}
	return &types.Update{
		TableName: &s.Name, Key: item.KeyOf(it), UpdateExpression: &text,
		ConditionExpression:      aws.String("#" + eRev + " = :before AND #" + eRequest + " = :request AND " + pending + " AND " + conversion),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}, nil
}

// updateStatement returns the UPDATE of e, on the condition that the stored
// revision is the one before e's, and the stored pending exit and conversion are e's. An item of a
// newer format has a higher revision, so it is not changed. A customer who was forgotten
// and enrolled again has another RequestID.
func (s *table) updateStatement(t ident.Tenant, shards int, e progress.Enrollment, w access.WriteID) (types.BatchStatementRequest, error) {
	it, err := encodeEnrollment(t, shards, e)
	if err != nil {
		return types.BatchStatementRequest{}, err
	}
	it.PutBinary(eWriteID, w[:])
	clauses, parameters := change.Statement(enrollmentChanges, it)
	statement := `UPDATE "` + s.Name + `"` + clauses + ` WHERE PK=? AND SK=? AND "` + eRev + `"=? AND "` + eRequest + `"=?`
	parameters = append(parameters, it[manifest.PartitionKey], it[manifest.SortKey], item.Number(e.Rev-1), item.Binary(e.RequestID[:]))
	if pending := memory.ExitText(e.PendingExit); pending == "" {
		statement += ` AND "` + ePending + `" IS MISSING`
	} else {
		statement += ` AND "` + ePending + `"=?`
		parameters = append(parameters, item.Text(pending))
	}
	if e.PendingConversion == (progress.Stamp{}) {
		statement += ` AND "` + eConvert + `" IS MISSING`
	} else {
		statement += ` AND "` + eConvert + `"=?`
		parameters = append(parameters, item.Binary(memory.Stamp(e.PendingConversion)))
	}
	return types.BatchStatementRequest{
		Statement: &statement, Parameters: parameters,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, nil
}

// RequestExit implements journey.EnrollmentStore. It removes the delta, which belongs
// to a write that is in the stream already: this one must not count again. An item
// of a newer format has a higher revision than e.
func (s Enrollments) RequestExit(ctx context.Context, t ident.Tenant, e progress.Enrollment) error {
	statement, parameters := `UPDATE "`+s.Name+`"`, []types.AttributeValue(nil)
	if exit := memory.ExitText(e.PendingExit); exit != "" {
		statement += ` SET "` + ePending + `"=?`
		parameters = append(parameters, item.Text(exit))
	}
	if e.PendingConversion != (progress.Stamp{}) {
		statement += ` SET "` + eConvert + `"=?`
		parameters = append(parameters, item.Binary(memory.Stamp(e.PendingConversion)))
	}
	statement += ` REMOVE "` + eDelta + `" REMOVE "` + eDeltaRev + `" WHERE PK=? AND SK=? AND "` + eRev + `"=? AND "` + eRequest + `"=?`
	k := item.EnrollmentKey(t, e.Journey, e.Customer)
	_, err := s.Client.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &statement, Parameters: append(parameters,
		k[manifest.PartitionKey], k[manifest.SortKey], item.Number(e.Rev), item.Binary(e.RequestID[:]))})
	if _, refused := access.RefusedItem(err); refused || access.IsConflict(err) {
		return journey.ErrLost
	}
	return access.WrapFailed("request an exit", err)
}
