package dynamo_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/auth"
	"journeys/internal/consent"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/target"
)

type attributes = map[string]types.AttributeValue

// items returns every item of a table by its partition and sort key.
func items(t *testing.T, table string) map[[2]string]attributes {
	t.Helper()
	found := map[[2]string]attributes{}
	pages := dynamodb.NewScanPaginator(dynamotest.Client(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, it := range page.Items {
			found[pair(it)] = it
		}
	}
	return found
}

// pair returns the partition and sort key of an item.
func pair(it attributes) [2]string {
	return [2]string{it["PK"].(*types.AttributeValueMemberS).Value, it["SK"].(*types.AttributeValueMemberS).Value}
}

// stored returns the item with a key.
func stored(t *testing.T, table string, key attributes) attributes {
	t.Helper()
	return lookup(t, table, pair(key)[0], pair(key)[1])
}

// newer makes the item with this key, or the only one whose keys have these prefixes,
// one of a newer format. It returns its key and a function that takes that back.
func newer(t *testing.T, table, pk, sk string) (key attributes, undo func()) {
	t.Helper()
	var matches [][2]string
	for k := range items(t, table) {
		if k == [2]string{pk, sk} {
			matches = [][2]string{k}
			break
		}
		if strings.HasPrefix(k[0], pk) && strings.HasPrefix(k[1], sk) {
			matches = append(matches, k)
		}
	}
	require.Len(t, matches, 1, "%s %s", pk, sk)
	key = keyOf(matches[0][0], matches[0][1])
	set := func(number string) {
		t.Helper()
		_, err := dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &table, Key: key, UpdateExpression: aws.String("SET f = :f"),
			ExpressionAttributeValues: attributes{":f": &types.AttributeValueMemberN{Value: number}},
		})
		require.NoError(t, err)
	}
	set("2")
	return key, func() { t.Helper(); set("1") }
}

// full is an installation with items of every kind.
type full struct {
	*logged
	waiting, started ident.ID // ada is in both; an event ends the wait of one and starts the other
	graph            string   // hash of waiting's graph
}

func newFull(t *testing.T) *full {
	l := newLogged(t)
	f := &full{logged: l, waiting: l.journey(t, openingGraph), started: l.journey(t, openedGraph)}
	moved := strings.Replace(openingGraph, `"nodes"`, `"zoom":1,"nodes"`, 1)
	l.call(200, "PUT", "/journeys/"+string(f.waiting), `{"description":"d","definition":`+moved+`}`)
	l.call(201, "PUT", "/journeys/"+string(f.waiting)+"/draft", `{}`)
	l.call(204, "DELETE", "/journeys/"+string(l.journey(t, waitingGraph)), "")
	for _, customer := range []string{ada, "bob"} {
		l.call(200, "PUT", "/customers/"+customer, `{"attributes":{"n":1}}`)
	}
	l.call(200, "PUT", "/tenant-settings", `{"topics":{"news":{"name":"News","channels":["email"],"default":"out"}}}`)
	l.call(200, "PUT", "/customers/"+ada+"/subscriptions", `{"topics":{"news":true}}`)
	l.call(201, "POST", "/journeys/"+string(f.waiting)+"/enroll", `{"customerIds":["`+ada+`","bob"]}`)
	l.call(202, "POST", "/events", f.event("e1"))
	require.NoError(t, l.store.Events.KeepProperties(t.Context(), demo, map[string][][]string{"seen": {{"n"}}}))
	l.call(204, "DELETE", "/customers/bob", "")
	l.audit(t)
	l.now = l.now.Add(analytics.SettleAfter)
	require.NoError(t, l.rollup().Run(t.Context()))
	j, err := l.store.Journeys.Journey(t.Context(), demo, f.waiting)
	require.NoError(t, err)
	f.graph = j.GraphHash
	require.NoError(t, l.store.Analytics.PutRepair(t.Context(), analytics.JourneyKey{Tenant: demo, Journey: f.waiting}, analytics.Repair{
		Graph: f.graph, Day: analytics.DayOf(start), Made: l.now,
	}))
	l.log.Reset()
	return f
}

// rollup returns the function that folds and audits.
func (l *logged) rollup() *analytics.Rollup {
	return &analytics.Rollup{
		Table: l.store.Analytics, Now: func() time.Time { return l.now }, Log: l.logger(), Segments: 1, Workers: 1,
	}
}

