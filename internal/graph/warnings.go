package graph

import (
	"math"
	"slices"
	"strconv"
	"time"

	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/strict"
)

// maxWarnings bounds the warnings of a graph.
const maxWarnings = 100

// Surroundings is what a graph is checked against.
type Surroundings struct {
	MaxDays int                // the journey's maxDurationDays
	Event   string             // of the journey's entry condition; "" for none
	Entry   *condition.Program // condition of the journey's entry condition; nil for none
	Catalog catalog.Catalog
	Consent *consent.TenantSettings // of the tenant; nil if unknown
	Tenant  string
	Now     time.Time
}

// Warnings returns what is legal but probably not meant, at most 100: ways whose waits
// add up to more than MaxDays, channels and decision flows that do not exist for the
// tenant, messages whose topic the tenant does not have or has for other channels, or
// that have none although the tenant has topics, fields that are compared with numbers and with texts, results that no step has,
// random splits that share a salt, fields of steps that may not have come before, that
// they do not keep or never have, feedback in texts, and compared with something else than
// a Boolean, feedback that two ways of a wait await, waits until a past instant, and matches
// with an event that no customer has. Pointers start with base, /entryCondition, or the name of a pinned setting.
func (g *Graph) Warnings(base string, s Surroundings) []strict.Fault {
	var warnings strict.Faults
	g.warnOfLongWays(base, s.MaxDays, &warnings)
	g.warnOfUnknownNames(base, &s, &warnings)
	if s.Consent != nil {
		g.warnOfTopics(base, s.Consent.Topics, &warnings)
	}
	g.warnOfComparisons(base, s.Entry, &warnings)
	g.warnOfSharedSalts(base, &warnings)
	g.warnOfLaterSteps(base, &warnings)
	g.warnOfUnkept(base, &warnings)
	g.warnOfMembers(base, &warnings)
	g.warnOfSameFeedback(base, &warnings)
	g.warnOfPastDates(base, s.Now, &warnings)
	if g.Event() == "" && s.Event == "" {
		g.warnOfMatches(base, &warnings)
	}
	list := warnings.List()
	return list[:min(len(list), maxWarnings)]
}

// ActivationFaults returns Faults, and the waits that cannot end within maxDays.
func (g *Graph) ActivationFaults(base string, maxDays int) []strict.Fault {
	var faults strict.Faults
	for i := range g.nodes {
		if g.isEndless(i, maxDays) {
			faults.Add(at(base, i)+"/config", "must wait less than maxDurationDays, %s; waits %s", days(limit(maxDays)), days(g.nodes[i].Delay))
		}
	}
	return append(g.Faults(base), faults.List()...)
}

// HasEndlessWait reports whether a wait cannot end within maxDays.
func (g *Graph) HasEndlessWait(maxDays int) bool {
	for i := range g.nodes {
		if g.isEndless(i, maxDays) {
			return true
		}
	}
	return false
}

func (g *Graph) isEndless(i, maxDays int) bool {
	return g.nodes[i].Type == Wait && g.nodes[i].Delay >= limit(maxDays)
}

func limit(maxDays int) time.Duration { return time.Duration(maxDays) * 24 * time.Hour }

// at returns the pointer of the node with that index.
func at(base string, i int) string { return base + "/nodes/" + strconv.Itoa(i) }

// days formats a duration in days, rounded up to at most two decimals.
func days(d time.Duration) string {
	text := strconv.FormatFloat(math.Ceil(d.Hours()/24*100)/100, 'f', -1, 64)
	if text == "1" {
		return "1 day"
	}
	return text + " days"
}

// warnOfLongWays warns of each wait during which customers on the longest way to it
// expire.
func (g *Graph) warnOfLongWays(base string, maxDays int, warnings *strict.Faults) {
	order, ok := g.forward()
	if !ok {
		return // a cycle is a fault
	}
	waited := make([]time.Duration, len(g.nodes)) // on the longest way to each node
	for _, i := range order {
		for _, next := range g.nodes[i].Next {
			if next >= 0 {
				waited[next] = max(waited[next], waited[i]+g.nodes[i].Delay)
			}
		}
	}
	slices.Sort(order)
	for _, i := range order {
		total := waited[i] + g.nodes[i].Delay
		if waited[i] <= limit(maxDays) && total > limit(maxDays) {
			warnings.Add(at(base, i), "is on a way whose waits add up to %s by the end of this one; "+
				"maxDurationDays is %d, so customers who wait for all of it expire here", days(total), maxDays)
		}
	}
}

