package provider

import (
	"slices"

	"journeys/internal/journey"
	"journeys/internal/strict"
)

// tenants are the tenants that may use a flow or a channel; nil for all of them.
type tenants []string

func (t tenants) include(tenant journey.Tenant) bool {
	return t == nil || slices.Contains(t, tenant.String())
}

func readTenants(object *strict.Object) tenants {
	v, ok := object.Take("tenants")
	if !ok {
		return nil
	}
	list, ok := v.List()
	if ok && len(list) == 0 {
		v.Fault("must not be empty")
	}
	t := tenants{}
	for _, member := range list {
		name, ok := member.Text(1, 64)
		if !ok {
			continue
		}
		if _, ok := journey.ParseTenant(name); !ok {
			member.Fault("must have only A-Z, a-z, 0-9, _ and -")
		}
		t = append(t, name)
	}
	return t
}

// lookup returns the name under which the tenant finds a flow or a channel: its own
// or the default's. It returns false if the tenant may use neither.
func lookup[V interface{ include(journey.Tenant) bool }](all map[string]V, name string, t journey.Tenant) (string, bool) {
	for _, candidate := range []string{name, defaultName} {
		if v, ok := all[candidate]; ok && v.include(t) {
			return candidate, true
		}
	}
	return "", false
}
