package testsend_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/consent/key"
	"journeys/internal/dev/apitest"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/provider"
	"journeys/internal/subscription"
	"journeys/internal/testsend"
	"journeys/internal/unsubscribe"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

var (
	start   = time.Date(2026, 11, 23, 10, 0, 15, 0, time.UTC)
	keys, _ = key.Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
)

// world is the API over a table, with channels that a server of the test receives.
type world struct {
	t      *testing.T
	api    http.Handler
	store  *dynamo.Store
	table  string
	sent   chan []byte  // bodies of what the channels received
	late   atomic.Bool  // whether the answers of the channels come too late
	answer atomic.Value // http.HandlerFunc of the channels
	now    atomic.Value // time.Time
	log    bytes.Buffer
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, table: dynamotest.Table(t), sent: make(chan []byte, 100)}
	w.now.Store(start)
	w.answers(http.StatusOK, `{"MessageId":"m-1"}`)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.sent <- body
		w.answer.Load().(http.HandlerFunc)(rw, r)
	}))
	t.Cleanup(server.Close)
	settings, err := provider.ParseSettings([]byte(`{"allowPrivate":true,"channels":{
		"email":{"type":"ses","from":"news@shop.test","configurationSet":"news"},
		"sms":{"type":"end-user-messaging","originationIdentity":"pool-1"},
		"push":{"type":"inbox","url":"` + server.URL + `"},
		"theirs":{"type":"inbox","url":"` + server.URL + `","tenants":["other"]}}}`))
	require.NoError(t, err)
	catalog := settings.Catalog()
	w.store = dynamo.New(dynamotest.Client(), w.table, rand.Reader)
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	now := func() time.Time { return w.now.Load().(time.Time) }
	w.api = apitest.Handler(apitest.Config{
		Stores: w.store.Handlers(), Analytics: w.store.Analytics, Addresses: w.store.Addresses, Key: key.Fixed(keys), Catalog: &catalog,
		Provider: impatient{provider.New(settings, now, provider.Network{Log: log, Installation: "shop", AWS: aws.Config{
			Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		}}), &w.late},
		TestSends: w.store.TestSendQuota(testsend.PerMinute), Now: now, Random: rand.Reader, Log: log,
	})
	return w
}

// impatient gives the channels no time to answer if late is true.
type impatient struct {
	*provider.Provider
	late *atomic.Bool
}

func (p impatient) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	answer, err := p.Provider.Send(ctx, m)
	if p.late.Load() {
		return progress.Answer{}, fmt.Errorf("channel %q: %w", m.Config.Channel, engine.ErrTimedOut)
	}
	return answer, err
}

func (w *world) answers(status int, body string) {
	w.answer.Store(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}))
}

type body map[string]any

func (w *world) call(tenant, method, path, text string, header ...string) (int, body, http.Header) {
	r := httptest.NewRequestWithContext(w.t.Context(), method, manifest.BasePath+path, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := apitest.Serve(w.api, r, apitest.Caller(tenant, manifest.Admin, w.now.Load().(time.Time)))
	var b body
	if answer.Body.Len() > 0 {
		require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), &b), answer.Body.String())
	}
	return answer.Code, b, answer.Header()
}

func (w *world) must(status int, method, path, text string, header ...string) body {
	w.t.Helper()
	got, b, _ := w.call("acme", method, path, text, header...)
	require.Equal(w.t, status, got, "%s %s: %v", method, path, b)
	return b
}

// graph returns a definition with the message, whose config is given, between an entry and
// an exit.
func graph(config string) string {
	return `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":` + config + `},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"out"}]}`
}

const (
	hello  = `{"channel":"email","payload":{"subject":"Hello {{attributes.name | default: 'friend'}}","text":"{{attributes.email}} {{event.x | default: 'nothing'}}"}}`
	toAda  = `{"to":"Ada@Example.com"}`
	noBody = `{}`
)

// journey creates an active journey with the message.
func (w *world) journey(config string) (path string) {
	w.t.Helper()
	b := w.must(http.StatusCreated, "POST", "/journeys", `{"name":"n","definition":`+graph(config)+`}`)
	path = "/journeys/" + b["id"].(string)
	w.must(http.StatusOK, "PUT", path, `{"status":"active"}`)
	return path
}

