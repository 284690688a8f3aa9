package dynamo

import (
	"context"
	"time"

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
