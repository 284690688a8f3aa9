package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/heard"
	"journeys/internal/dynamo/item"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/progress"
)

// forgetHeard is anonymize for feedback.
func (s *table) forgetHeard(ctx context.Context, t ident.Tenant, it item.Item) error {
	if err := item.CheckNewer(it); err != nil {
		return err
	}
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	r := item.Reader{Item: it}
	_, id, _ := item.ParseHeardKey(r.Text(manifest.PartitionKey), r.Text(manifest.SortKey))
	return s.replaceAnonymized(ctx, w, it, heard.Anonymized(t, it, w), item.ForgottenKey(t, id))
}

// AddFeedback implements journey.FeedbackStore.
func (s Customers) AddFeedback(
	ctx context.Context, t ident.Tenant, id message.ID, step feedback.Step, k feedback.Kind, now time.Time,
) (time.Time, error) {
	return heard.Heard{Table: s.Table}.Add(ctx, t, id, step, k, now)
}

// Heard implements journey.FeedbackStore.
func (s Customers) Heard(ctx context.Context, t ident.Tenant, id ident.ID, customer string, run int) (all []feedback.Heard, err error) {
	err = s.Query(ctx, "read feedback", &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :pk AND begins_with(SK, :run)"),
		ExpressionAttributeValues: item.Item{
			":pk": item.Text(item.CustomerPK(t, customer)), ":run": item.Text(item.HeardOfRunPrefix(id, run)),
		},
	}, func(r *item.Reader) error {
		h, err := heard.Decode(t, r.Item)
		all = append(all, h)
		return access.WrapDamaged(err)
	})
	return all, err
}

// heardEvents returns the events that stand for the feedback in an item, by the qualified
// types that ask for it.
func heardEvents(t ident.Tenant, it item.Item, types []string) (map[string][]progress.Received, error) {
	h, err := heard.Decode(t, it)
	if err != nil {
		return nil, access.WrapDamaged(err)
	}
	events := map[string][]progress.Received{}
	for _, qualified := range types {
		_, eventType, _ := feedback.ParseQualified(qualified)
		if _, k, ok := feedback.ParseEventType(eventType); ok && !h.At[k].IsZero() {
			events[qualified] = []progress.Received{progress.FeedbackReceived(eventType, h.At[k])}
		}
	}
	return events, nil
}
