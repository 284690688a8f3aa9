package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/engine"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/suppression"
)

// mailNodes is a graph of a wait and a mail with the configuration.
func mailNodes(config string) string {
	return `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"wait","type":"wait","config":{"delayHours":0.0000003}},
	{"id":"mail","type":"channel_action","config":` + config + `},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"wait"},{"source":"wait","target":"mail"},{"source":"mail","target":"out"}]}`
}

const mailNode = 2 // index in mailNodes

// mailer is a provider whose channel sends mail.
type mailer struct {
	*walkers

	feedback bool
}

// ChannelTarget implements engine.Provider.
func (m mailer) ChannelTarget(_ ident.Tenant, channel string) engine.Target {
	return engine.Target{Channel: channel, Address: "email", Feedback: m.feedback}
}

// feedback measures what a topic and feedback add to a message, and what each report of a
// message takes. DynamoDB Local counts no units for reading what is missing, so customers
// have said something about the topic, and something is kept of their addresses.
func (w *walkers) feedback(ctx context.Context) ([]row, error) {
	m := mailer{walkers: newWalkers(w.rig)}
	m.tenant, _ = ident.ParseTenant("mailers")
	installation, err := key.Parse(strings.Repeat("A", 43) + "=")
	if err != nil {
		return nil, err
	}
	m.engine.Key = key.Fixed(installation)
	plain, _, err := m.mail(ctx, `{"channel":"email"}`, nil)
	if err != nil {
		return nil, err
	}
	m.feedback = true
	heard, p, err := m.mail(ctx, `{"channel":"email"}`, nil)
	if err != nil {
		return nil, err
	}
	topics := consent.Topics{"news": {Name: "News", Channels: []string{"email"}, In: true}}
	if err := m.store.Topics.PutTopics(ctx, m.tenant, consent.TenantSettings{Topics: topics, Rev: 1, UpdatedAt: time.Now()}); err != nil {
		return nil, err
	}
	topic, _, err := m.mail(ctx, `{"channel":"email","topic":"news"}`, m.subscribe)
	if err != nil {
		return nil, err
	}
	kept, _, err := m.mail(ctx, `{"channel":"email","topic":"news"}`, func(ctx context.Context, customer string) error {
		hash := installation.Address(m.tenant, "email", mailAddress(customer))
		if _, err := m.store.Addresses.PutSuppression(ctx, m.tenant, hash, "other", consent.Suppression{Reason: "manual", At: time.Now()}); err != nil {
			return err
		}
		return m.subscribe(ctx, customer)
	})
	if err != nil {
		return nil, err
	}
	rows := append(moreThanMail("a mail with feedback", heard, plain, 1, 0, 0.05), moreThanMail("a mail with a topic", topic, plain, 1, 1.02, 0.06)...)
	rows = append(rows, row{
		what: "a mail with a topic, where something is kept of addresses: read units more than a mail", measured: ofOne(kept.Read - plain.Read), floor: atMost(2.04),
	})
	reports, err := m.reports(ctx, p)
	return append(rows, reports...), err
}

func moreThanMail(what string, used, plain tap.Usage, writes, reads, requests float64) []row {
	return []row{
		{what: what + ": write units more than a mail", measured: ofOne(used.Write + used.Index - plain.Write - plain.Index), floor: atMost(writes)},
		{what: what + ": read units more than a mail", measured: ofOne(used.Read - plain.Read), floor: atMost(reads)},
		{what: what + ": requests more than a mail", measured: ofOne(float64(used.Requests - plain.Requests)), floor: atMost(requests)},
	}
}

func mailAddress(customer string) string { return customer + "@example.com" }

// mail returns the usage of a pack from the wait of mailNodes to its exit. ready is called
// for each customer before.
func (m mailer) mail(ctx context.Context, config string, ready func(context.Context, string) error) (used tap.Usage, p pack, err error) {
	m.engine.Provider = m
	if p, err = m.enter(ctx, mailNodes(config), nil); err != nil {
		return used, p, err
	}
	for _, customer := range p.customers {
		profile := journey.Profile{}.Next(customer, fmt.Appendf(nil, `{"email":%q}`, mailAddress(customer)), time.Now())
		if err := m.store.Customers.PutProfile(ctx, m.tenant, profile, 0); err != nil {
			return used, p, err
		}
		if ready == nil {
			continue
		}
		if err := ready(ctx, customer); err != nil {
			return used, p, err
		}
	}
	m.rig.tap.Reset()
	sent := len(m.sent)
	if err := m.advance(ctx, p, time.Now().Add(time.Minute)); err != nil {
		return used, p, err
	}
	used = m.rig.tap.Reset()
	if n := len(m.sent) - sent; n != len(p.customers) {
		err = fmt.Errorf("%d of %d mails were sent", n, len(p.customers))
	}
	return used, p, err
}

