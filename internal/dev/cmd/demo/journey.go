package main

import (
	"fmt"
	"time"
)

// crowd is how many customers take part.
const crowd = 1000

// The journey's waits.
const (
	pause = 4 * time.Second
	rest  = 2 * time.Second
)

// node is a step of the journey, in the order in which the funnel shows them.
type node struct{ id, kind, config string }

var nodes = [...]node{
	{"signed-up", "entry_trigger", `{"eventType":"account_created"}`},
	{"welcome", "channel_action", `{"channel":"email","templateId":"welcome"}`},
	{"settle", "wait", wait(pause)},
	{"choose", "nba_decision", `{"decisionFlowId":"next-best-offer"}`},
	{"promising", "condition_split", `{"condition":{"field":"decision.choose.score","operator":"gte","value":5}}`},
	{"offer", "channel_action", `{"channel":"push","templateId":"offer"}`},
	{"rest", "wait", wait(rest)},
	{"tip", "channel_action", `{"channel":"sms","templateId":"tip"}`},
	{"converted", "exit", `{"reason":"converted"}`},
	{"onboarded", "exit", `{"reason":"onboarded"}`},
}

const edges = `[{"source":"signed-up","target":"welcome"},{"source":"welcome","target":"settle"},
	{"source":"settle","target":"choose"},{"source":"choose","target":"promising"},
	{"source":"promising","target":"offer","sourceHandle":"true"},{"source":"offer","target":"converted"},
	{"source":"promising","target":"rest","sourceHandle":"false"},{"source":"rest","target":"tip"},
	{"source":"tip","target":"onboarded"}]`

func wait(d time.Duration) string { return fmt.Sprintf(`{"delayHours":%.9f}`, d.Hours()) }

// customer is one who takes part.
type customer struct {
	id    string
	spend int
}

func customers() []customer {
	list := make([]customer, crowd)
	for i := range list {
		list[i] = customer{id: fmt.Sprintf("customer-%04d", i), spend: i % 100}
	}
	return list
}

func (c customer) attributes() string {
	return fmt.Sprintf(`{"email":"%[1]s@mail.test","phone":"+1555%04[2]d","spend":%[2]d}`, c.id, c.spend)
}

// messages is at which nodes the customer is sent something.
func (c customer) messages() []string {
	if c.spend >= 50 {
		return []string{"welcome", "offer"}
	}
	return []string{"welcome", "tip"}
}
