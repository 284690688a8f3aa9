package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/condition"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// Attributes of a profile.
const (
	pAttributes = "a" // JSON object
	pUpdated    = "u"
	pAsOf       = "ao"
)

// PutProfile implements journey.CustomerStore.
func (s Customers) PutProfile(ctx context.Context, t ident.Tenant, p journey.Profile, rev int64) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	put := s.profilePut(t, p, rev, w)
	_, err = s.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: put.TableName, Item: put.Item, ConditionExpression: put.ConditionExpression,
		ExpressionAttributeNames: put.ExpressionAttributeNames, ExpressionAttributeValues: put.ExpressionAttributeValues,
	})
	stored, refused := access.RefusedItem(err)
	switch {
	case refused && w.Wrote(stored):
		return nil
	case refused || access.IsConflict(err):
		return journey.ErrLost
	}
	return access.WrapFailed("store a profile", err)
}

// profilePut returns the write of p on the condition that the stored revision is rev. A
// profile whose revision is absent, or is no number, has revision 0.
func (s *table) profilePut(t ident.Tenant, p journey.Profile, rev int64, w access.WriteID) *types.Put {
	it := item.ProfileKey(t, p.Customer)
	it.PutBinary(pAttributes, p.Attributes)
	it.PutNumber(aRev, p.Rev)
	it.PutBinary(access.WriteIDAttribute, w[:])
	it.PutTime(pAsOf, p.AsOf)
	it.PutTime(pUpdated, p.UpdatedAt)
	put := &types.Put{
		TableName: &s.Name, Item: it,
		ConditionExpression:       aws.String("NOT attribute_type(#r, :r)"),
		ExpressionAttributeNames:  map[string]string{"#r": aRev},
		ExpressionAttributeValues: item.Item{":r": item.Text("N")},
	}
	if rev != 0 {
		put.ConditionExpression = aws.String("#r = :r")
		put.ExpressionAttributeValues = item.Item{":r": item.Number(rev)}
	}
	return put
}

// Profile implements journey.CustomerStore.
func (s Customers) Profile(ctx context.Context, t ident.Tenant, customer string) (journey.Profile, error) {
	it, err := s.Get(ctx, item.ProfileKey(t, customer))
	if err != nil {
		return journey.Profile{}, access.WrapFailed("read a profile", err)
	}
	return decodeProfile(customer, it)
}

// ProfileToChange implements journey.CustomerStore.
func (s Customers) ProfileToChange(
	ctx context.Context, t ident.Tenant, customer string, now time.Time,
) (journey.Profile, journey.Forgotten, error) {
	it, forgotten, err := s.getFenced(ctx, t, item.ProfileKey(t, customer), []string{customer}, now)
	if err != nil {
		return journey.Profile{}, nil, access.WrapFailed("read a profile", err)
	}
	p, err := decodeProfile(customer, it)
	return p, forgotten, err
}

func decodeProfile(customer string, it item.Item) (journey.Profile, error) {
	if it == nil {
		return journey.Profile{}, journey.ErrNoCustomer
	}
	r := item.Reader{Item: it}
	p := journey.Profile{
		Customer: customer, Attributes: r.Binary(pAttributes),
		Rev: r.Number(aRev), AsOf: r.Time(pAsOf), UpdatedAt: r.Time(pUpdated),
	}
	return p, access.WrapDamaged(r.Err)
}

// DeleteProfile implements journey.CustomerStore.
func (s Customers) DeleteProfile(ctx context.Context, t ident.Tenant, customer string, rev int64) error {
	_, err := s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Name, Key: item.ProfileKey(t, customer), ConditionExpression: aws.String("#r = :r"),
		ExpressionAttributeNames: map[string]string{"#r": aRev}, ExpressionAttributeValues: item.Item{":r": item.Number(rev)},
	})
	return access.WrapUnlessRefused("delete a profile", err)
}

// Profiles implements engine.Table.
func (s Engine) Profiles(ctx context.Context, t ident.Tenant, customers []string) (map[string]engine.Profile, error) {
	keys := make([]map[string]types.AttributeValue, len(customers))
	for i, customer := range customers {
		keys[i] = item.ProfileKey(t, customer)
	}
	items, err := s.BatchGet(ctx, keys)
	if err != nil {
		return nil, access.WrapFailed("read profiles", err)
	}
	profiles := make(map[string]engine.Profile, len(items))
	for _, it := range items {
		r := item.Reader{Item: it}
		customer := item.CustomerOf(t, r.Text(manifest.PartitionKey))
		p, err := decodeProfile(customer, it)
		if errors.Is(err, journey.ErrNewer) {
			profiles[customer] = engine.Profile{Err: err}
			continue
		}
		attributes, unread := condition.ParseValue(p.Attributes)
		if cmp.Or(err, unread) != nil {
			// The cause may quote the customer's attributes, and this error is logged.
			profiles[customer] = engine.Profile{Err: fmt.Errorf("%w: a profile cannot be read", journey.ErrDamaged)}
			continue
		}
		profiles[customer] = engine.Profile{Attributes: attributes, Stored: p}
	}
	return profiles, nil
}

// Enrollments implements journey.CustomerStore.
func (s Customers) Enrollments(
	ctx context.Context, t ident.Tenant, customer string,
) (list []progress.Enrollment, unread []journey.Damage, err error) {
	var items []item.Item
	err = s.Query(ctx, "read a customer's enrollments", &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :pk AND begins_with(SK, :e)"),
		ExpressionAttributeValues: item.Item{
			":pk": item.Text(item.CustomerPK(t, customer)), ":e": item.Text(item.EnrollmentPrefix),
		},
	}, func(r *item.Reader) error {
		items = append(items, r.Item)
		return nil
	})
	if err == nil {
		err = access.WrapFailed("read what runs keep", s.addKept(ctx, items))
	}
	if err != nil {
		return nil, nil, err
	}
	for _, it := range items {
		e, err := decodeEnrollment(t, it)
		if err != nil {
			unread = append(unread, journey.Damage{Journey: e.Journey, Cause: access.WrapDamaged(err)})
			continue
		}
		list = append(list, e)
	}
	return list, unread, nil
}
