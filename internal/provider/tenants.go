package provider

import (
	"journeys/internal/ident"
	"journeys/internal/strict"
)

// readTenants reads the tenants that may use a flow or a channel; nil for all of them.
func readTenants(object *strict.Object) []string {
	v, ok := object.Take("tenants")
	if !ok {
		return nil
	}
	list, ok := v.List()
	if ok && len(list) == 0 {
		v.Fault("must not be empty")
	}
	tenants := []string{}
	for _, member := range list {
		name, ok := member.Text(1, 64)
		if !ok {
			continue
		}
		if _, ok := ident.ParseTenant(name); !ok {
			member.Fault("must have only A-Z, a-z, 0-9, _ and -")
		}
		tenants = append(tenants, name)
	}
	return tenants
}
