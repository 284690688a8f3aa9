package openapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/api"
	"journeys/internal/auth"
	"journeys/internal/catalog"
	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/names"
	"journeys/internal/progress"
	"journeys/internal/subscription"
	"journeys/internal/suppression"
	"journeys/internal/testsend"
	"journeys/internal/wiring"
)

// emptyStore is a store without data. An answer other than 400 then means that the
// request was accepted.
type emptyStore struct {
	journey.JourneyStore
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
}

func (emptyStore) Create(context.Context, ident.Tenant, journey.Journey) error {
	return journey.ErrTooMany
}

// emptyTopics is emptyStore for topics.
type emptyTopics struct{ subscription.Store }

func (emptyTopics) TenantSettings(context.Context, ident.Tenant) (consent.TenantSettings, error) {
	return consent.TenantSettings{Topics: consent.Topics{"other": {}}}, nil // so that each body is a change
}

func (emptyTopics) PutTopics(context.Context, ident.Tenant, consent.TenantSettings) error {
	return journey.ErrNotFound
}

func (emptyTopics) ToChange(context.Context, ident.Tenant, string, time.Time) (
	consent.TenantSettings, consent.Subscriptions, journey.Forgotten, error,
) {
	return consent.TenantSettings{}, consent.Subscriptions{}, nil, journey.ErrNotFound
}

func (emptyStore) CreateOnce(_ context.Context, _ ident.Tenant, _ journey.Journey, r journey.KeyRecord) (journey.KeyRecord, error) {
	return r, journey.ErrTooMany
}

func (emptyStore) Memberships(
	context.Context, ident.Tenant, string, int, ident.ID,
) ([]journey.Membership, []journey.Damage, ident.ID, error) {
	return nil, nil, "", journey.ErrNotFound
}

func (emptyStore) Journey(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return journey.Journey{}, journey.ErrNotFound
}

func (emptyStore) FullJourney(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return journey.Journey{}, journey.ErrNotFound
}

func (emptyStore) Draft(context.Context, ident.Tenant, ident.ID) (journey.DraftCopy, error) {
	return journey.DraftCopy{}, journey.ErrNoDraft
}

func (emptyStore) List(context.Context, ident.Tenant, journey.Filter) (journey.Page, error) {
	return journey.Page{}, journey.ErrNotFound
}

func (emptyStore) StartedBy(context.Context, ident.Tenant, string) (journey.Starts, error) {
	return journey.Starts{}, journey.ErrNotFound
}

func (emptyStore) Remember(context.Context, ident.Tenant, string, string, progress.Received) error {
	return journey.ErrNoCustomer
}

func (emptyStore) ReserveEvent(context.Context, ident.Tenant, journey.EventRecord, time.Time) (journey.EventRecord, error) {
	return journey.EventRecord{}, journey.ErrNoCustomer
}

func (emptyStore) PutProfile(context.Context, ident.Tenant, journey.Profile, int64) error {
	return journey.ErrNoCustomer
}

func (emptyStore) Profile(context.Context, ident.Tenant, string) (journey.Profile, error) {
	return journey.Profile{}, journey.ErrNoCustomer
}

func (emptyStore) ProfileToChange(
	context.Context, ident.Tenant, string, time.Time,
) (journey.Profile, journey.Forgotten, error) {
	return journey.Profile{}, forgotNone, journey.ErrNoCustomer
}

func (emptyStore) JourneyToEnter(
	context.Context, ident.Tenant, ident.ID, []string, time.Time,
) (journey.Journey, journey.Forgotten, error) {
	return journey.Journey{}, forgotNone, journey.ErrNotFound
}

func (emptyStore) Forgotten(context.Context, ident.Tenant, string, time.Time) (journey.Forgotten, error) {
	return forgotNone, nil
}

func forgotNone(string) time.Time { return time.Time{} }

func (emptyStore) Counters(context.Context, ident.Tenant, ident.ID, analytics.Range) (analytics.Counters, error) {
	return analytics.Counters{}, nil
}

