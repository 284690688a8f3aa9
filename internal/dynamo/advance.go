package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// advanceAttempts bounds the attempts of a write that the table throttles.
const advanceAttempts = 4

// enrollmentChanges are the attributes that an advance writes or removes.
var enrollmentChanges = []string{
	eStatus, eRev, eWritten, eNode, eSince, eLeft, eReason, ePath, eRetries, eDelta, eDeltaRev, eDecisions, eAttempts, eLease, eWoken, ePending,
	eStepEvent, eHeard,
	manifest.DuePartitionKey, manifest.DueSortKey, eWriteID,
}

// advance is the write of one enrollment.
type advance struct {
	statement types.BatchStatementRequest
	rev       int64
	pending   string // the exit that the write carries out; "" for none
	done      bool
	err       error
}

// Advance implements journey.EnrollmentStore and engine.Table. It sends 25
// statements a request; they succeed or fail independently.
func (s *table) Advance(ctx context.Context, t journey.Tenant, shards int, list []journey.Enrollment) []error {
	w, err := s.newWriteID()
	advances := make([]*advance, len(list))
	for i, e := range list {
		advances[i] = &advance{rev: e.Rev, pending: e.PendingExit, err: err, done: err != nil}
		if err == nil {
			advances[i].statement, advances[i].err = s.updateStatement(t, shards, e, w)
			advances[i].done = advances[i].err != nil
		}
	}
	for attempt := range advanceAttempts {
		open := slices.DeleteFunc(slices.Clone(advances), func(a *advance) bool { return a.done })
		if len(open) == 0 || attempt > 0 && !pause(ctx, attempt) {
			break
		}
		var running sync.WaitGroup
		for batch := range slices.Chunk(open, batchStatements) {
			running.Go(func() { s.advanceBatch(ctx, batch, w) })
		}
		running.Wait()
	}
	errs := make([]error, len(list))
	for i, a := range advances {
		errs[i] = a.err
	}
	return errs
}

func (s *table) advanceBatch(ctx context.Context, batch []*advance, w writeID) {
	statements := make([]types.BatchStatementRequest, len(batch))
	for i, a := range batch {
		statements[i] = a.statement
	}
	out, err := s.client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: statements})
	for i, a := range batch {
		if err != nil {
			a.err, a.done = wrapFailed("write enrollments", err), errorCode(err) == codeRefused
			continue
		}
		a.resolve(out.Responses[i].Error, w)
	}
}

// resolve sets the result of a statement. If its condition failed, that is an
// ExitPendingError, ErrLost or ErrNewer, or nil if the stored revision is this call's own
// write, whose response was lost.
func (a *advance) resolve(refusal *types.BatchStatementError, w writeID) {
	a.done, a.err = true, nil
	switch {
	case refusal == nil:
	case refusal.Code == types.BatchStatementErrorCodeEnumConditionalCheckFailed:
		stored := reader{item: refusal.Item}
		rev, pending := stored.number(eRev), stored.text(ePending)
		switch {
		case errors.Is(stored.err, journey.ErrNewer):
			a.err = stored.err
		case rev == a.rev && w.wrote(refusal.Item):
		case rev == a.rev-1 && pending != "" && pending != a.pending:
			a.err = &journey.ExitPendingError{Reason: pending}
		default:
			a.err = journey.ErrLost
		}
	default:
		code := serviceCode(string(refusal.Code))
		a.done = code == codeRefused
		a.err = fmt.Errorf("dynamo: write an enrollment: %s: %s", refusal.Code, aws.ToString(refusal.Message))
		if !a.done {
			a.err = wrapUnavailable(code, a.err)
		}
	}
}

// updateStatement returns the UPDATE of e, on the condition that the stored
// revision is the one before e's, and the stored pending exit is e's. An item of a
// newer format has a higher revision, so it is not changed.
func (s *table) updateStatement(t journey.Tenant, shards int, e journey.Enrollment, w writeID) (types.BatchStatementRequest, error) {
	it, err := encodeEnrollment(t, shards, e)
	if err != nil {
		return types.BatchStatementRequest{}, err
	}
	it.putBinary(eWriteID, w[:])
	var statement strings.Builder
	statement.WriteString(`UPDATE "` + s.name + `"`)
	var parameters []types.AttributeValue
	for _, name := range enrollmentChanges {
		if value, ok := it[name]; ok {
			statement.WriteString(` SET "` + name + `"=?`)
			parameters = append(parameters, value)
		} else {
			statement.WriteString(` REMOVE "` + name + `"`)
		}
	}
	statement.WriteString(` WHERE PK=? AND SK=? AND "` + eRev + `"=?`)
	parameters = append(parameters, it[manifest.PartitionKey], it[manifest.SortKey], number(e.Rev-1))
	if e.PendingExit == "" {
		statement.WriteString(` AND "` + ePending + `" IS MISSING`)
	} else {
		statement.WriteString(` AND "` + ePending + `"=?`)
		parameters = append(parameters, text(e.PendingExit))
	}
	return types.BatchStatementRequest{
		Statement: aws.String(statement.String()), Parameters: parameters,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, nil
}

// RequestExit implements journey.EnrollmentStore. It removes the delta, which belongs
// to a write that is in the stream already: this one must not count again. An item
// of a newer format has a higher revision than e.
func (s Enrollments) RequestExit(ctx context.Context, t journey.Tenant, e journey.Enrollment) error {
	k := enrollmentKey(t, e.Journey, e.Customer)
	_, err := s.client.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{
		Statement: aws.String(`UPDATE "` + s.name + `" SET "` + ePending + `"=? REMOVE "` + eDelta + `" REMOVE "` + eDeltaRev +
			`" WHERE PK=? AND SK=? AND "` + eRev + `"=?`),
		Parameters: []types.AttributeValue{text(e.PendingExit), k[manifest.PartitionKey], k[manifest.SortKey], number(e.Rev)},
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return journey.ErrLost
	}
	return wrapFailed("request an exit", err)
}
