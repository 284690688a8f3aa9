package journey

import (
	"context"

	"journeys/internal/cursor"
	"journeys/internal/ident"
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
// first, without those in deleted journeys. after is the Next of the previous page; "" for
// the first page.
func (s *Service) CustomerEnrollments(ctx context.Context, t ident.Tenant, customer string, n int, after string) (page MembershipPage, err error) {
	const name = "enrollments of a customer"
	at, ok := cursor.Decode(after, name, customer)
	if before := ident.ID(at.Text); after != "" && (!ok || !before.Valid()) {
		return page, cursorError("/query/cursor")
	}
	list, damaged, last, err := s.stores.Customers.Memberships(ctx, t, customer, n, ident.ID(at.Text))
	if err != nil {
		return page, err
	}
	page.Damaged = damaged
	for _, m := range list {
		if m.NodeID == "" {
			g, err := s.graphOf(ctx, t, m.Enrollment)
			if Unreadable(err) {
				page.Damaged = append(page.Damaged, Damage{m.Journey, err})
				continue
			} else if err != nil {
				return MembershipPage{}, err
			}
			m.NodeID = g.NodeID(m.Node)
		}
		m.Enrollment = m.AsRequested()
		page.Memberships = append(page.Memberships, m)
	}
	if last != "" {
		page.Next = cursor.Cursor{Text: string(last)}.Encode(name, customer)
	}
	return page, nil
}
