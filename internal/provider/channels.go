package provider

import (
	"regexp"
	"strings"
	"sync"

	"journeys/internal/catalog"
	"journeys/internal/strict"
)

// channel is a channel of one kind.
type channel struct {
	kind   channelKind
	target *target // of kindHTTP
	inbox  bool    // of kindHTTP: the inbox of a local run
	rate   float64 // messages per second; 0 for no limit

	from                    string // of kindMail
	sender                  string // of kindText; may be ""
	bus, source, detailType string // of kindBus
	function                string // of kindFunction: name or ARN

	configuration                           string // configuration set of kindMail and kindMessaging; may be ""
	identity, messageType, entity, template string // of kindMessaging; only identity is required
}

type channelKind uint8

const (
	kindHTTP      channelKind = iota // "http" and "inbox"
	kindMail                         // "ses"
	kindText                         // "sns"
	kindMessaging                    // "end-user-messaging"
	kindBus                          // "eventbridge"
	kindFunction                     // "lambda"
)

// keyed reports whether the channel takes an idempotency key.
func (c channel) keyed() bool { return c.kind == kindHTTP || c.kind == kindFunction }

// hasFeedback reports whether events of the channel say what became of its messages.
func (c channel) hasFeedback() bool { return c.configuration != "" || c.inbox }

func (s *Settings) readChannel(name string, object *strict.Object) {
	var c channel
	kind := readType(object, "http", "inbox", "ses", "sns", "end-user-messaging", "eventbridge", "lambda")
	entry := catalog.Entry{Kind: kind, Address: address(kind, name), Tenants: readTenants(object)}
	switch kind {
	case "http":
		c.target = s.readTarget(object, true)
		c.rate = readRate(object)
		object.Done("type", "url", "secret", "ratePerSecond", "tenants")
	case "ses":
		c.readMail(object)
	case "sns":
		c.readText(object)
	case "end-user-messaging":
		c.readMessaging(object)
	case "eventbridge":
		c.readBus(object)
	case "lambda":
		c.kind, c.function = kindFunction, readFunction(object)
		c.rate = readRate(object)
		object.Done("type", "function", "ratePerSecond", "tenants")
	case "inbox":
		c.target, c.inbox = s.readTarget(object, false), true
		object.Done("type", "url", "tenants")
	}
	entry.Feedback = c.hasFeedback()
	s.channels[name], s.catalog.Channels[name] = c, entry
}

// address returns the attribute that a channel of the kind sends to. Services that send
// to no attribute themselves get an address by the channel's name.
func address(kind, name string) string {
	switch kind {
	case "ses":
		return "email"
	case "sns", "end-user-messaging":
		return "phone"
	}
	return catalog.AddressByName(name)
}

// readRate reads a channel's rate; 0 if it has none.
func readRate(object *strict.Object) float64 {
	v, ok := object.Take("ratePerSecond")
	if !ok {
		return 0
	}
	rate, _ := v.Float(0, maxRate)
	return rate
}

// form returns a pattern that is compiled at its first use: compiling all patterns
// takes longer than the rest of a start.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// account begins an ARN of a service, after which the resource follows.
func account(service string) string { return `arn:aws[a-z-]*:` + service + `:[a-z0-9-]+:[0-9]{12}:` }

var (
	fromForm     = form(`^(?:[^\x00-\x1f<>@]* <([^\s<>@,;]+@[^\s<>@,;]+)>|([^\s<>@,;]+@[^\s<>@,;]+))$`)
	nameForm     = form(`^[A-Za-z0-9_-]{1,64}$`)
	senderForm   = form(`^[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$`)
	busForm      = form(`^(` + account("events") + `event-bus/)?[A-Za-z0-9._/-]{1,256}$`)
	sourceForm   = form(`^[A-Za-z0-9._-]{1,256}$`)
	functionForm = form(`^(` + account("lambda") + `function:)?[A-Za-z0-9_-]{1,64}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?$`)
	setForm      = form(`^(` + account("sms-voice") + `configuration-set/)?[A-Za-z0-9_-]{1,64}$`)
	identityForm = form(`^((phone|pool)-[A-Za-z0-9]+|` + account("sms-voice") +
		`(phone-number/[A-Za-z0-9_-]+|pool/[A-Za-z0-9_-]+|sender-id/[A-Za-z0-9_-]+/[A-Z]{2}))$`)
	registrationForm = form(`^\S+$`)
)

