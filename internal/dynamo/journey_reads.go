package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/topics"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Journey implements journey.JourneyStore and analytics.Table.
func (s *table) Journey(ctx context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error) {
	it, err := s.Get(ctx, item.JourneyKey(t, id))
	if err != nil {
		return journey.Journey{}, access.WrapFailed("read a journey", err)
	}
	if it == nil {
		return journey.Journey{}, journey.ErrNotFound
	}
	return decodeJourney(it)
}

// FullJourney implements journey.JourneyStore. Its two items may be of different
// revisions, because a batch is not read at one moment: then it reads them again. The
// settings of the tenant are one more item of the batch.
func (s *table) FullJourney(ctx context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error) {
	for attempt := 0; ; attempt++ {
		tenantKey := item.TenantSettingsKey(t)
		items, err := s.BatchGet(ctx, []map[string]types.AttributeValue{item.JourneyKey(t, id), item.TextKey(t, id), tenantKey})
		if err != nil {
			return journey.Journey{}, access.WrapFailed("read a journey and its text", err)
		}
		var stored, words, tenant item.Item
		for _, it := range items {
			switch item.PartitionOf(it) {
			case item.JourneysPK(t):
				stored = it
			case item.PartitionOf(tenantKey):
				tenant = it
			default:
				words = it
			}
		}
		if stored == nil {
			return journey.Journey{}, journey.ErrNotFound
		}
		j, err := decodeJourney(stored)
		if err != nil {
			return journey.Journey{}, err
		}
		if settings, err := topics.DecodeTenantSettings(tenant); err == nil {
			j.Tenant = &settings
		}
		if matches, err := addText(&j, words); matches || err != nil {
			return j, err
		}
		if !backoff.Pause(ctx, attempt) {
			return journey.Journey{}, ctx.Err()
		}
		if attempt == access.MaxConflicts {
			return journey.Journey{}, access.WrapDamaged(fmt.Errorf("dynamo: the text of %s is not of revision %d", id, j.TextRev))
		}
	}
}

// Definition implements journey.JourneyStore, engine.Table and analytics.Table.
func (s *table) Definition(ctx context.Context, t ident.Tenant, id ident.ID, hash string) ([]byte, error) {
	it, err := s.Get(ctx, item.DefinitionKey(t, id, hash))
	if err != nil {
		return nil, access.WrapFailed("read a definition", err)
	}
	if it == nil {
		return nil, fmt.Errorf("dynamo: definition %s of %s: %w", hash, id, journey.ErrNoDefinition)
	}
	r := item.Reader{Item: it}
	return r.Binary(aDefinition), access.WrapDamaged(r.Err)
}

// Appearance implements journey.JourneyStore.
func (s Journeys) Appearance(ctx context.Context, t ident.Tenant, j journey.Journey) ([]byte, error) {
	it, err := s.Get(ctx, item.AppearanceKey(t, j.ID, j.Version))
	if err != nil {
		return nil, access.WrapFailed("read an appearance", err)
	}
	r := item.Reader{Item: it}
	if r.Number(aRev) != j.AppearanceRev {
		return nil, fmt.Errorf("dynamo: appearance of %s, revision %d: %w", j.ID, j.AppearanceRev, journey.ErrNoDefinition)
	}
	return r.Binary(aDefinition), access.WrapDamaged(r.Err)
}

// List implements journey.JourneyStore.
func (s Journeys) List(ctx context.Context, t ident.Tenant, f journey.Filter) (page journey.Page, err error) {
	if f.OfIDs() {
		page, err = s.listIDs(ctx, t, f)
	} else {
		page, err = s.listSorted(ctx, t, f)
	}
	if err != nil || f.Brief {
		return page, err
	}
	return page, s.addTexts(ctx, t, f, &page)
}

// listIDs returns a page of a list in the order of the keys. DynamoDB has no offset: it
// reads the partition up to the page, 1 MB at a time, and counts the rest.
func (s Journeys) listIDs(ctx context.Context, t ident.Tenant, f journey.Filter) (page journey.Page, err error) {
	query := s.listQuery(t, f)
	for {
		if page.Total >= f.Offset+f.Limit {
			query.Select = types.SelectCount
		}
		out, err := s.Client.Query(ctx, query)
		if err != nil {
			return journey.Page{}, access.WrapFailed("list journeys", err)
		}
		for i := max(f.Offset-page.Total, 0); i < len(out.Items) && len(page.Journeys) < f.Limit; i++ {
			j, err := decodeJourney(out.Items[i])
			if err != nil {
				return journey.Page{}, err
			}
			page.Journeys = append(page.Journeys, j)
		}
		page.Total += int(out.Count)
		query.ExclusiveStartKey = out.LastEvaluatedKey
		if len(query.ExclusiveStartKey) == 0 || f.Brief && len(page.Journeys) == f.Limit {
			return page, nil
		}
	}
}

