package dynamo

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/addresses"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/topics"
	"journeys/internal/engine"
	"journeys/internal/ident"
)

// batchGets is how many keys one request reads.
const batchGets = 100

// Consents implements engine.Table.
func (s Engine) Consents(ctx context.Context, t ident.Tenant, keys []engine.ConsentKey) (engine.Consents, error) {
	settings := item.TenantSettingsKey(t)
	wanted := map[string]item.Item{item.PartitionOf(settings): settings}
	for _, k := range keys {
		if k.Customer != "" {
			key := item.SubscriptionsKey(t, k.Customer)
			wanted[item.PartitionOf(key)] = key
		}
		if k.Address != "" {
			key := item.AddressKey(t, k.Address)
			wanted[item.PartitionOf(key)] = key
		}
	}
	found, err := s.readAll(ctx, wanted)
	if err != nil {
		return engine.Consents{}, access.WrapFailed("read subscriptions and addresses", err)
	}
	consents := engine.Consents{ByKey: make(map[engine.ConsentKey]engine.Consent, len(keys))}
	if consents.Tenant, err = topics.DecodeTenantSettings(found[item.PartitionOf(settings)]); err != nil {
		return engine.Consents{}, err
	}
	for _, k := range keys {
		var c engine.Consent
		var errs [2]error
		if k.Customer != "" {
			c.Said, errs[0] = topics.DecodeSubscriptions(k.Customer, found[item.PartitionOf(item.SubscriptionsKey(t, k.Customer))])
		}
		if k.Address != "" {
			c.Address, errs[1] = addresses.Decode(found[item.PartitionOf(item.AddressKey(t, k.Address))])
		}
		c.Err = cmp.Or(errs[:]...)
		consents.ByKey[k] = c
	}
	return consents, nil
}

// readAll reads keys by their partitions, several requests at a time. It returns the items
// by partition.
func (s *table) readAll(ctx context.Context, wanted map[string]item.Item) (map[string]item.Item, error) {
	var keys []map[string]types.AttributeValue
	for _, key := range wanted {
		keys = append(keys, key)
	}
	chunks := slices.Collect(slices.Chunk(keys, batchGets))
	read := make([][]item.Item, len(chunks))
	var group errgroup.Group
	for i, chunk := range chunks {
		group.Go(func() (err error) {
			read[i], err = s.BatchGet(ctx, chunk)
			return err
		})
	}
	err := group.Wait()
	found := map[string]item.Item{}
	for _, it := range slices.Concat(read...) {
		found[item.PartitionOf(it)] = it
	}
	return found, err
}
