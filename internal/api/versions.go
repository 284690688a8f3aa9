package api

import (
	"net/http"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/api/web"
	"journeys/internal/journey"
)

// maxRecordCursor is the maximum length of a cursor of versions or of a history, in
// characters.
const maxRecordCursor = 24

// versionBody is a version of a journey. Lists have no Definition and no settings.
type versionBody struct {
	Version    int            `json:"version"`
	CreatedAt  web.Timestamp  `json:"createdAt"`
	CreatedBy  *authorBody    `json:"createdBy,omitzero"` // nil if unknown
	NodeCount  int            `json:"nodeCount"`
	Inside     int64          `json:"inside"`
	SameAs     int            `json:"sameAs,omitzero"`
	Current    bool           `json:"current,omitzero"`
	Definition jsontext.Value `json:"definition,omitzero"` // like the rest not in lists
	pinnedBody
}

type versionListBody struct {
	Data       []versionBody `json:"data"`
	NextCursor string        `json:"nextCursor,omitzero"`
}

// newVersionBody returns what lists and single versions have in common. inside is of
// analytics.Reader.Inside.
func newVersionBody(v journey.Version, inside map[string]int64) versionBody {
	return versionBody{
		Version: v.Number, CreatedAt: web.Timestamp(v.CreatedAt), CreatedBy: newAuthorBody(v.CreatedBy), NodeCount: v.NodeCount,
		Inside: max(inside[v.GraphHash], 0), SameAs: v.SameAs, Current: v.Current,
	}
}

// recordPage reads the parameters of a page of versions or of a history.
func (r *request) recordPage() (cursor string, limit int, err error) {
	limit = r.QueryInt("limit", 1, journey.MaxRecords, journey.DefaultRecords)
	cursor = r.QueryWord("cursor", maxRecordCursor)
	return cursor, limit, r.CheckFaults()
}

func listVersions(a *API, w http.ResponseWriter, r *request) error {
	cursor, limit, err := r.recordPage()
	if err != nil {
		return err
	}
	page, err := a.Journeys.Versions(r.Context(), r.tenant, r.id, cursor, limit)
	if err != nil {
		return err
	}
	inside, err := a.Analytics.Inside(r.Context(), r.tenant, r.id)
	if err != nil {
		return err
	}
	body := versionListBody{Data: []versionBody{}, NextCursor: page.Next}
	for _, v := range page.Versions {
		body.Data = append(body.Data, newVersionBody(v, inside))
	}
	return web.WriteJSON(w, http.StatusOK, body)
}

// versionNumber is the form of the number of a version in a path.
var versionNumber = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

func getVersion(a *API, w http.ResponseWriter, r *request) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	text := r.PathValue("version")
	number, err := strconv.Atoi(text)
	if err != nil || !versionNumber.MatchString(text) {
		return journey.ErrNoVersion
	}
	v, err := a.Journeys.Version(r.Context(), r.tenant, r.id, number)
	if err != nil {
		return err
	}
	inside, err := a.Analytics.Inside(r.Context(), r.tenant, r.id)
	if err != nil {
		return err
	}
	body := newVersionBody(v, inside)
	body.Definition, body.pinnedBody = v.Definition, newPinnedBody(v.Settings)
	return web.WriteJSON(w, http.StatusOK, body)
}

// historyBody is a write of a journey.
type historyBody struct {
	At      web.Timestamp    `json:"at"`
	By      *authorBody      `json:"by,omitzero"` // nil if unknown
	Actions []journey.Action `json:"actions"`
	Fields  []string         `json:"fields"`
	Version int              `json:"version"`
}

type historyListBody struct {
	Data       []historyBody `json:"data"`
	NextCursor string        `json:"nextCursor,omitzero"`
}

func listHistory(a *API, w http.ResponseWriter, r *request) error {
	cursor, limit, err := r.recordPage()
	if err != nil {
		return err
	}
	page, err := a.Journeys.History(r.Context(), r.tenant, r.id, cursor, limit)
	if err != nil {
		return err
	}
	body := historyListBody{Data: []historyBody{}, NextCursor: page.Next}
	for _, e := range page.Entries {
		fields := e.Fields
		if fields == nil {
			fields = []string{}
		}
		body.Data = append(body.Data, historyBody{web.Timestamp(e.At), newAuthorBody(e.By), e.Actions, fields, e.Version})
	}
	return web.WriteJSON(w, http.StatusOK, body)
}
