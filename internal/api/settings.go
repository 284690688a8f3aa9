package api

import (
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/auth"
	"journeys/internal/catalog"
	"journeys/internal/journey"
	"journeys/internal/limits"
	"journeys/internal/version"
	"journeys/internal/wiring"
)

type settingsBody struct {
	Channels  []channelBody        `json:"channels"`
	Decisions []catalog.Offer      `json:"decisions"`
	Topics    map[string]topicBody `json:"topics"`
	Limits    map[string]int       `json:"limits"`
	Version   string               `json:"version"`
	Caller    callerBody           `json:"caller"`
}

type channelBody struct {
	catalog.Offer
	Feedback wiring.Status `json:"feedback,omitzero"`
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
	channels, err := a.channelBodies(r)
	if err != nil {
		return err
	}
	bounds := limits.ByName()
	bounds["maxIdCharacters"] = web.MaxID
	bounds["maxTestEvents"] = maxTestEvents
	bounds["maxBodyBytes"] = web.MaxBody
	return web.WriteJSON(w, http.StatusOK, settingsBody{
		Channels:  channels,
		Decisions: services.Decisions.Offers(r.tenant.String()),
		Topics:    newTopicBodies(settings.Topics),
		Limits:    bounds,
		Version:   version.Text(),
		Caller:    callerBody{caller.Tenant.String(), caller.Role, caller.Subject, caller.Name},
	})
}

// channelBodies returns the channels that the tenant may use. Notes that cannot be read are
// passed over, since they concern no more than a hint.
func (a *API) channelBodies(r *request) ([]channelBody, error) {
	list := a.Journeys.Catalog.Channels
	states, err := a.Wirings(r.Context(), a.Now())
	if err != nil && !journey.Unreadable(err) {
		return nil, err
	}
	bodies := []channelBody{}
	for _, offer := range list.Offers(r.tenant.String()) {
		body := channelBody{Offer: offer}
		if list[offer.Name].Feedback {
			body.Feedback = states[offer.Name].Status()
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}