func (f *full) event(id string) string {
	return `{"customerId":"` + ada + `","eventType":"opened","eventId":"` + id + `"}`
}

// answer calls the API, in a process without cached definitions. header holds names and
// values in turn.
func (f *full) answer(method, path, body string, header ...string) *httptest.ResponseRecorder {
	f.serve(f.store)
	r := httptest.NewRequestWithContext(f.t.Context(), method, manifest.BasePath+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "of-"+ada)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	caller := auth.Caller{Subject: "s", Tenant: demo, Role: manifest.Admin, ExpiresAt: f.now.Add(time.Hour)}
	w := httptest.NewRecorder()
	f.mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), caller)))
	return w
}

// errorLines returns the lines of level ERROR, and empties the log.
func errorLines(log *bytes.Buffer) []string {
	var list []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			list = append(list, line)
		}
	}
	log.Reset()
	return list
}

// Whatever writes an item, it has a format.
func TestFormat_EveryRowOfTheKeyTableHasOne(t *testing.T) {
	t.Parallel()

	f := newFull(t)
	long := inside(1, "cleo")
	long[0].Event = keeping("event", 600)
	require.Equal(t, repeat(enrolled, 1), f.store.Enrollments.Insert(t.Context(), demo, 4, long))
	again := inside(2, "cleo")[0]
	again.Run, again.Event = 2, keeping("other", 700)
	require.NoError(t, f.store.Enrollments.Reenter(t.Context(), demo, 4, long[0], again))
	requireKept(t, f.store, again)
	f.call(201, "POST", "/journeys", `{"name":"once"}`)
	require.NoError(t, f.store.Quota(journey.MaxBatch).Take(t.Context(), demo, 1, f.now))
	opened, _ := target.State{}.Opened(f.now)
	_, ok, err := f.store.Engine.PutTarget(t.Context(), "c:push", target.State{}, opened)
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = f.store.Engine.PutLine(t.Context(), "c:push", target.Line{}, target.Line{Next: f.now})
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, f.store.Engine.PutCost(t.Context(), demo, time.Second, f.now))
	require.NoError(t, f.store.Wirings.Sent(t.Context(), "push", f.now))
	for i, customer := range []string{"cleo", "gone"} {
		id := message.ID{byte(i)}
		require.NoError(t, f.store.Messages.PutMessages(t.Context(), demo, []message.Record{
			{ID: id, Channel: "push", Named: "push", Customer: customer, Journey: f.waiting, GraphHash: f.graph, ExpiresAt: f.now},
		}))
		step := feedback.Step{Customer: customer, Journey: f.waiting, GraphHash: f.graph, Version: 1, Run: 1, Node: 1}
		_, err := f.store.Customers.AddFeedback(t.Context(), demo, id, step, feedback.Opened, f.now)
		require.NoError(t, err)
	}
	require.NoError(t, f.Forget(t.Context(), demo, "gone"))
	_, err = f.store.Addresses.PutSuppression(t.Context(), demo, "ab12", "push", consent.Suppression{Reason: "manual", At: f.now})
	require.NoError(t, err)
	everything := items(t, f.table)
	for key, it := range everything {
		require.Equal(t, &types.AttributeValueMemberN{Value: "1"}, it["f"], key)
	}
	placeholder := regexp.MustCompile(`<\w+>`)
	for _, row := range dynamo.KeyRows(t, "Entity PK SK") {
		pattern := regexp.MustCompile("^" + placeholder.ReplaceAllString(row[1]+"\x00"+row[2], "[^\x00]+") + "$")
		found := false
		for key := range everything {
			found = found || pattern.MatchString(key[0]+"\x00"+key[1])
		}
		require.True(t, found, "the test stores no %s", row[0])
	}
}

