package provider

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"journeys/internal/catalog"
	"journeys/internal/provider/secret"
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
	catalog  catalog.Catalog
	flows    map[string]flow
	channels map[string]channel
	allowed  allowance
	plain    []string   // see PlainSecrets
	arns     []NamedARN // see SecretARNs
}

// NamedARN is an ARN in the settings, and where it stands, as a JSON pointer.
type NamedARN struct{ At, ARN string }

// SecretARNs returns the ARNs of secrets.
func (s Settings) SecretARNs() []NamedARN { return s.arns }

// Catalog returns the channels and flows without anything secret. It must not be
// changed.
func (s Settings) Catalog() catalog.Catalog { return s.catalog }

// PlainSecrets returns where the settings have a secret itself rather than the place
// where it is kept, as JSON pointers.
func (s Settings) PlainSecrets() []string { return s.plain }

// flow is a decision flow: over HTTP if it has a target, by a Lambda function if it
// has one, otherwise by its offers.
type flow struct {
	target   *target
	function string  // name or ARN
	offers   []offer // the best first
}

// target is a URL to post to.
type target struct {
	url    *url.URL
	secret secret.Setting // zero for requests without a signature
}

// ParseSettings parses settings in JSON. Its error lists every fault.
//
//	{
//	  "decisions": {
//	    "offers-by-rule": {"type": "rules", "offers": [
//	      {"id": "upgrade", "priority": 10, "condition": {...}, "payload": {"title": "..."}}]},
//	    "next-best": {"type": "lambda", "function": "next-best-offer:live"},
//	    "*": {"type": "http", "url": "https://...", "secret": "secretsmanager:journeys/decisions"}
//	  },
//	  "channels": {
//	    "email": {"type": "http", "url": "https://...", "secret": "ssm:/journeys/email", "ratePerSecond": 50},
//	    "newsletter": {"type": "ses", "from": "Shop <news@example.com>", "configurationSet": "news"},
//	    "sms": {"type": "sns", "senderId": "Shop", "ratePerSecond": 20},
//	    "reminders": {"type": "end-user-messaging", "originationIdentity": "pool-0123456789abcdef",
//	      "configurationSet": "texts", "messageType": "PROMOTIONAL", "entityId": "1201", "templateId": "1207"},
//	    "loyalty": {"type": "lambda", "function": "credit-points", "tenants": ["acme"]},
//	    "crm": {"type": "eventbridge", "bus": "crm", "source": "shop.journeys", "detailType": "Message"},
//	    "*": {"type": "inbox", "url": "http://127.0.0.1:8080/_local/messages"}
//	  },
//	  "allowPrivate": ["crm.internal", "127.0.0.1", "10.1.0.0/16"]
//	}
//
// The flow or channel "*" is used for all other names. Without it, other flows have
// an empty answer, and messages to other channels fail. An offer without a
// condition is for all customers; its payload must not contain "id".
//
// A secret is where it is kept: "ssm:" and the name of a parameter of AWS Systems
// Manager, of type SecureString, or "secretsmanager:" and the name or the ARN of a secret
// of AWS Secrets Manager. Its text there is "whsec_" and 24 to 64 bytes in base64, or
// two of these with a space between them, each of which signs. For local runs and
// tests, the settings may have that text themselves.
//
// A flow or a channel with tenants is for these tenants only; others use "*"
// instead. A channel's ratePerSecond holds for all workers together.
//
// A channel of type inbox is an http channel without signature and rate. It is for
// local runs and tests, whose inbox cannot know a secret.
//
// The other channels, and flows of type lambda, use region, credentials and
// endpoints of the AWS SDK:
//
//   - ses (Amazon SES) sends to the customer's attribute email, whatever the name of
//     the channel. from is required.
//   - sns (text messages of Amazon SNS) sends to the attribute phone.
//   - end-user-messaging (text messages of AWS End User Messaging) sends to the
//     attribute phone. originationIdentity is required: the id of a pool or a phone
//     number, or the ARN of one or of a sender ID. entityId and templateId are
//     India's. A node's templateId takes the place of the channel's if there is an
//     entityId.
//   - eventbridge puts events on a bus, by its name or ARN. source is "journeys" and
//     detailType is "Message" by default.
//   - lambda invokes a function and waits for its answer. It is named by its name or
//     its ARN in the same region, either perhaps with an alias or a version.
//
// Only public addresses over https are called, unless allowPrivate allows more:
// true allows every private and loopback address, a host allows the same for that
// host, and a range or an address allows everything in it. Link-local addresses,
// which include the metadata service with the machine's credentials, can only be
// allowed by a range.
func ParseSettings(data []byte) (Settings, error) {
	var faults strict.Faults
	s := Settings{
		catalog: catalog.Catalog{Channels: catalog.List{}, Decisions: catalog.List{}},
		flows:   map[string]flow{}, channels: map[string]channel{},
	}
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
	kind := readType(object, "http", "lambda", "rules")
	s.catalog.Decisions[name] = catalog.Entry{Kind: kind, Tenants: readTenants(object)}
	switch kind {
	case "http":
		f.target = s.readTarget(object, true)
		object.Done("type", "url", "secret", "tenants")
	case "lambda":
		f.function = readFunction(object)
		object.Done("type", "function", "tenants")
	case "rules":
		if v, ok := object.Need("offers"); ok {
			f.offers = readOffers(v)
		}
		object.Done("type", "offers", "tenants")
	}
	s.flows[name] = f
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
		t.secret = s.readSecret(v)
	}
	return t
}

func (s *Settings) readSecret(v strict.Value) secret.Setting {
	text, ok := v.Text(0, maxURL)
	if !ok {
		return secret.Setting{}
	}
	parsed, err := secret.ParseSetting(text)
	if err != nil {
		v.Fault("%s", err)
	}
	if parsed.Plain() {
		s.plain = append(s.plain, v.Pointer())
	}
	if name := parsed.Place().Name; strings.HasPrefix(name, "arn:") {
		s.arns = append(s.arns, NamedARN{v.Pointer(), name})
	}
	return parsed
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
