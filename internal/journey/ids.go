package journey

import (
	"strings"

	"github.com/oklog/ulid/v2"
)

// Tenant is one customer of the installation. The zero Tenant is nobody; a
// Tenant is made by ParseTenant only, from the claim of a verified token.
type Tenant struct{ id string }

// ParseTenant returns the tenant of a claim; false unless it has 1 to 64
// characters of A-Z, a-z, 0-9, _ and -. None of these separates parts of a key.
func ParseTenant(claim string) (Tenant, bool) {
	if !IsWord(claim, maxWord) {
		return Tenant{}, false
	}
	return Tenant{claim}, true
}

// String returns the claim's value, "" for nobody.
func (t Tenant) String() string { return t.id }

// ID names a journey: "jrn_" and a ULID, so that ids sort by creation.
type ID string

// Valid reports whether id has the form of an id of ours.
func (id ID) Valid() bool {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	text, ok := strings.CutPrefix(string(id), "jrn_")
	return ok && len(text) == ulid.EncodedSize && text[0] <= '7' && strings.Trim(text, digits) == ""
}

// RequestID tells an enrollment that a request made itself from another's.
type RequestID [16]byte

// maxWord is the longest tenant, and the longest id of a node: characters.
const maxWord = 64

// IsWord reports whether s has 1 to max characters of A-Z, a-z, 0-9, _ and -. To
// compile a regular expression of it would take longer than a function takes to
// start.
func IsWord(s string, max int) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= max
}