// A call that needs an item of a newer format is answered with 503. It changes
// nothing, or only what a repeat of the call changes too.
func TestNewer_CallsAnswer503(t *testing.T) {
	t.Parallel()

	f := newFull(t)
	f.call(201, "POST", "/journeys", `{"name":"n"}`)
	ulid, second := string(f.waiting)[4:], string(f.started)[4:]
	j, k := "/journeys/"+string(f.waiting), "/journeys/"+string(f.started)
	in, customer, figures := j+"/enrollments/"+ada, "/customers/"+ada, "T#demo#K#"+ulid
	enroll := `{"customerIds":["` + ada + `","bob"]}`
	edit := `{"definition":` + waitingGraph + `}`
	type call struct {
		method, path, body string
		begins             bool // it may write other items first
	}
	for _, row := range []struct {
		name, pk, sk string
		calls        []call
	}{
		{"journey", "T#demo#J", ulid, []call{
			{"GET", j, "", false}, {"GET", "/journeys", "", false}, {"PUT", j, `{"name":"x"}`, false}, {"DELETE", j, "", false},
			{"POST", j + "/enroll", enroll, false}, {"GET", in, "", false}, {"GET", j + "/enrollments", "", false},
		}},
		{"graph", "T#demo#J#" + ulid, "G#", []call{{"GET", in, "", false}}},
		{"appearance", "T#demo#J#" + ulid, "W#", []call{{"GET", j, "", false}}},
		{"text", "T#demo#J#" + ulid, "T", []call{
			{"GET", j, "", false}, {"GET", "/journeys", "", false}, {"PUT", j, `{"name":"x"}`, false},
		}},
		{"draft", "T#demo#J#" + ulid, "D", []call{
			{"GET", j + "/draft", "", false}, {"PUT", j + "/draft", `{"timezone":"Asia/Tokyo"}`, false}, {"DELETE", j + "/draft", "", false},
			{"DELETE", j, "", false},
		}},
		{"version", "T#demo#J#" + ulid, "V#", []call{{"GET", j + "/versions", "", false}, {"GET", j + "/versions/1", "", false}}},
		{"history entry", "T#demo#J#" + ulid, "H#0000000000000000001", []call{{"GET", j + "/history", "", false}}},
		{"journey count", "T#demo", "N", []call{{"POST", "/journeys", `{"name":"n"}`, true}, {"DELETE", j, "", false}}},
		{"LIVE entry", "LIVE", "demo#" + ulid, []call{
			{"PUT", j, `{"status":"paused"}`, false}, {"DELETE", j, "", false}, {"GET", j + "/enrollments", "", false},
		}},
		{"journey by event", "T#demo#EV#opened", second, []call{
			{"PUT", k, `{"status":"archived"}`, false}, {"DELETE", k, "", false}, {"POST", "/events", f.event("e2"), true},
		}},
		{"kept properties", "T#demo#EV#opened", "keep", []call{
			{"PUT", k, `{"status":"archived"}`, false}, {"DELETE", k, "", false}, {"POST", "/events", f.event("e3"), true},
		}},
		{"Idempotency-Key", "T#demo#I#" + ulid, "I", []call{{"POST", j + "/enroll", enroll, false}}},
		{"key of a creation", "T#demo#I#create#", "I", []call{{"POST", "/journeys", `{"name":"n"}`, false}}},
		{"enrollment", "T#demo#C#" + ada, "E#" + ulid, []call{
			{"GET", in, "", false}, {"POST", in + "/retry", "", false}, {"DELETE", in, "", false}, {"DELETE", customer, "", false},
		}},
		{"profile", "T#demo#C#" + ada, "P", []call{
			{"GET", customer, "", false}, {"PUT", customer, `{"attributes":{}}`, false}, {"PATCH", customer, `{"attributes":{"n":2}}`, false},
			{"DELETE", customer, "", false},
		}},
		{"tenant settings", "T#demo", "S", []call{
			{"GET", "/settings", "", false}, {"GET", "/tenant-settings", "", false}, {"PUT", "/tenant-settings", `{"topics":{}}`, false},
			{"GET", customer + "/subscriptions", "", false}, {"PUT", customer + "/subscriptions", `{"topics":{"news":false}}`, false},
		}},
		{"subscriptions", "T#demo#C#" + ada, "U", []call{
			{"GET", customer + "/subscriptions", "", false}, {"PUT", customer + "/subscriptions", `{"topics":{"news":false}}`, false},
			{"DELETE", customer, "", false},
		}},
		{"last event", "T#demo#C#" + ada, "V#", []call{{"POST", "/events", f.event("e3"), true}, {"DELETE", customer, "", false}}},
		{"event record", "T#demo#C#" + ada, "I#e1", []call{{"POST", "/events", f.event("e1"), false}, {"DELETE", customer, "", false}}},
		{"head", figures, "J", []call{
			{"PUT", j, `{"name":"x"}`, false}, {"DELETE", j, "", false}, {"GET", j + "/analytics", "", false},
		}},
		{"part", figures, "D#", []call{{"GET", j + "/analytics", "", false}}},
		{"repair", figures, "R#", []call{{"GET", j + "/analytics", "", false}}},
		{"closed month", figures, "C#", []call{{"GET", j + "/analytics?from=2026-11-23&to=2026-11-24", "", false}}},
		{"total", figures, "T#", []call{{"GET", j + "/analytics", "", false}, {"PUT", j, edit, true}}},
	} {
		key, undo := newer(t, f.table, row.pk, row.sk)
		for _, c := range row.calls {
			says := row.name + ": " + c.method + " " + c.path
			before := items(t, f.table)
			answer := f.answer(c.method, c.path, c.body)
			require.Equal(t, 503, answer.Code, "%s: %s", says, answer.Body)
			require.Contains(t, answer.Body.String(), `"code":"newer-format"`, says)
			require.Equal(t, "60", answer.Header().Get("Retry-After"), says)
			f.requireNoName()
			lines := errorLines(&f.log)
			require.Len(t, lines, 1, says)
			require.Contains(t, lines[0], "has format 2, this version knows 1", says)
			after := items(t, f.table)
			if !c.begins {
				require.Equal(t, before, after, says)
			}
			require.Equal(t, before[pair(key)], after[pair(key)], says)
		}
		undo()
	}
	require.Equal(t, 204, f.answer("DELETE", customer, "").Code, "the newer version can forget the customer")
	require.Equal(t, 200, f.answer("GET", j+"/analytics", "").Code)
}