func (emptyStore) Names(context.Context, ident.Tenant) (names.Record, error) {
	return names.Record{}, nil
}

func (emptyStore) PutNames(_ context.Context, _ ident.Tenant, r names.Record) (names.Record, error) {
	return r, nil
}

// fault is an entry of a problem document's errors.
type fault struct{ Pointer, Detail string }

// decoders are the functions' own handlers.
type decoders struct{ mux *http.ServeMux }

func newDecoders() decoders {
	now := func() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) }
	service := journey.NewService(journey.Stores{Journeys: emptyStore{}, Enrollments: emptyStore{}, Customers: emptyStore{}, Events: emptyStore{}}, now, rand.NewChaCha8([32]byte{}))
	service.Catalog.Channels = catalog.List{catalog.DefaultName: {Kind: "inbox"}}
	a := &api.API{
		Journeys:      service,
		Subscriptions: &subscription.Service{Store: emptyTopics{}, Journeys: service, Now: now},
		Key:           key.Fixed(key.Key{}),
		Analytics:     analytics.NewReader(emptyStore{}),
		Names:         names.NewCollector(emptyStore{}, now, slog.New(slog.DiscardHandler)),
		Log:           slog.New(slog.DiscardHandler),
		Now:           now,
		Suppressions:  &suppression.Service{Now: now}, // of an installation without channels
		TestSends:     &testsend.Service{Journeys: service},
		Wirings:       func(context.Context, time.Time) (map[string]wiring.State, error) { return nil, nil },
		Meter: func(ctx context.Context) (context.Context, func() slog.Attr) {
			return ctx, func() slog.Attr { return slog.Attr{} }
		},
	}
	d := decoders{http.NewServeMux()}
	for _, op := range api.Operations() {
		d.mux.Handle(op.Key(), a.Handler(op))
	}
	return d
}

// faults returns the faults that the decoders find in a request.
func (d decoders) faults(t *testing.T, r *http.Request) []fault {
	tenant, _ := ident.ParseTenant("demo")
	caller := auth.Caller{
		Subject: "s", Tenant: tenant, Role: manifest.Admin,
		ExpiresAt: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
	}
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), caller)))
	if w.Code != http.StatusBadRequest {
		if r.Method == http.MethodPost && r.URL.Path == manifest.BasePath+"/customers" {
			// Each customer has an outcome of its own.
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			require.NotContains(t, w.Body.String(), "stored")
			return nil
		}
		if w.Code == http.StatusAccepted { // each event has a result of its own
			var answer struct{ Results []struct{ Errors []fault } }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			var faults []fault
			for _, result := range answer.Results {
				faults = append(faults, result.Errors...)
			}
			return faults
		}
		require.Contains(t, []int{http.StatusNotFound, http.StatusConflict}, w.Code, w.Body.String())
		return nil
	}
	var problem struct{ Errors []fault }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
	require.NotEmpty(t, problem.Errors, w.Body.String())
	return problem.Errors
}

// beyondSchemas matches the faults of rules that a schema cannot express and its
// description states in words.
var beyondSchemas = regexp.MustCompile(`^(is not a node of this graph|duplicates the id of (nodes|branches)/\d+|` +
	`must not be event, timeout, else, true or false|must have a weight above 0|` +
	`must have at most \d+ bytes as compact JSON, has \d+|must have at most \d+ conditions inside, has \d+|` +
	`names the same attribute as another path in (set|unset|add), or one inside or around it|must be a path of an attribute, .*|` +
	`must not be null; to remove an attribute, name it in unset|must name at most \d+ attributes, names \d+|` +
	`must not be nested more than \d+ deep|must be an RFC 3339 time from 1970 to 9000.*|` +
	`must be .*the IANA name of a time zone.*|must be an RFC 3339 time, such as .*|must be a path in the properties, without (event|entryEvent) in front|` +
	`is the id of an earlier branch|must not be .*, which is reserved|is only allowed beside a definition|must be a period .*, because the customer has not entered yet)$`)

