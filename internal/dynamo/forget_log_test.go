package dynamo_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/api"
	"journeys/internal/auth"
	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/consent/key"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/targettest"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/names"
	"journeys/internal/progress"
	"journeys/internal/subscription"
	"journeys/internal/trail"
)

// logged is every part that logs, with one log.
type logged struct {
	*fixture
	targettest.Untargeted
	t     *testing.T
	log   bytes.Buffer
	mux   *http.ServeMux
	queue []engine.Pack
	fails bool // every effect fails
}

func newLogged(t *testing.T) *logged {
	l := &logged{fixture: newFixture(t), t: t}
	l.serve(l.store)
	return l
}

// serve makes the API use a store.
func (l *logged) serve(s *dynamo.Store) {
	now := func() time.Time { return l.now }
	service := journey.NewService(s.Handlers(), now, rand.Reader)
	service.Catalog.Channels = catalog.List{catalog.DefaultName: {Kind: "inbox"}}
	a := &api.API{
		Journeys: service, Subscriptions: &subscription.Service{Store: s.Topics, Journeys: service, Now: now}, Analytics: analytics.NewReader(s.Analytics),
		Names: names.NewCollector(s.Names, now, l.logger()), Log: l.logger(), Now: now, Wirings: s.Wirings.States,
		Key: key.NewSource(func(context.Context) (string, error) { return strings.Repeat("A", 43) + "=", nil }, now),
		Meter: func(ctx context.Context) (context.Context, func() slog.Attr) {
			return ctx, func() slog.Attr { return slog.Int("used", 0) }
		},
	}
	l.mux = http.NewServeMux()
	for _, op := range api.Operations() {
		l.mux.Handle(op.Key(), a.Handler(op))
	}
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&l.log, nil)) }

func (l *logged) Dispatch(_ context.Context, p engine.Pack) error {
	l.queue = append(l.queue, p)
	return nil
}

func (l *logged) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

func (l *logged) Timeout() time.Duration { return time.Second }

func (l *logged) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	return condition.Value{}, errors.New("no decision")
}

func (l *logged) Send(context.Context, engine.Message) (progress.Answer, error) {
	if l.fails {
		return progress.Answer{}, errors.New("status 500")
	}
	return progress.Answer{Result: trail.Sent}, nil
}

// call calls the API, requires a status and returns the body.
func (l *logged) call(status int, method, path, body string) string {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), method, manifest.BasePath, strings.NewReader(body))
	r.URL.Path = manifest.BasePath + path
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "of-"+ada)
	}
	caller := auth.Caller{Subject: "s", Tenant: demo, Role: manifest.Admin, ExpiresAt: l.now.Add(time.Hour)}
	w := httptest.NewRecorder()
	l.mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), caller)))
	require.Equal(l.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	return w.Body.String()
}

// move runs ticks and the invocations that they start.
func (l *logged) move(ticks int) {
	l.t.Helper()
	e := &engine.Engine{
		Table: l.store.Engine, Dispatcher: l, Provider: l, Parallel: 1, Workers: 25, Now: func() time.Time { return l.now },
		Jitter: func() float64 { return 0 }, Log: l.logger(), Definitions: &journey.Definitions{},
	}
	for range ticks {
		require.NoError(l.t, e.Tick(l.t.Context()))
		for _, p := range l.queue {
			_ = e.Advance(l.t.Context(), p) // one pack has a damaged enrollment
		}
		l.queue = nil
		l.now = l.now.Add(2 * time.Hour)
	}
}

// ada looks like no other text in a log.
const ada = "Ada.Lovelace-7c3f@mail.test"

// requireNoName requires that no line contains the name, in any encoding.
func (l *logged) requireNoName() {
	l.t.Helper()
	raw := base64.RawURLEncoding.EncodeToString([]byte(ada))
	forms := []string{
		ada, url.QueryEscape(ada), url.PathEscape(ada), hex.EncodeToString([]byte(ada)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(ada)), "="), raw,
	}
	for offset := 1; offset < 3; offset++ { // within a longer text
		padded := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), ada...))
		forms = append(forms, padded[4:len(padded)-4])
	}
	for line := range strings.Lines(l.log.String()) {
		for _, form := range forms {
			require.NotContains(l.t, strings.ToLower(line), strings.ToLower(form))
		}
	}
}

// No function logs a name that a caller gave for a customer, whatever is done and
// whatever fails.
func TestForget_NoLogNamesTheCustomer(t *testing.T) {
	t.Parallel()

	l := newLogged(t)
	sends, waits, spoilt := l.journey(t, sendingGraph), l.journey(t, waitingGraph), l.journey(t, openingGraph)
	started, broken := l.journey(t, openedGraph), l.journey(t, openedGraph)
	l.damageDefinition(t, broken)
	in := func(id ident.ID) string { return "/journeys/" + string(id) + "/enrollments/" + ada }

	l.call(200, "PUT", "/customers/"+ada, `{"attributes":{"email":"`+ada+`"}}`)
	l.call(400, "PUT", "/customers/"+ada, `{"attributes":{"`+ada+`":1,"`+ada+`":2}}`)
	for _, id := range []ident.ID{sends, waits, spoilt} {
		l.call(201, "POST", "/journeys/"+string(id)+"/enroll", `{"customerId":"`+ada+`"}`)
	}
	l.damage(t, spoilt, ada, "st", garbage)
	event := `{"customerId":"` + ada + `","eventType":"opened","eventId":"` + ada + `","properties":{"of":"` + ada + `"}}`
	l.call(202, "POST", "/events", event)
	l.call(422, "POST", "/events", strings.Replace(event, `"of"`, `"to"`, 1))
	l.call(200, "GET", in(started), "")
	l.call(500, "GET", in(spoilt), "")
	l.call(404, "GET", in(broken), "")

	l.fails = true
	l.move(16)
	for _, id := range []ident.ID{sends, waits, spoilt} {
		l.call(200, "GET", "/journeys/"+string(id)+"/enrollments", "")
	}
	l.call(202, "POST", in(sends)+"/retry", "")
	l.fails = false
	l.move(2)
	l.call(409, "DELETE", in(sends), "")
	l.call(204, "DELETE", in(waits), "")
	l.call(409, "POST", in(waits)+"/retry", "")
	l.serve(dynamo.New(dynamotest.Client(), "no-such-table", rand.Reader))
	l.call(500, "GET", "/customers/"+ada, "")
	l.call(500, "DELETE", "/customers/"+ada, "")
	l.serve(l.store)
	l.call(204, "DELETE", "/customers/"+ada, "")
	l.call(404, "GET", "/customers/"+ada, "")

	l.log.WriteString(l.audit(t))
	l.requireNoName()
	for _, line := range []string{
		"request", "enrollments passed over", "tick", "advance", "effect failed", "count", "rollup", "audit", "enrollment inconsistent",
	} {
		require.Contains(t, l.log.String(), `"msg":"`+line+`"`)
	}
}
