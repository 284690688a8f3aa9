package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEvents_AnIDIsTheCallersOrANewOne(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memory{})

	made := s.must(http.StatusAccepted, call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t"}`})
	require.Regexp(t, `^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$`, made["eventId"])

	own := call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t","eventId":"e 1","properties":{"a":1},"occurredAt":"2026-11-23T10:00:00Z"}`}
	require.Equal(t, "e 1", s.must(http.StatusAccepted, own)["eventId"])
	own.body = strings.Replace(own.body, `{"a":1}`, `{ "a" : 1 }`, 1)
	s.must(http.StatusAccepted, own)
	own.body = strings.Replace(own.body, `"a"`, `"b"`, 1)
	require.Equal(t, "event-id-reused", s.must(http.StatusUnprocessableEntity, own)["code"])
}

func TestEvents_BadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memory{})

	for body, pointer := range map[string]string{
		`{"eventType":"t"}`:                     "/customerId",
		`{"customerId":"a\nb","eventType":"t"}`: "/customerId",
		`{"customerId":"c"}`:                    "/eventType",
		`{"customerId":"c","eventType":""}`:     "/eventType",
		`{"customerId":"c","eventType":"t","eventId":"` + strings.Repeat("e", 129) + `"}`:           "/eventId",
		`{"customerId":"c","eventType":"t","properties":[]}`:                                        "/properties",
		`{"customerId":"c","eventType":"t","properties":{"a":"` + strings.Repeat("x", 1017) + `"}}`: "/properties",
		`{"customerId":"c","eventType":"t","properties":{"a":1,"a":2}}`:                             "/properties/a",
		`{"customerId":"c","eventType":"t","occurredAt":"yesterday"}`:                               "/occurredAt",
		`{"customerId":"c","eventType":"t","tenant":"x"}`:                                           "/tenant",
	} {
		problem := s.must(http.StatusBadRequest, call{method: "POST", path: "/events", body: body})
		faults := problem["errors"].([]any)
		require.Len(t, faults, 1, body)
		require.Equal(t, pointer, faults[0].(map[string]any)["pointer"], body)
	}
	s.must(http.StatusAccepted, call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t","properties":{"a":"` + strings.Repeat("x", 1016) + `"}}`})
}
