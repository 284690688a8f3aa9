package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"journeys/internal/api/web"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/names"
)

type namesBody struct {
	EventTypes []eventTypeBody `json:"eventTypes"`
	Attributes []namedBody     `json:"attributes"`
}

type eventTypeBody struct {
	Name       string      `json:"name"`
	Properties []namedBody `json:"properties"`
}

// namedBody is an attribute or a property.
type namedBody struct {
	Path  string   `json:"path"`
	Kinds []string `json:"kinds"`
}

func getNames(a *API, w http.ResponseWriter, r *request) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	stored, err := a.Names.Read(r.Context(), r.tenant)
	if err != nil {
		return err
	}
	body := namesBody{EventTypes: []eventTypeBody{}, Attributes: newNamed(stored.Attributes)}
	for _, name := range slices.Sorted(maps.Keys(stored.Types)) {
		body.EventTypes = append(body.EventTypes, eventTypeBody{name, newNamed(stored.Types[name])})
	}
	return web.WriteJSON(w, http.StatusOK, body)
}

func newNamed(paths names.Paths) []namedBody {
	list := make([]namedBody, 0, len(paths))
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		list = append(list, namedBody{path, paths[path].Names()})
	}
	return list
}

// changeProfile is a call of the service that changes one profile.
type changeProfile func(context.Context, ident.Tenant, journey.ProfileChange, *journey.Precondition) (journey.Profile, error)

// collecting returns change followed by the collection of the names in the attributes.
func (a *API) collecting(change changeProfile, patch bool) changeProfile {
	return func(
		ctx context.Context, t ident.Tenant, c journey.ProfileChange, match *journey.Precondition,
	) (journey.Profile, error) {
		p, err := change(ctx, t, c, match)
		if err == nil {
			a.Names.Collect(ctx, t, []names.Sample{{Attributes: c.Attributes, Patch: patch}})
		}
		return p, err
	}
}

// collectProfiles collects the names in the merge patches that took effect.
func (a *API) collectProfiles(r *request, changes []journey.ProfileChange, outcomes []journey.ProfileOutcome) {
	var samples []names.Sample
	for i, o := range outcomes {
		if o.Err == nil && !o.Older {
			samples = append(samples, names.Sample{Attributes: changes[i].Attributes, Patch: true})
		}
	}
	a.Names.Collect(r.Context(), r.tenant, samples)
}

// collectEvents collects the names in events that were accepted.
func (a *API) collectEvents(r *request, events ...journey.Event) {
	samples := make([]names.Sample, len(events))
	for i, e := range events {
		samples[i] = names.Sample{EventType: e.Type, Properties: e.Properties, Attributes: e.Attributes, Patch: true}
	}
	a.Names.Collect(r.Context(), r.tenant, samples)
}
