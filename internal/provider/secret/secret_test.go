package secret_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/secretstore"
	"journeys/internal/provider/secret"
)

const (
	parameter = "ssm:/journeys/prod/email"
	inManager = "secretsmanager:journeys/prod/email"
)

var first, second, third = whsec('1'), whsec('2'), whsec('3')

func whsec(letter byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{letter}, 24))
}

// world is a store of secrets, a clock and a log.
type world struct {
	t     *testing.T
	store *secretstore.Store
	made  *secret.Store

	mu  sync.Mutex
	now time.Time
	log bytes.Buffer
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: secretstore.New(t), now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	w.made = secret.NewStore(w.store.Config(), w.clock, slog.New(slog.NewTextHandler(w, nil)))
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

// logged returns what was logged since the last call.
func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.log.String()
	w.log.Reset()
	require.NotContains(w.t, text, "whsec_")
	return text
}

func (w *world) source(text string) *secret.Source {
	w.t.Helper()
	setting, err := secret.ParseSetting(text)
	require.NoError(w.t, err)
	return w.made.Source(setting)
}

// signatures returns the signatures of the keys.
func signatures(keys secret.Keys) string {
	header := http.Header{}
	keys.Sign(header, "id", time.Unix(0, 0), nil)
	return header.Get("Webhook-Signature")
}

// requireKeys checks that the source gives the keys of a text.
func (w *world) requireKeys(s *secret.Source, text string) secret.Keys {
	w.t.Helper()
	keys, err := s.Keys(w.t.Context())
	require.NoError(w.t, err)
	plain, err := w.source(text).Keys(w.t.Context())
	require.NoError(w.t, err)
	require.Equal(w.t, signatures(plain), signatures(keys))
	return keys
}

func TestKeys_AreReadOnceAndKeptForFiveMinutes(t *testing.T) {
	t.Parallel()
	for _, place := range []string{parameter, inManager} {
		w := newWorld(t)
		w.store.Put(place, " "+first+"\n"+second+"\n")
		source := w.source(place)
		require.Zero(t, w.store.Reads(), "nothing is read before it is needed")
		var group sync.WaitGroup
		for range 32 {
			group.Go(func() { _, _ = w.source(place).Keys(t.Context()) })
		}
		group.Wait()
		w.requireKeys(source, first+" "+second)
		require.Equal(t, 1, w.store.Reads(), "all callers and targets share a read")

		w.store.Put(place, third)
		w.advance(5*time.Minute - time.Second)
		w.requireKeys(source, first+" "+second)
		w.advance(time.Second)
		w.requireKeys(source, third)
		w.requireKeys(source, third)
		require.Equal(t, 2, w.store.Reads())

		w.advance(-time.Hour)
		w.requireKeys(source, third)
		w.requireKeys(source, third)
		require.Equal(t, 3, w.store.Reads(), "a clock that went back does not keep keys for longer")
		require.Empty(t, w.logged())
	}
}

func TestKeys_AreKeptWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Put(parameter, first)
	source := w.source(parameter)
	w.requireKeys(source, first)
	w.store.Put(parameter, "whsec_broken")
	w.advance(secret.MaxAge)
	w.requireKeys(source, first)
	w.requireKeys(source, first)
	require.Equal(t, 2, w.store.Reads())
	require.Regexp(t, `^time=\S+ level=WARN msg="secret not read again: old one kept" secret=ssm:/journeys/prod/email error="the text is not a secret of .*"\n$`, w.logged())

	w.store.Put(parameter, second)
	w.store.Fail(secretstore.Answer(400, "AccessDeniedException"))
	w.advance(time.Minute)
	w.requireKeys(source, first)
	require.Contains(t, w.logged(), `the store answered 400 \"AccessDeniedException\"`)
	w.advance(time.Minute)
	w.requireKeys(source, second)
	require.Empty(t, w.logged())
}

func TestKeys_FailWhenTheFirstReadFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		place, text string // "" for none
		faults      []http.HandlerFunc
		want        string
	}{
		"no parameter":       {parameter, "", nil, `secret ssm:/journeys/prod/email not read: the store answered 400 "ParameterNotFound"`},
		"no secret":          {inManager, "", nil, `secret secretsmanager:journeys/prod/email not read: the store answered 400 "ResourceNotFoundException"`},
		"not a secret":       {parameter, "a password", nil, "the text is not a secret of"},
		"empty":              {inManager, " ", nil, "the text is not a secret of"},
		"three secrets":      {parameter, first + " " + second + " " + third, nil, "the text is not a secret of"},
		"no permission":      {parameter, first, []http.HandlerFunc{secretstore.Answer(400, "AccessDeniedException")}, `the store answered 400 "AccessDeniedException"`},
		"it is not a secret": {parameter, first, []http.HandlerFunc{answer(`{"Parameter":{"Type":"String","Value":"` + first + `"}}`)}, "the parameter is not a SecureString"},
		"another answer":     {parameter, first, []http.HandlerFunc{answer(first)}, "the answer of the store is not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.text != "" {
				w.store.Put(c.place, c.text)
			}
			w.store.Fail(c.faults...)
			source := w.source(c.place)
			_, err := source.Keys(t.Context())
			require.ErrorContains(t, err, c.want)
			_, again := source.Keys(t.Context())
			require.Equal(t, err, again)
			require.Equal(t, 1, w.store.Reads(), "the next ones wait a few seconds")
			require.NotContains(t, err.Error(), "whsec_")
			require.Equal(t, 1, strings.Count(w.logged(), `level=ERROR msg="secret not read" secret=`+c.place))

			w.store.Put(c.place, first)
			w.advance(5 * time.Second)
			w.requireKeys(source, first)
		})
	}
}

