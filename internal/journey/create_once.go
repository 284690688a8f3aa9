package journey

import (
	"context"
	"errors"

	"journeys/internal/digest"
	"journeys/internal/ident"
	"journeys/internal/strict"
)

// CreateOnce is Create for a request that may be repeated with the same key within
// KeyLife: a repeat returns the journey that the first one created, as it is now. body is
// the request's JSON. It returns an ErrNotFound if that journey was deleted, a Mismatch if
// the first request with the key had another body.
func (s *Service) CreateOnce(ctx context.Context, t ident.Tenant, c Change, key string, body []byte) (Journey, error) {
	j, err := s.draft(ctx, t, c)
	if err != nil {
		return Journey{}, err
	}
	sent := KeyRecord{
		Key: key, Created: j.ID, ReceivedAt: j.CreatedAt, ExpiresAt: j.CreatedAt.Add(KeyLife),
		Request: digest.Of(key, string(strict.Canonical(body))), // with the key, as EnrollRequest.hash
	}
	kept, err := s.stores.Journeys.CreateOnce(ctx, t, j, sent)
	switch {
	case err != nil:
		return Journey{}, err
	case kept.Created == j.ID:
		return j, nil
	case kept.Request != sent.Request:
		return Journey{}, keyReused("another body")
	}
	if j, err = s.Get(ctx, t, kept.Created); errors.Is(err, ErrNotFound) {
		err = &Error{
			Kind: NotFound, Code: ErrNotFound.Code, Cause: err,
			Detail: "The journey that was created with this Idempotency-Key was deleted. Send a new key to create another one.",
		}
	}
	return j, err
}
