package engine_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// aboutNews gives the messages of a channel a topic.
func aboutNews(definition string) string {
	return strings.ReplaceAll(definition, `"channel":"c0",`, `"channel":"c0","topic":"news",`)
}

// say lets a customer subscribe or unsubscribe, which has another name in other places.
func (m *model) say(unsubscribed string) {
	customer, in := fmt.Sprintf("c%d", m.will.IntN(35)), m.will.IntN(2) == 0
	if m.calm {
		return
	}
	if !in {
		m.faults[unsubscribed]++
	}
	m.Say(customer, "news", in, m.now)
	if len(m.wanted[customer]) == 0 {
		m.wanted[customer] = wishes{{want: true}}
	}
	m.wanted[customer] = append(m.wanted[customer], wish{m.now, in})
}

// Consents reads what customers said. It may be old when the read ends.
func (p *process) Consents(ctx context.Context, t ident.Tenant, keys []engine.ConsentKey) (engine.Consents, error) {
	read, err := p.Store.Consents(ctx, t, keys)
	require.NoError(p.t, err)
	return read, p.read(ctx)
}

// requireWanted checks that a claim is of a message that its customer wanted at some time in
// the second before.
func (p *process) requireWanted(e progress.Enrollment) {
	said := p.wanted[e.Customer]
	if p.definitions[e.GraphHash].Graph.Action(e.Node).Topic != "" && len(said) > 0 {
		require.True(p.t, said.mayClaim(p.now), "%s is claimed, but unsubscribed", runKey(e))
	}
}

// wantedResult returns the result that a visit has for a customer who wants each message.
func (m *model) wantedResult(v trail.Visit, e progress.Enrollment) trail.Result {
	if v.Result != trail.SkippedUnsubscribed && v.Result != trail.SkippedUncertain {
		return v.Result
	}
	m.faults["not subscribed"]++
	require.NotEmpty(m.t, m.definitions[e.GraphHash].Graph.Action(v.Node).Topic)
	unsubscribed := false
	for _, w := range m.wanted[e.Customer] {
		unsubscribed = unsubscribed || !w.want
	}
	require.True(m.t, unsubscribed, "%s misses a message, but never unsubscribed", runKey(e))
	return trail.Sent
}
