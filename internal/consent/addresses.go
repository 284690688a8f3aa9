package consent

import "time"

// Reasons why an address takes no messages of a channel.
const (
	ReasonManual    = "manual"    // somebody's decision
	ReasonBounce    = "bounce"    // a message could not be delivered, and none will be
	ReasonComplaint = "complaint" // a message was reported as spam
)

// Reasons returns the reasons, sorted.
func Reasons() []string { return []string{ReasonBounce, ReasonComplaint, ReasonManual} }

// Suppression says since when an address takes no messages of a channel, or takes them
// again.
type Suppression struct {
	Reason string    // "" since it takes them again
	At     time.Time // UTC, to the millisecond
}

// Address is what is kept of an address under its hash, which key.Key makes. It belongs to
// no customer, so it outlives them. The zero value is that of an address of which nothing
// is kept.
type Address struct {
	Suppressions map[string]Suppression // by channel, as catalog.List.Find names it
	OptOuts      map[string]time.Time   // by topic: when a customer with this address last unsubscribed, UTC, to the millisecond
}

// Suppressed reports whether the address takes no messages of a channel.
func (a Address) Suppressed(channel string) bool { return a.Suppressions[channel].Reason != "" }

// Word returns whether a customer with that address is subscribed to a topic, and since
// when they said so; zero where they said nothing, so that the topic's default holds. Of
// what they said and an opt-out of the address, the later holds; the opt-out, if they are
// of the same time.
func (t Topics) Word(topic string, said Subscriptions, a Address) (in bool, since time.Time) {
	statement, stated := said.Statements[topic]
	out, optedOut := a.OptOuts[topic]
	switch {
	case optedOut && (!stated || !statement.At.After(out)):
		return false, out
	case stated:
		return statement.In, statement.At
	}
	return t[topic].In, time.Time{}
}

// Wants reports whether a customer with that address is subscribed to a topic.
func (t Topics) Wants(topic string, said Subscriptions, a Address) bool {
	in, _ := t.Word(topic, said, a)
	return in
}

// Verdict says whether a message may be sent.
type Verdict uint8

// The verdicts. Only a message that is Allowed may be sent.
const (
	Allowed      Verdict = iota
	Unsubscribed         // the customer is not subscribed to its topic
	Suppressed           // the address takes no messages of its channel
)

// Message is what a verdict about a message depends on.
type Message struct {
	Topic   string // "" for none: then only a suppression holds it back
	Channel string // as the channel_action names it
	Via     string // the same, as catalog.List.Find names it
}

// Judge returns the verdict about a message to a customer with that address. Nobody is
// subscribed to a topic that does not exist, or is not about the channel.
func (t Topics) Judge(m Message, said Subscriptions, a Address) Verdict {
	switch {
	case a.Suppressed(m.Via):
		return Suppressed
	case m.Topic != "" && (!t.Covers(m.Topic, m.Channel) || !t.Wants(m.Topic, said, a)):
		return Unsubscribed
	}
	return Allowed
}
