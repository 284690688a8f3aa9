package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// newsletter is a message with a topic, between two messages without.
const newsletter = `{"nodes":[{"id":"in","type":"entry_trigger"},
	{"id":"hello","type":"channel_action","config":{"channel":"email"}},
	{"id":"news","type":"channel_action","config":{"channel":"email","topic":"news"}},
	{"id":"bill","type":"channel_action","config":{"channel":"email","transactional":true}},{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"news"},{"source":"news","target":"bill"},{"source":"bill","target":"out"}]}`

// reader returns a customer with an address, in the newsletter of a tenant whose topic is
// out by default.
func reader(t *testing.T) *fake {
	f := newFake(1)
	f.attributes = `{"email":"Ada@Example.com"}`
	f.target = engine.Target{Name: "c:mail", Channel: "mail", Address: "email"}
	f.SetTopics(consent.Topics{"news": {Channels: []string{"email"}}})
	f.define(t, newsletter, "")
	return f
}

func (f *fake) hash() string { return testKey.Address(f.lives[0].Tenant, "email", "ada@example.com") }

// results returns the results of the nodes between the entry and the exit.
func (f *fake) results() (results []string) {
	for _, v := range f.items["c"].Path.Visits(noon)[1:] {
		if v.Result != trail.Exited {
			results = append(results, v.Result.String())
		}
	}
	return results
}

func TestConsent_HoldsBackUnwantedMessages(t *testing.T) {
	t.Parallel()
	const unsubscribed, suppressed = "skipped_unsubscribed", "skipped_suppressed"
	for name, c := range map[string]struct {
		do   func(f *fake)
		want []string
	}{
		"who said nothing, of a topic that is out": {func(*fake) {}, []string{"sent", unsubscribed, "sent"}},
		"who said yes":   {func(f *fake) { f.Say("c", "news", true, noon) }, []string{"sent", "sent", "sent"}},
		"another's word": {func(f *fake) { f.Say("d", "news", true, noon) }, []string{"sent", unsubscribed, "sent"}},
		"an opt-out of the address": {func(f *fake) {
			f.Say("c", "news", true, noon)
			f.OptOut(f.hash(), "news", noon)
		}, []string{"sent", unsubscribed, "sent"}},
		"a suppressed address": {func(f *fake) {
			f.Say("c", "news", true, noon)
			f.PutSuppression(f.hash(), "mail", consent.Suppression{Reason: consent.ReasonBounce, At: noon})
		}, []string{suppressed, suppressed, suppressed}},
		"an address that is suppressed elsewhere": {func(f *fake) {
			f.PutSuppression(f.hash(), "other", consent.Suppression{Reason: consent.ReasonBounce, At: noon})
		}, []string{"sent", unsubscribed, "sent"}},
		"a customer without the suppressed address": {func(f *fake) {
			f.attributes = `{}`
			f.PutSuppression(f.hash(), "mail", consent.Suppression{Reason: consent.ReasonBounce, At: noon})
		}, []string{"sent", unsubscribed, "sent"}},
		"a channel without addresses": {func(f *fake) {
			f.target.Address = ""
			f.PutSuppression(f.hash(), "mail", consent.Suppression{Reason: consent.ReasonBounce, At: noon})
		}, []string{"sent", unsubscribed, "sent"}},
		"a tenant without topics": {func(f *fake) { f.SetTopics(nil) }, []string{"sent", unsubscribed, "sent"}},
	} {
		f := reader(t)
		c.do(f)
		f.advance(t)
		require.Equal(t, c.want, f.results(), name)
		sent := 0
		for _, result := range c.want {
			if result == "sent" {
				sent++
			}
		}
		require.Len(t, f.messages, sent, name)
		require.Equal(t, progress.Completed, f.items["c"].Status, name)
	}
}

// A tenant that has neither topics nor addresses pays for no reading.
func TestConsent_IsReadOnlyWhereItCanMatter(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.enter(t, "channel_action", `{"channel":"email"}`)
	f.advance(t)
	require.Equal(t, []string{"sent"}, f.results())
	require.Zero(t, f.Store.Reads())
}

func TestConsent_IsReadAgainWhenItIsTooOldToClaim(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.Say("c", "news", true, noon)
	reads := 0
	f.reading = func() {
		if reads++; reads == 1 {
			f.now = f.now.Add(engine.LiveFor + time.Millisecond)
			f.Say("c", "news", false, f.now)
		}
	}
	f.advance(t)
	require.Equal(t, []string{"sent", "skipped_unsubscribed", "sent"}, f.results())
	require.Equal(t, 2, reads)
}