// forward returns the nodes that can be reached, each before those that its ways lead
// to. It returns false if there is no entry, or a cycle.
func (g *Graph) forward() (order []int, ok bool) {
	if g.entry < 0 {
		return nil, false
	}
	const begun, ended = 1, 2
	state := make([]uint8, len(g.nodes))
	ok = true
	var visit func(i int)
	visit = func(i int) {
		if state[i] != 0 {
			ok = ok && state[i] == ended
			return
		}
		state[i] = begun
		for _, next := range g.nodes[i].Next {
			if next >= 0 {
				visit(next)
			}
		}
		state[i] = ended
		order = append(order, i)
	}
	visit(g.entry)
	slices.Reverse(order)
	return order, ok
}

func (g *Graph) warnOfUnknownNames(base string, s *Surroundings, warnings *strict.Faults) {
	for i := range g.nodes {
		n := &g.nodes[i]
		if name := n.Action.Channel; name != "" {
			if _, ok := s.Catalog.Channels.Find(name, s.Tenant); !ok {
				warnings.Add(at(base, i)+"/config/channel", "names %q, a channel that the settings do not have; messages to it fail", name)
			}
		}
		if name := n.Decision.FlowID; name != "" {
			if _, ok := s.Catalog.Decisions.Find(name, s.Tenant); !ok {
				warnings.Add(at(base, i)+"/config/decisionFlowId", "names %q, a decision flow that the settings do not have; its answers are empty", name)
			}
		}
	}
}

// warnOfTopics warns of each message that nobody can be subscribed to, and of each that
// asks nobody.
func (g *Graph) warnOfTopics(base string, topics consent.Topics, warnings *strict.Faults) {
	for i := range g.nodes {
		n := &g.nodes[i]
		a, config := n.Action, at(base, i)+"/config"
		_, known := topics[a.Topic]
		switch {
		case n.Type != ChannelAction:
		case a.Topic == "" && !a.Transactional && len(topics) > 0:
			warnings.Add(config, "has no topic and is not transactional; the message goes to customers whatever they unsubscribed from")
		case a.Topic == "":
		case !known:
			warnings.Add(config+"/topic", "names %q, a topic that the tenant does not have; nobody gets the message", a.Topic)
		case a.Channel != "" && !topics.Covers(a.Topic, a.Channel):
			warnings.Add(config+"/topic", "names %q, a topic that is not for the channel %q; nobody gets the message", a.Topic, a.Channel)
		}
	}
}

func (g *Graph) warnOfSharedSalts(base string, warnings *strict.Faults) {
	first := map[string]int{}
	for i := range g.nodes {
		salt := g.nodes[i].Split.Salt
		if salt == "" {
			continue
		}
		if earlier, ok := first[salt]; ok {
			warnings.Add(at(base, i)+"/config/salt", "is the salt of nodes/%d too; the ways that a customer goes at both are not independent", earlier)
			continue
		}
		first[salt] = i
	}
}

// warnOfPastDates warns of each wait until an instant before now.
func (g *Graph) warnOfPastDates(base string, now time.Time, warnings *strict.Faults) {
	for i := range g.nodes {
		until := g.nodes[i].Until
		if until == nil || until.At().IsZero() || !until.At().Before(now) {
			continue
		}
		then := "go on"
		if until.Exit {
			then = "leave"
		}
		warnings.Add(at(base, i)+"/config/until/at", "is in the past; customers who come here %s at once", then)
	}
}

// warnOfMatches warns of each match, in a journey that no event starts.
func (g *Graph) warnOfMatches(base string, warnings *strict.Faults) {
	check := func(pointer string, watched *Watched) {
		if watched.Match != nil {
			warnings.Add(pointer+"/match", "holds only for customers that are enrolled with properties, because no event starts this journey")
		}
	}
	for i := range g.nodes {
		for j := range g.nodes[i].Awaits {
			check(awaitPointer(base, i, j), &g.nodes[i].Awaits[j].Watched)
		}
	}
	for _, watched := range g.watchedSettings() {
		check(watched.pointer, watched.Watched)
	}
}

// short returns the first 64 characters of text.
func short(text string) string {
	if runes := []rune(text); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return text
}
