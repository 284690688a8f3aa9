package journey

import (
	"context"
	"encoding/base64"
	"strings"

	"golang.org/x/sync/errgroup"

	"journeys/internal/digest"
	"journeys/internal/ident"
	"journeys/internal/progress"
)

// Membership is a customer's enrollment in one of their journeys.
type Membership struct {
	Whereabouts   // without Path and Runs
	JourneyName   string
	JourneyStatus Status
}

// MembershipPage is one page of a customer's enrollments. It may have fewer than were
// asked for, even none, without being the last page.
type MembershipPage struct {
	Memberships []Membership
	Damaged     []Damage // of enrollments that were left out
	Next        string   // cursor of the next page; "" on the last page
}

// CustomerEnrollments returns a page of up to n enrollments of a customer, newest journey
// first, without those in deleted journeys. cursor is the Next of the previous page; ""
// for the first page.
func (s *Service) CustomerEnrollments(ctx context.Context, t ident.Tenant, customer string, n int, cursor string) (MembershipPage, error) {
	before, ok := parseCustomerCursor(customer, cursor)
	if !ok {
		return MembershipPage{}, cursorError("/query/cursor")
	}
	list, damaged, last, err := s.stores.Customers.Memberships(ctx, t, customer, n, before)
	if err != nil {
		return MembershipPage{}, err
	}
	page := MembershipPage{Damaged: damaged, Next: customerCursor(customer, last)}
	for i, err := range s.locate(ctx, t, list) {
		switch m := list[i]; {
		case Unreadable(err):
			page.Damaged = append(page.Damaged, Damage{m.Journey, err})
		case err != nil:
			return MembershipPage{}, err
		default:
			m.Enrollment = m.AsRequested()
			page.Memberships = append(page.Memberships, m)
		}
	}
	return page, nil
}

// locate sets the NodeID of those without one, from their graphs. It returns an error for
// each.
func (s *Service) locate(ctx context.Context, t ident.Tenant, list []Membership) []error {
	errs := make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range list {
		if m := &list[i]; m.NodeID == "" {
			group.Go(func() error {
				var g *progress.Graph
				if g, errs[i] = s.graphOf(ctx, t, m.Enrollment); errs[i] == nil {
					m.NodeID = g.NodeID(m.Node)
				}
				return nil
			})
		}
	}
	_ = group.Wait() // all errors are in errs
	return errs
}

// customerCursor encodes the journey to continue before; "" for "".
func customerCursor(customer string, last ident.ID) string {
	if last == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(customerHash(customer) + string(last)))
}

// parseCustomerCursor returns false for a cursor of another customer.
func parseCustomerCursor(customer, cursor string) (last ident.ID, ok bool) {
	if cursor == "" {
		return "", true
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	id, ok := strings.CutPrefix(string(text), customerHash(customer))
	return ident.ID(id), ok && err == nil && ident.ID(id).Valid()
}

func customerHash(customer string) string {
	sum := digest.Of("customer", customer)
	return string(sum[:8])
}
