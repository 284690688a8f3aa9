package api_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// timeFields returns a call for each field that holds a caller's time.
func timeFields(draft, time string) map[string]call {
	return map[string]call{
		"/now":        {method: "POST", path: "/journeys/" + draft + "/test", body: `{"now":` + time + `,"definition":` + shortGraph + `}`},
		"/occurredAt": {method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t","occurredAt":` + time + `}`},
		"/asOf":       {method: "PUT", path: "/customers/" + rand.Text(), body: `{"attributes":{},"asOf":` + time + `}`},
	}
}

func TestTimes_AreAcceptedInEveryFormOfRFC3339(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	draft := s.create(`{"name":"a"}`)
	for text, want := range map[string]string{
		"2026-11-23T10:00:00Z":             "2026-11-23T10:00:00.000Z",
		"2026-11-23t10:00:00z":             "2026-11-23T10:00:00.000Z",
		"2026-11-23t10:00:00.5+05:30":      "2026-11-23T04:30:00.500Z",
		"2026-11-23T10:00:00.123999999Z":   "2026-11-23T10:00:00.123Z",
		"2026-11-23T10:00:00-00:00":        "2026-11-23T10:00:00.000Z",
		"2016-12-31T23:59:60Z":             "2017-01-01T00:00:00.000Z",
		"2016-12-31t23:59:60.25z":          "2017-01-01T00:00:00.250Z",
		"2017-01-01T05:29:60+05:30":        "2017-01-01T00:00:00.000Z",
		"2016-12-31T15:59:60-08:00":        "2017-01-01T00:00:00.000Z",
		"2024-02-29T00:00:00.00000000001Z": "2024-02-29T00:00:00.000Z",
	} {
		for pointer, c := range timeFields(draft, `"`+text+`"`) {
			w := s.do(c)
			require.Less(t, w.Code, 300, "%s %s: %s", pointer, text, w.Body)
			if pointer != "/occurredAt" {
				require.Contains(t, w.Body.String(), `"`+want+`"`, "%s %s", pointer, text)
			}
		}
	}
}

func TestTimes_OfOtherFormsAreRefusedWithAHint(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	draft := s.create(`{"name":"a"}`)
	const must = "must be an RFC 3339 time from 1970 to 9000, like 2026-11-23T10:00:00Z"
	for value, hint := range map[string]string{
		`1795428000`:                            "; this one is not a string",
		`null`:                                  "; this one is not a string",
		`{}`:                                    "; this one is not a string",
		`""`:                                    "",
		`"yesterday"`:                           "",
		`"2026-11-23T10:00:00"`:                 "; this one has no offset, such as Z or +01:00",
		`"2016-12-31T23:59:60"`:                 "; this one has no offset, such as Z or +01:00",
		`"2026-11-23"`:                          "; this one has neither a time of day nor an offset",
		`"2026-11-23 10:00:00+01:00"`:           "; this one has a space instead of T",
		`"2026-11-23 10:00:00"`:                 "",
		`"2026-11-23T10:00Z"`:                   "",
		`"2026-11-23T10:00:60Z"`:                "",
		`"2016-12-31T23:59:60+01:00"`:           "",
		`"2016-12-31T23:59:61Z"`:                "",
		`"2026-11-23T10:00:00,5Z"`:              "",
		`"2026-11-23T9:00:00Z"`:                 "",
		`"2026-11-23T24:00:00Z"`:                "",
		`"2026-11-23T10:00:00+24:00"`:           "",
		`"2026-11-23T10:00:00+0100"`:            "",
		`"2026-02-29T10:00:00Z"`:                "",
		`"1970-01-01T00:30:00+01:00"`:           "",
		`"9000-12-31T23:59:60Z"`:                "",
		`"` + strings.Repeat("2", 10_000) + `"`: "",
	} {
		for pointer, c := range timeFields(draft, value) {
			problem := s.must(http.StatusBadRequest, c)
			require.Equal(t, []any{map[string]any{"pointer": pointer, "detail": must + hint}}, problem["errors"], value)
		}
	}
}
