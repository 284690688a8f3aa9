package item

import "journeys/internal/ident"

// DraftKey returns the key of a journey's draft.
func DraftKey(t ident.Tenant, id ident.ID) Item { return Key(JourneysPK(t)+"#"+ULIDOf(id), "D") }