// requestExamples returns the example requests of the document, by operation and
// name.
func requestExamples(t *testing.T) map[string]*example {
	list := map[string]*example{}
	for path, item := range Load().doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for name, e := range op.RequestBody.Value.Content["application/json"].Examples {
				list[op.OperationID+" "+name] = &example{
					method, manifest.BasePath + strings.NewReplacer("{id}", id, "{customerId}", "c-1", "{channel}", "email", "{address}", "ada@example.com", "{nodeId}", "mail").Replace(path), plain(t, e.Value.Value),
				}
			}
		}
	}
	require.Len(t, list, 32)
	return list
}

// example is an example request.
type example struct {
	method, path string
	body         any
}

func (e *example) request(t *testing.T, body []byte) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), e.method, e.path, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(e.path, "/publish") {
		r.Header.Set("If-Match", `"a"`)
	}
	return r
}

// Schemas and decoders describe the same requests. Both read each example, and each
// change of it that replaces, removes or adds one value. They must agree.
func TestSchemas_AgreeWithDecodersOnBodies(t *testing.T) {
	t.Parallel()
	d := newDecoders()
	for name, e := range requestExamples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole, err := json.Marshal(e.body)
			require.NoError(t, err)
			require.NoError(t, Load().CheckRequest(e.request(t, whole), whole))
			require.Empty(t, d.faults(t, e.request(t, whole)))
			accepted, refused := 0, 0
			check := func(body any, what string) {
				text, err := json.Marshal(body)
				require.NoError(t, err)
				bySchema := Load().CheckRequest(e.request(t, text), text)
				faults := d.faults(t, e.request(t, text))
				if bySchema != nil {
					refused++
					require.NotEmpty(t, faults, "%s: only the schema refuses %.500s\n%v", what, text, bySchema)
					return
				}
				accepted++
				faults = slices.DeleteFunc(faults, func(f fault) bool { return beyondSchemas.MatchString(f.Detail) })
				require.Empty(t, faults, "%s: only the decoder refuses %.500s", what, text)
			}
			for _, p := range parts(e.body.(map[string]any)) {
				mutate(p.changes, func(what string) { check(p.body, what) })
			}
			require.Positive(t, refused)
			t.Logf("%d changed bodies accepted and %d refused by both", accepted, refused)
		})
	}
}

// part is a body and the object in it that is changed.
type part struct{ body, changes map[string]any }

// parts splits a body into one for each node and each edge of its graph, and one
// for the rest: faults of different parts are independent, and small bodies are
// read faster.
func parts(body map[string]any) []part {
	graph, ok := body["definition"].(map[string]any)
	if !ok {
		return []part{{body, body}}
	}
	with := func(nodes ...any) map[string]any {
		changed, g := maps.Clone(body), maps.Clone(graph)
		g["nodes"], g["edges"] = nodes, []any{}
		changed["definition"] = g
		return changed
	}
	rest := with()
	list := []part{{rest, rest}}
	for _, node := range graph["nodes"].([]any) {
		list = append(list, part{with(node), node.(map[string]any)})
	}
	for _, e := range graph["edges"].([]any) {
		edge := e.(map[string]any)
		changed := with(
			map[string]any{"id": edge["source"], "type": "condition_split"},
			map[string]any{"id": edge["target"], "type": "exit"})
		changed["definition"].(map[string]any)["edges"] = []any{edge}
		list = append(list, part{changed, edge})
	}
	return list
}

