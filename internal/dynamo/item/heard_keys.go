package item

import (
	"strconv"
	"strings"

	"journeys/internal/feedback"
	"journeys/internal/ident"
)

// HeardKey returns the key of what was heard of a step of a run.
func HeardKey(t ident.Tenant, s feedback.Step) Item {
	sk := HeardPrefix + ULIDOf(s.Journey) + "#" + strconv.Itoa(s.Run) + "#" + strconv.Itoa(s.Node)
	return Key(CustomerPK(t, s.Customer), sk)
}

// AnonymizedHeardKey returns the key of feedback of a customer who was forgotten.
func AnonymizedHeardKey(t ident.Tenant, id ident.ID, writeID string) Item {
	return Key(anonymizedPK(t, writeID), HeardPrefix+ULIDOf(id))
}

// ParseHeardKey returns the tenant and the journey of feedback, also of an anonymized one.
func ParseHeardKey(pk, sk string) (tenant ident.Tenant, id ident.ID, ok bool) {
	step, ok := strings.CutPrefix(sk, HeardPrefix)
	ulid, _, _ := strings.Cut(step, "#")
	if !ok {
		return ident.Tenant{}, "", false
	}
	return ParseEnrollmentKey(pk, EnrollmentPrefix+ulid)
}
