package graph

import (
	"math"
	"time"

	"journeys/internal/calendar"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/keep"
	"journeys/internal/payload"
	"journeys/internal/strict"
	"journeys/internal/update"
)

// MaxDelayHours is the longest wait: a year.
const MaxDelayHours = 8760

// readConfig compiles the config for the node's type. It notes faults of the
// fields that are present, and sets n.Fault if a required one is absent.
func (n *Node) readConfig(object *strict.Object) {
	config := emptyConfig()
	if v, ok := object.Take("config"); ok && !v.IsNull() {
		if config, ok = v.Object(); !ok {
			return
		}
	}
	config.DropNulls()
	switch n.Type {
	case EntryTrigger:
		n.readEntry(config)
	case Wait:
		n.readWait(config)
	case ConditionSplit:
		n.Condition = takeCondition(config)
		if _, ok := config.Take("condition"); !ok {
			n.missing("condition is required")
		}
		config.Done("condition")
	case MultiSplit:
		n.readMultiSplit(config)
	case RandomSplit:
		n.readRandomSplit(config)
	case NBADecision:
		n.readDecision(config)
	case ChannelAction:
		n.readAction(config)
	case UpdateCustomer:
		var missing string
		if n.Update, missing = update.Read(config); missing != "" {
			n.missing(missing)
		}
	case Exit:
		n.Reason, _ = takeName(config, "reason")
		config.Done("reason")
	}
}

// missing notes why customers stop at the node.
func (n *Node) missing(what string) { n.Fault = strict.Fault{Pointer: "/config", Detail: what} }

// emptyConfig returns a new object each time, because Take changes an object.
func emptyConfig() *strict.Object {
	object, _ := strict.At([]byte("{}"), "", &strict.Faults{}).Object()
	return object
}

func (n *Node) readEntry(config *strict.Object) {
	takeName(config, "segmentId")
	n.Event = takeEventType(config, "eventType")
	n.Condition = takeEntryCondition(config)
	config.Done("segmentId", "eventType", "condition")
}

func (n *Node) readWait(config *strict.Object) {
	hours, byHours := config.Take("delayHours")
	if byHours {
		if h, ok := hours.Float(0, MaxDelayHours); ok {
			n.Delay = toDelay(h, time.Hour)
		}
	}
	delay, byDelay := config.Take("delay")
	if byDelay {
		n.Delay = readDelay(delay)
	}
	until, byUntil := config.Take("until")
	if byUntil {
		if u, ok := calendar.Compile(until); ok {
			n.Until = u
		}
	}
	if byHours == byDelay && !byUntil || byUntil && (byHours || byDelay) {
		n.missing("exactly one of delayHours, delay and until is required")
	}
	n.readAwaits(config)
	config.Done("delayHours", "delay", "until", "waitForEvent", "eventSince")
}

var units = map[string]time.Duration{"minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}

func readDelay(v strict.Value) time.Duration {
	object, ok := v.Object()
	if !ok {
		return 0
	}
	object.DropNulls()
	defer object.Done("value", "unit")
	unit := time.Minute
	if u, ok := object.Need("unit"); ok {
		if name, ok := u.OneOf("minutes", "hours", "days"); ok {
			unit = units[name]
		}
	}
	value, ok := object.Need("value")
	if !ok {
		return 0
	}
	x, ok := value.Float(0, float64(MaxDelayHours*time.Hour/unit))
	if !ok {
		return 0
	}
	return toDelay(x, unit)
}

// toDelay rounds x units to whole milliseconds, at least one.
func toDelay(x float64, unit time.Duration) time.Duration {
	ms := math.Round(x * float64(unit/time.Millisecond))
	return time.Duration(max(ms, 1)) * time.Millisecond
}

func (n *Node) readDecision(config *strict.Object) {
	var ok bool
	d := DecisionConfig{MaxOffers: 1}
	if d.FlowID, ok = takeName(config, "decisionFlowId"); !ok {
		n.missing("decisionFlowId is required")
	}
	d.ChannelID, _ = takeName(config, "channelId")
	if v, ok := config.Take("maxOffers"); ok {
		d.MaxOffers, _ = v.Int(1, 100)
	}
	if v, ok := config.Take("timeoutMs"); ok {
		ms, _ := v.Int(1, int(MaxDecisionTimeout/time.Millisecond))
		d.Timeout = time.Duration(ms) * time.Millisecond
	}
	if v, ok := config.Take("onError"); ok {
		choice, _ := v.OneOf("continue", "fail")
		d.FailOnError = choice == "fail"
	}
	config.Done("decisionFlowId", "channelId", "maxOffers", "timeoutMs", "onError")
	n.Decision = d
}

func (n *Node) readAction(config *strict.Object) {
	var ok bool
	a := ActionConfig{}
	if a.Channel, ok = takeName(config, "channel"); !ok {
		n.missing("channel is required")
	}
	a.TemplateID, _ = takeName(config, "templateId")
	if v, ok := config.Take("payload"); ok {
		a.Payload = payload.Read(v)
	}
	if v, ok := config.Take("onUncertain"); ok {
		choice, _ := v.OneOf("skip", "resend")
		a.Resend = choice == "resend"
	}
	if v, ok := config.Take("onError"); ok {
		choice, _ := v.OneOf("fail", "continue")
		a.GoOnError = choice == "continue"
	}
	if v, ok := config.Take("keep"); ok {
		a.Keep = keep.Read(v)
	}
	if a.Topic, a.Transactional = readTopic(config); a.Topic == "" && a.Payload.UnsubscribeAt() != "" {
		n.Fault = strict.Fault{Pointer: "/config/payload" + a.Payload.UnsubscribeAt(), Detail: "topic is required for {{unsubscribe.url}}"}
	}
	config.Done("channel", "templateId", "payload", "onUncertain", "onError", "keep", "topic", "transactional")
	n.Action = a
}

// readTopic reads the optional topic of a message, and whether the message needs none.
func readTopic(config *strict.Object) (topic string, transactional bool) {
	v, hasTopic := config.Take("topic")
	if hasTopic {
		topic = consent.ReadTopicID(v)
	}
	if v, ok := config.Take("transactional"); ok {
		if transactional, _ = v.Bool(); transactional && hasTopic {
			v.Fault("must not be true for a message with a topic")
		}
	}
	return topic, transactional
}

// takeName reads an optional text of 1 to 128 characters. present is true for a
// faulty one too.
func takeName(object *strict.Object, name string) (text string, present bool) {
	v, ok := object.Take(name)
	if !ok {
		return "", false
	}
	text, _ = v.Text(1, 128)
	return text, true
}

// takeEventType reads the type of an event; "" if it is missing.
func takeEventType(object *strict.Object, name string) string {
	v, ok := object.Take(name)
	if !ok {
		return ""
	}
	return condition.ReadEventType(v)
}

// takeCondition compiles the optional "condition"; nil for none or a faulty one.
func takeCondition(object *strict.Object) *condition.Program {
	return compileCondition(object, condition.Compile)
}

// takeEntryCondition is takeCondition for an entry.
func takeEntryCondition(object *strict.Object) *condition.Program {
	return compileCondition(object, condition.CompileEntry)
}

func compileCondition(
	object *strict.Object, compile func(strict.Value) (*condition.Program, bool),
) *condition.Program {
	v, ok := object.Take("condition")
	if !ok {
		return nil
	}
	program, _ := compile(v)
	return program
}
