package targets

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/manifest"
)

const cWave = "w" // attribute of a cost: milliseconds

// Costs implements engine.Table. It may return costs that have expired, until the table
// removes them.
func (s Targets) Costs(ctx context.Context) (map[ident.Tenant]time.Duration, error) {
	costs := map[ident.Tenant]time.Duration{}
	var unread engine.Unread
	err := s.Table.Query(ctx, "read the costs of tenants", &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :pk"), ExpressionAttributeValues: item.Item{":pk": item.Text(item.CostsPK)},
	}, func(r *item.Reader) error {
		it := item.Reader{Item: r.Item}
		name, wave := it.Text(manifest.SortKey), it.Number(cWave)
		tenant, ok := ident.ParseTenant(name)
		switch {
		case it.Err != nil:
			unread = append(unread, access.WrapDamaged(it.Err))
		case !ok || wave <= 0:
			unread = append(unread, access.WrapDamaged(fmt.Errorf("the cost of the tenant %q is %d ms", name, wave)))
		default:
			costs[tenant] = time.Duration(wave) * time.Millisecond
		}
		return nil
	})
	if err == nil {
		err = unread.Err()
	}
	return costs, err
}

// PutCost implements engine.Table. Of several writes the last one counts.
func (s Targets) PutCost(ctx context.Context, t ident.Tenant, wave time.Duration, expires time.Time) error {
	it := item.CostKey(t)
	it[cWave], it[manifest.TTL] = item.Number(wave.Milliseconds()), item.Number(expires.Unix())
	_, err := s.Table.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table.Name, Item: it})
	return access.WrapFailed("write the cost of a tenant", err)
}
