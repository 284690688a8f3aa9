package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/progress"
	"journeys/internal/provider"
	"journeys/internal/trail"
)

// mailing returns a provider with an Amazon SES channel, and counts the requests
// to its server, which answers none of them while lost is true.
func mailing(t *testing.T, lost *atomic.Bool) (p *provider.Provider, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		assert.NoError(t, err)
		requests.Add(1)
		if lost.Load() {
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		fmt.Fprint(w, `{"MessageId":"1"}`)
	}))
	t.Cleanup(server.Close)
	settings, err := provider.ParseSettings([]byte(`{"channels":{"*":{"type":"ses","from":"a@shop.test"}}}`))
	require.NoError(t, err)
	return provider.New(settings, time.Now, provider.Network{AWS: aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
	}}), requests
}

// The channel takes no key, so a second attempt could send a message twice.
func TestAdvance_UncertainSendFollowsOnUncertain(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		onUncertain   string
		lost, crashed bool
		requests      int
		result        trail.Result
		counted       int
	}{
		"sent":                                  {"skip", false, false, 1, trail.Sent, 0},
		"the answer is lost, skip":              {"skip", true, false, 1, trail.SkippedUncertain, 1},
		"the answer is lost, resend":            {"resend", true, false, 2, trail.Sent, 1},
		"a worker dies after its claim, skip":   {"skip", false, true, 0, trail.SkippedUncertain, 1},
		"a worker dies after its claim, resend": {"resend", false, true, 1, trail.Sent, 1},
		"both, resend":                          {"resend", true, true, 2, trail.Sent, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := newFake(1)
			f.attributes = `{"email":"ada@private.test"}`
			f.enter(t, "channel_action", fmt.Sprintf(
				`{"channel":"email","onUncertain":%q,"payload":{"subject":"a","text":"b"}}`, test.onUncertain))
			if test.crashed {
				e := f.items["c"]
				e.Attempts, e.LeaseUntil = 1, f.now.Add(-time.Second)
				f.items["c"] = e
			}
			var lost atomic.Bool
			lost.Store(test.lost)
			p, requests := mailing(t, &lost)
			var log bytes.Buffer
			e := f.engine()
			e.Provider, e.Log = p, slog.New(slog.NewJSONHandler(&log, nil))
			for turn := 0; f.items["c"].Status == progress.Inside; turn++ {
				require.Less(t, turn, 3)
				require.NoError(t, e.Advance(t.Context(), f.pack("c")))
				lost.Store(false)
				f.now = f.items["c"].Due
			}
			require.Equal(t, progress.Completed, f.items["c"].Status)
			require.Equal(t, test.result, f.items["c"].Path.Visits(noon)[1].Result)
			require.EqualValues(t, test.requests, requests.Load())
			require.Equal(t, test.counted, strings.Count(log.String(), `"MessagesUncertain":1`), log.String())
			require.Equal(t, test.counted, strings.Count(log.String(), `"uncertain":1`))
			require.NotContains(t, log.String(), "ada@private.test")
		})
	}
}

// A panic after a claim may have come after the send.
func TestAdvance_PanicAfterAClaimIsUncertain(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.enter(t, "channel_action", `{"channel":"push"}`)
	e := f.engine()
	e.Provider = panicking{f}
	pack := f.pack("c")
	require.NoError(t, e.Advance(t.Context(), pack))
	f.now = f.items["c"].Due
	e.Provider = f
	require.NoError(t, e.Advance(t.Context(), pack))
	require.Equal(t, []bool{true}, f.uncertain)
	require.Equal(t, progress.Completed, f.items["c"].Status)
}

// The doubt about an attempt that may have sent a message survives later attempts
// and a retry. An attempt that was refused leaves no doubt.
func TestAdvance_KeepsADoubtUntilAnAttemptSucceeds(t *testing.T) {
	t.Parallel()

	refused := errors.New("refused")
	for name, test := range map[string]struct {
		tries     int   // earlier attempts without a known outcome
		err       error // of the first send, or of all until the enrollment fails
		fails     bool
		uncertain []bool // Uncertain of each message
	}{
		"refused":                    {1, refused, false, []bool{true, true}},
		"throttled":                  {1, &engine.ThrottledError{After: time.Minute}, false, []bool{true, true}},
		"fails and is retried":       {6, refused, true, []bool{true, true, true, true, true}},
		"dies, fails and is retried": {engine.MaxCrashes, nil, true, []bool{true}},
		"certain":                    {0, refused, false, []bool{false, false}},
		"certain, fails and is retried": {0, refused, true,
			[]bool{false, false, false, false, false, false, false, false, false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := newFake(1)
			f.enter(t, "channel_action", `{"channel":"push"}`)
			if e := f.items["c"]; test.tries > 0 {
				e.Attempts, e.LeaseUntil = test.tries, f.now.Add(-time.Second)
				f.items["c"] = e
			}
			f.sendErr = test.err
			if test.fails {
				f.advance(t)
				f.retry(t)
			} else {
				require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
				f.now = f.items["c"].Due
			}
			f.sendErr = nil
			require.Empty(t, f.advance(t))
			require.Equal(t, test.uncertain, f.uncertain)
			require.Equal(t, progress.Completed, f.items["c"].Status)
			require.Zero(t, f.items["c"].LeaseUntil)
		})
	}
}

// A retry sends no message a second time if the node says "skip".
func TestAdvance_RetrySkipsAMessageThatMayHaveBeenSent(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.attributes = `{"email":"ada@private.test"}`
	f.enter(t, "channel_action", `{"channel":"email","payload":{"subject":"a","text":"b"}}`)
	e := f.items["c"]
	e.Attempts, e.LeaseUntil = engine.MaxCrashes, f.now.Add(-time.Second)
	f.items["c"] = e
	p, requests := mailing(t, &atomic.Bool{})
	worker := f.engine()
	worker.Provider = p
	pack := f.pack("c")
	require.NoError(t, worker.Advance(t.Context(), pack))
	f.retry(t)
	require.NoError(t, worker.Advance(t.Context(), pack))
	require.Equal(t, progress.Completed, f.items["c"].Status)
	require.Equal(t, trail.SkippedUncertain, f.items["c"].Path.Visits(noon)[1].Result)
	require.Zero(t, requests.Load())
}

// faulty panics before a message is claimed.
type faulty struct{ *fake }

func (faulty) Timeout() time.Duration { panic("a bug") }

// If an earlier attempt is in doubt, a panic counts like any other attempt.
func TestAdvance_PanicBeforeAClaimIsAnAttempt(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.enter(t, "channel_action", `{"channel":"push"}`)
	e := f.items["c"]
	e.Attempts, e.LeaseUntil = 1, f.now.Add(-time.Second)
	f.items["c"] = e
	worker := f.engine()
	worker.Provider = faulty{f}
	for range engine.MaxAttempts - 1 {
		require.NoError(t, worker.Advance(t.Context(), f.pack("c")))
		f.now = f.now.Add(2 * time.Hour)
	}
	require.Equal(t, "failed internal_error", status(f.items["c"]))
	f.retry(t)
	f.advance(t)
	require.Equal(t, []bool{true}, f.uncertain, "the first attempt stays in doubt")
}