const sendTest = "/nodes/mail/send-test"

// draft is journey with the message in a draft only.
func (w *world) draft(config string) (path string) {
	w.t.Helper()
	path = w.journey(hello)
	w.must(http.StatusCreated, "PUT", path+"/draft", `{"definition":`+graph(config)+`}`)
	return path
}

// mail is what SES receives.
type mail struct {
	Destination struct{ ToAddresses []string }
	EmailTags   []struct{ Name, Value string }
	Content     struct {
		Simple struct {
			Subject struct{ Data string }
			Body    struct{ Text struct{ Data string } }
			Headers []struct{ Name, Value string }
		}
	}
}

func (w *world) mail() (m mail) {
	require.NoError(w.t, json.Unmarshal(<-w.sent, &m))
	return m
}

// items returns the items of the table by key.
func (w *world) items() map[string]map[string]types.AttributeValue {
	all := map[string]map[string]types.AttributeValue{}
	page, err := dynamotest.Client().Scan(w.t.Context(), &dynamodb.ScanInput{TableName: &w.table})
	require.NoError(w.t, err)
	require.Nil(w.t, page.LastEvaluatedKey)
	for _, item := range page.Items {
		text := func(name string) string { return item[name].(*types.AttributeValueMemberS).Value }
		all[text("PK")+" "+text("SK")] = item
	}
	return all
}

func TestSend_IsOneMarkedMessageThatOnlyTheQuotaCounts(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	path := w.journey(hello)
	before := w.items()
	answer := w.must(http.StatusAccepted, "POST", path+sendTest, `{"to":" Ada@Example.com ","customerAttributes":{"name":"Ada","email":"old@example.com"}}`)
	got := w.mail()
	require.Equal(t, []string{"Ada@Example.com"}, got.Destination.ToAddresses)
	require.Equal(t, "Hello Ada", got.Content.Simple.Subject.Data)
	require.Equal(t, "Ada@Example.com nothing", got.Content.Simple.Body.Text.Data)
	require.Empty(t, got.Content.Simple.Headers)
	tags := map[string]string{}
	for _, tag := range got.EmailTags {
		tags[tag.Name] = tag.Value
	}
	require.Equal(t, map[string]string{"journeys": "shop", "tenant": "acme", "message": answer["messageId"].(string), "test": "true"}, tags)
	require.Empty(t, w.sent)

	after := w.items()
	require.Equal(t, "1", after[fmt.Sprint("T#acme#Q S#", start.Unix()/60)]["n"].(*types.AttributeValueMemberN).Value)
	delete(after, fmt.Sprint("T#acme#Q S#", start.Unix()/60))
	require.Equal(t, before, after)

	again := w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
	require.NotEqual(t, answer["messageId"], again["messageId"], "a repeated call is another test")
	require.Equal(t, "Hello friend", w.mail().Content.Simple.Subject.Data)
	require.NotContains(t, strings.ToLower(w.log.String()), "ada@example")
}

func TestSend_PrefersTheDraft(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	path := w.draft(`{"channel":"email","payload":{"subject":"The draft","text":"x"}}`)
	w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
	require.Equal(t, "The draft", w.mail().Content.Simple.Subject.Data)
	w.must(http.StatusNoContent, "DELETE", path+"/draft", "")
	w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
	require.Equal(t, "Hello friend", w.mail().Content.Simple.Subject.Data)
	w.must(http.StatusNoContent, "DELETE", path, "")
	require.Equal(t, "journey-not-found", w.must(http.StatusNotFound, "POST", path+sendTest, toAda)["code"])
}

