package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"journeys/internal/journey"
)

// effectKey names one effect for one customer: the same on every attempt, and
// of no other. Each part stands with its length, so that no part can imitate
// another.
func effectKey(t journey.Tenant, e *journey.Enrollment, node string) string {
	var text strings.Builder
	for _, part := range []string{t.String(), string(e.Journey), e.Customer, node, strconv.Itoa(e.Run)} {
		text.WriteString(strconv.Itoa(len(part)))
		text.WriteByte(':')
		text.WriteString(part)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:])
}
