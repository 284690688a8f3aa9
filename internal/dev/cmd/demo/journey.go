package main

import (
	"fmt"
	"time"
)

const customerCount = 1000

// How long the journey's two waits last.
const (
	settleTime = 4 * time.Second
	restTime   = 2 * time.Second
)

type node struct{ id, kind, config string }

// nodes are in the order in which the funnel shows them.
var nodes = [...]node{
	{"signed-up", "entry_trigger", `{"eventType":"account_created"}`},
	{"welcome", "channel_action", `{"channel":"email","templateId":"welcome"}`},
	{"settle", "wait", waitConfig(settleTime)},
	{"choose", "nba_decision", `{"decisionFlowId":"next-best-offer"}`},
	{"promising", "condition_split", `{"condition":{"field":"decision.choose.score","operator":"gte","value":5}}`},
	{"offer", "channel_action", `{"channel":"push","templateId":"offer"}`},
	{"rest", "wait", waitConfig(restTime)},
	{"tip", "channel_action", `{"channel":"sms","templateId":"tip"}`},
	{"offered", "exit", `{"reason":"offered"}`},
	{"onboarded", "exit", `{"reason":"onboarded"}`},
}

// goal is an event that some customers cause after they have left.
const goal = `{"eventType":"purchase","windowDays":30}`

const edges = `[{"source":"signed-up","target":"welcome"},{"source":"welcome","target":"settle"},
	{"source":"settle","target":"choose"},{"source":"choose","target":"promising"},
	{"source":"promising","target":"offer","sourceHandle":"true"},{"source":"offer","target":"offered"},
	{"source":"promising","target":"rest","sourceHandle":"false"},{"source":"rest","target":"tip"},
	{"source":"tip","target":"onboarded"}]`

func waitConfig(d time.Duration) string { return fmt.Sprintf(`{"delayHours":%.9f}`, d.Hours()) }

type customer struct {
	id    string
	spend int
}

func customers() []customer {
	list := make([]customer, customerCount)
	for i := range list {
		list[i] = customer{id: fmt.Sprintf("customer-%04d", i), spend: i % 100}
	}
	return list
}

// attributes returns the customer's profile as JSON.
func (c customer) attributes() string {
	return fmt.Sprintf(`{"email":"%[1]s@mail.test","phone":"+1555%04[2]d","spend":%[2]d}`, c.id, c.spend)
}

// buys reports whether the customer reaches the goal: 40 % after the offer, 10 % after the
// tip.
func (c customer) buys() bool { return c.spend >= 80 || c.spend < 5 }

// messages returns the nodes at which the customer is sent a message.
func (c customer) messages() []string {
	if c.spend >= 50 {
		return []string{"welcome", "offer"}
	}
	return []string{"welcome", "tip"}
}
