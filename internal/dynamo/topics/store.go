// Package topics stores a tenant's settings, and what customers said about its topics.
package topics

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-json-experiment/json"

	"journeys/internal/consent"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/fence"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Attributes of tenant settings and of subscriptions.
const (
	aTopics     = "t" // JSON of consent.Topics
	aRev        = "r"
	aUpdated    = "u"
	aAddresses  = "ad"
	aStatements = "s" // JSON, see statement
)

// Store reads and writes the items. It implements subscription.Store.
type Store struct{ Table access.Table }

// TenantSettings returns the tenant's settings. It is strongly consistent.
func (s Store) TenantSettings(ctx context.Context, t ident.Tenant) (consent.TenantSettings, error) {
	it, err := s.Table.Get(ctx, item.TenantSettingsKey(t))
	if err != nil {
		return consent.TenantSettings{}, access.WrapFailed("read a tenant's settings", err)
	}
	return DecodeTenantSettings(it)
}

// DecodeTenantSettings decodes an item; nil is that of a tenant who never made any.
func DecodeTenantSettings(it item.Item) (consent.TenantSettings, error) {
	if it == nil {
		return consent.TenantSettings{}, nil
	}
	r := item.Reader{Item: it}
	settings := consent.TenantSettings{
		Rev: r.Number(aRev), UpdatedAt: r.Time(aUpdated), Addresses: r.Flag(aAddresses),
	}
	if text := r.Binary(aTopics); text != nil && r.Err == nil {
		r.Err = json.Unmarshal(text, &settings.Topics)
	}
	return settings, access.WrapDamaged(r.Err)
}

// PutTopics stores the topics, revision and time of next, if the stored revision is
// next.Rev-1. Otherwise it returns journey.ErrLost.
func (s Store) PutTopics(ctx context.Context, t ident.Tenant, next consent.TenantSettings) error {
	w, err := s.Table.NewWriteID()
	if err != nil {
		return err
	}
	text, err := json.Marshal(next.Topics, json.Deterministic(true))
	if err != nil {
		return err
	}
	update := &dynamodb.UpdateItemInput{
		TableName: &s.Table.Name, Key: item.TenantSettingsKey(t),
		UpdateExpression:         aws.String("SET #t = :t, #r = :r, #u = :u, #w = :w"),
		ConditionExpression:      aws.String("attribute_not_exists(#r)"),
		ExpressionAttributeNames: map[string]string{"#t": aTopics, "#r": aRev, "#u": aUpdated, "#w": access.WriteIDAttribute},
		ExpressionAttributeValues: item.Item{
			":t": item.Binary(text), ":r": item.Number(next.Rev), ":u": item.Number(next.UpdatedAt.UnixMilli()), ":w": item.Binary(w[:]),
		},
	}
	if next.Rev > 1 {
		update.ConditionExpression = aws.String("#r = :old")
		update.ExpressionAttributeValues[":old"] = item.Number(next.Rev - 1)
	}
	_, err = s.Table.Client.UpdateItem(ctx, update)
	return lost("store topics", w, err)
}

// lost returns journey.ErrLost for a conditional write that was refused, unless it meets
// its own success.
func lost(doing string, w access.WriteID, err error) error {
	stored, refused := access.RefusedItem(err)
	switch {
	case refused && w.Wrote(stored):
		return nil
	case refused || access.IsConflict(err):
		return journey.ErrLost
	}
	return access.WrapFailed(doing, err)
}

// Subscriptions returns what a customer said. It is strongly consistent.
func (s Store) Subscriptions(ctx context.Context, t ident.Tenant, customer string) (consent.Subscriptions, error) {
	it, err := s.Table.Get(ctx, item.SubscriptionsKey(t, customer))
	if err != nil {
		return consent.Subscriptions{}, access.WrapFailed("read subscriptions", err)
	}
	return DecodeSubscriptions(customer, it)
}

// ToChange returns the tenant's settings, what a customer said, and the tenant's
// Forgotten as of now. It is strongly consistent.
func (s Store) ToChange(ctx context.Context, t ident.Tenant, customer string, now time.Time) (
	settings consent.TenantSettings, said consent.Subscriptions, forgotten journey.Forgotten, err error,
) {
	settingsKey, key := item.TenantSettingsKey(t), item.SubscriptionsKey(t, customer)
	items, forgotten, err := fence.ReadWith(ctx, s.Table, t, []item.Item{settingsKey, key}, []string{customer}, now)
	if err != nil {
		return settings, said, nil, access.WrapFailed("read subscriptions", err)
	}
	var errs []error
	for _, it := range items {
		if item.PartitionOf(it) == item.PartitionOf(key) {
			said, err = DecodeSubscriptions(customer, it)
		} else {
			settings, err = DecodeTenantSettings(it)
		}
		errs = append(errs, err)
	}
	return settings, said, forgotten, errors.Join(errs...)
}

// statement is a consent.Statement as it is stored.
type statement struct {
	In bool  `json:"i,omitzero"`
	At int64 `json:"a"` // milliseconds since 1970
}

// DecodeSubscriptions decodes an item; nil is that of a customer who never said anything.
func DecodeSubscriptions(customer string, it item.Item) (consent.Subscriptions, error) {
	if it == nil {
		return consent.Subscriptions{}, nil
	}
	r := item.Reader{Item: it}
	said := consent.Subscriptions{Customer: customer, Statements: map[string]consent.Statement{}, Rev: r.Number(aRev)}
	var stored map[string]statement
	if text := r.Binary(aStatements); r.Err == nil {
		r.Err = json.Unmarshal(text, &stored)
	}
	for topic, st := range stored {
		said.Statements[topic] = consent.Statement{In: st.In, At: time.UnixMilli(st.At).UTC()}
	}
	return said, access.WrapDamaged(r.Err)
}

// PutSubscriptions stores next, if the stored revision is rev; 0 if none are stored.
// Otherwise it returns journey.ErrLost.
func (s Store) PutSubscriptions(ctx context.Context, t ident.Tenant, next consent.Subscriptions, rev int64) error {
	w, err := s.Table.NewWriteID()
	if err != nil {
		return err
	}
	stored := map[string]statement{}
	for topic, said := range next.Statements {
		stored[topic] = statement{said.In, said.At.UnixMilli()}
	}
	text, err := json.Marshal(stored, json.Deterministic(true))
	if err != nil {
		return err
	}
	it := item.SubscriptionsKey(t, next.Customer)
	it.PutBinary(aStatements, text)
	it.PutNumber(aRev, next.Rev)
	it.PutBinary(access.WriteIDAttribute, w[:])
	put := &dynamodb.PutItemInput{TableName: &s.Table.Name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)")}
	if rev != 0 {
		put.ConditionExpression = aws.String("#r = :r")
		put.ExpressionAttributeNames = map[string]string{"#r": aRev}
		put.ExpressionAttributeValues = item.Item{":r": item.Number(rev)}
	}
	_, err = s.Table.Client.PutItem(ctx, put)
	return lost("store subscriptions", w, err)
}

// DeleteSubscriptions deletes what a customer said, if the stored revision is rev.
func (s Store) DeleteSubscriptions(ctx context.Context, t ident.Tenant, customer string, rev int64) error {
	_, err := s.Table.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Table.Name, Key: item.SubscriptionsKey(t, customer), ConditionExpression: aws.String("#r = :r"),
		ExpressionAttributeNames: map[string]string{"#r": aRev}, ExpressionAttributeValues: item.Item{":r": item.Number(rev)},
	})
	return access.WrapUnlessRefused("delete subscriptions", err)
}
