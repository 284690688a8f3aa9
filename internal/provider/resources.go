package provider

import (
	"slices"
	"strings"

	"journeys/internal/provider/secret"
)

// AWS lists the resources of AWS that channels, or channels and decision flows, use, from
// which permissions are derived. All but Senders and SMS are ARNs, or for a resource of the
// same account and region the part of its ARN after the account.
type AWS struct {
	Senders    []string // e-mail addresses that SES sends from
	MailSets   []string // configuration sets of SES
	SMS        bool     // whether SNS sends text messages
	Messaging  []string // origination identities and configuration sets of End User Messaging
	Buses      []string // event buses
	Functions  []string // Lambda functions, with the alias or version that is invoked
	Parameters []string // parameters of Systems Manager that are secrets
	Secrets    []string // secrets of Secrets Manager
}

// AWS returns the resources that the settings name, sorted and without duplicates.
func (s Settings) AWS() AWS {
	a := AWS{}
	for _, f := range s.flows {
		if f.function != "" {
			a.Functions = append(a.Functions, resource("function:", f.function))
		}
		a.addSecret(f.target)
	}
	return s.withChannels(a)
}

// ChannelsAWS is AWS without what only decision flows use.
func (s Settings) ChannelsAWS() AWS { return s.withChannels(AWS{}) }

func (s Settings) withChannels(a AWS) AWS {
	for _, c := range s.channels {
		a.add(c)
	}
	for _, list := range []*[]string{&a.Senders, &a.MailSets, &a.Messaging, &a.Buses, &a.Functions, &a.Parameters, &a.Secrets} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return a
}

func (a *AWS) add(c channel) {
	switch c.kind {
	case kindMail:
		match := fromForm().FindStringSubmatch(c.from)
		a.Senders = append(a.Senders, match[1]+match[2])
		if c.configuration != "" {
			a.MailSets = append(a.MailSets, c.configuration)
		}
	case kindText:
		a.SMS = true
	case kindMessaging:
		kind := "phone-number/"
		if strings.HasPrefix(c.identity, "pool-") {
			kind = "pool/"
		}
		a.Messaging = append(a.Messaging, resource(kind, c.identity))
		if c.configuration != "" {
			a.Messaging = append(a.Messaging, resource("configuration-set/", c.configuration))
		}
	case kindBus:
		a.Buses = append(a.Buses, resource("event-bus/", c.bus))
	case kindFunction:
		a.Functions = append(a.Functions, resource("function:", c.function))
	case kindHTTP:
		a.addSecret(c.target)
	}
}

// addSecret adds where the target's secret is kept. The target may be nil.
func (a *AWS) addSecret(t *target) {
	if t == nil {
		return
	}
	switch place := t.secret.Place(); place.Store {
	case secret.Parameter:
		a.Parameters = append(a.Parameters, place.Resource())
	case secret.Secret:
		a.Secrets = append(a.Secrets, place.Resource())
	}
}

// resource returns an ARN unchanged, and a name after the kind of the resource.
func resource(kind, name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return kind + name
}