// values are the values that replace each value of a body.
var values = []any{
	nil, true, false, 0, 1, -1, 0.5, 100, 101, 365, 366, 8760, 8760.5, 20000, 20001, 525601, 1e300,
	"", "a", "a.b", ".", "a..b", "\u0085", "true", "draft", "exit", "wait", "eq", "in", "exists", "gt", "fail", "resend", "days", "x y",
	strings.Repeat("é", 64), strings.Repeat("é", 65), strings.Repeat("é", 128), strings.Repeat("é", 129),
	strings.Repeat("é", 255), strings.Repeat("é", 256), strings.Repeat("é", 257), strings.Repeat("é", 2000), strings.Repeat("é", 2001),
	"a.b.c.d.e.f.g.h", "a.b.c.d.e.f.g.h.i", "2026-11-23T10:00:00+01:00", "2026-11-23",
	"2016-12-31t23:59:60.5z", "09:00", "24:00", "mon", "continue", "UTC", "2026-11-23T10:00:60Z", "2026-11-23T9:00:00Z",
	[]any{}, []any{nil}, []any{"a"}, []any{1.0, map[string]any{}}, slices.Repeat([]any{"a"}, 64), slices.Repeat([]any{"a"}, 200),
	slices.Repeat([]any{"a"}, 201), slices.Repeat([]any{"a"}, 1000), slices.Repeat([]any{"a"}, 1001),
	map[string]any{}, map[string]any{"unknown": 1}, map[string]any{"all": []any{}}, map[string]any{"any": []any{}, "all": []any{}},
	map[string]any{"field": "a", "operator": "in", "value": []any{1, "b", false}},
	map[string]any{"all": slices.Repeat([]any{map[string]any{"any": []any{}}}, 65)},
	map[string]any{"value": 1, "unit": "days"}, map[string]any{strings.Repeat("n", 65): map[string]any{}},
}

// mutate changes one place of the value after another. It calls check after each
// change and then undoes it.
func mutate(value any, check func(what string)) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			old := value[name]
			for _, v := range values {
				value[name] = v
				check("replace " + name)
			}
			delete(value, name)
			check("remove " + name)
			value[strings.ToUpper(name[:1])+name[1:]+"_"] = old
			check("rename " + name)
			delete(value, strings.ToUpper(name[:1])+name[1:]+"_")
			value[name] = old
			mutate(old, check)
		}
		value["unknown"] = 1
		check("add an unknown field")
		delete(value, "unknown")
	case []any:
		for i := range value {
			old := value[i]
			for _, v := range values {
				value[i] = v
				check(fmt.Sprint("replace ", i))
			}
			value[i] = old
			mutate(old, check)
		}
	}
}

