package provider

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"journeys/internal/strict"
)

const (
	maxName = 128   // characters of a flow, a channel or an offer
	maxURL  = 2048  // characters
	maxRate = 10000 // messages per second
)

// Settings are the decision flows, the channels, and the addresses that may be
// called. The zero value has none. Printing Settings shows no secret.
type Settings struct {
	flows    map[string]flow
	channels map[string]channel
	allowed  allowance
}

// flow is a decision flow: over HTTP if it has a target, otherwise by its offers.
type flow struct {
	target *target
	offers []offer // the best first
}

// channel is a channel of one kind.
type channel struct {
	kind   channelKind
	target *target // of kindHTTP
	rate   float64 // messages per second; 0 for no limit

	from, configuration     string // of kindMail; configuration may be ""
	sender                  string // of kindText; may be ""
	bus, source, detailType string // of kindBus
}

type channelKind uint8

const (
	kindHTTP channelKind = iota // "http" and "inbox"
	kindMail
	kindText
	kindBus
)

// keyed reports whether the channel takes an idempotency key.
func (c channel) keyed() bool { return c.kind == kindHTTP }

// target is a URL to post to.
type target struct {
	url *url.URL
	key secret // nil for requests without a signature
}

// ParseSettings parses settings in JSON. Its error lists every fault.
//
//	{
//	  "decisions": {
//	    "offers-by-rule": {"type": "rules", "offers": [
//	      {"id": "upgrade", "priority": 10, "condition": {...}, "payload": {"title": "..."}}]},
//	    "*": {"type": "http", "url": "https://...", "secret": "whsec_..."}
//	  },
//	  "channels": {
//	    "email": {"type": "http", "url": "https://...", "secret": "whsec_...", "ratePerSecond": 50},
//	    "newsletter": {"type": "ses", "from": "Shop <news@example.com>", "configurationSet": "news"},
//	    "sms": {"type": "sns", "senderId": "Shop", "ratePerSecond": 20},
//	    "crm": {"type": "eventbridge", "bus": "crm", "source": "shop.journeys", "detailType": "Message"},
//	    "*": {"type": "inbox", "url": "http://127.0.0.1:8080/_local/messages"}
//	  },
//	  "allowPrivate": ["crm.internal", "127.0.0.1", "10.1.0.0/16"]
//	}
//
// The flow or channel "*" is used for all other names. Without it, other flows have
// an empty answer, and messages to other channels fail. An offer without a
// condition is for all customers; its payload must not contain "id". A secret is
// "whsec_" and 24 to 64 bytes in base64.
//
// A channel of type inbox is an http channel without signature and rate. It is for
// local runs and tests, whose inbox cannot know a secret.
//
// Channels of type ses (Amazon SES), sns (text messages of Amazon SNS) and
// eventbridge (a bus by its name or ARN) use region, credentials and endpoints of
// the AWS SDK. ses sends to the customer's attribute email, sns to phone, whatever
// the name of the channel. Only from and bus are required: source is "journeys"
// and detailType is "Message" by default.
//
// Only public addresses over https are called, unless allowPrivate allows more:
// true allows every private and loopback address, a host allows the same for that
// host, and a range or an address allows everything in it. Link-local addresses,
// which include the metadata service with the machine's credentials, can only be
// allowed by a range.
func ParseSettings(data []byte) (Settings, error) {
	var faults strict.Faults
	s := Settings{flows: map[string]flow{}, channels: map[string]channel{}}
	if v, ok := strict.Parse(data, &faults); ok {
		if object, ok := v.Object(); ok {
			s.read(object)
		}
	}
	if faults.Empty() {
		return s, nil
	}
	var text []string
	for _, fault := range faults.List() {
		text = append(text, strings.TrimSpace(fault.Pointer+" "+fault.Detail))
	}
	return Settings{}, errors.New("settings of providers: " + strings.Join(text, "; "))
}

func (s *Settings) read(object *strict.Object) {
	defer object.Done("decisions", "channels", "allowPrivate")
	if v, ok := object.Take("allowPrivate"); ok { // first, because the targets are checked against it
		s.allowed = readAllowance(v)
	}
	readNamed(object, "decisions", s.readFlow)
	readNamed(object, "channels", s.readChannel)
}

// readNamed calls read for each member of the object called name.
func readNamed(object *strict.Object, name string, read func(name string, object *strict.Object)) {
	v, ok := object.Take(name)
	if !ok {
		return
	}
	members, ok := v.Object()
	if !ok {
		return
	}
	for _, name := range members.Names() {
		member, _ := members.Take(name)
		if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
			member.Fault("must have a name of 1 to %d characters", maxName)
		}
		if object, ok := member.Object(); ok {
			read(name, object)
		}
	}
}

func (s *Settings) readFlow(name string, object *strict.Object) {
	var f flow
	switch readType(object, "http", "rules") {
	case "http":
		f.target = s.readTarget(object, true)
		object.Done("type", "url", "secret")
	case "rules":
		if v, ok := object.Need("offers"); ok {
			f.offers = readOffers(v)
		}
		object.Done("type", "offers")
	}
	s.flows[name] = f
}