func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }
}

func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestKeys_RepeatAReadThatMaySucceed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Put(parameter, first)
	w.store.Fail(secretstore.Answer(400, "ThrottlingException"), cut)
	w.requireKeys(w.source(parameter), first)
	require.Equal(t, 3, w.store.Reads())

	w.store.Put(inManager, first)
	w.store.Fail(secretstore.Answer(500, "InternalServiceError"), secretstore.Answer(503, "-"), cut)
	_, err := w.source(inManager).Keys(t.Context())
	require.EqualError(t, err, "secret secretsmanager:journeys/prod/email not read: the store did not answer in time, or the connection broke")
	require.Equal(t, 6, w.store.Reads())
}

// A caller with little time must not fail those that have more.
func TestKeys_WaitNoLongerThanTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Put(parameter, first)
	asked, answered := make(chan bool), make(chan bool)
	w.store.Fail(func(rw http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-answered
		answer(`{"Parameter":{"Type":"SecureString","Value":"`+first+`"}}`)(rw, nil)
	})
	source := w.source(parameter)
	hasty, leave := context.WithCancel(t.Context())
	go func() {
		<-asked
		leave()
	}()
	_, err := source.Keys(hasty)
	require.EqualError(t, err, "secret ssm:/journeys/prod/email not read in time")
	close(answered)
	w.requireKeys(source, first)
	require.Equal(t, 1, w.store.Reads())
}

func TestRenew_ReadsAgainOnlyWhatWasRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Put(parameter, first)
	source := w.source(parameter)
	old := w.requireKeys(source, first)

	w.store.Put(parameter, second)
	w.advance(5*time.Second - 1)
	require.Nil(t, source.Renew(t.Context(), old), "it was read just now")
	require.Equal(t, 1, w.store.Reads())

	w.advance(1)
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if keys := source.Renew(t.Context(), old); keys == nil {
				t.Error("not renewed")
			}
		})
	}
	group.Wait()
	require.Equal(t, 2, w.store.Reads())
	renewed := w.requireKeys(source, second)
	for range 3 {
		require.Nil(t, source.Renew(t.Context(), renewed))
	}
	require.Equal(t, 2, w.store.Reads(), "never in a loop")
	w.advance(5 * time.Second)
	require.Nil(t, source.Renew(t.Context(), renewed), "the store has no other")
	require.Equal(t, 3, w.store.Reads())

	w.store.Fail(secretstore.Answer(400, "AccessDeniedException"))
	w.advance(5 * time.Second)
	require.Nil(t, source.Renew(t.Context(), renewed))
	w.requireKeys(source, second)
	require.Contains(t, w.logged(), "old one kept")
}

func TestSource_OfPlainSecretsReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := w.source(first)
	keys := w.requireKeys(source, first)
	require.Nil(t, source.Renew(t.Context(), keys))
	none, err := w.made.Source(secret.Setting{}).Keys(t.Context())
	require.NoError(t, err)
	require.Nil(t, none)
	require.Zero(t, w.store.Reads())
}

func TestStore_CallsTheRegionsOwnEndpoint(t *testing.T) {
	t.Parallel()
	require.Equal(t, "https://ssm.eu-west-1.amazonaws.com", secret.Endpoint(aws.Config{Region: "eu-west-1"}, secret.Parameter))
	require.Equal(t, "https://secretsmanager.cn-north-1.amazonaws.com.cn", secret.Endpoint(aws.Config{Region: "cn-north-1"}, secret.Secret))
	configured := aws.Config{Region: "eu-west-1", ConfigSources: []any{byService{}}, BaseEndpoint: aws.String("http://all")}
	require.Equal(t, "http://Secrets Manager", secret.Endpoint(configured, secret.Secret))
	require.Equal(t, "http://all", secret.Endpoint(configured, secret.Parameter))
}

type byService struct{}

func (byService) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	return "http://" + service, service == "Secrets Manager", nil
}
