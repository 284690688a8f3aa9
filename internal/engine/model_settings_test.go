package engine_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// rules are the pinned settings of a definition, as the oracle understands them.
type rules struct {
	exits []exitRule
	gone  bool // customers whose attribute gone is true leave
	goal  *goalRule
}

// eventRule is an event that an exit or a goal looks for.
type eventRule struct {
	kind     string
	least    int  // of its property n; 0 for any
	sameCart bool // its cart is that of the starting event
}

type exitRule struct {
	eventRule
	exit progress.ExitRequest
}

type goalRule struct {
	eventRule
	window time.Duration
}

// goneReason is the reason of customers that leave by exitWhen.
const goneReason = "gone"

// drawRules draws pinned settings. Half of the definitions have none of a kind.
func drawRules(r *rand.Rand) (ru rules, settings string) {
	var members []string
	if n := r.IntN(4) - 1; n > 0 {
		var list []string
		for i := range n {
			rule, text := drawEventRule(r)
			exit := exitRule{rule, progress.ExitRequest{Reason: "event:" + rule.kind}}
			if r.IntN(2) == 0 {
				exit.exit = progress.ExitRequest{Reason: fmt.Sprint("done", i), Completed: true}
				text += fmt.Sprintf(`,"reason":"done%d","as":"completed"`, i)
			}
			ru.exits, list = append(ru.exits, exit), append(list, "{"+text+"}")
		}
		members = append(members, `"exitOn":[`+strings.Join(list, ",")+`]`)
	}
	if ru.gone = r.IntN(3) == 0; ru.gone {
		members = append(members, `"exitWhen":{"condition":{"field":"gone","operator":"eq","value":true},"reason":"`+goneReason+`"}`)
	}
	if r.IntN(3) > 0 {
		rule, text := drawEventRule(r)
		days := []int{0, 0, 1, 5, 30}[r.IntN(5)]
		ru.goal = &goalRule{rule, time.Duration(days) * 24 * time.Hour}
		members = append(members, fmt.Sprintf(`"goal":{%s,"windowDays":%d}`, text, days))
	}
	if members == nil {
		return ru, ""
	}
	return ru, "{" + strings.Join(members, ",") + "}"
}

func drawEventRule(r *rand.Rand) (rule eventRule, text string) {
	rule.kind = fmt.Sprintf("e%d", r.IntN(kinds))
	text = fmt.Sprintf(`"eventType":%q`, rule.kind)
	switch r.IntN(5) {
	case 0:
		rule.least = 1 + r.IntN(5)
		text += fmt.Sprintf(`,"condition":{"field":"event.n","operator":"gte","value":%d}`, rule.least)
	case 1: // needs the profile
		rule.least = 1 + r.IntN(5)
		text += fmt.Sprintf(`,"condition":{"all":[{"field":"a9","operator":"exists","value":false},{"field":"event.n","operator":"gte","value":%d}]}`, rule.least)
	case 2:
		rule.sameCart = true
		text += `,"match":{"event":"cart","entry":"cart"}`
	}
	return rule, text
}

// meets reports whether the run's customer met the rule by the event.
func (rule eventRule) meets(e progress.Enrollment, h heard) bool {
	if h.kind != rule.kind || !h.At.After(e.EnrolledAt) {
		return false
	}
	var event, entry struct {
		N    int
		Cart *int
	}
	if json.Unmarshal(h.Properties, &event) != nil {
		return false
	}
	if e.Event != nil && json.Unmarshal(e.Event, &entry) != nil {
		return false
	}
	return event.N >= rule.least && (!rule.sameCart || event.Cart != nil && entry.Cart != nil && *event.Cart == *entry.Cart)
}

// define draws a definition with settings, and adds it to those of the journey.
func (m *model) define(size int) {
	d := journeytest.Definition(m.t, aboutNews(journeytest.GraphWithDates(m.r, size)))
	m.plain[d.Hash] = d
	ru, settings := drawRules(m.r)
	m.rules[d.Hash], m.definition = ru, d
	if settings != "" {
		m.definition = pinned(m.t, d, settings)
	}
	m.definitions[d.Hash] = m.definition
}

// pinned returns d with settings.
func pinned(t *testing.T, d journey.Definition, settings string) journey.Definition {
	t.Helper()
	d, err := journey.LoadDefinition(journey.Journey{Definition: d.Raw, Settings: []byte(settings)}.GraphText(), d.Hash)
	require.NoError(t, err)
	return d
}

// exitMet reports whether the run's customer met an exit of exitOn by the event.
func (m *model) exitMet(e progress.Enrollment, h heard) bool {
	for _, rule := range m.rules[e.GraphHash].exits {
		if rule.meets(e, h) {
			return true
		}
	}
	return false
}

// kinds is the number of event types. Graphs wait for the first three.
const kinds = 4

// lateEvent is how much later than the end of a run an event may be that ended or converted
// it: the worker of a message carries that out in the write that it had begun before.
const lateEvent = engine.MaxLease + skew

// goneSince says when a customer's attribute gone became true.
type goneSince struct {
	moment int
	at     time.Time
}

// heardBy returns the events of a customer that were stored, in any order.
func (m *model) heardBy(customer string) []heard {
	var list []heard
	for i := range kinds {
		list = append(list, m.heard[fmt.Sprintf("%s e%d", customer, i)]...)
	}
	return list
}

// isForgotten reports whether the event may not be remembered any more.
func (m *model) isForgotten(h heard) bool {
	return len(m.heard[h.customer+" "+h.kind]) > progress.RememberedEvents
}