// listSorted returns a page of any list. It reads the whole partition: at 250 bytes each,
// 10,000 journeys are three requests. A damaged journey fails only the page that has it.
func (s Journeys) listSorted(ctx context.Context, t ident.Tenant, f journey.Filter) (journey.Page, error) {
	type row struct {
		journey.Journey
		at  journey.Place
		err error
	}
	var rows []row
	matches := f.Matches()
	err := s.Query(ctx, "list journeys", s.listQuery(t, f), func(r *item.Reader) error {
		if j, err := decodeJourney(r.Item); matches(j) {
			rows = append(rows, row{j, f.Place(j), err})
		}
		return nil
	})
	if err != nil {
		return journey.Page{}, err
	}
	page := journey.Page{Total: len(rows)}
	slices.SortFunc(rows, func(a, b row) int { return f.Compare(a.at, b.at) })
	start := min(f.Offset, len(rows))
	if f.After != (journey.Place{}) {
		start = sort.Search(len(rows), func(i int) bool { return f.Compare(rows[i].at, f.After) > 0 })
	}
	for _, r := range rows[start:min(start+f.Limit, len(rows))] {
		if r.err != nil {
			return journey.Page{}, r.err
		}
		page.Journeys = append(page.Journeys, r.Journey)
	}
	return page, nil
}

// addTexts sets the texts of a page. A journey that was changed since the page was read
// is read again, and left out if it is not of the list any more.
func (s *table) addTexts(ctx context.Context, t ident.Tenant, f journey.Filter, page *journey.Page) error {
	texts, err := s.texts(ctx, t, page.Journeys)
	if err != nil {
		return access.WrapFailed("read the texts of journeys", err)
	}
	for i := range page.Journeys {
		j := &page.Journeys[i]
		matches, err := addText(j, texts[item.PartitionOf(item.TextKey(t, j.ID))])
		if err == nil && !matches {
			changed, errChanged := s.FullJourney(ctx, t, j.ID)
			if errors.Is(errChanged, journey.ErrNotFound) || errChanged == nil && !f.Matches()(changed) {
				changed, errChanged = journey.Journey{}, nil
			}
			*j, err = changed, errChanged
		}
		if err != nil {
			return err
		}
	}
	found := len(page.Journeys)
	page.Journeys = slices.DeleteFunc(page.Journeys, func(j journey.Journey) bool { return j.Rev == 0 })
	page.Total -= found - len(page.Journeys)
	return nil
}

// texts returns the text items of journeys by partition key.
func (s *table) texts(ctx context.Context, t ident.Tenant, list []journey.Journey) (map[string]item.Item, error) {
	var keys []map[string]types.AttributeValue
	for _, j := range list {
		if j.TextRev > 0 {
			keys = append(keys, item.TextKey(t, j.ID))
		}
	}
	texts := make(map[string]item.Item, len(keys))
	for some := range slices.Chunk(keys, batchKeys) {
		items, err := s.BatchGet(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			texts[item.PartitionOf(it)] = it
		}
	}
	return texts, nil
}

// listQuery returns the query of the tenant's journeys, with f's status, in the order of
// their keys.
func (s *table) listQuery(t ident.Tenant, f journey.Filter) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName: &s.Name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!f.Sort.Descending()),
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.JourneysPK(t))},
	}
	if f.Status != "" {
		query.FilterExpression = aws.String("#st = :st")
		query.ExpressionAttributeNames = map[string]string{"#st": aStatus}
		query.ExpressionAttributeValues[":st"] = item.Text(string(f.Status))
	}
	if !f.OfIDs() {
		return query
	}
	if f.After != (journey.Place{}) {
		query.ExclusiveStartKey = item.JourneyKey(t, f.After.ID)
	}
	if f.Brief && f.Status == "" {
		query.Limit = aws.Int32(int32(f.Limit))
	}
	return query
}
