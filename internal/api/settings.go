package api

import (
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/auth"
	"journeys/internal/catalog"
	"journeys/internal/limits"
	"journeys/internal/version"
)

type settingsBody struct {
	Channels  []catalog.Offer      `json:"channels"`
	Decisions []catalog.Offer      `json:"decisions"`
	Topics    map[string]topicBody `json:"topics"`
	Limits    map[string]int       `json:"limits"`
	Version   string               `json:"version"`
	Caller    callerBody           `json:"caller"`
}

type callerBody struct {
	Tenant string `json:"tenant"`
	Role   string `json:"role"`
	Sub    string `json:"sub,omitzero"`
	Name   string `json:"name,omitzero"`
}

func getSettings(a *API, w http.ResponseWriter, r *request) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	caller := auth.FromContext(r.Context())
	settings, err := a.Subscriptions.Store.TenantSettings(r.Context(), r.tenant)
	if err != nil {
		return err
	}
	services := a.Journeys.Catalog
	bounds := limits.ByName()
	bounds["maxIdCharacters"] = web.MaxID
	bounds["maxTestEvents"] = maxTestEvents
	bounds["maxBodyBytes"] = web.MaxBody
	return web.WriteJSON(w, http.StatusOK, settingsBody{
		Channels:  services.Channels.Offers(r.tenant.String()),
		Decisions: services.Decisions.Offers(r.tenant.String()),
		Topics:    newTopicBodies(settings.Topics),
		Limits:    bounds,
		Version:   version.Text(),
		Caller:    callerBody{caller.Tenant.String(), caller.Role, caller.Subject, caller.Name},
	})
}
