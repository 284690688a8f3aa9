package apitest

import (
	"context"
	"sync"
	"time"

	"journeys/internal/consent"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// memoryTopics keeps the topics of all tenants, and what their customers said, in memory.
type memoryTopics struct {
	mu       sync.Mutex
	settings map[ident.Tenant]consent.TenantSettings
	said     map[[2]string]consent.Subscriptions // by tenant and customer
}

func newMemoryTopics() *memoryTopics {
	return &memoryTopics{settings: map[ident.Tenant]consent.TenantSettings{}, said: map[[2]string]consent.Subscriptions{}}
}

func (m *memoryTopics) TenantSettings(_ context.Context, t ident.Tenant) (consent.TenantSettings, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settings[t], nil
}

func (m *memoryTopics) PutTopics(_ context.Context, t ident.Tenant, next consent.TenantSettings) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.settings[t].Rev != next.Rev-1 {
		return journey.ErrLost
	}
	m.settings[t] = next
	return nil
}

func (m *memoryTopics) ToChange(_ context.Context, t ident.Tenant, customer string, _ time.Time) (
	consent.TenantSettings, consent.Subscriptions, journey.Forgotten, error,
) {
	m.mu.Lock()
	defer m.mu.Unlock()
	never := func(string) time.Time { return time.Time{} }
	return m.settings[t], m.said[[2]string{t.String(), customer}], never, nil
}

func (m *memoryTopics) PutSubscriptions(_ context.Context, t ident.Tenant, next consent.Subscriptions, rev int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]string{t.String(), next.Customer}
	if m.said[key].Rev != rev {
		return journey.ErrLost
	}
	m.said[key] = next
	return nil
}

func (m *memoryTopics) DeleteSubscriptions(_ context.Context, t ident.Tenant, customer string, rev int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key := [2]string{t.String(), customer}; m.said[key].Rev == rev {
		delete(m.said, key)
	}
	return nil
}
