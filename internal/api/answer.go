package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// encode returns v as JSON. Callers' own JSON inside of it keeps its spelling.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, jsontext.PreserveRawStrings(true), jsontext.AllowInvalidUTF8(true))
}

// send writes a whole answer.
func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone, and nobody else is to be told
}

// answer sends v as JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	send(w, status, "application/json", body)
	return nil
}

// timestamp is a time as callers see it: RFC 3339, UTC, milliseconds.
type timestamp time.Time

// MarshalText returns the time's text.
func (t timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// journeyBody is a journey as callers see it. A list's journeys have NodeCount,
// a single one has Definition.
type journeyBody struct {
	ID              journey.ID     `json:"id"`
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	Status          journey.Status `json:"status"`
	Definition      jsontext.Value `json:"definition,omitzero"`
	NodeCount       *int           `json:"nodeCount,omitzero"`
	EntryCondition  jsontext.Value `json:"entryCondition"` // null for none
	MaxDurationDays int            `json:"maxDurationDays"`
	Version         int            `json:"version"`
	CreatedAt       timestamp      `json:"createdAt"`
	UpdatedAt       timestamp      `json:"updatedAt"`
}

func bodyOf(j journey.Journey) journeyBody {
	return journeyBody{
		ID: j.ID, Name: j.Name, Description: j.Description, Status: j.Status,
		Definition: j.Definition, EntryCondition: j.EntryCondition,
		MaxDurationDays: j.MaxDurationDays, Version: j.Version,
		CreatedAt: timestamp(j.CreatedAt), UpdatedAt: timestamp(j.UpdatedAt),
	}
}

// answerJourney sends one journey with its ETag.
func answerJourney(w http.ResponseWriter, status int, j journey.Journey) error {
	w.Header().Set("ETag", etag(j.Rev))
	return answer(w, status, bodyOf(j))
}

func etag(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }

func location(id journey.ID) string { return manifest.BasePath + "/journeys/" + string(id) }
