package item

import "journeys/internal/ident"

const (
	tenantSettingsSK = "S"
	subscriptionsSK  = "U"
	addressSK        = "M"
)

// TenantSettingsKey returns the key of a tenant's settings.
func TenantSettingsKey(t ident.Tenant) Item { return Key(tenantPrefix(t), tenantSettingsSK) }

// SubscriptionsKey returns the key of what a customer said about the tenant's topics.
func SubscriptionsKey(t ident.Tenant, customer string) Item {
	return Key(CustomerPK(t, customer), subscriptionsSK)
}

// IsSubscriptions reports whether a sort key of a customer's is that of what they said about
// the topics.
func IsSubscriptions(sk string) bool { return sk == subscriptionsSK }
