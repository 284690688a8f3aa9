package api

import (
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/journey"
)

// The bounds of a page of a customer's enrollments.
const (
	maxMembershipLimit     = 50
	defaultMembershipLimit = 25
)

// membershipBody is one of a customer's enrollments, without path and earlier runs.
type membershipBody struct {
	enrollmentBody
	JourneyName   string         `json:"journeyName"`
	JourneyStatus journey.Status `json:"journeyStatus"`
}

type membershipListBody struct {
	Data       []membershipBody `json:"data"`
	NextCursor string           `json:"nextCursor,omitzero"`
}

func listCustomerEnrollments(a *API, w http.ResponseWriter, r *request) error {
	limit := r.QueryInt("limit", 1, maxMembershipLimit, defaultMembershipLimit)
	cursor := r.QueryWord("cursor", maxCursor)
	if err := r.CheckFaults(); err != nil {
		return err
	}
	page, err := a.Journeys.CustomerEnrollments(r.Context(), r.tenant, r.customer, limit, cursor)
	if err != nil {
		return err
	}
	a.logDamaged(r, page.Damaged)
	body := membershipListBody{Data: make([]membershipBody, len(page.Memberships)), NextCursor: page.Next}
	for i, m := range page.Memberships {
		body.Data[i] = membershipBody{newEnrollmentBody(m.Whereabouts), m.JourneyName, m.JourneyStatus}
	}
	return web.WriteJSON(w, http.StatusOK, body)
}
