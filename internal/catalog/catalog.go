// Package catalog lists the channels and decision flows of an installation by name,
// without targets and secrets. It is for functions that check or simulate journeys and
// send nothing.
package catalog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
)

// DefaultName is the channel or flow for all names that a List does not have.
const DefaultName = "*"

// Catalog lists the channels and decision flows. The zero value has none.
type Catalog struct {
	Channels  List `json:"channels,omitempty"`
	Decisions List `json:"decisions,omitempty"`
}

// List holds channels or decision flows by name.
type List map[string]Entry

// Entry is a channel or a decision flow.
type Entry struct {
	Kind string `json:"type"` // as the settings of providers call it: "ses", "rules"
	// Address is the customer's attribute that a channel sends to; "" for none. Of the
	// channel DefaultName it is "" if the attribute depends on the name that is used.
	Address string   `json:"address,omitzero"`
	Tenants []string `json:"tenants,omitzero"` // that may use it; nil for all of them
	// Feedback says that a channel reports what became of its messages.
	Feedback bool `json:"feedback,omitzero"`
}

// Find returns the name under which the tenant finds a channel or flow: its own or
// DefaultName. It returns false if the tenant may use neither.
func (l List) Find(name, tenant string) (string, bool) {
	for _, candidate := range []string{name, DefaultName} {
		if e, ok := l[candidate]; ok && e.allows(tenant) {
			return candidate, true
		}
	}
	return "", false
}

// Offer is a channel or a decision flow that a tenant may use.
type Offer struct {
	Name    string `json:"name"` // DefaultName for the one of all other names
	Kind    string `json:"kind"`
	Address string `json:"address,omitzero"`
}

// Offers returns what the tenant may use, sorted by name.
func (l List) Offers(tenant string) []Offer {
	offers := []Offer{}
	for name, e := range l {
		if e.allows(tenant) {
			offers = append(offers, Offer{name, e.Kind, e.Address})
		}
	}
	slices.SortFunc(offers, func(a, b Offer) int { return cmp.Compare(a.Name, b.Name) })
	return offers
}

func (e Entry) allows(tenant string) bool {
	return e.Tenants == nil || slices.Contains(e.Tenants, tenant)
}

// Address returns the customer's attribute that the tenant's messages to a channel are
// sent to; "" for none. A channel that does not exist is judged by its name.
func (c Catalog) Address(channel, tenant string) string {
	name, _ := c.Channels.Find(channel, tenant)
	return cmp.Or(c.Channels[name].Address, AddressByName(channel))
}

// AddressByName returns the attribute that holds the address of a channel whose kind
// does not say; "" if the channel needs none.
func AddressByName(channel string) string {
	switch channel {
	case "email":
		return "email"
	case "sms":
		return "phone"
	}
	return ""
}

// Addresses returns the attributes that hold addresses.
func Addresses() []string { return []string{"email", "phone"} }

// Text returns the catalog as JSON, the same for equal catalogs.
func (c Catalog) Text() string {
	text, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("catalog: %v", err)) // only names that are not UTF-8, which the settings refuse
	}
	return string(text)
}

// Parse parses the Text of a catalog.
func Parse(text string) (Catalog, error) {
	var c Catalog
	err := json.Unmarshal([]byte(text), &c, json.RejectUnknownMembers(true))
	return c, err
}
