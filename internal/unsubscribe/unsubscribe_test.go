package unsubscribe_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"journeys/internal/apigw"
	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/subscription"
	"journeys/internal/unsubscribe"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

var (
	acme, _ = ident.ParseTenant("acme")
	hash    = strings.Repeat("ab", 32)
)

const journeyID = ident.ID("jrn_01ARZ3NDEKTSV4RRFFQ69G5FAV")

// world is the service on a table, with a message to ada about news.
type world struct {
	*unsubscribe.Handler
	store *dynamo.Store
	table string
	key   key.Key
	token string
	log   bytes.Buffer
	reads atomic.Int64 // of messages
	heard atomic.Int64
}

// Message counts the reads.
func (w *world) Message(ctx context.Context, t ident.Tenant, id message.ID, now time.Time) (message.Record, error) {
	w.reads.Add(1)
	return w.store.Messages.Message(ctx, t, id, now)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	table := dynamotest.Table(t)
	w := &world{table: table, store: dynamo.New(dynamotest.Client(dynamotest.InTurns), table, rand.Reader)}
	var err error
	w.key, err = key.Parse(base64.StdEncoding.EncodeToString(make([]byte, key.Size)))
	require.NoError(t, err)
	journeys := journey.NewService(w.store.Handlers(), time.Now, rand.Reader)
	w.Handler = &unsubscribe.Handler{
		Service: &unsubscribe.Service{
			Key: key.Fixed(w.key), Messages: w, Addresses: w.store.Addresses, Topics: w.store.Topics, Now: time.Now,
			Subscriptions: &subscription.Service{Store: w.store.Topics, Journeys: journeys, Now: time.Now},
			Heard: func(context.Context, ident.Tenant, message.ID) error {
				w.heard.Add(1)
				return nil
			},
		},
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	require.NoError(t, w.store.Topics.PutTopics(t.Context(), acme, consent.TenantSettings{Rev: 1, UpdatedAt: time.Now(), Topics: consent.Topics{
		"news":   {Name: "News & <more>", Channels: []string{"email"}, In: true},
		"offers": {Name: "Offers", Channels: []string{"email", "sms"}, In: true},
		"hints":  {Name: "Hints", Channels: []string{"sms"}, In: true},
		"tips":   {Name: "Tips", Channels: []string{"email"}},
	}}))
	w.token = w.send(t, "ada", "news")
	return w
}

// send stores the record of a message, and returns its token.
func (w *world) send(t *testing.T, customer, topic string) string {
	t.Helper()
	var id message.ID
	_, _ = rand.Read(id[:])
	require.NoError(t, w.store.Engine.PutMessages(t.Context(), acme, []message.Record{{
		ID: id, Channel: "*", Named: "email", Topic: topic, Address: hash, Customer: customer, Journey: journeyID,
		GraphHash: strings.Repeat("0a", 16), Version: 1, Run: 1, Node: 1, ExpiresAt: message.Expiry(topic, time.Now()),
	}}))
	return message.Token(w.key, acme, id)
}

func (w *world) answer(r *http.Request, token string) *httptest.ResponseRecorder {
	r.SetPathValue("token", token)
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

func (w *world) get(token string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/u/x", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.answer(r, token)
}

func (w *world) post(token string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/u/x", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.answer(r, token)
}

var oneClick = url.Values{"List-Unsubscribe": {"One-Click"}}

// wants returns the topics that ada is subscribed to, with her address.
func (w *world) wants(t *testing.T, customer string) (list []string) {
	t.Helper()
	settings, said, _, err := w.store.Topics.ToChange(t.Context(), acme, customer, time.Now())
	require.NoError(t, err)
	address, err := w.store.Addresses.Address(t.Context(), acme, hash)
	require.NoError(t, err)
	for _, topic := range []string{"hints", "news", "offers", "tips"} {
		if settings.Topics.Wants(topic, said, address) {
			list = append(list, topic)
		}
	}
	return list
}

// items returns the number of items in the table.
func (w *world) items(t *testing.T) int {
	t.Helper()
	out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &w.table})
	require.NoError(t, err)
	return len(out.Items)
}