// Figures of a kind that only a newer version knows are of a newer format, not damaged.
func TestNewer_FiguresOfAnotherKindAnswer503(t *testing.T) {
	t.Parallel()

	f := newFull(t)
	it := keyOf("T#demo#K#"+string(f.waiting)[4:], "M#another kind")
	it["f"] = &types.AttributeValueMemberN{Value: "2"}
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &f.table, Item: it})
	require.NoError(t, err)
	answer := f.answer("GET", "/journeys/"+string(f.waiting)+"/analytics", "")
	require.Equal(t, 503, answer.Code, answer.Body)
	require.Contains(t, answer.Body.String(), `"code":"newer-format"`)
}

// Calls about many customers leave out the items of a newer format.
func TestNewer_ListsAnswerTheRest(t *testing.T) {
	t.Parallel()

	f := newFull(t)
	j := "/journeys/" + string(f.waiting)
	require.Equal(t, 201, f.answer("POST", j+"/enroll", `{"customerId":"carl"}`).Code)
	_, _ = newer(t, f.table, "T#demo#C#"+ada, "E#"+string(f.waiting)[4:])
	_, _ = newer(t, f.table, "T#demo#C#"+ada, "P")
	f.log.Reset()

	list := f.answer("GET", j+"/enrollments", "")
	require.Equal(t, 200, list.Code)
	require.Contains(t, list.Body.String(), `"carl"`)
	require.NotContains(t, list.Body.String(), ada)
	lines := errorLines(&f.log)
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], `"msg":"enrollments passed over"`)
	require.Contains(t, lines[0], "newer-format")

	f.now = f.now.Add(25 * time.Hour) // the Idempotency-Key has expired
	enrolled := f.answer("POST", j+"/enroll", `{"customerIds":["`+ada+`","dora"]}`)
	require.Equal(t, 201, enrolled.Code)
	require.Contains(t, enrolled.Body.String(), `"enrolled":1,"skipped":1,"errors":0`)

	merged := f.answer("POST", "/customers", `{"customers":[{"customerId":"`+ada+`","attributes":{"n":2}},{"customerId":"dora","attributes":{"n":2}}]}`)
	require.Equal(t, 200, merged.Code, merged.Body)
	require.Contains(t, merged.Body.String(), `"newer-format"`)
	require.Equal(t, 200, f.answer("GET", "/customers/dora", "").Code)
}

// An event that meets an enrollment of a newer format serves the others and is
// answered with 503. Its repeat serves the one that was left out, and only that.
func TestNewer_EventIsCompletedByItsRepeat(t *testing.T) {
	t.Parallel()

	l := newLogged(t)
	f := &full{logged: l, waiting: l.journey(t, openingGraph, ada), started: l.journey(t, openedGraph)}
	other := l.journey(t, openingGraph, ada)
	f.now = f.now.Add(time.Minute)
	key, undo := newer(t, f.table, "T#demo#C#"+ada, "E#"+string(f.waiting)[4:])
	before := items(t, f.table)
	woken := func(id ident.ID) bool {
		e, err := f.store.Enrollments.Enrollment(t.Context(), demo, id, ada)
		require.NoError(t, err)
		return e.Woken != (progress.Stamp{})
	}

	require.Equal(t, 503, f.answer("POST", "/events", f.event("e1")).Code)
	require.True(t, woken(other))
	require.Equal(t, before[pair(key)], stored(t, f.table, key))
	undo()
	require.False(t, woken(f.waiting))
	require.Equal(t, 202, f.answer("POST", "/events", f.event("e1")).Code)
	require.True(t, woken(f.waiting))
	after := items(t, f.table)
	require.Contains(t, after, [2]string{"T#demo#C#" + ada, "E#" + string(f.started)[4:]})
	require.Equal(t, 202, f.answer("POST", "/events", f.event("e1")).Code)
	require.Equal(t, after, items(t, f.table))
}