func (c *channel) readMail(object *strict.Object) {
	c.kind = kindMail
	if v, ok := object.Need("from"); ok {
		c.from = readForm(v, 320, fromForm(), `must be an e-mail address, or a name and one: "Shop <news@example.com>"`)
	}
	if v, ok := object.Take("configurationSet"); ok {
		c.configuration = readForm(v, 64, nameForm(), "must have only A-Z, a-z, 0-9, _ and -")
	}
	c.rate = readRate(object)
	object.Done("type", "from", "configurationSet", "ratePerSecond", "tenants")
}

func (c *channel) readText(object *strict.Object) {
	c.kind = kindText
	if v, ok := object.Take("senderId"); ok {
		c.sender = readForm(v, 11, senderForm(), "must have only letters and digits, at least one of them a letter")
	}
	c.rate = readRate(object)
	object.Done("type", "senderId", "ratePerSecond", "tenants")
}

// readMessaging reads a channel of End User Messaging. Its identity must name its
// ARN, which the permission needs; the ARN of a telephone number or of a bare sender
// ID cannot be derived.
func (c *channel) readMessaging(object *strict.Object) {
	c.kind = kindMessaging
	if v, ok := object.Need("originationIdentity"); ok {
		c.identity = readForm(v, 256, identityForm(), "must be the id of a pool or of a phone number (pool-..., phone-...), "+
			"or the ARN of a pool, a phone number or a sender ID")
	}
	if v, ok := object.Take("configurationSet"); ok {
		c.configuration = readForm(v, 256, setForm(), "must be the name or the ARN of a configuration set")
	}
	if v, ok := object.Take("messageType"); ok {
		c.messageType, _ = v.OneOf("TRANSACTIONAL", "PROMOTIONAL")
	}
	if v, ok := object.Take("entityId"); ok {
		c.entity = readForm(v, 64, registrationForm(), "must not have spaces")
	}
	if v, ok := object.Take("templateId"); ok {
		c.template = readForm(v, 64, registrationForm(), "must not have spaces")
		if _, ok := object.Take("entityId"); !ok {
			v.Fault("must come with an entityId")
		}
	}
	c.rate = readRate(object)
	object.Done("type", "originationIdentity", "configurationSet", "messageType", "entityId", "templateId", "ratePerSecond", "tenants")
}

func (c *channel) readBus(object *strict.Object) {
	c.kind, c.source, c.detailType = kindBus, "journeys", "Message"
	if v, ok := object.Need("bus"); ok {
		c.bus = readForm(v, 1600, busForm(), "must be the name or the ARN of a bus")
	}
	if v, ok := object.Take("source"); ok {
		c.source = readForm(v, 256, sourceForm(), "must have only A-Z, a-z, 0-9, ., _ and -")
		if strings.HasPrefix(c.source, "aws.") {
			v.Fault(`must not begin with "aws."`)
		}
	}
	if v, ok := object.Take("detailType"); ok {
		c.detailType, _ = v.Text(1, 128)
	}
	c.rate = readRate(object)
	object.Done("type", "bus", "source", "detailType", "ratePerSecond", "tenants")
}

// readFunction reads the Lambda function of a channel or a decision flow.
func readFunction(object *strict.Object) string {
	v, ok := object.Need("function")
	if !ok {
		return ""
	}
	return readForm(v, 256, functionForm(), "must be the name or the ARN of a Lambda function, perhaps with an alias or a version")
}

// readForm reads a text of 1 to longest characters that matches form.
func readForm(v strict.Value, longest int, form *regexp.Regexp, fault string) string {
	text, ok := v.Text(1, longest)
	if ok && !form.MatchString(text) {
		v.Fault("%s", fault)
	}
	return text
}