// The table is slow, and the customer unsubscribes while their message is being claimed.
func TestConsent_OfAClaimThatWasWrittenLate(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration][]string{
		engine.ClaimedFor:                    {"sent", "sent", "sent"},
		engine.ClaimedFor + time.Millisecond: {"sent", "skipped_unsubscribed", "sent"},
	} {
		f := reader(t)
		f.Say("c", "news", true, noon)
		late := true
		f.writing = func(list []progress.Enrollment) {
			if late && len(f.messages) == 1 && !list[0].LeaseUntil.IsZero() {
				late = false
				f.now = f.now.Add(took)
				f.Say("c", "news", false, f.now)
			}
		}
		f.advance(t)
		require.False(t, late)
		require.Equal(t, want, f.results(), took)
		require.Zero(t, f.items["c"].Attempts)
	}
}

// The journey is paused while consents are read, more than a second after it was read.
func TestConsent_DoesNotAgeTheReadingOfTheJourney(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.Say("c", "news", true, noon)
	f.enter(t, "channel_action", `{"channel":"email","topic":"news"}`)
	f.loaded = func() { f.now = f.now.Add(engine.LiveFor * 3 / 5) }
	f.reading = func() {
		f.now = f.now.Add(engine.LiveFor * 3 / 5)
		f.lives[0].On = false
	}
	require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
	require.Empty(t, f.messages)
	require.Zero(t, f.items["c"].LeaseUntil)
}

// The first address of a tenant may be suppressed after the worker has read the settings.
func TestConsent_SeesTheFirstAddressOfATenant(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.Say("c", "news", true, noon)
	suppress := func() {
		f.PutSuppression(f.hash(), "mail", consent.Suppression{Reason: consent.ReasonComplaint, At: noon})
	}
	f.loaded = suppress
	f.enter(t, "channel_action", `{"channel":"email","topic":"news"}`)
	f.advance(t)
	require.Equal(t, []string{"skipped_suppressed"}, f.results())
	require.Equal(t, 2, f.Store.Reads())

	f = reader(t)
	f.loaded = func() {
		suppress()
		f.now = f.now.Add(engine.LiveFor + time.Millisecond)
	}
	f.enter(t, "channel_action", `{"channel":"email"}`)
	f.advance(t)
	require.Equal(t, []string{"skipped_suppressed"}, f.results())
}

// A message that a worker may have sent before it died is not reported as held back.
func TestConsent_KeepsADoubt(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.enter(t, "channel_action", `{"channel":"email","topic":"news"}`)
	e := f.items["c"].NextWrite(f.now)
	e.Attempts, e.LeaseUntil = 1, f.now.Add(-time.Second)
	f.items["c"] = e
	f.advance(t)
	require.Equal(t, []string{trail.SkippedUncertain.String()}, f.results())
	require.Empty(t, f.messages)
}

func TestConsent_HeldBackIsNoAttempt(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.enter(t, "channel_action", `{"channel":"email","topic":"news"}`)
	pack := f.pack("c")
	pack.Solo = true
	require.NoError(t, f.engine().Advance(t.Context(), pack))
	require.Equal(t, []string{"skipped_unsubscribed"}, f.results())
	require.Zero(t, f.items["c"].Attempts)
}

// Where nobody can tell whether a customer wants a message, it is not sent. The result of
// the message before is recorded.
func TestConsent_ThatCannotBeReadSendsNothing(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{fmt.Errorf("%w: x", journey.ErrDamaged), journey.ErrNewer} {
		f := reader(t)
		f.Say("c", "news", true, noon)
		f.consentErr = cause
		require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
		require.Equal(t, []string{"sent"}, f.results())
		require.Len(t, f.messages, 1)
		require.Equal(t, progress.Inside, f.items["c"].Status)
		require.Zero(t, f.items["c"].Attempts)
		require.False(t, f.items["c"].Due.After(f.now))

		f.consentErr = nil
		f.advance(t)
		require.Equal(t, []string{"sent", "sent", "sent"}, f.results())
	}
}

// Without the key, no message with a topic is claimed, so that nothing is written again and
// again until the key is there. Other messages are sent.
func TestConsent_WithoutTheKeyClaimsNoTopic(t *testing.T) {
	t.Parallel()
	f := reader(t)
	f.Say("c", "news", true, noon)
	e := f.engine()
	e.Key = key.NewSource(func(context.Context) (string, error) { return "", errors.New("no parameter") }, func() time.Time { return f.now })
	require.NoError(t, e.Advance(t.Context(), f.pack("c")))
	require.Equal(t, []string{"sent"}, f.results())
	rev := f.items["c"].Rev
	for range 3 {
		f.now = f.now.Add(time.Minute)
		require.NoError(t, e.Advance(t.Context(), f.pack("c")))
	}
	require.Equal(t, rev, f.items["c"].Rev)
	require.Equal(t, progress.Inside, f.items["c"].Status)
	f.advance(t)
	require.Equal(t, []string{"sent", "sent", "sent"}, f.results())
}
