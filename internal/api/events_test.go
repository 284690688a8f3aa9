package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
)

func TestEvents_KeepTheCallersIDOrGetANewOne(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	made := s.must(http.StatusAccepted, call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t"}`})
	require.Regexp(t, `^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$`, made["eventId"])

	own := call{method: "POST", path: "/events", body: `{"customerId":"c","eventType":"t","eventId":"e 1","properties":{"a":9007199254740993,"z":9007199254740993.5},"occurredAt":"2026-11-23T10:00:00Z"}`}
	require.Equal(t, "e 1", s.must(http.StatusAccepted, own)["eventId"])
	sent := own.body
	repeat := func(properties string) call {
		own.body = strings.Replace(sent, `{"a":9007199254740993,"z":9007199254740993.5}`, properties, 1)
		return own
	}
	s.must(http.StatusAccepted, repeat(`{ "z" : 9007199254740993.5, "a" : 9007199254740993 }`))
	for _, other := range []string{
		`{"b":9007199254740993,"z":9007199254740993.5}`, `{"a":9007199254740992,"z":9007199254740993.5}`,
		`{"a":9007199254740993,"z":9007199254740994.1}`, `{"a":9007199254740993}`,
	} {
		require.Equal(t, "event-id-reused", s.must(http.StatusUnprocessableEntity, repeat(other))["code"], other)
	}
}

func TestEvents_RefuseBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

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

// damagedStore returns two damaged enrollments of one journey.
type damagedStore struct {
	*memoryStore
	id journey.ID
}

var errDamaged = fmt.Errorf("%w: st is text", journey.ErrDamaged)

func (s damagedStore) Enrollments(context.Context, journey.Tenant, string) ([]journey.Enrollment, []journey.Damage, error) {
	return nil, []journey.Damage{{Journey: s.id, Cause: errDamaged}, {Journey: s.id, Cause: errDamaged}}, nil
}

func (s damagedStore) ReadPartition(
	context.Context, journey.Partition, int, *journey.DueKey,
) ([]journey.Indexed, *journey.DueKey, error) {
	at := journey.DueKey{Customer: "Ada", At: start}
	return []journey.Indexed{{DueKey: at, Err: errDamaged}, {DueKey: at, Err: errDamaged}}, nil, nil
}

func TestDamage_ShowsOnlyInTheLog(t *testing.T) {
	t.Parallel()

	m := &memoryStore{}
	id := newServer(t, m).create(`{"name":"n"}`)
	for _, row := range []struct {
		call   call
		status int
		answer string
	}{
		{call{method: "POST", path: "/events", body: `{"customerId":"Ada","eventType":"t","eventId":"e"}`}, 202, `{"eventId":"e","started":[],"ended":[],"notStarted":[]}`},
		{call{method: "GET", path: "/journeys/" + id + "/enrollments?status=failed"}, 200, `{"data":[]}`},
	} {
		s := newServer(t, damagedStore{m, journey.ID(id)})
		w := s.do(row.call)
		require.Equal(t, row.status, w.Code)
		require.JSONEq(t, row.answer, w.Body.String())
		require.NotContains(t, s.log.String(), "Ada")
		first, _, _ := bytes.Cut(s.log.Bytes(), []byte("\n"))
		var line map[string]any
		require.NoError(t, json.Unmarshal(first, &line))
		delete(line, "time")
		require.Equal(t, map[string]any{
			"level": "ERROR", "msg": "enrollments passed over", "tenant": "t1", "journey": id, "enrollments": 2.0,
			"error": errDamaged.Error(), "gatewayRequestId": line["gatewayRequestId"],
		}, line)
	}
}