func TestUnsubscribe_OneClickUnsubscribesAtOnceAndAnyNumberOfTimes(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	require.Equal(t, []string{"hints", "news", "offers"}, w.wants(t, "ada"))
	for range 3 {
		answer := w.post(w.token, oneClick)
		require.Equal(t, http.StatusOK, answer.Code)
		require.Empty(t, answer.Body.String())
		require.Empty(t, answer.Header().Get("Location"))
		require.Equal(t, []string{"hints", "offers"}, w.wants(t, "ada"))
	}
	events, err := w.store.Events.Remembered(t.Context(), acme, "ada", []string{"$unsubscribed"})
	require.NoError(t, err)
	require.Len(t, events["$unsubscribed"], 1, "one event for one statement")
	require.NotContains(t, w.log.String(), w.token)

	// Who subscribes again, and unsubscribes by the same message, has unsubscribed again.
	_, _, err = w.Service.Subscriptions.Put(t.Context(), acme, subscription.Change{Customer: "ada", Topics: map[string]bool{"news": true}})
	require.NoError(t, err)
	require.Contains(t, w.wants(t, "ada"), "news")
	require.Equal(t, http.StatusOK, w.post(w.token, oneClick).Code)
	require.NotContains(t, w.wants(t, "ada"), "news")
	events, err = w.store.Events.Remembered(t.Context(), acme, "ada", []string{"$unsubscribed"})
	require.NoError(t, err)
	require.Len(t, events["$unsubscribed"], 2)
}

// An HTTP API sends bodies of forms in base64, of both kinds that RFC 8058 allows.
func TestUnsubscribe_TakesFormsAsAnHTTPAPISendsThem(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	invoke := apigw.Handler(w, w.Log)
	var parts bytes.Buffer
	form := multipart.NewWriter(&parts)
	require.NoError(t, form.WriteField("List-Unsubscribe", "One-Click"))
	require.NoError(t, form.Close())
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": oneClick.Encode(),
		form.FormDataContentType():          parts.String(),
	} {
		token := w.send(t, kind[:9], "news")
		require.Contains(t, w.get(token).Body.String(), `value="news" checked`, kind)
		answer, err := invoke(t.Context(), events.APIGatewayV2HTTPRequest{
			Version: "2.0", RouteKey: "POST /u/{token}", RawPath: "/u/" + token, PathParameters: map[string]string{"token": token},
			Headers: map[string]string{"content-type": kind}, Body: base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true,
			RequestContext: events.APIGatewayV2HTTPRequestContext{HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodPost}},
		})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode, kind)
		require.NotContains(t, w.get(token).Body.String(), `value="news"`, kind)
	}
}

func TestUnsubscribe_ThePageLeavesWhatIsSelected(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	page := w.get(w.token).Body.String()
	require.Contains(t, page, `value="news" checked>News &amp; &lt;more&gt;`)
	require.Contains(t, page, `value="offers">Offers`)
	require.NotContains(t, page, "Hints", "not of the channel")
	require.Contains(t, page, "<li>Tips</li>", "not subscribed")

	answer := w.post(w.token, url.Values{"page": {"1"}, "topic": {"offers", "hints", "none"}})
	require.Equal(t, http.StatusOK, answer.Code)
	require.Contains(t, answer.Body.String(), "You are unsubscribed from:")
	require.Equal(t, []string{"hints", "news"}, w.wants(t, "ada"))
	require.Contains(t, w.post(w.token, url.Values{"page": {"1"}}).Body.String(), "nothing has changed")
	answer = w.post(w.token, url.Values{"topic": {"news"}})
	require.Equal(t, http.StatusBadRequest, answer.Code, "neither a mail program nor the page")
	require.Contains(t, answer.Body.String(), "nothing has changed")
	require.Equal(t, []string{"hints", "news"}, w.wants(t, "ada"))
}

