package api

import (
	"log/slog"
	"net/http"

	"journeys/internal/analytics"
	"journeys/internal/api/web"
	"journeys/internal/apigw"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// The bounds of a page of figures.
const (
	maxSummaries  = 100
	maxListCursor = 1500 // characters
)

type summaryListBody struct {
	Data       []summaryBody `json:"data"`
	NextCursor string        `json:"nextCursor,omitzero"`
}

// summaryBody is the figures of one journey; null if they cannot be read.
type summaryBody struct {
	ID          ident.ID         `json:"id"`
	Name        string           `json:"name"`
	Status      journey.Status   `json:"status"`
	Enrollments *enrollmentsBody `json:"enrollments"`
	Conversions *int64           `json:"conversions"`
	AsOf        *web.Timestamp   `json:"asOf"` // null also if nothing is counted
}

func listAnalytics(a *API, w http.ResponseWriter, r *request) error {
	filter := r.queryFilter()
	filter.Limit = r.QueryInt("limit", 1, maxSummaries, defaultLimit)
	cursor := r.QueryWord("cursor", maxListCursor)
	known := r.IfNoneMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	list, next, err := a.Journeys.ListFrom(r.Context(), r.tenant, filter, cursor)
	if err != nil {
		return err
	}
	summaries, err := a.Analytics.Summaries(r.Context(), r.tenant, list)
	if err != nil {
		return err
	}
	body := summaryListBody{Data: make([]summaryBody, len(list)), NextCursor: next}
	for i, j := range list {
		body.Data[i] = newSummaryBody(j, summaries[i])
		if summaries[i].Err != nil {
			a.logUnreadable(r, j.ID, summaries[i].Err)
		}
	}
	return web.WriteTagged(w, known, body)
}

func newSummaryBody(j journey.Journey, s analytics.Summary) summaryBody {
	body := summaryBody{ID: j.ID, Name: j.Name, Status: j.Status}
	if s.Err == nil {
		body.Enrollments = new(newEnrollmentsBody(s.Enrollments))
		body.Conversions = &s.Enrollments.Conversions
		body.AsOf = web.TimestampOrNil(s.AsOf)
	}
	return body
}

// logUnreadable logs that a journey is shown without its figures.
func (a *API) logUnreadable(r *request, id ident.ID, err error) {
	a.Log.LogAttrs(r.Context(), slog.LevelError, "figures passed over",
		slog.String("tenant", r.tenant.String()), slog.String("journey", string(id)),
		slog.String("error", err.Error()), slog.String("gatewayRequestId", apigw.RequestID(r.Context())))
}