func TestSend_MarksTheBodiesOfOtherChannels(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	id := w.must(http.StatusAccepted, "POST", w.journey(`{"channel":"sms","payload":{"message":"Hi"}}`)+sendTest, `{"to":"+49 170 1234567"}`)["messageId"]
	var text struct {
		DestinationPhoneNumber string
		Context                map[string]any
	}
	require.NoError(t, json.Unmarshal(<-w.sent, &text))
	require.Equal(t, "+491701234567", text.DestinationPhoneNumber)
	require.Equal(t, map[string]any{"journeys": "shop", "tenant": "acme", "message": id, "test": "true"}, text.Context)

	path := w.journey(`{"channel":"push","payload":{"a":"{{attributes.b}}"}}`)
	id = w.must(http.StatusAccepted, "POST", path+sendTest, `{"to":"customer-7","customerAttributes":{"b":"c"}}`)["messageId"]
	var pushed body
	require.NoError(t, json.Unmarshal(<-w.sent, &pushed))
	require.Equal(t, true, pushed["test"])
	require.Equal(t, id, pushed["messageId"])
	require.Equal(t, "customer-7", pushed["customerId"], "the channel has no addresses")
	require.Equal(t, map[string]any{"a": "c"}, pushed["payload"])
	require.NotContains(t, pushed, "address")
}

func TestSend_NamesEveryFault(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	path := w.journey(hello)
	pointers := func(status int, path, text string) (code string, pointers []string) {
		b := w.must(status, "POST", path, text)
		list, _ := b["errors"].([]any)
		for _, fault := range list {
			pointers = append(pointers, fault.(map[string]any)["pointer"].(string))
		}
		return b["code"].(string), pointers
	}
	for _, test := range []struct {
		status     int
		path, text string
		code       string
		pointers   []string
	}{
		{400, path + sendTest, noBody, "invalid-request", []string{"/to"}},
		{400, path + sendTest, `{"to":" ","customerAttributes":1,"x":1}`, "invalid-request", []string{"/to", "/customerAttributes", "/x"}},
		{400, path + sendTest, `{"to":"a@b.test\nBcc: c@d.test"}`, "invalid-request", []string{"/to"}},
		{400, path + sendTest, `{"to":"a@b.test, c@d.test"}`, "message-incomplete", []string{"/to"}},
		{404, path + "/nodes/none/send-test", toAda, "node-not-found", nil},
		{404, path + "/nodes/no:word/send-test", toAda, "node-not-found", nil},
		{404, "/journeys/jrn_01JD0000000000000000000000" + sendTest, toAda, "journey-not-found", nil},
		{409, path + "/nodes/out/send-test", toAda, "not-a-message", nil},
		{400, w.draft(`{"channel":"theirs"}`) + sendTest, toAda, "message-incomplete", []string{"/definition/nodes/1/config/channel"}},
		{400, w.draft(`{}`) + sendTest, toAda, "message-incomplete", []string{"/definition/nodes/1/config"}},
		{400, w.draft(`{"channel":"sms","payload":{"message":"{{unsubscribe.url}}"}}`) + sendTest, `{"to":"x"}`, "message-incomplete", []string{"/definition/nodes/1/config/payload/message", "/to"}},
		{400, w.draft(`{"channel":"email","payload":{"subject":"no text"}}`) + sendTest, toAda, "message-incomplete", []string{"/definition/nodes/1/config"}},
		{400, w.draft(`{"channel":"push"}`) + sendTest, `{"to":"` + strings.Repeat("é", 129) + `"}`, "message-incomplete", []string{"/to"}},
	} {
		code, got := pointers(test.status, test.path, test.text)
		require.Equal(t, test.code, code, test.text)
		require.Equal(t, test.pointers, got, test.text)
	}
	require.Equal(t, http.StatusNotFound, func() int { status, _, _ := w.call("other", "POST", path+sendTest, toAda); return status }())
	require.Empty(t, w.sent)
}

func TestSend_RespectsSuppressions(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	path := w.journey(hello)
	w.must(http.StatusOK, "PUT", "/suppressions/email/ada@example.com", noBody)
	require.Equal(t, "address-suppressed", w.must(http.StatusConflict, "POST", path+sendTest, toAda)["code"])
	require.Empty(t, w.sent)
	w.must(http.StatusAccepted, "POST", path+sendTest, `{"to":"grace@example.com"}`)
	w.must(http.StatusNoContent, "DELETE", "/suppressions/email/ada@example.com", "")
	w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
}

