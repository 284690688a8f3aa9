package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"journeys/internal/journey"
)

// effectKey names one effect for one customer: the same on every attempt, and
// of no other, not even of one who was forgotten and enrolled again, whose
// RequestID is another. Each part stands with its length, so that no part can imitate
// another.
func effectKey(t journey.Tenant, e *journey.Enrollment, node string) string {
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
