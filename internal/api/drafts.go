package api

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/api/web"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

type draftBody struct {
	JourneyID  ident.ID       `json:"journeyId"`
	Definition jsontext.Value `json:"definition"`
	pinnedBody
	BasedOn   string        `json:"basedOn"` // an ETag of the journey
	CreatedAt web.Timestamp `json:"createdAt"`
	UpdatedAt web.Timestamp `json:"updatedAt"`
	CreatedBy *authorBody   `json:"createdBy,omitzero"` // nil if unknown; also below
	UpdatedBy *authorBody   `json:"updatedBy,omitzero"`
	Warnings  []web.Fault   `json:"warnings"`
}

// tagOf returns the ETag of a draft.
func tagOf(d journey.DraftCopy) string { return `"` + d.Tag + `"` }

// writeDraft answers with a draft and its ETag.
func writeDraft(w http.ResponseWriter, status int, d journey.DraftCopy) error {
	w.Header().Set("ETag", tagOf(d))
	return web.WriteJSON(w, status, draftBody{
		JourneyID: d.Journey, Definition: d.Definition, BasedOn: web.ETag(d.BasedOn),
		pinnedBody: newPinnedBody(d.Settings),
		CreatedAt:  web.Timestamp(d.CreatedAt), UpdatedAt: web.Timestamp(d.UpdatedAt),
		CreatedBy: newAuthorBody(d.CreatedBy), UpdatedBy: newAuthorBody(d.UpdatedBy), Warnings: web.NewFaultList(d.Warnings),
	})
}

func getDraft(a *API, w http.ResponseWriter, r *request) error {
	known := r.IfNoneMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	d, err := a.Journeys.Draft(r.Context(), r.tenant, r.id)
	if err != nil {
		return err
	}
	if known.Match(tagOf(d)) {
		w.Header().Set("ETag", tagOf(d))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeDraft(w, http.StatusOK, d)
}

func putDraft(a *API, w http.ResponseWriter, r *request) error {
	match := r.ifMatchDraft()
	if given, ok := r.ReadTags("If-None-Match", true); ok {
		if match.None = given.Any; !given.Any {
			r.Faults.Add(web.HeadPlace+"If-None-Match", "must be *: the draft is created only if there is none")
		}
	}
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	var change journey.DraftChange
	if o, ok := body.Object(); ok {
		change = readDraftChange(o)
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	change.By = r.author()
	d, created, err := a.Journeys.PutDraft(r.Context(), r.tenant, r.id, change, match)
	if err != nil {
		return err
	}
	if created {
		w.Header().Set("Location", location(r.id)+"/draft")
		return writeDraft(w, http.StatusCreated, d)
	}
	return writeDraft(w, http.StatusOK, d)
}

func readDraftChange(o *strict.Object) journey.DraftChange {
	var c journey.DraftChange
	if v, ok := o.Take("definition"); ok {
		c.Definition = okOrNil(journey.ReadDefinition(v))
	}
	c.Settings = graph.TakeSettings(o)
	c.BasedOn = readBasedOn(o)
	// Ignored, so that an answer can be sent back.
	o.Ignore("id", "journeyId", "createdAt", "updatedAt", "createdBy", "updatedBy", "warnings")
	o.Done(append([]string{"definition", "basedOn"}, graph.SettingNames...)...)
	return c
}

// readBasedOn reads an ETag of the journey; nil if absent.
func readBasedOn(o *strict.Object) *int64 {
	v, ok := o.Take("basedOn")
	if !ok {
		return nil
	}
	text, ok := v.Text(1, maxRevision)
	if !ok {
		return nil
	}
	list := web.Tags{List: []string{text}}.Revisions()
	if len(list) == 0 || list[0] < 1 {
		v.Fault(`must be an ETag of the journey with its quotes, such as "\"3\""`)
		return nil
	}
	return &list[0]
}

// maxRevision bounds the characters of a revision's ETag.
const maxRevision = 20

// ifMatchDraft returns what If-Match requires of the draft.
func (r *request) ifMatchDraft() journey.DraftMatch {
	given, ok := r.ReadTags("If-Match", false)
	if !ok || given.Any {
		return journey.DraftMatch{Any: given.Any}
	}
	match := journey.DraftMatch{Tags: []string{}}
	for _, tag := range given.List {
		match.Tags = append(match.Tags, strings.Trim(tag, `"`))
	}
	return match
}

func deleteDraft(a *API, w http.ResponseWriter, r *request) error {
	match := r.ifMatchDraft()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	if err := a.Journeys.DeleteDraft(r.Context(), r.tenant, r.id, match); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func publishDraft(a *API, w http.ResponseWriter, r *request) error {
	match := r.ifMatchDraft()
	if match.Tags == nil && r.Faults.Empty() {
		r.Faults.Add(web.HeadPlace+"If-Match", "must be the ETag of the draft that is to be published, and not *")
	}
	body, err := r.ReadBody(w, "{}")
	if err != nil {
		return err
	}
	publication := journey.Publication{Tags: match.Tags, By: r.author()}
	if o, ok := body.Object(); ok {
		publication.BasedOn = readBasedOn(o)
		o.Done("basedOn")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	j, err := a.Journeys.PublishDraft(r.Context(), r.tenant, r.id, publication)
	if err != nil {
		return err
	}
	return a.writeChanged(w, r, http.StatusOK, j)
}
