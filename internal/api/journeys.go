package api

import (
	"net/http"

	"journeys/internal/journey"
	"journeys/internal/strict"
)

// The bounds of a page of journeys.
const (
	defaultLimit = 50
	maxLimit     = 200
)

type listBody struct {
	Data       []journeyBody `json:"data"`
	Pagination pagination    `json:"pagination"`
}

type pagination struct {
	Total   int  `json:"total"`
	Limit   int  `json:"limit"`
	Offset  int  `json:"offset"`
	HasMore bool `json:"hasMore"`
}

func listJourneys(a *API, w http.ResponseWriter, r *request) error {
	filter := journey.Filter{
		Status: r.status(),
		Limit:  r.number("limit", 1, maxLimit, defaultLimit),
		Offset: r.number("offset", 0, maxOffset, 0),
	}
	if err := r.invalid(); err != nil {
		return err
	}
	page, err := a.Journeys.List(r.Context(), r.tenant, filter)
	if err != nil {
		return err
	}
	body := listBody{Data: []journeyBody{}, Pagination: pagination{
		Total: page.Total, Limit: filter.Limit, Offset: filter.Offset,
		HasMore: filter.Offset+len(page.Journeys) < page.Total,
	}}
	for _, j := range page.Journeys {
		item := bodyOf(j)
		item.NodeCount = &j.NodeCount
		body.Data = append(body.Data, item)
	}
	return answer(w, http.StatusOK, body)
}

func createJourney(a *API, w http.ResponseWriter, r *request) error {
	change, err := r.readChange(w, true)
	if err != nil {
		return err
	}
	j, err := a.Journeys.Create(r.Context(), r.tenant, change)
	if err != nil {
		return err
	}
	w.Header().Set("Location", location(j.ID))
	return answerJourney(w, http.StatusCreated, j)
}

func getJourney(a *API, w http.ResponseWriter, r *request) error {
	known := r.ifNoneMatch()
	if err := r.invalid(); err != nil {
		return err
	}
	j, err := a.Journeys.Get(r.Context(), r.tenant, r.id)
	if err != nil {
		return err
	}
	if known.has(j.Rev) {
		w.Header().Set("ETag", etag(j.Rev))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return answerJourney(w, http.StatusOK, j)
}

func updateJourney(a *API, w http.ResponseWriter, r *request) error {
	match := r.ifMatch()
	change, err := r.readChange(w, false)
	if err != nil {
		return err
	}
	j, err := a.Journeys.Update(r.Context(), r.tenant, r.id, change, match)
	if err != nil {
		return err
	}
	return answerJourney(w, http.StatusOK, j)
}

func deleteJourney(a *API, w http.ResponseWriter, r *request) error {
	match := r.ifMatch()
	if err := r.invalid(); err != nil {
		return err
	}
	if err := a.Journeys.Delete(r.Context(), r.tenant, r.id, match); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readChange reads the body of a create or an update. What is absent stays nil.
func (r *request) readChange(w http.ResponseWriter, create bool) (journey.Change, error) {
	body, err := r.readBody(w, "")
	if err != nil {
		return journey.Change{}, err
	}
	var change journey.Change
	if o, ok := body.Object(); ok {
		change = changeOf(o, create)
	}
	return change, r.invalid()
}

func changeOf(o *strict.Object, create bool) journey.Change {
	var c journey.Change
	take := o.Take
	if create {
		take = o.Need
	}
	if v, ok := take("name"); ok {
		c.Name = read(v.Text(1, journey.MaxName))
	}
	if v, ok := o.Take("description"); ok {
		c.Description = readDescription(v)
	}
	if v, ok := o.Take("status"); ok {
		c.Status = readStatus(v, create)
	}
	if v, ok := o.Take("definition"); ok {
		c.Definition = read(journey.ReadDefinition(v))
	}
	if v, ok := o.Take("entryCondition"); ok {
		c.Entry = readEntry(v)
	}
	if v, ok := o.Take("maxDurationDays"); ok {
		c.MaxDurationDays = read(v.Int(1, journey.MaxDuration))
	}
	allowed := []string{"name", "description", "definition", "entryCondition", "maxDurationDays"}
	if !create {
		allowed = append(allowed, "status")
	}
	o.Done(allowed...)
	return c
}

// read turns what a reader returns into a field of a Change.
func read[T any](value T, ok bool) *T {
	if !ok {
		return nil
	}
	return &value
}

// readDescription reads a description; null is none.
func readDescription(v strict.Value) *string {
	if v.IsNull() {
		return new(string)
	}
	return read(v.Text(0, journey.MaxDescription))
}

// readEntry reads an entry condition; null is none.
func readEntry(v strict.Value) *journey.Entry {
	if v.IsNull() {
		return new(journey.Entry)
	}
	return read(journey.ReadEntryCondition(v))
}

func readStatus(v strict.Value, create bool) *journey.Status {
	if create {
		v.Fault("a new journey is a draft; PUT changes its status")
		return nil
	}
	status, ok := v.OneOf(statusNames...)
	if !ok {
		return nil
	}
	return read(journey.Status(status), true)
}
