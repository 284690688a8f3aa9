package item

import (
	"strings"

	"journeys/internal/ident"
)

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

// AddressKey returns the key of what is kept of an address, given its hash.
func AddressKey(t ident.Tenant, hash string) Item {
	return Key(tenantPrefix(t)+"#M#"+hash, addressSK)
}

// AddressOf returns the hash in the key of what is kept of an address.
func AddressOf(t ident.Tenant, pk string) (hash string, ok bool) {
	return strings.CutPrefix(pk, tenantPrefix(t)+"#M#")
}
