package inbox

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/payload"
	"journeys/internal/provider"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// get returns the answer to a GET with query.
func get(i *Inbox, query string) (code int, body string) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_local/messages"+query, nil))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func value(t *testing.T, text string) condition.Value {
	t.Helper()
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

func readPayload(t *testing.T, text string) *payload.Payload {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(text), &faults)
	p := payload.Read(v)
	require.Empty(t, faults.List())
	return p
}

func TestInbox_ListsSentMessages(t *testing.T) {
	t.Parallel()

	i := &Inbox{}
	code, body := get(i, "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, `{"total":0,"data":[]}`, body)

	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	tenant, ok := ident.ParseTenant("acme")
	require.True(t, ok)
	settings, err := provider.ParseSettings(fmt.Appendf(nil,
		`{"channels": {"*": {"type": "inbox", "url": %q}}, "allowPrivate": ["127.0.0.1"]}`, server.URL))
	require.NoError(t, err)
	p := provider.New(settings, func() time.Time { return now }, provider.Network{})
	send := func(key string, id ident.ID, customer string, config graph.ActionConfig) {
		result, err := p.Send(t.Context(), engine.Message{
			Key: key, Tenant: tenant, Journey: id, Customer: customer, NodeID: "n", Config: config,
			Facts: condition.Facts{Attributes: value(t, `{"email":"ada@private.test"}`)},
		})
		require.NoError(t, err)
		require.Equal(t, trail.Sent, result.Result)
	}
	send("k1", "jrn_1", "c1", graph.ActionConfig{Channel: "email", TemplateID: "t", Payload: readPayload(t, `{"a":[1.50]}`)})
	send("k1", "jrn_1", "c1", graph.ActionConfig{Channel: "email", TemplateID: "other"})
	send("k2", "jrn_1", "c2", graph.ActionConfig{Channel: "push"})
	send("k3", "jrn_2", "c1", graph.ActionConfig{Channel: "push"})

	item := func(key, id, customer, rest string) string {
		return `{"idempotencyKey":"` + key + `","messageId":"AAAAAAAAAAAAAAAAAAAAAA","tenant":"acme","journeyId":"` + id + `","customerId":"` + customer +
			`","nodeId":"n",` + rest + `,"at":"2026-11-23T10:00:00.000Z"}`
	}
	one := item("k1", "jrn_1", "c1", `"channel":"email","templateId":"t","payload":{"a":[1.50]},"address":"ada@private.test"`)
	two := item("k2", "jrn_1", "c2", `"channel":"push","templateId":null,"payload":null`)
	three := item("k3", "jrn_2", "c1", `"channel":"push","templateId":null,"payload":null`)
	for query, want := range map[string]string{
		"":                               `{"total":3,"data":[` + one + `,` + two + `,` + three + `]}`,
		"?journeyId=jrn_1":               `{"total":2,"data":[` + one + `,` + two + `]}`,
		"?customerId=c1":                 `{"total":2,"data":[` + one + `,` + three + `]}`,
		"?customerId=c1&journeyId=jrn_2": `{"total":1,"data":[` + three + `]}`,
		"?customerId=c":                  `{"total":0,"data":[]}`,
		"?limit=1":                       `{"total":3,"data":[` + three + `]}`,
		"?limit=2":                       `{"total":3,"data":[` + two + `,` + three + `]}`,
		"?limit=9&journeyId=jrn_1":       `{"total":2,"data":[` + one + `,` + two + `]}`,
		"?limit=1&customerId=c1":         `{"total":2,"data":[` + three + `]}`,
	} {
		code, body := get(i, query)
		require.Equal(t, http.StatusOK, code, query)
		require.Equal(t, want, body, query)
	}
	for _, query := range []string{"?limit=0", "?limit=-1", "?limit=x", "?limit=", "?tenant=acme", "?limit=1&customer=c1"} {
		code, _ := get(i, query)
		require.Equal(t, http.StatusBadRequest, code, query)
	}
}

func TestInbox_RefusesOtherRequests(t *testing.T) {
	t.Parallel()

	i := &Inbox{}
	for name, test := range map[string]struct {
		method, body string
		want         int
	}{
		"no JSON":         {http.MethodPost, "{", http.StatusBadRequest},
		"no key":          {http.MethodPost, `{"tenant":"acme"}`, http.StatusBadRequest},
		"a key twice":     {http.MethodPost, `{"idempotencyKey":"a","idempotencyKey":"b"}`, http.StatusBadRequest},
		"another field":   {http.MethodPost, `{"idempotencyKey":"a","Tenant":"acme"}`, http.StatusBadRequest},
		"a long message":  {http.MethodPost, `{"idempotencyKey":"` + strings.Repeat("a", maxMessage) + `"}`, http.StatusBadRequest},
		"another method":  {http.MethodDelete, "", http.StatusMethodNotAllowed},
		"something after": {http.MethodPost, `{"idempotencyKey":"a"}{}`, http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		i.ServeHTTP(w, httptest.NewRequest(test.method, "/_local/messages", io.NopCloser(strings.NewReader(test.body))))
		require.Equal(t, test.want, w.Code, name)
	}
	_, body := get(i, "")
	require.Equal(t, `{"total":0,"data":[]}`, body)
}

func TestInbox_RefusesSomeAddressesForGood(t *testing.T) {
	t.Parallel()

	i := &Inbox{}
	for address, want := range map[string]int{
		"a@refused.example": http.StatusUnprocessableEntity, "a@REFUSED.example": http.StatusUnprocessableEntity,
		"+000123456": http.StatusUnprocessableEntity, "a@notrefused.example": http.StatusNoContent,
		"+4900012345": http.StatusNoContent, "": http.StatusNoContent,
	} {
		w := httptest.NewRecorder()
		body := fmt.Sprintf(`{"idempotencyKey":"k %s","address":%q}`, address, address)
		i.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/_local/messages", strings.NewReader(body)))
		require.Equal(t, want, w.Code, address)
	}
	_, body := get(i, "?limit=1")
	require.Contains(t, body, `{"total":3,`, "a message that was refused was not sent")
}
