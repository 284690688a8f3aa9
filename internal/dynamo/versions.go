package dynamo

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of versions and history entries, beside those of a journey.
const (
	vSum     = "sm" // journey.Journey.RunSum
	hActions = "do"
	hFields  = "fl"
)

// encodeVersion returns the item of j's present version.
func encodeVersion(t ident.Tenant, j journey.Journey) item.Item {
	it := item.VersionKey(t, j.ID, j.Version)
	name, _ := hex.DecodeString(j.GraphHash) // the item of the journey was encoded
	it.PutBinary(aGraph, name)
	it.PutNumber(aNodes, int64(j.NodeCount))
	it.PutTime(aCreated, j.UpdatedAt)
	putAuthor(it, aCreatedBy, j.UpdatedBy)
	it.PutBinary(vSum, j.RunSum())
	return it
}

func decodeVersion(r *item.Reader) (journey.Version, error) {
	number, err := item.ParseRecordSK(r.Text(manifest.SortKey))
	if err != nil {
		return journey.Version{}, access.WrapDamaged(err)
	}
	return journey.Version{
		Number: int(number), CreatedAt: r.Time(aCreated), CreatedBy: readAuthor(r, aCreatedBy),
		NodeCount: int(r.Number(aNodes)), GraphHash: hex.EncodeToString(r.Binary(aGraph)), Sum: r.Binary(vSum),
	}, access.WrapDamaged(r.Err)
}

// encodeHistory returns the item of the history with the write that made j.
func encodeHistory(t ident.Tenant, j journey.Journey, w access.WriteID) item.Item {
	it := item.HistoryKey(t, j.ID, j.Rev)
	it.PutBinary(access.WriteIDAttribute, w[:])
	it.PutTime(aUpdated, j.UpdatedAt)
	putAuthor(it, aUpdatedBy, j.UpdatedBy)
	it.PutNumber(aVersion, int64(j.Version))
	actions := make([]string, len(j.Write.Actions))
	for i, action := range j.Write.Actions {
		actions[i] = string(action)
	}
	it.PutTexts(hActions, actions)
	it.PutTexts(hFields, j.Write.Fields)
	it[manifest.TTL] = item.Number(j.UpdatedAt.AddDate(0, 0, journey.HistoryDays).Unix())
	return it
}

func decodeHistory(it item.Item) (journey.HistoryEntry, error) {
	r := item.Reader{Item: it}
	rev, err := item.ParseRecordSK(r.Text(manifest.SortKey))
	if err != nil {
		return journey.HistoryEntry{}, access.WrapDamaged(err)
	}
	entry := journey.HistoryEntry{
		Rev: rev, At: r.Time(aUpdated), By: readAuthor(&r, aUpdatedBy), Version: int(r.Number(aVersion)),
	}
	for _, action := range r.Texts(hActions) {
		entry.Actions = append(entry.Actions, journey.Action(action))
	}
	entry.Fields = r.Texts(hFields)
	return entry, access.WrapDamaged(r.Err)
}

// Versions implements journey.VersionStore. An item has about 200 bytes, so that a
// request reads 5,000.
func (s Journeys) Versions(ctx context.Context, t ident.Tenant, id ident.ID, upTo int) ([]journey.Version, error) {
	var list []journey.Version
	err := s.Query(ctx, "read the versions of a journey", s.recordsQuery(t, id, item.VersionPrefix, item.VersionKey(t, id, upTo)),
		func(r *item.Reader) error {
			v, err := decodeVersion(r)
			list = append(list, v)
			return err
		})
	return list, err
}

// recordsQuery returns a query of the items of a journey with that prefix, up to the key
// last, from the last one on.
func (s *table) recordsQuery(t ident.Tenant, id ident.ID, prefix string, last item.Item) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &s.Name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression: aws.String("PK = :pk AND SK BETWEEN :from AND :to"),
		ExpressionAttributeValues: item.Item{
			":pk": item.Text(item.DefinitionsPK(t, id)), ":from": item.Text(prefix), ":to": last[manifest.SortKey],
		},
	}
}

// VersionText implements journey.VersionStore. It reads the graph and the appearance in
// one request.
func (s Journeys) VersionText(ctx context.Context, t ident.Tenant, id ident.ID, v journey.Version) ([]byte, error) {
	items, err := s.BatchGet(ctx, []map[string]types.AttributeValue{
		item.DefinitionKey(t, id, v.GraphHash), item.AppearanceKey(t, id, v.Number),
	})
	if err != nil {
		return nil, access.WrapFailed("read a version", err)
	}
	var text []byte
	for _, it := range items {
		r := item.Reader{Item: it}
		appearance := !strings.HasPrefix(r.Text(manifest.SortKey), item.DefinitionPrefix)
		if text == nil || appearance {
			text = r.Binary(aDefinition)
		}
		if r.Err != nil {
			return nil, access.WrapDamaged(r.Err)
		}
	}
	if text == nil {
		return nil, fmt.Errorf("dynamo: version %d of %s: %w", v.Number, id, journey.ErrNoDefinition)
	}
	return text, nil
}

// History implements journey.VersionStore. All entries live equally long, so those before
// an expired one have expired too.
func (s Journeys) History(
	ctx context.Context, t ident.Tenant, id ident.ID, upTo int64, limit int, now time.Time,
) ([]journey.HistoryEntry, error) {
	query := s.recordsQuery(t, id, item.HistoryPrefix, item.HistoryKey(t, id, upTo))
	query.Limit = aws.Int32(int32(limit))
	out, err := s.Client.Query(ctx, query)
	if err != nil {
		return nil, access.WrapFailed("read the history of a journey", err)
	}
	var list []journey.HistoryEntry
	for _, it := range out.Items {
		r := item.Reader{Item: it}
		if r.Number(manifest.TTL) <= now.Unix() {
			break
		}
		entry, err := decodeHistory(it)
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	return list, nil
}
