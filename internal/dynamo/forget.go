package dynamo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/fence"
	"journeys/internal/dynamo/figures"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// forgetPage is how many items Forget reads at a time.
const forgetPage = 100

// anonymousAttributes remain of an enrollment when its customer is forgotten: they
// are enough to recount the figures, and do not identify the customer.
var anonymousAttributes = []string{
	manifest.SortKey, format.Attribute, eStatus, eGraph, eVersion, eEpoch, eRun, eRev, eWritten, eEnrolled,
	eNode, eSince, eLeft, eFailed, eConverted, ePassed, eReason, ePath, eRetries,
}

// Forget implements journey.CustomerStore. It reads the customer's items until there
// are none, so that it meets again what was lost, refused or written meanwhile. It
// changes nothing if an item is of a newer format.
//
// The opt-outs are kept behind the fence: what is written from then on is either not
// stored, or undone by its writer.
func (s Customers) Forget(ctx context.Context, t ident.Tenant, customer string, now time.Time, tell journey.Forgetting) error {
	if err := s.refuseNewer(ctx, t, customer); err != nil {
		return err
	}
	if err := fence.Put(ctx, s.Table, t, customer, now); err != nil {
		return err
	}
	outs := &optOuts{keep: tell.KeepOptOuts}
	if err := s.keepOptOuts(ctx, t, customer, outs); err != nil {
		return err
	}
	// Runs come before feedback: what is reported of their messages from then on is not
	// stored, so that what was anonymized is not counted again.
	for _, from := range []string{item.EnrollmentPrefix, " "} {
		if err := s.forgetFrom(ctx, t, customer, from, now, tell, outs); err != nil {
			return err
		}
	}
	return nil
}

// forgetFrom forgets the customer's items with this sort key and later ones until there
// are none.
func (s *table) forgetFrom(
	ctx context.Context, t ident.Tenant, customer, from string, now time.Time, tell journey.Forgetting, outs *optOuts,
) error {
	stuck, first := 0, ""
	for {
		out, err := s.Client.Query(ctx, &dynamodb.QueryInput{
			TableName: &s.Name, ConsistentRead: aws.Bool(true), Limit: aws.Int32(forgetPage),
			KeyConditionExpression:    aws.String("PK = :pk AND SK >= :from"),
			ExpressionAttributeValues: item.Item{":pk": item.Text(item.CustomerPK(t, customer)), ":from": item.Text(from)},
		})
		if err != nil {
			return access.WrapFailed("read a customer's items", err)
		}
		if len(out.Items) == 0 {
			return nil
		}
		before := first
		r := item.Reader{Item: out.Items[0]}
		if first = r.Text(manifest.SortKey); first != before {
			stuck = 0
		} else if stuck++; !backoff.Pause(ctx, stuck) { // another process writes the item, or the table is busy
			return access.WrapFailed("forget a customer", ctx.Err())
		}
		if err := s.forgetItems(ctx, t, out.Items, now, tell, outs); err != nil {
			return err
		}
	}
}

// refuseNewer returns an ErrNewer if one of the customer's items is of a newer format:
// this version cannot know what may remain of it.
func (s *table) refuseNewer(ctx context.Context, t ident.Tenant, customer string) error {
	return s.Query(ctx, "read a customer's formats", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		FilterExpression:          aws.String(format.Attribute + " > :known"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.CustomerPK(t, customer)), ":known": item.Number(format.Known)},
	}, func(r *item.Reader) error { return item.CheckNewer(r.Item) })
}

// forgetItems anonymizes the enrollments, earlier runs and feedback among a customer's
// items and deletes the others.
func (s *table) forgetItems(
	ctx context.Context, t ident.Tenant, items []map[string]types.AttributeValue, now time.Time, tell journey.Forgetting, outs *optOuts,
) error {
	var requests []types.WriteRequest
	for _, it := range items {
		r := item.Reader{Item: it}
		switch sk := r.Text(manifest.SortKey); {
		case item.IsEnrollment(sk), strings.HasPrefix(sk, item.EarlierPrefix):
			if err := s.forgetEnrollment(ctx, t, it, now, tell); err != nil {
				return err
			}
		case strings.HasPrefix(sk, item.HeardPrefix):
			if err := s.forgetHeard(ctx, t, it); err != nil {
				return err
			}
		case item.IsSubscriptions(sk):
			if err := s.forgetSubscriptions(ctx, t, it, outs); err != nil {
				return err
			}
		default:
			if item.IsProfile(sk) {
				outs.see(it)
			}
			requests = append(requests, deleteOf(it))
		}
	}
	return access.WrapFailed("forget a customer", s.BatchWrite(ctx, requests))
}

func deleteOf(it item.Item) types.WriteRequest {
	return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: item.KeyOf(it)}}
}

