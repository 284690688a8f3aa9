package api

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/api/web"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/strict"
)

// The bounds of a page of journeys.
const (
	defaultLimit = 50
	maxLimit     = 200
	maxOffset    = math.MaxInt32 // beyond any list
)

// journeyBody is one journey. Lists have NodeCount, single journeys Definition.
type journeyBody struct {
	ID              ident.ID       `json:"id"`
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	Status          journey.Status `json:"status"`
	Definition      jsontext.Value `json:"definition,omitzero"`
	NodeCount       *int           `json:"nodeCount,omitzero"`
	EntryCondition  jsontext.Value `json:"entryCondition"` // null for none
	MaxDurationDays int            `json:"maxDurationDays"`
	Reentry         jsontext.Value `json:"reentry,omitzero"` // nil for never
	EntryFrom       *web.Timestamp `json:"entryFrom"`        // null for none; also below
	EntryUntil      *web.Timestamp `json:"entryUntil"`
	pinnedBody                     // not in lists
	Version         int            `json:"version"`
	CreatedAt       web.Timestamp  `json:"createdAt"`
	UpdatedAt       web.Timestamp  `json:"updatedAt"`
	CreatedBy       *authorBody    `json:"createdBy,omitzero"` // nil if unknown; also below
	UpdatedBy       *authorBody    `json:"updatedBy,omitzero"`
	Warnings        []web.Fault    `json:"warnings,omitzero"` // nil unless the journey was created or updated
}

// pinnedBody has the pinned settings of a journey, a version or a draft. The zero value is
// left out.
type pinnedBody struct {
	Timezone jsontext.Value `json:"timezone,omitzero"`
	ExitOn   jsontext.Value `json:"exitOn,omitzero"`
	ExitWhen jsontext.Value `json:"exitWhen,omitzero"` // null for none
	Goal     jsontext.Value `json:"goal,omitzero"`     // null for none
}

func newPinnedBody(settings []byte) pinnedBody {
	return pinnedBody{
		Timezone: graph.Setting(settings, "timezone"), ExitOn: graph.Setting(settings, "exitOn"),
		ExitWhen: graph.Setting(settings, "exitWhen"), Goal: graph.Setting(settings, "goal"),
	}
}

// newJourneyBody returns what lists and single journeys have in common.
func newJourneyBody(j journey.Journey) journeyBody {
	return journeyBody{
		ID: j.ID, Name: j.Name, Description: j.Description, Status: j.Status,
		Definition: j.Definition, EntryCondition: j.EntryCondition,
		MaxDurationDays: j.MaxDurationDays, Reentry: j.Reentry, Version: j.Version,
		EntryFrom: web.TimestampOrNil(j.EntryFrom), EntryUntil: web.TimestampOrNil(j.EntryUntil),
		CreatedAt: web.Timestamp(j.CreatedAt), UpdatedAt: web.Timestamp(j.UpdatedAt),
		CreatedBy: newAuthorBody(j.CreatedBy), UpdatedBy: newAuthorBody(j.UpdatedBy),
	}
}

type journeyListBody struct {
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
	filter := r.queryFilter()
	filter.Limit = r.QueryInt("limit", 1, maxLimit, defaultLimit)
	filter.Offset = r.QueryInt("offset", 0, maxOffset, 0)
	if err := r.CheckFaults(); err != nil {
		return err
	}
	page, err := a.Journeys.List(r.Context(), r.tenant, filter)
	if err != nil {
		return err
	}
	body := journeyListBody{Data: []journeyBody{}, Pagination: pagination{
		Total: page.Total, Limit: filter.Limit, Offset: filter.Offset,
		HasMore: filter.Offset+len(page.Journeys) < page.Total,
	}}
	for _, j := range page.Journeys {
		item := newJourneyBody(j)
		item.NodeCount = &j.NodeCount
		body.Data = append(body.Data, item)
	}
	return web.WriteJSON(w, http.StatusOK, body)
}

// queryFilter reads the parameters that all lists of journeys have.
func (r *request) queryFilter() journey.Filter {
	return journey.Filter{Status: r.queryStatus(), Query: r.QueryText("q", journey.MaxName), Sort: r.querySort()}
}

var statusNames = func() []string {
	var names []string
	for _, status := range journey.Statuses {
		names = append(names, string(status))
	}
	return names
}()

// queryStatus reads the status of a journey; "" if absent.
func (r *request) queryStatus() journey.Status {
	name := r.Query.Get("status")
	if r.Query.Has("status") && !slices.Contains(statusNames, name) {
		r.Faults.Add(web.QueryPlace+"status", "must be one of %s", strings.Join(statusNames, ", "))
	}
	return journey.Status(name)
}

// querySort reads the order of journeys; "" if absent.
func (r *request) querySort() journey.Sort {
	order := journey.Sort(r.Query.Get("sort"))
	if r.Query.Has("sort") && !slices.Contains(journey.Sorts, order) {
		r.Faults.Add(web.QueryPlace+"sort", "must be created, updated or name, with - in front for the reverse order")
	}
	return order
}

