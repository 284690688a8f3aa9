package local

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
)

func TestPlayFeedback_InvokesTheFunctionAsSESDoes(t *testing.T) {
	t.Parallel()

	const known, unknown = "AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBA"
	invoked := ""
	p := player{
		find: func(_ context.Context, tenant ident.Tenant, id message.ID, _ time.Time) (message.Record, error) {
			if tenant.String() != "demo" || id.String() != known {
				return message.Record{}, journey.ErrNoMessage
			}
			return message.Record{ID: id}, nil
		},
		invoke: func(name string, payload []byte) (string, error) {
			invoked = name + " " + string(payload)
			return "", nil
		},
	}
	for body, want := range map[string]string{
		`{"tenant":"demo","messageId":"` + known + `","kind":"clicked"}`:   "202 ",
		`{"tenant":"demo","messageId":"` + unknown + `","kind":"clicked"}`: "404 no message of tenant demo has this id; /_local/messages",
		`{"tenant":"acme","messageId":"` + known + `","kind":"clicked"}`:   "404 no message of tenant acme has this id; /_local/messages",
		`{"tenant":"a b","messageId":"nonsense","kind":"read","email":"ada@example.com"}`: "400 /tenant must be the name of a tenant\n" +
			"/messageId must be the messageId of a message: 22 characters of A-Z, a-z, 0-9, - and _\n" +
			"/kind must be one of delivered, opened, clicked, bounced, complained\n" +
			"/email unknown field; allowed here: tenant, messageId, kind, address",
		`{}`:          "400 /tenant is required\n/messageId is required\n/kind is required",
		`{"kind":`:    "400 ",
		`["clicked"]`: "400 must be an object",
	} {
		invoked = ""
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, FeedbackPath, strings.NewReader(body)))
		require.True(t, strings.HasPrefix(strings.TrimSpace(w.Body.String()), want[4:]), "%s: %s", body, w.Body)
		require.Equal(t, want[:3], w.Result().Status[:3], body)
		require.Equal(t, want == "202 ", strings.HasPrefix(invoked, "feedback ") && strings.Contains(invoked, `"eventType":"Click"`), body)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, FeedbackPath, nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}