// A write that began before its item got a newer format is refused.
func TestNewer_WritesAreRefused(t *testing.T) {
	t.Parallel()

	f := newFull(t)
	ulid := string(f.waiting)[4:]
	e, err := f.store.Enrollments.Enrollment(t.Context(), demo, f.waiting, ada)
	require.NoError(t, err)
	profile, err := f.store.Customers.Profile(t.Context(), demo, ada)
	require.NoError(t, err)
	lives, err := f.store.Engine.Lives(t.Context(), engine.LiveKey{}, engine.LiveKey{})
	require.NoError(t, err)
	var live engine.Live
	for _, l := range lives {
		if l.Journey == f.waiting {
			live = l
		}
	}
	audit, err := f.store.Analytics.Audit(t.Context())
	require.NoError(t, err)
	record := journey.EventRecord{Customer: ada, ID: "e1"}
	next := e.NextWrite(f.now)
	quota := f.store.Quota(journey.MaxBatch)
	require.NoError(t, quota.Take(t.Context(), demo, 1, f.now))
	profile.Rev++
	audit.Rev++
	for name, row := range map[string]struct {
		pk, sk string
		write  func(context.Context) error
	}{
		"wake": {"T#demo#C#" + ada, "E#" + ulid, func(ctx context.Context) error { return f.store.Events.Wake(ctx, demo, next) }},
		"profile": {"T#demo#C#" + ada, "P", func(ctx context.Context) error {
			return f.store.Customers.PutProfile(ctx, demo, profile, profile.Rev-1)
		}},
		"merge event": {"T#demo#C#" + ada, "I#e1", func(ctx context.Context) error {
			return f.store.Events.MergeEvent(ctx, demo, record, nil, 0)
		}},
		"merge event into profile": {"T#demo#C#" + ada, "P", func(ctx context.Context) error {
			return f.store.Events.MergeEvent(ctx, demo, record, &profile, profile.Rev-1)
		}},
		"finish event": {"T#demo#C#" + ada, "I#e1", func(ctx context.Context) error { return f.store.Events.FinishEvent(ctx, demo, record) }},
		"grow shards":  {"LIVE", "demo#" + ulid, func(ctx context.Context) error { return f.store.Engine.GrowShards(ctx, live, 2*live.Shards) }},
		"grow shards of a journey": {"T#demo#J", ulid, func(ctx context.Context) error {
			return f.store.Engine.GrowShards(ctx, live, 2*live.Shards)
		}},
		"end a drain": {"LIVE", "demo#" + ulid, func(ctx context.Context) error { return f.store.Engine.Drained(ctx, live, live.Epoch) }},
		"take from the quota": {"T#demo#Q", fmt.Sprint(f.now.Unix() / 60), func(ctx context.Context) error {
			return quota.Take(ctx, demo, 1, f.now)
		}},
		"audit": {"AUDIT", "A", func(ctx context.Context) error { return f.store.Analytics.PutAudit(ctx, audit) }},
	} {
		key, undo := newer(t, f.table, row.pk, row.sk)
		before := stored(t, f.table, key)
		require.ErrorIs(t, row.write(t.Context()), journey.ErrNewer, name)
		require.Equal(t, before, stored(t, f.table, key), name)
		undo()
	}
	// The condition of this write is the revision, which the newer version raised.
	key, _ := newer(t, f.table, "T#demo#C#"+ada, "E#"+ulid)
	f.damage(t, f.waiting, ada, "r", &types.AttributeValueMemberN{Value: fmt.Sprint(next.Rev)})
	before := stored(t, f.table, key)
	require.ErrorIs(t, f.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{next})[0], journey.ErrNewer)
	require.Equal(t, before, stored(t, f.table, key))
}