func (m mailer) subscribe(ctx context.Context, customer string) error {
	said := consent.Subscriptions{Customer: customer, Statements: map[string]consent.Statement{"news": {In: true, At: time.Now()}}, Rev: 1}
	return m.store.Topics.PutSubscriptions(ctx, m.tenant, said, 0)
}

// reports measures reports of the mails of a pack: the first of a mail, the others, each of
// them again, and what a bounce adds.
func (m mailer) reports(ctx context.Context, p pack) ([]row, error) {
	var first, other, again tap.Usage // the most of any kind
	for k := range feedback.Kind(feedback.Kinds) {
		added := &other
		if k == 0 {
			added = &first
		}
		for _, worst := range []*tap.Usage{added, &again} {
			used, err := m.report(ctx, p, k)
			if err != nil {
				return nil, err
			}
			worst.Read, worst.Write = max(worst.Read, used.Read), max(worst.Write, used.Write)
			worst.Requests = max(worst.Requests, used.Requests)
			if again.Write > 0 {
				return nil, fmt.Errorf("feedback was written again: %s", k)
			}
		}
	}
	if first.Write == 0 || other.Write == 0 {
		return nil, fmt.Errorf("no feedback of %s was written", p.id)
	}
	suppressed, err := m.suppress(ctx, p.customers[0])
	return []row{
		{what: "the first feedback of a message: write units", measured: ofOne(first.Write), floor: atMost(4)},
		{what: "the first feedback of a message: read units", measured: ofOne(first.Read), floor: atMost(2.02)},
		{what: "the first feedback of a message: requests", measured: ofOne(float64(first.Requests)), floor: atMost(3.02)},
		{what: "feedback of another kind: write units", measured: ofOne(other.Write), floor: atMost(1)},
		{what: "feedback of another kind: read units", measured: ofOne(other.Read), floor: atMost(2.02)},
		{what: "feedback of another kind: requests", measured: ofOne(float64(other.Requests)), floor: atMost(3.02)},
		{what: "feedback that is repeated: read units", measured: ofOne(again.Read), floor: atMost(2.02)},
		{what: "feedback that is repeated: requests", measured: ofOne(float64(again.Requests)), floor: atMost(2.02)},
		{what: "a bounce or a complaint: write units more, to suppress the address", measured: suppressed.Write, floor: atMost(1)},
		{what: "a bounce or a complaint: read units more, to suppress the address", measured: suppressed.Read, floor: atMost(2)},
	}, err
}

// report reports a kind of each mail of a pack.
func (m mailer) report(ctx context.Context, p pack, k feedback.Kind) (used tap.Usage, err error) {
	ids := make([]message.ID, len(p.customers))
	for i, customer := range p.customers {
		e, err := m.store.Enrollments.Enrollment(ctx, m.tenant, p.id, customer)
		if err != nil {
			return used, err
		}
		ids[i] = message.NewID(m.tenant, p.id, customer, e.Run, mailNode, e.RequestID)
	}
	m.rig.tap.Reset()
	for _, id := range ids {
		if err := m.service.Feedback(ctx, m.tenant, id, k); err != nil {
			return used, err
		}
	}
	return m.rig.tap.Reset(), nil
}

// suppress returns the usage of suppressing a customer's address.
func (m mailer) suppress(ctx context.Context, customer string) (tap.Usage, error) {
	s := suppression.Service{Store: m.store.Addresses, Key: m.engine.Key, Now: time.Now}
	m.rig.tap.Reset()
	err := s.Report(ctx, m.tenant, "email", "email", mailAddress(customer), consent.Suppression{Reason: "bounce", At: time.Now()})
	return m.rig.tap.Reset(), err
}
