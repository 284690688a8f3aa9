package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/progress"
)

// orderly is a world in which something else happens between any two calls of a worker.
type orderly struct {
	*fake
	calls     int
	at        map[int]func() // before a call
	claimedAt time.Time
	wanted    wishes
}

// wish says from when on a customer wants the message, or not.
type wish struct {
	at   time.Time
	want bool
}

func (o *orderly) turn() {
	o.calls++
	if do := o.at[o.calls]; do != nil {
		defer o.note() // also if the worker dies
		do()
	}
}

// wishes are those of one customer, in order.
type wishes []wish

// note notes whether the customer wants the message now.
func (o *orderly) note() {
	said, address := o.Said("c"), o.Store.Address(o.hash())
	message := consent.Message{Topic: "news", Channel: "email", Via: "mail"}
	o.wanted = append(o.wanted, wish{o.now, o.Settings().Topics.Judge(message, said, address) == consent.Allowed})
}

// mayClaim reports whether the customer wanted the message at any time in the second
// before a claim.
func (list wishes) mayClaim(claim time.Time) bool {
	for i, w := range list {
		ended := i+1 < len(list) && list[i+1].at.Before(claim.Add(-engine.LiveFor))
		if w.want && !ended && !w.at.After(claim) {
			return true
		}
	}
	return false
}

func (o *orderly) Load(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) (engine.Loaded, error) {
	o.turn()
	return o.fake.Load(ctx, t, id, customers)
}

func (o *orderly) Profiles(ctx context.Context, t ident.Tenant, customers []string) (map[string]engine.Profile, error) {
	o.turn()
	return o.fake.Profiles(ctx, t, customers)
}

func (o *orderly) Consents(ctx context.Context, t ident.Tenant, keys []engine.ConsentKey) (engine.Consents, error) {
	o.turn()
	return o.fake.Consents(ctx, t, keys)
}

func (o *orderly) Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error {
	if !list[0].LeaseUntil.IsZero() {
		o.claimedAt = o.now // when the write begins
	}
	o.turn()
	return o.fake.Advance(ctx, t, shards, list)
}

func (o *orderly) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	o.turn()
	return o.fake.Send(ctx, m)
}

// Two of these happen before any two calls of a worker, each at once or a good second
// later. Nobody who had left the topic for a second when the message was claimed is sent
// it; whoever wanted it all the time is; and every customer ends with a result.
func TestConsent_HoldsInEveryOrder(t *testing.T) {
	t.Parallel()
	type action struct {
		name string
		do   func(o *orderly)
	}
	actions := []action{
		{"unsubscribe", func(o *orderly) { o.Say("c", "news", false, o.now) }},
		{"subscribe", func(o *orderly) { o.Say("c", "news", true, o.now) }},
		{"opt out by address", func(o *orderly) { o.OptOut(o.hash(), "news", o.now) }},
		{"forget", func(o *orderly) { o.Store.Forget("c", o.hash()) }},
		{"suppress", func(o *orderly) {
			o.PutSuppression(o.hash(), "mail", consent.Suppression{Reason: consent.ReasonBounce, At: o.now})
		}},
		{"release", func(o *orderly) { o.PutSuppression(o.hash(), "mail", consent.Suppression{At: o.now}) }},
		{"drop the topic", func(o *orderly) { o.SetTopics(nil) }},
		{"die", func(*orderly) { panic("died") }},
		{"wait", func(*orderly) {}},
	}
	outcomes := map[string]int{}
	const most = 10 // calls of a worker, with one to spare
	for _, pause := range []time.Duration{0, engine.LiveFor + time.Millisecond} {
		for _, first := range actions {
			for _, second := range actions {
				for one := 1; one < most; one++ {
					for two := one; two < most; two++ {
						name := fmt.Sprintf("%s at %d, %s at %d, pause %s", first.name, one, second.name, two, pause)
						o := &orderly{fake: reader(t), at: map[int]func(){}}
						o.enter(t, "channel_action", `{"channel":"email","topic":"news"}`)
						o.Say("c", "news", true, o.now.Add(-time.Hour))
						o.wanted = wishes{{o.now.Add(-time.Hour), true}}
						act := func(a action, before func()) func() {
							return func() {
								if before != nil {
									before()
								}
								o.now = o.now.Add(pause)
								a.do(o)
							}
						}
						o.at[one] = act(first, nil)
						o.at[two] = act(second, map[bool]func(){true: o.at[one]}[one == two])
						o.run(t, name)
						outcomes[o.results()[0]]++
						if len(o.messages) > 0 {
							require.True(t, o.wanted.mayClaim(o.claimedAt), name)
						}
						always := true
						for _, w := range o.wanted {
							always = always && w.want
						}
						if always {
							require.Contains(t, []string{"sent", "skipped_uncertain"}, o.results()[0], name)
						}
					}
				}
			}
		}
	}
	for _, result := range []string{"sent", "skipped_unsubscribed", "skipped_suppressed", "skipped_uncertain"} {
		require.Greater(t, outcomes[result], 50, "%s of %v", result, outcomes)
	}
}

// run runs workers, which may die, until the customer has left.
func (o *orderly) run(t *testing.T, name string) {
	for turn := 0; o.items["c"].Status == progress.Inside; turn++ {
		require.Less(t, turn, 10, name)
		e := o.engine()
		e.Table, e.Provider = o, o
		func() {
			defer func() { _ = recover() }() // the worker died
			require.NoError(t, e.Advance(t.Context(), o.pack("c")), name)
		}()
		if o.items["c"].Status == progress.Inside {
			o.now = o.now.Add(time.Minute) // after a lease
		}
	}
}
