package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Encode returns v as JSON. JSON that a caller sent keeps its spelling.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, jsontext.PreserveRawStrings(true), jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
}

// writeBody writes a complete answer.
func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only if the caller is gone
}

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := Encode(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	writeBody(w, status, "application/json", body)
	return nil
}

// WriteTagged answers with v as JSON and the hash of it as ETag, or with 304 if known
// matches that.
func WriteTagged(w http.ResponseWriter, known Tags, v any) error {
	body, err := Encode(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	if known.Match(tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	writeBody(w, http.StatusOK, "application/json", body)
	return nil
}

// Timestamp is a time in an answer: RFC 3339, UTC, milliseconds.
type Timestamp time.Time

// MarshalText implements encoding.TextMarshaler.
func (t Timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// TimestampOrNil returns nil for the zero time.
func TimestampOrNil(t time.Time) *Timestamp {
	if t.IsZero() {
		return nil
	}
	at := Timestamp(t)
	return &at
}

// ValueOrNil returns a pointer to value, nil for the zero value.
func ValueOrNil[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