// A scanner follows every link of a message and of the pages behind it, and posts nothing.
func TestUnsubscribe_FollowingLinksChangesNothing(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	before := w.items(t)
	for _, query := range []string{"", "?List-Unsubscribe=One-Click", "?page=1&topic=news"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			answer := w.answer(httptest.NewRequest(method, "/u/x"+query, strings.NewReader(oneClick.Encode())), w.token)
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, method == http.MethodHead, answer.Body.Len() == 0)
			require.NotRegexp(t, regexp.MustCompile(`(href|src|action)=`), answer.Body.String(), "no link leads on")
		}
	}
	answer := w.answer(httptest.NewRequest(http.MethodPost, "/u/x?List-Unsubscribe=One-Click&page=1&topic=news", nil), w.token)
	require.Equal(t, http.StatusBadRequest, answer.Code, "only a body counts")
	require.Contains(t, answer.Body.String(), "nothing has changed")
	require.Equal(t, before, w.items(t))
	require.Equal(t, []string{"hints", "news", "offers"}, w.wants(t, "ada"))
	require.Zero(t, w.heard.Load())
}

func TestUnsubscribe_ASampleShowsAllTopicsAndStoresNothing(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	before := w.items(t)
	sample := message.Token(w.key, acme, message.Sample)
	answer := w.get(sample)
	require.Equal(t, http.StatusOK, answer.Code)
	for _, name := range []string{"News &amp; &lt;more&gt;", "Offers", "Hints", "Tips"} {
		require.Contains(t, answer.Body.String(), name)
	}
	require.Equal(t, 4, strings.Count(answer.Body.String(), `type="checkbox"`))
	require.Equal(t, http.StatusOK, w.post(sample, oneClick).Code)
	left := w.post(sample, url.Values{"page": {"1"}, "topic": {"news"}})
	require.Contains(t, left.Body.String(), `role="status"`)
	require.Equal(t, 3, strings.Count(left.Body.String(), `type="checkbox"`))
	require.Equal(t, before, w.items(t))
	require.Zero(t, w.heard.Load())
	require.Zero(t, w.reads.Load())
}

// A tenant who has no topics any more sends no such messages, and the page says so.
func TestUnsubscribe_WithoutTopicsThePageSaysSo(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	_, err := w.Service.Subscriptions.PutTopics(t.Context(), acme, consent.Topics{}, nil)
	require.NoError(t, err)
	for language, want := range map[string]string{
		"en": "You get no such messages any more.", "de": "Sie erhalten keine solchen Nachrichten mehr.",
		"fr": "Vous ne recevez plus de messages de ce type.", "es": "Ya no recibe mensajes de este tipo.",
	} {
		answer := w.get(w.token, "Accept-Language", language)
		require.Equal(t, http.StatusOK, answer.Code)
		require.Contains(t, answer.Body.String(), "<p>"+want+"</p>")
		require.NotContains(t, answer.Body.String(), "<form")
	}
	require.NotContains(t, w.get(w.token).Body.String(), "alert")
	require.NotContains(t, w.post(w.token, url.Values{"page": {"1"}}).Body.String(), "alert")
	require.Equal(t, http.StatusOK, w.post(w.token, oneClick).Code)
}

func TestUnsubscribe_ThePageIsStrict(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	for _, answer := range []*httptest.ResponseRecorder{w.get(w.token), w.get("forged"), w.post(w.token, oneClick), w.post("forged", oneClick)} {
		h := answer.Header()
		require.Regexp(t, `^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'$`, h.Get("Content-Security-Policy"))
		require.Equal(t, "no-store", h.Get("Cache-Control"))
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		require.Equal(t, "noindex", h.Get("X-Robots-Tag"))
		require.NotContains(t, answer.Body.String(), "<script")
	}
}

func TestUnsubscribe_SpeaksTheLanguageOfItsReader(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	for accepted, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.5": "de", "it,fr;q=0.8,en;q=0.2": "fr", "ES": "es", "ja": "en", "de;q=0": "en",
		"*": "en", "en;q=0.1, es;q=0.2": "es", ";;,,q=": "en", "de;q=x,fr;q=0.1": "fr",
	} {
		answer := w.get(w.token, "Accept-Language", accepted)
		require.Equal(t, want, answer.Header().Get("Content-Language"), accepted)
		require.Contains(t, answer.Body.String(), `<html lang="`+want+`">`, accepted)
		require.NotContains(t, answer.Body.String(), "<title></title>")
		require.Equal(t, want, w.get("forged", "Accept-Language", accepted).Header().Get("Content-Language"))
	}
}

