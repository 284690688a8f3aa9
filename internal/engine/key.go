package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"journeys/internal/ident"
	"journeys/internal/progress"
)

// effectKey returns the idempotency key of one effect for one enrollment: the
// same for every attempt, and different from every other effect's. A customer
// that was forgotten and enrolled again has a new RequestID, and so new keys.
// Each part is prefixed with its length, so no part can imitate another.
func effectKey(t ident.Tenant, e *progress.Enrollment, node string) string {
	var text strings.Builder
	parts := []string{t.String(), string(e.Journey), e.Customer, node, strconv.Itoa(e.Run), string(e.RequestID[:])}
	for _, part := range parts {
		text.WriteString(strconv.Itoa(len(part)))
		text.WriteByte(':')
		text.WriteString(part)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:])
}
