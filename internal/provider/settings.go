package provider

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"journeys/internal/strict"
)

const (
	maxName = 128   // characters of a flow, a channel or an offer
	maxURL  = 2048  // characters
	maxRate = 10000 // messages per second
)

// Settings are the decision flows and channels that there are, and where they
// may be. The zero value has none. Printing Settings shows no secret.
type Settings struct {
	flows    map[string]flow
	channels map[string]channel
	allowed  allowance
}

// flow decides: over HTTP when there is a target, by its offers otherwise.
type flow struct {
	target *target
	offers []offer // the best first
}

type channel struct {
	target *target
	rate   float64 // messages per second; zero for any
}

// target is where to post to.
type target struct {
	url *url.URL
	key secret // nil for requests without a signature
}

// ParseSettings reads settings. Its error names every fault.
//
//	{
//	  "decisions": {
//	    "offers-by-rule": {"type": "rules", "offers": [
//	      {"id": "upgrade", "priority": 10, "condition": {...}, "payload": {"title": "..."}}]},
//	    "*": {"type": "http", "url": "https://...", "secret": "whsec_..."}
//	  },
//	  "channels": {
//	    "email": {"type": "http", "url": "https://...", "secret": "whsec_...", "ratePerSecond": 50},
//	    "*": {"type": "inbox", "url": "http://127.0.0.1:8080/_local/messages"}
//	  },
//	  "allowPrivate": ["crm.internal", "127.0.0.1", "10.1.0.0/16"]
//	}
//
// A flow or channel called "*" is for every name that is not there. Without
// one, other flows answer nothing and messages to other channels fail. An
// offer without a condition is for everybody; its payload must not hold "id".
// A secret is "whsec_" and 24 to 64 bytes in base64.
//
// Only public addresses over https are called, unless allowPrivate allows
// more: true allows every private and loopback address, a host the same for
// that host alone, a range (or one address) everything in it. Link-local
// addresses, among them the one that gives out the machine's credentials, are
// allowed by a range only.
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
	if v, ok := object.Take("allowPrivate"); ok { // first: the targets are held to it
		s.allowed = readAllowance(v)
	}
	readNamed(object, "decisions", s.readFlow)
	readNamed(object, "channels", s.readChannel)
}

// readNamed reads each member of the member called name.
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
	switch readType(object, "http", "inbox") {
	case "http":
		c.target = s.readTarget(object, true)
		if v, ok := object.Take("ratePerSecond"); ok {
			c.rate, _ = v.Float(0, maxRate)
		}
		object.Done("type", "url", "secret", "ratePerSecond")
	case "inbox":
		c.target = s.readTarget(object, false)
		object.Done("type", "url")
	}
	s.channels[name] = c
}

func readType(object *strict.Object, choices ...string) string {
	v, ok := object.Need("type")
	if !ok {
		return ""
	}
	choice, _ := v.OneOf(choices...)
	return choice
}

// readTarget reads where to post to, and the secret of one that is signed.
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

// readAllowance reads true or false, or a list of hosts and ranges.
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
			member.Fault("must be a host, an IP address or a CIDR range that begins where its bits say")
		} else {
			a.hosts[strings.ToLower(text)] = true
		}
	}
	return a
}
