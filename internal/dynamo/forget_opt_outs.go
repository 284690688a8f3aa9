package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/consent"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/topics"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// optOuts keeps the opt-outs of a customer who is being forgotten.
type optOuts struct {
	keep       journey.KeepOptOuts // nil keeps none
	attributes []byte              // of the profile as it was last seen; nil for none
	rev        int64               // of the stored subscriptions that were kept
}

// see takes the addresses from a profile. What is damaged has none.
func (o *optOuts) see(profile item.Item) {
	if p, err := decodeProfile("", profile); err == nil {
		o.attributes = p.Attributes
	}
}

// add keeps what a customer said, unless it is kept already.
func (o *optOuts) add(ctx context.Context, t ident.Tenant, said consent.Subscriptions) error {
	if o.keep == nil || o.attributes == nil || len(said.Statements) == 0 || said.Rev == o.rev {
		return nil
	}
	err := o.keep(ctx, t, said, o.attributes)
	if err == nil {
		o.rev = said.Rev
	}
	return err
}

// keepOptOuts keeps what the customer has said. What is damaged is not kept, but erased.
func (s *table) keepOptOuts(ctx context.Context, t ident.Tenant, customer string, outs *optOuts) error {
	if outs.keep == nil {
		return nil
	}
	it, err := s.Get(ctx, item.SubscriptionsKey(t, customer))
	if err != nil {
		return access.WrapFailed("read what a customer said", err)
	}
	said, err := topics.DecodeSubscriptions(customer, it)
	if len(said.Statements) == 0 || err != nil {
		return nil //nolint:nilerr // unreadable, so there is nothing to keep
	}
	if it, err = s.Get(ctx, item.ProfileKey(t, customer)); err != nil {
		return access.WrapFailed("read a profile", err)
	}
	outs.see(it)
	return outs.add(ctx, t, said)
}

// forgetSubscriptions deletes what a customer said, unless they have said more meanwhile:
// Forget meets that again. A request that was received after Forget was called may say it,
// and is answered that it is stored. So that is kept too.
func (s *table) forgetSubscriptions(ctx context.Context, t ident.Tenant, it item.Item, outs *optOuts) error {
	r := item.Reader{Item: it}
	customer := item.CustomerOf(t, r.Text(manifest.PartitionKey))
	said, err := topics.DecodeSubscriptions(customer, it)
	if err != nil {
		return access.WrapFailed("forget a customer", s.BatchWrite(ctx, []types.WriteRequest{deleteOf(it)}))
	}
	if err := outs.add(ctx, t, said); err != nil {
		return err
	}
	outs.rev = 0 // revisions start over after the delete
	return topics.Store{Table: s.Table}.DeleteSubscriptions(ctx, t, customer, said.Rev)
}