func TestSchemas_AgreeWithDecodersOnParameters(t *testing.T) {
	t.Parallel()
	d := newDecoders()
	long := strings.Repeat("a", 128)
	for _, target := range []string{
		"?limit=0", "?limit=1", "?limit=200", "?limit=201", "?limit=-1", "?limit=1.5", "?limit=a", "?limit=",
		"?offset=0", "?offset=-1", "?offset=2147483647", "?offset=2147483648", "?offset=1e3",
		"?status=draft", "?status=Draft", "?status=", "?other=1", "?limit=1&limit=1", "?status=active&limit=2&offset=3",
		"?q=a", "?q=%C3%9F%20%26", "?q=", "?q=" + strings.Repeat("%C3%A9", 255), "?q=" + strings.Repeat("%C3%A9", 256),
		"?sort=created", "?sort=-updated", "?sort=name&q=x", "?sort=", "?sort=Name", "?sort=--name", "?sort=%2Bname", "?cursor=a",
	} {
		requireAgreement(t, d, httptest.NewRequest("GET", "/api/v1/journeys"+target, nil))
	}
	for _, target := range []string{
		"", "?status=paused&q=a&sort=-name&limit=100", "?status=x", "?q=", "?sort=id", "?limit=0", "?limit=101", "?offset=0",
		"?cursor=", "?cursor=a+b",
	} {
		requireAgreement(t, d, httptest.NewRequest("GET", "/api/v1/analytics"+target, nil))
	}
	for _, query := range []string{
		"?status=failed", "?status=inside", "?status=", "?nodeId=a-1", "?nodeId=", "?nodeId=a.b", "?nodeId=a&result=sent", "?nodeId=a&result=", "?nodeId=a&result=a.b", "?nodeId=a&result=" + long, "?limit=200", "?limit=201",
		"?cursor=", "?cursor=abc_-9", "?cursor=a+b", "?cursor=" + strings.Repeat("a", 800), "?cursor=" + strings.Repeat("a", 801), "?offset=1",
	} {
		requireAgreement(t, d, httptest.NewRequest("GET", "/api/v1/journeys/"+id+"/enrollments"+query, nil))
	}
	for _, query := range []string{"", "?limit=50", "?limit=51", "?limit=0", "?cursor=", "?cursor=a.b", "?status=active"} {
		requireAgreement(t, d, httptest.NewRequest("GET", "/api/v1/customers/c-1/enrollments"+query, nil))
	}
	headers := map[string][]string{
		"GET If-None-Match": {"*", `"1"`, `W/"1"`, `"1", W/"2" ,"x"`, `1`, `"1`, `"1""2"`, `"a b"`, `w/"1"`, `*, "1"`, ``},
		"PUT If-Match":      {"*", `"1"`, `W/"1"`, `"1", "2"`, `W/"1", "2"`, `"1",W/"2" , W/"3"`, `W/"1", W/"2"`, `1`, `"1`, `""`, `W/""`, ``},
		"POST Idempotency-Key": {
			"a", "a b", `"a"`, `"a\"b"`, `"a\b"`, `"a`, `a"`, `"a"b`, `""`, long, long + "a", `"` + long + `"`, `"` + long + `a"`,
			`"` + strings.Repeat(`\"`, 128) + `"`, "a\tb", "\x7f", "\xe9",
		},
	}
	headers["POST Idempotency-Key "] = headers["POST Idempotency-Key"] // of a creation
	for where, texts := range headers {
		method, name, _ := strings.Cut(where, " ")
		for _, text := range texts {
			target, body := "/api/v1/journeys/"+id, "{}"
			if method == "POST" {
				target, body = target+"/enroll", `{"customerId":"c"}`
			}
			if strings.HasSuffix(where, " ") {
				target, body = "/api/v1/journeys", `{"name":"n"}`
			}
			if method == "GET" {
				body = ""
			}
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(strings.TrimSpace(name), text)
			requireAgreement(t, d, r)
		}
	}
}

func TestSchemas_AgreeWithDecodersOnTheTagsOfDrafts(t *testing.T) {
	t.Parallel()
	d := newDecoders()
	draft := "/api/v1/journeys/" + id + "/draft"
	for where, texts := range map[string][]string{
		"GET If-None-Match":  {"*", `W/"1"`, `1`},
		"PUT If-None-Match":  {"*", `"1"`, `W/"1"`, `*, "1"`, ``},
		"PUT If-Match":       {"*", `"1"`, `W/"1"`, `W/"1", "2"`, `1`},
		"DELETE If-Match":    {"*", `"1"`, `W/"1"`, ``},
		"POST If-Match":      {"*", `"1"`, `W/"1"`, `"1", W/"2"`, `1`, `""`, ``},
		"POST If-None-Match": {`"1"`}, // instead of If-Match
	} {
		method, name, _ := strings.Cut(where, " ")
		for _, text := range texts {
			target, body := draft, ""
			switch method {
			case "PUT":
				body = "{}"
			case "POST":
				target += "/publish"
			}
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(name, text)
			requireAgreement(t, d, r)
		}
	}
}

// requireAgreement requires that the document and the decoders both accept or both
// refuse a request.
func requireAgreement(t *testing.T, d decoders, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	bySchema := Load().CheckRequest(r, body)
	faults := d.faults(t, r)
	require.Equal(t, bySchema != nil, len(faults) > 0, "%s %s %v: %v %v", r.Method, r.URL, r.Header, bySchema, faults)
}