func TestSend_IsLimitedPerTenantAndMinute(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	path := w.journey(hello)
	for range 25 {
		w.must(http.StatusBadRequest, "POST", path+sendTest, `{"to":""}`)
		w.must(http.StatusConflict, "POST", path+"/nodes/out/send-test", toAda)
	}
	for range testsend.PerMinute {
		w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
	}
	status, b, header := w.call("acme", "POST", path+sendTest, toAda)
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "test-send-rate", b["code"])
	require.Equal(t, "45", header.Get("Retry-After"))
	require.Len(t, w.sent, testsend.PerMinute)

	status, b, _ = w.call("other", "POST", "/journeys", `{"name":"n","definition":`+graph(hello)+`}`)
	require.Equal(t, http.StatusCreated, status)
	status, _, _ = w.call("other", "POST", "/journeys/"+b["id"].(string)+sendTest, toAda)
	require.Equal(t, http.StatusAccepted, status, "another tenant")
	w.now.Store(start.Add(45 * time.Second))
	w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
}

func TestSend_TellsNothingOfTheChannelButTheOutcome(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	path := w.journey(hello)
	const secret = "Email address is not verified: ada@example.com"
	for _, test := range []struct {
		answered   int
		body       string
		status     int
		code       string
		retryAfter string
	}{
		{400, `{"__type":"MessageRejected","message":"` + secret + `"}`, 502, "channel-failed", ""},
		{500, `{"__type":"InternalFailure","message":"` + secret + `"}`, 502, "send-uncertain", ""},
		{429, `{"__type":"TooManyRequestsException","message":"` + secret + `"}`, 503, "channel-throttled", "30"},
	} {
		w.answers(test.answered, test.body)
		w.log.Reset()
		status, b, header := w.call("acme", "POST", path+sendTest, toAda)
		require.Equal(t, test.status, status, b)
		require.Equal(t, test.code, b["code"])
		require.Equal(t, test.retryAfter, header.Get("Retry-After"))
		text := fmt.Sprint(b)
		require.NotContains(t, text, "verified")
		require.NotContains(t, text, fmt.Sprint(test.answered))
		<-w.sent
		require.Empty(t, w.sent, "one attempt")
		require.NotContains(t, w.log.String(), "example.com")
		require.NotContains(t, w.log.String(), b["detail"], "the log has the cause instead")
		if test.answered != 429 {
			require.Contains(t, w.log.String(), fmt.Sprint("the service answered ", test.answered))
		}
	}
}

func TestSend_IsUncertainIfTheChannelIsSilent(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.late.Store(true)
	b := w.must(http.StatusBadGateway, "POST", w.journey(`{"channel":"push","templateId":"hello"}`)+sendTest, `{"to":"ada"}`)
	require.Equal(t, "send-uncertain", b["code"])
	require.Contains(t, b["detail"], "may have been sent")
	require.Contains(t, w.log.String(), "the target did not answer in time")
}

func TestSend_ItsUnsubscribeLinkUnsubscribesNobody(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.must(http.StatusOK, "PUT", "/tenant-settings", `{"topics":{"news":{"name":"News","channels":["email"],"default":"out"}}}`)
	path := w.journey(`{"channel":"email","topic":"news","payload":{"subject":"x","text":"{{unsubscribe.url}}"}}`)
	w.must(http.StatusAccepted, "POST", path+sendTest, toAda)
	got := w.mail()
	link, err := url.Parse(got.Content.Simple.Body.Text.Data)
	require.NoError(t, err)
	require.Equal(t, "<"+link.String()+">", got.Content.Simple.Headers[0].Value)
	token, ok := strings.CutPrefix(link.String(), apitest.PublicURL+"/u/")
	require.True(t, ok)

	before := w.items()
	now := func() time.Time { return start }
	handler := &unsubscribe.Handler{
		Service: &unsubscribe.Service{
			Key: key.Fixed(keys), Messages: w.store.Messages, Addresses: w.store.Addresses, Topics: w.store.Topics,
			Subscriptions: &subscription.Service{Store: w.store.Topics, Now: now}, Now: now,
		},
		Log: slog.New(slog.DiscardHandler),
	}
	for _, method := range []string{"GET", "POST"} {
		r := httptest.NewRequestWithContext(t.Context(), method, "/u/"+token, strings.NewReader("List-Unsubscribe=One-Click"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetPathValue("token", token)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		require.Equal(t, http.StatusNotFound, answer.Code)
	}
	require.Equal(t, before, w.items())
}