func (s *Settings) readChannel(name string, object *strict.Object) {
	var c channel
	switch readType(object, "http", "inbox", "ses", "sns", "eventbridge") {
	case "http":
		c.target = s.readTarget(object, true)
		c.rate = readRate(object)
		object.Done("type", "url", "secret", "ratePerSecond")
	case "ses":
		c.readMail(object)
	case "sns":
		c.readText(object)
	case "eventbridge":
		c.readBus(object)
	case "inbox":
		c.target = s.readTarget(object, false)
		object.Done("type", "url")
	}
	s.channels[name] = c
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

var (
	fromForm   = form(`^(?:[^\x00-\x1f<>@]* <([^\s<>@,;]+@[^\s<>@,;]+)>|([^\s<>@,;]+@[^\s<>@,;]+))$`)
	nameForm   = form(`^[A-Za-z0-9_-]{1,64}$`)
	senderForm = form(`^[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$`)
	busForm    = form(`^(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}$`)
	sourceForm = form(`^[A-Za-z0-9._-]{1,256}$`)
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
	object.Done("type", "from", "configurationSet", "ratePerSecond")
}

func (c *channel) readText(object *strict.Object) {
	c.kind = kindText
	if v, ok := object.Take("senderId"); ok {
		c.sender = readForm(v, 11, senderForm(), "must have only letters and digits, at least one of them a letter")
	}
	c.rate = readRate(object)
	object.Done("type", "senderId", "ratePerSecond")
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
	object.Done("type", "bus", "source", "detailType", "ratePerSecond")
}

// readForm reads a text of 1 to longest characters that matches form.
func readForm(v strict.Value, longest int, form *regexp.Regexp, fault string) string {
	text, ok := v.Text(1, longest)
	if ok && !form.MatchString(text) {
		v.Fault("%s", fault)
	}
	return text
}

// AWS lists the resources of AWS that channels use, from which permissions are
// derived.
type AWS struct {
	Senders []string // e-mail addresses that SES sends from
	SMS     bool     // whether SNS sends text messages
	Buses   []string // names or ARNs of event buses
}

// AWS returns the resources that the channels use, sorted and without duplicates.
func (s Settings) AWS() AWS {
	var a AWS
	for _, c := range s.channels {
		switch c.kind {
		case kindMail:
			match := fromForm().FindStringSubmatch(c.from)
			a.Senders = append(a.Senders, match[1]+match[2])
		case kindText:
			a.SMS = true
		case kindBus:
			a.Buses = append(a.Buses, c.bus)
		case kindHTTP:
		}
	}
	slices.Sort(a.Senders)
	slices.Sort(a.Buses)
	a.Senders, a.Buses = slices.Compact(a.Senders), slices.Compact(a.Buses)
	return a
}

func readType(object *strict.Object, choices ...string) string {
	v, ok := object.Need("type")
	if !ok {
		return ""
	}
	choice, _ := v.OneOf(choices...)
	return choice
}

// readTarget reads a URL, and the secret if requests are signed.
func (s *Settings) readTarget(object *strict.Object, signed bool) *target {
	t := &target{url: &url.URL{}}
	if v, ok := object.Need("url"); ok {
		if text, ok := v.Text(1, maxURL); ok {
			t.url = s.readURL(v, text)
		}
	}
	if !signed {
		return t
	}
	if v, ok := object.Need("secret"); ok {
		text, ok := v.Text(0, maxURL)
		key, err := parseSecret(text)
		if ok && err != nil {
			v.Fault("%s", err)
		}
		t.key = key
	}
	return t
}

func (s *Settings) readURL(v strict.Value, text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		v.Fault("must be an http or https URL with a host")
		return &url.URL{}
	}
	if u.User != nil || u.Fragment != "" {
		v.Fault("must have neither user nor fragment")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			v.Fault("must have a port from 1 to 65535")
		}
	}
	u.Host = strings.ToLower(u.Host)
	if err := s.allowed.checkURL(u); err != nil {
		v.Fault("%s", err)
	}
	return u
}

// readAllowance reads a boolean, or a list of hosts and ranges.
func readAllowance(v strict.Value) allowance {
	a := allowance{hosts: map[string]bool{}}
	if string(v.Raw()) == "true" || string(v.Raw()) == "false" {
		a.all, _ = v.Bool()
		return a
	}
	list, _ := v.List()
	for _, member := range list {
		text, ok := member.Text(1, maxURL)
		if !ok {
			continue
		}
		if r, ok := parseRange(text); ok {
			a.ranges = append(a.ranges, r)
		} else if strings.ContainsAny(text, "/:@*? ") {
			member.Fault("must be a host, an IP address or a CIDR range that begins at its first address")
		} else {
			a.hosts[strings.ToLower(text)] = true
		}
	}
	return a
}