func createJourney(a *API, w http.ResponseWriter, r *request) error {
	key := r.IdempotencyKey()
	change, body, err := r.readChange(w, true)
	if err != nil {
		return err
	}
	var j journey.Journey
	if key == "" {
		j, err = a.Journeys.Create(r.Context(), r.tenant, change)
	} else {
		j, err = a.Journeys.CreateOnce(r.Context(), r.tenant, change, key, body)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", location(j.ID))
	return a.writeChanged(w, r, http.StatusCreated, j)
}

func getJourney(a *API, w http.ResponseWriter, r *request) error {
	known := r.IfNoneMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	j, err := a.Journeys.Get(r.Context(), r.tenant, r.id)
	if err != nil {
		return err
	}
	if known.Match(web.ETag(j.Rev)) {
		w.Header().Set("ETag", web.ETag(j.Rev))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeJourney(w, http.StatusOK, j)
}

func updateJourney(a *API, w http.ResponseWriter, r *request) error {
	revisions := r.IfMatch()
	change, _, err := r.readChange(w, false)
	if err != nil {
		return err
	}
	if change.Status != nil && *change.Status == journey.Archived {
		r.logSubject()
	}
	j, err := a.Journeys.Update(r.Context(), r.tenant, r.id, change, revisions)
	if err != nil {
		return err
	}
	return a.writeChanged(w, r, http.StatusOK, j)
}

func deleteJourney(a *API, w http.ResponseWriter, r *request) error {
	revisions := r.IfMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	r.logSubject()
	if err := a.Journeys.Delete(r.Context(), r.tenant, r.id, revisions); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeJourney answers with one journey and its ETag.
func writeJourney(w http.ResponseWriter, status int, j journey.Journey) error {
	return writeSingle(w, status, j, nil)
}

// writeChanged is writeJourney for one that was created or updated, with its warnings.
func (a *API) writeChanged(w http.ResponseWriter, r *request, status int, j journey.Journey) error {
	return writeSingle(w, status, j, web.NewFaultList(a.Journeys.Warnings(r.tenant, j)))
}

func writeSingle(w http.ResponseWriter, status int, j journey.Journey, warnings []web.Fault) error {
	w.Header().Set("ETag", web.ETag(j.Rev))
	body := newJourneyBody(j)
	body.pinnedBody, body.Warnings = newPinnedBody(j.Settings), warnings
	return web.WriteJSON(w, status, body)
}

func location(id ident.ID) string { return manifest.BasePath + "/journeys/" + string(id) }

// readChange reads the body of a create or an update, which it returns too. Absent fields
// stay nil. An update may have the other fields of an answer, so that an answer can be
// sent back.
func (r *request) readChange(w http.ResponseWriter, create bool) (change journey.Change, raw []byte, err error) {
	body, err := r.ReadBody(w, "")
	if err != nil {
		return change, nil, err
	}
	if o, ok := body.Object(); ok {
		change = readChangeFields(o, create)
	}
	change.By = r.author()
	return change, body.Raw(), r.CheckFaults()
}

func readChangeFields(o *strict.Object, create bool) journey.Change {
	var c journey.Change
	takeName := o.Take
	if create {
		takeName = o.Need
	}
	if v, ok := takeName("name"); ok {
		c.Name = okOrNil(v.Text(1, journey.MaxName))
	}
	if v, ok := o.Take("description"); ok {
		c.Description = readDescription(v)
	}
	if v, ok := o.Take("status"); ok {
		c.Status = readStatus(v, create)
	}
	if v, ok := o.Take("definition"); ok {
		c.Definition = okOrNil(journey.ReadDefinition(v))
	}
	if v, ok := o.Take("entryCondition"); ok {
		c.Entry = readEntry(v)
	}
	if v, ok := o.Take("maxDurationDays"); ok {
		c.MaxDurationDays = okOrNil(v.Int(1, journey.MaxDuration))
	}
	if v, ok := o.Take("reentry"); ok {
		c.Reentry = readReentry(v)
	}
	if v, ok := o.Take("entryFrom"); ok {
		c.EntryFrom = readEntryTime(v)
	}
	if v, ok := o.Take("entryUntil"); ok {
		c.EntryUntil = readEntryTime(v)
	}
	c.Settings = graph.TakeSettings(o)
	allowed := append([]string{"name", "description", "definition", "entryCondition", "maxDurationDays", "entryFrom", "entryUntil", "reentry"}, graph.SettingNames...)
	if !create {
		allowed = append(allowed, "status")
		o.Ignore("id", "version", "createdAt", "updatedAt", "createdBy", "updatedBy", "warnings")
	}
	o.Done(allowed...)
	return c
}

// okOrNil returns a pointer to what a reader returned, nil if it noted a fault.
func okOrNil[T any](value T, ok bool) *T {
	if !ok {
		return nil
	}
	return &value
}

// readDescription reads a description. null removes it.
func readDescription(v strict.Value) *string {
	if v.IsNull() {
		return new(string)
	}
	return okOrNil(v.Text(0, journey.MaxDescription))
}

// readEntry reads an entry condition. null removes it.
func readEntry(v strict.Value) *graph.Entry {
	if v.IsNull() {
		return new(graph.Entry)
	}
	return okOrNil(graph.ReadEntryCondition(v))
}

// readReentry reads when customers may enter again. null is never.
func readReentry(v strict.Value) *graph.Reentry {
	if v.IsNull() {
		return new(graph.Reentry)
	}
	return okOrNil(graph.ReadReentry(v))
}

// readEntryTime reads entryFrom or entryUntil. null removes it.
func readEntryTime(v strict.Value) *time.Time {
	if v.IsNull() {
		return new(time.Time)
	}
	return new(web.ReadTime(v))
}

func readStatus(v strict.Value, create bool) *journey.Status {
	if create {
		v.Fault("a new journey is a draft; PUT changes its status")
		return nil
	}
	name, ok := v.OneOf(statusNames...)
	status := journey.Status(name)
	return okOrNil(status, ok)
}
