package item

import (
	"strconv"
	"strings"

	"journeys/internal/feedback"
	"journeys/internal/ident"
)

// HeardKey returns the key of what was heard of a step of a run.
func HeardKey(t ident.Tenant, s feedback.Step) Item {
	return Key(CustomerPK(t, s.Customer), HeardOfRunPrefix(s.Journey, s.Run)+strconv.Itoa(s.Node))
}

// HeardOfRunPrefix begins the sort keys of what was heard of the steps of a customer's run.
func HeardOfRunPrefix(id ident.ID, run int) string {
	return HeardPrefix + ULIDOf(id) + "#" + strconv.Itoa(run) + "#"
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