// requireObeyed checks that an event that was answered has ended the run that it ends.
func (m *model) requireObeyed(h heard) {
	if h.customer == "" {
		return // a repeat
	}
	m.moments++
	m.accepted[h.Stamp] = m.moments
	e := m.items[h.customer]
	if m.begun[runKey(e)] > h.moment || e.Epoch < m.live.Epoch || !m.exitMet(e, h) {
		return
	}
	require.True(m.t, e.Status.Left() || e.PendingExit != progress.ExitRequest{}, "the event of %s was accepted, but %s stays", h.At, runKey(e))
}

// requireExits checks that a worker does not claim a message, pass an effect or end a
// wait for a customer who had met an exit before, or whose conversion it had to see.
func (p *process) requireExits(old, e progress.Enrollment) {
	if p.began == 0 || e.Status.Left() && !e.ReachedExit() {
		return
	}
	claims := e.Status == progress.Inside && e.LeaseUntil.After(p.now.Add(time.Second))
	passes := false
	if len(e.Path) > len(old.Path) && old.LeaseUntil.IsZero() {
		effects := []graph.NodeType{graph.Wait, graph.UpdateCustomer, graph.NBADecision}
		passes = slices.Contains(effects, p.definitions[e.GraphHash].Graph.NodeType(old.Node))
	}
	if !claims && !passes {
		return
	}
	ru := p.rules[e.GraphHash]
	if since, gone := p.gone[e.Customer]; gone && ru.gone {
		require.GreaterOrEqual(p.t, since.moment, p.began, "%s goes on, gone since %s", runKey(e), since.at)
	}
	for _, h := range p.heardBy(e.Customer) {
		if h.moment >= p.began || p.isForgotten(h) {
			continue
		}
		require.False(p.t, p.exitMet(e, h), "%s goes on after the event of %s", runKey(e), h.At)
		if ru.goal != nil && ru.goal.meets(e, h) {
			require.False(p.t, e.ConvertedAt.IsZero() && e.PendingConversion == progress.Stamp{}, "%s goes on without the conversion by the event of %s", runKey(e), h.At)
		}
	}
}

// requireExit checks that a run that ended before an exit of its graph was ended by what
// it met. next is the customer's next run; its zero value is none.
func (m *model) requireExit(where string, e, next progress.Enrollment) {
	switch {
	case e.ReachedExit() || e.ExitReason == "removed" || strings.HasPrefix(e.ExitReason, "journey_"):
	case e.ExitReason == goneReason:
		since, gone := m.gone[e.Customer]
		require.True(m.t, gone && m.rules[e.GraphHash].gone && !since.at.After(e.LeftAt.Add(skew)), where)
		m.faults["left by a condition"]++
	default:
		exit := progress.ExitRequest{Reason: e.ExitReason, Completed: e.Status == progress.Completed}
		require.True(m.t, slices.ContainsFunc(m.heardBy(e.Customer), func(h heard) bool {
			return m.isOf(h, e, next) && !h.At.After(e.LeftAt.Add(lateEvent)) &&
				slices.ContainsFunc(m.rules[e.GraphHash].exits, func(rule exitRule) bool { return rule.exit == exit && rule.meets(e, h) })
		}), "%s: no event ended it", where)
		m.faults["left by an event"]++
	}
}

// isOf reports whether e is the latest run that the customer entered before the event.
func (m *model) isOf(h heard, e, next progress.Enrollment) bool {
	return h.At.After(e.EnrolledAt) && (next.Run == 0 || !h.At.After(next.EnrolledAt))
}

// requireConversion checks that a run converted if, and only if, an event was its
// conversion, after the steps that had been passed.
func (m *model) requireConversion(where string, e, next progress.Enrollment) {
	goal, converted, must := m.rules[e.GraphHash].goal, !e.ConvertedAt.IsZero(), false
	var candidates []heard
	firstAnswered := math.MaxInt // the moment when the first event that surely converts was answered
	for _, h := range m.heardBy(e.Customer) {
		if goal == nil || !goal.meets(e, h) || !m.isOf(h, e, next) {
			continue
		}
		inWindow := !h.At.After(e.EnrolledAt.Add(goal.window))
		if inWindow || !h.At.After(e.LeftAt.Add(lateEvent)) {
			candidates = append(candidates, h)
		}
		answered := m.accepted[h.Stamp] // 0 if its caller repeated it only when it was a new event
		seen := answered > 0 && m.begun[runKey(e)] < h.moment && (next.Run == 0 || answered < m.begun[runKey(next)])
		if seen && (inWindow || !h.At.After(e.LeftAt)) {
			must, firstAnswered = true, min(firstAnswered, answered)
		}
	}
	candidates = slices.DeleteFunc(candidates, func(h heard) bool { return h.moment > firstAnswered })
	require.True(m.t, converted || !must, "%s: a lost conversion", where)
	if !converted {
		return
	}
	require.True(m.t, slices.ContainsFunc(candidates, func(h heard) bool { return passedBefore(e, h.At) }),
		"%s: converted after %d steps, events %v", where, e.ConvertedSteps, candidates)
	m.faults["converted"]++
	if !slices.ContainsFunc(candidates, func(h heard) bool { return !h.At.After(e.LeftAt) }) {
		m.faults["converted after leaving"]++
	}
}

// passedBefore reports whether the converted steps of e are those that it had passed at
// that time. A write that spans midnight records its steps at the end of the day.
func passedBefore(e progress.Enrollment, at time.Time) bool {
	visits := e.Path.Visits(e.EnrolledAt)
	for i := range visits {
		left := e.LeftVisit(visits, i)
		midnight := left.Add(time.Millisecond).Equal(left.Add(time.Millisecond).Truncate(24 * time.Hour))
		switch {
		case i < e.ConvertedSteps && left.After(at),
			i >= e.ConvertedSteps && left.Before(at.Add(-skew)) && !midnight:
			return false
		}
	}
	return true
}
