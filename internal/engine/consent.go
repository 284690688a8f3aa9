package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"journeys/internal/consent"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// claimMessages claims the messages of runs, but for those that their customers or
// addresses do not want. It is called after all waiting, right before the write, so that a
// message is claimed on no reading older than LiveFor.
func (w *worker) claimMessages(ctx context.Context, runs []*run) error {
	if runs = w.withKey(ctx, runs); len(runs) == 0 {
		return nil
	}
	consents, keys, err := w.readConsents(ctx, runs)
	if journey.Unreadable(err) {
		for _, r := range runs {
			w.withoutConsent(r, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	for i, r := range runs {
		action := r.graph.Action(r.next.Node)
		c := consents[keys[i]]
		r.consentAt = w.settingsAt
		if c.Err != nil {
			w.withoutConsent(r, c.Err)
			continue
		}
		message := consent.Message{Topic: action.Topic, Channel: action.Channel, Via: r.target.Channel}
		switch w.settings.Topics.Judge(message, c.Said, c.Address) {
		case consent.Allowed:
			w.claim(r)
		case consent.Unsubscribed:
			w.refuse(r, trail.SkippedUnsubscribed)
		case consent.Suppressed:
			w.refuse(r, trail.SkippedSuppressed)
		}
	}
	return nil
}

// withKey returns those of runs whose messages need no key of the installation, or that have
// it. The others are not claimed: each message with a topic has a link, which the key signs.
func (w *worker) withKey(ctx context.Context, runs []*run) []*run {
	return slices.DeleteFunc(runs, func(r *run) bool {
		if r.graph.Action(r.next.Node).Topic == "" {
			return false
		}
		_, err := w.Key.Key(ctx)
		if err != nil {
			w.withoutConsent(r, fmt.Errorf("messages not claimed: %w", err))
		}
		return err != nil
	})
}

// readConsents reads the Consents of runs, whose keys it returns too, and the tenant's
// settings with them. It reads nothing if no run needs it and the settings are fresh.
func (w *worker) readConsents(ctx context.Context, runs []*run) (map[ConsentKey]Consent, []ConsentKey, error) {
	var read Consents
	for fresh := w.now().Sub(w.settingsAt) <= LiveFor; ; fresh = true {
		keys, err := w.consentKeys(ctx, runs)
		if err != nil {
			return nil, nil, err
		}
		wanted := map[ConsentKey]bool{}
		for _, k := range keys {
			wanted[k] = wanted[k] || k != ConsentKey{}
			if _, ok := read.ByKey[k]; !ok && wanted[k] {
				fresh = false // also if the settings now say that there are addresses
			}
		}
		if fresh {
			return read.ByKey, keys, nil
		}
		delete(wanted, ConsentKey{})
		now := w.now()
		if read, err = w.Table.Consents(ctx, w.pack.Tenant, slices.Collect(maps.Keys(wanted))); err != nil {
			return nil, nil, err
		}
		w.settings, w.settingsAt = read.Tenant, now
	}
}

// consentKeys returns the key of each run's Consent, the zero key for those that need
// none.
func (w *worker) consentKeys(ctx context.Context, runs []*run) ([]ConsentKey, error) {
	keys := make([]ConsentKey, len(runs))
	for i, r := range runs {
		if r.graph.Action(r.next.Node).Topic != "" {
			keys[i].Customer = r.next.Customer
		}
		if !w.settings.Addresses || r.target.Address == "" {
			continue
		}
		k, err := w.Key.Key(ctx)
		if err != nil {
			return nil, fmt.Errorf("messages not claimed: %w", err)
		}
		keys[i].Address = k.Address(w.pack.Tenant, r.target.Address, graph.AddressIn(r.in.Attributes, r.target.Address))
	}
	return keys, nil
}

// readTooOld reports whether r would begin an effect on a reading of the journey that is too
// old, or claim a message on such a reading of its consent.
func (w *worker) readTooOld(r *run) bool {
	now := w.now()
	return r.beginsEffect() && now.Sub(w.liveAt) > LiveFor || r.state == claiming && now.Sub(r.consentAt) > LiveFor
}

// claimedLate reports whether the write that claimed r's message took so long that its
// readings are too old to send it.
func (w *worker) claimedLate(r *run) bool {
	now := w.now()
	return now.Sub(w.liveAt) > ClaimedFor || now.Sub(r.consentAt) > ClaimedFor
}

// refuse passes over r's message, which is not claimed and is no attempt. One that an
// earlier attempt may have sent is recorded as such.
func (w *worker) refuse(r *run, result trail.Result) {
	if sent, _ := w.Restore.mayHaveSent(r.graph, &r.next); sent || r.doubt.open {
		result, r.doubt.report = trail.SkippedUncertain, true
	}
	r.endAttempt(false)
	r.in.Answer = progress.Answer{Result: result}
	r.state, r.hasAnswer = stepping, true
}

// withoutConsent leaves r's customer at the message, because it cannot be read whether
// they want it, or with which link.
func (w *worker) withoutConsent(r *run, cause error) {
	w.unread = append(w.unread, cause)
	w.putEffectOff(r)
}
