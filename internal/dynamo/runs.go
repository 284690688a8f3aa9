package dynamo

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// Reenter implements journey.EnrollmentStore. It does not replace an earlier run: while
// a customer is being forgotten, one of a run before that may still be there.
func (s Enrollments) Reenter(ctx context.Context, t ident.Tenant, shards int, old, next progress.Enrollment) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	it, err := encodeEnrollment(t, shards, next)
	if err != nil {
		return err
	}
	earlier, err := encodeEarlierRun(t, old)
	if err != nil {
		return err
	}
	writes := []types.TransactWriteItem{
		{Put: &types.Put{
			TableName: &s.Name, Item: it, ConditionExpression: aws.String("#r = :r AND #q = :q AND #run = :run"),
			ExpressionAttributeNames: map[string]string{"#r": eRev, "#q": eRequest, "#run": eRun},
			ExpressionAttributeValues: item.Item{
				":r": item.Number(old.Rev), ":q": item.Binary(old.RequestID[:]), ":run": item.Number(int64(old.Run)),
			},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{Put: &types.Put{TableName: &s.Name, Item: earlier, ConditionExpression: aws.String("attribute_not_exists(PK)")}},
	}
	if kept := encodeKept(t, &next); kept != nil {
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.Name, Item: kept}})
	}
	refused, err := s.Transact(ctx, w, writes)
	if err != nil || refused == nil {
		return access.WrapFailed("enter a journey again", err)
	}
	stored := item.Reader{Item: refused[0].Item}
	if string(stored.Binary(eRequest)) == string(next.RequestID[:]) {
		return nil
	}
	return journey.ErrLost
}

// encodeEarlierRun returns the item of a run that has ended, without what only the
// engine reads. It is in no index, and the stream's filter passes it over.
func encodeEarlierRun(t ident.Tenant, e progress.Enrollment) (item.Item, error) {
	e.Delta, e.Decisions, e.Event, e.Steps = nil, nil, nil, nil
	e.Heard, e.EndedBy, e.Woken, e.Attempts = progress.Stamp{}, progress.Stamp{}, progress.Stamp{}, 0
	it, err := encodeEnrollment(t, 1, e)
	maps.Copy(it, item.EarlierRunKey(t, e.Journey, e.Customer, e.Run))
	return it, err
}

// EarlierRuns implements journey.EnrollmentStore.
func (s Enrollments) EarlierRuns(
	ctx context.Context, t ident.Tenant, id ident.ID, customer string,
) (runs []progress.Enrollment, err error) {
	err = s.queryEarlierRuns(ctx, t, id, customer, func(r *item.Reader) error {
		run, err := decodeEnrollment(t, r.Item)
		runs = append(runs, run)
		return access.WrapDamaged(err)
	})
	slices.SortFunc(runs, func(a, b progress.Enrollment) int { return cmp.Compare(a.Run, b.Run) })
	return runs, err
}

func (s *table) queryEarlierRuns(
	ctx context.Context, t ident.Tenant, id ident.ID, customer string, each func(*item.Reader) error,
) error {
	return s.Query(ctx, "read a customer's earlier runs", &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :pk AND begins_with(SK, :r)"),
		ExpressionAttributeValues: item.Item{
			":pk": item.Text(item.CustomerPK(t, customer)), ":r": item.Text(item.EarlierRunsPrefix(id)),
		},
	}, each)
}