// forgetEnrollment anonymizes an enrollment. While a worker sends the customer a
// message, it requests their exit instead: the worker records the message first, and
// Forget meets the enrollment again.
func (s *table) forgetEnrollment(ctx context.Context, t ident.Tenant, it item.Item, now time.Time, tell journey.Forgetting) error {
	e, err := decodeEnrollment(t, it)
	if errors.Is(err, journey.ErrNewer) {
		return err
	}
	// A worker stores the record of a message while it holds the lease, so there can be
	// none of a revision that anonymize finds unchanged.
	ids, whole := messagesOf(t, e)
	if err := s.messages.Strip(ctx, t, ids); err != nil {
		return err
	}
	if err == nil && (!whole || e.RequestID == ident.RequestID{}) {
		err = errUnstripped
	}
	if err != nil && tell.Unstripped != nil {
		tell.Unstripped(ctx, t, journey.Damage{Journey: e.Journey, Cause: access.WrapDamaged(err)})
	}
	if err != nil || e.Status != progress.Inside || !e.LeaseUntil.After(now) {
		return s.anonymize(ctx, t, it, now)
	}
	if e.PendingExit != (progress.ExitRequest{}) {
		return nil
	}
	e.PendingExit = progress.ExitRequest{Reason: progress.ReasonRemoved}
	if err := (Enrollments{s}).RequestExit(ctx, t, e); !errors.Is(err, journey.ErrLost) {
		return err
	}
	return nil
}

// errUnstripped means that not all messages of an enrollment are known.
var errUnstripped = errors.New("dynamo: an enrollment without its request or its whole path")

// messagesOf returns the ids that messages of a run have, or would have, and whether they
// are all.
func messagesOf(t ident.Tenant, e progress.Enrollment) (ids []message.ID, whole bool) {
	id := func(node int) message.ID { return message.NewID(t, e.Journey, e.Customer, e.Run, node, e.RequestID) }
	ids = []message.ID{id(e.Node)}
	visits, whole := e.Path.Decode(e.EnrolledAt)
	for _, v := range visits {
		if next := id(v.Node); !slices.Contains(ids, next) {
			ids = append(ids, next)
		}
	}
	return ids, whole
}

// anonymize replaces an enrollment by an anonymized one, unless it was written since
// it was read, and counts that in the journey's forgotten count. A retry after a lost
// response finds no enrollment and is refused.
func (s *table) anonymize(ctx context.Context, t ident.Tenant, it item.Item, now time.Time) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	anonymized, err := encodeAnonymized(t, it, w, now)
	if err != nil {
		return err
	}
	r := item.Reader{Item: it}
	return s.replaceAnonymized(ctx, w, it, anonymized, item.ForgottenKey(t, item.EnrollmentJourney(r.Text(manifest.SortKey))))
}

// replaceAnonymized replaces an item, unless it has changed, and counts that in the item
// with the key count.
func (s *table) replaceAnonymized(ctx context.Context, w access.WriteID, it, anonymized, count item.Item) error {
	_, err := s.Transact(ctx, w, []types.TransactWriteItem{
		{Delete: s.deleteUnchanged(it)}, {Put: &types.Put{TableName: &s.Name, Item: anonymized}},
		{Update: &types.Update{
			TableName: &s.Name, Key: count,
			UpdateExpression: aws.String("ADD #n :n"), ExpressionAttributeNames: map[string]string{"#n": figures.ForgottenAttribute},
			ExpressionAttributeValues: item.Item{":n": item.Number(1)},
		}},
	})
	return access.WrapFailed("forget an enrollment", err)
}

// deleteUnchanged deletes an enrollment, or feedback, if its revision and request are still those in
// it. A damaged one may have any type, or be absent.
func (s *table) deleteUnchanged(it item.Item) *types.Delete {
	condition, names, values := "attribute_exists(PK)", map[string]string{}, item.Item{}
	for _, name := range []string{eRev, eRequest} {
		names["#"+name] = name
		if value, ok := it[name]; ok {
			condition += " AND #" + name + " = :" + name
			values[":"+name] = value
		} else {
			condition += " AND attribute_not_exists(#" + name + ")"
		}
	}
	unchanged := &types.Delete{
		TableName: &s.Name, Key: item.KeyOf(it), ConditionExpression: &condition, ExpressionAttributeNames: names,
	}
	if len(values) > 0 {
		unchanged.ExpressionAttributeValues = values
	}
	return unchanged
}

// encodeAnonymized returns what remains of an enrollment. Damaged attributes stay as
// they are, so that audits still report them.
func encodeAnonymized(t ident.Tenant, it item.Item, w access.WriteID, now time.Time) (item.Item, error) {
	rest := item.Item{}
	for _, name := range anonymousAttributes {
		if value, ok := it[name]; ok {
			rest[name] = value
		}
	}
	r := item.Reader{Item: rest}
	id := item.EnrollmentJourney(r.Text(manifest.SortKey))
	e, err := decodeEnrollment(t, rest)
	if err != nil {
		roundTimes(rest)
	} else if rest, err = encodeEnrollment(t, 1, e.Anonymize(now)); err != nil {
		return nil, err
	}
	delete(rest, eRequest)
	delete(rest, manifest.DuePartitionKey)
	delete(rest, manifest.DueSortKey)
	maps.Copy(rest, item.AnonymizedKey(t, id, w.String()))
	return rest, nil
}

// roundTimes rounds the times of an enrollment that cannot be decoded, and removes
// those that depend on others. Audits do not recount such an enrollment. Its format
// may be what is damaged.
func roundTimes(it item.Item) {
	for _, name := range []string{eWritten, eEnrolled, eSince, eLeft, eFailed, eConverted} {
		r := item.Reader{Item: it, Checked: true}
		if at := r.Time(name); r.Err == nil {
			it.PutTime(name, trail.UTCDay(at))
		}
	}
	for _, name := range []string{ePath, eRetries} {
		r := item.Reader{Item: it, Checked: true}
		if r.Binary(name); r.Err == nil {
			delete(it, name)
		}
	}
}
