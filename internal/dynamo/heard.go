package dynamo

import (
	"context"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/heard"
	"journeys/internal/dynamo/item"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/manifest"
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

// UndoHeard implements journey.FeedbackStore.
func (s Customers) UndoHeard(ctx context.Context, t ident.Tenant, step feedback.Step) error {
	for attempt := 0; ; attempt++ {
		it, err := s.Get(ctx, item.HeardKey(t, step))
		if err != nil || it == nil {
			return access.WrapFailed("undo feedback", err)
		}
		if err := s.forgetHeard(ctx, t, it); err != nil {
			return err
		}
		if attempt > 0 && !backoff.Pause(ctx, attempt) {
			return ctx.Err()
		}
	}
}
