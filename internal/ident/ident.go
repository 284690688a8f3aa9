// Package ident has the ids of tenants, journeys and requests.
package ident

import (
	"strings"

	"journeys/internal/strict"

	"github.com/oklog/ulid/v2"
)

// Tenant is a tenant of the installation. Only ParseTenant makes one, from a
// claim of a verified token. The zero Tenant owns nothing.
type Tenant struct{ id string }

// ParseTenant returns the tenant that a claim names. It returns false unless the
// claim has 1 to 64 characters of A-Z, a-z, 0-9, _ and -: none of them separates
// parts of a key.
func ParseTenant(claim string) (Tenant, bool) {
	if !strict.IsWord(claim, strict.MaxWord) {
		return Tenant{}, false
	}
	return Tenant{claim}, true
}

// String returns the claim's value; "" for the zero Tenant.
func (t Tenant) String() string { return t.id }

// ID identifies a journey: "jrn_" and a ULID, so ids sort by creation time.
type ID string

// Valid reports whether id has the form of a journey's id.
func (id ID) Valid() bool {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	text, ok := strings.CutPrefix(string(id), "jrn_")
	return ok && len(text) == ulid.EncodedSize && text[0] <= '7' && strings.Trim(text, digits) == ""
}

// RequestID marks the enrollments that one request wrote, so that a retry of the
// request recognizes them.
type RequestID [16]byte