// Forged and cut tokens are refused before anything is read.
func TestUnsubscribe_RefusesForgedTokens(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	other, err := key.Parse(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, key.Size)))
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(w.token)
	require.NoError(t, err)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=%.~ \x00ä"
	forge := func(i int) string {
		b := bytes.Clone(raw)
		switch i % 6 {
		case 0: // cut
			return w.token[:random.IntN(len(w.token))]
		case 1: // a bit is another one
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		case 2: // signed with another key
			tenant, _ := ident.ParseTenant("acme")
			var id message.ID
			copy(id[:], b)
			id[0] = byte(i)
			return message.Token(other, tenant, id)
		case 3: // longer
			return w.token + string(alphabet[random.IntN(64)])
		case 4: // random bytes
			b = make([]byte, random.IntN(120))
			for j := range b {
				b[j] = byte(random.Uint32())
			}
		default: // any text
			text := make([]byte, random.IntN(200))
			for j := range text {
				text[j] = alphabet[random.IntN(len(alphabet))]
			}
			return string(text)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	accepted, ours := 0, 0
	for i := range 10_000 {
		token := forge(i)
		require.NotEqual(t, w.token, token)
		answer := w.get(token)
		if i%2 == 1 {
			answer = w.post(token, oneClick)
		}
		switch {
		case answer.Code < 300:
			accepted++
		case answer.Code >= 500:
			ours++
		}
		require.Equal(t, http.StatusNotFound, answer.Code)
	}
	require.Zero(t, accepted)
	require.Zero(t, ours)
	require.Zero(t, w.reads.Load())
	require.Empty(t, w.log.String())
	require.Equal(t, []string{"hints", "news", "offers"}, w.wants(t, "ada"))
}

// A token that was given out is of no use if its message is unknown, expired or has no topic.
func TestUnsubscribe_OfAMessageThatIsUnknownIsNotFound(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	for _, token := range []string{message.Token(w.key, acme, message.ID{1}), w.send(t, "ada", "")} {
		require.Equal(t, http.StatusNotFound, w.get(token).Code)
		require.Equal(t, http.StatusNotFound, w.post(token, oneClick).Code)
	}
	w.Service.Now = func() time.Time { return time.Now().Add(message.TopicLife + time.Second) }
	require.Equal(t, http.StatusNotFound, w.post(w.token, oneClick).Code)
	require.EqualValues(t, 5, w.reads.Load())
}

// A table that is down is an error of ours: mail programs try again.
func TestUnsubscribe_SaysThatItIsBusy(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Service.Key = key.NewSource(func(context.Context) (string, error) { return "", errors.New("down") }, time.Now)
	answer := w.post(w.token, oneClick)
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.NotEmpty(t, answer.Header().Get("Retry-After"))
	require.Contains(t, w.log.String(), "unsubscribe failed")
	require.NotContains(t, w.log.String(), w.token)
}

// The recipient of a message can unsubscribe after the customer was forgotten: with the
// address, by which nothing names them.
func TestUnsubscribe_AfterTheCustomerWasForgotten(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	k := w.token
	id := func() message.ID {
		_, id, ok := message.ParseToken(w.key, k)
		require.True(t, ok)
		return id
	}()
	require.NoError(t, w.store.Messages.Strip(t.Context(), acme, []message.ID{id}))
	require.Contains(t, w.get(w.token).Body.String(), `value="news" checked`)
	for range 2 {
		require.Equal(t, http.StatusOK, w.post(w.token, oneClick).Code)
	}
	require.Equal(t, []string{"hints", "offers"}, w.wants(t, "eve"), "another customer with that address")
	require.Zero(t, w.heard.Load())
	require.Contains(t, w.get(w.token).Body.String(), "<li>News")
	require.Contains(t, w.post(w.token, url.Values{"page": {"1"}, "topic": {"offers"}}).Body.String(), "<li>Offers")
	require.Equal(t, []string{"hints"}, w.wants(t, "eve"))
}
