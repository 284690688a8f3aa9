// Package update reads and makes the changes of an update_customer.
package update

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"journeys/internal/condition"
	"journeys/internal/payload"
	"journeys/internal/strict"
)

// MaxChanges bounds the attributes that an update_customer changes.
const MaxChanges = 64

// Config is the config of an update_customer. The zero Config changes nothing.
type Config struct {
	set     *payload.Payload // values by the path as written; nil for none
	changes []attributeChange
}

// attributeChange is the change of one attribute.
type attributeChange struct {
	text string // the path as written
	path []string
	kind string // "set", "unset" or "add"
	add  condition.Value
}

// errNotNumber means that an update adds to an attribute that is no number, or that the
// sum is too large.
var errNotNumber = errors.New("update: an attribute is not a number that can be added to")

// Apply returns facts.Attributes with the update made. Placeholders are filled from
// facts, so with the attributes as they were before.
func (u *Config) Apply(facts *condition.Facts) (condition.Value, error) {
	changed := facts.Attributes
	filled, err := u.set.JSON(facts)
	if err != nil {
		return condition.Value{}, err
	}
	var values condition.Value
	if filled != nil {
		if values, err = condition.ParseValue(filled); err != nil {
			return condition.Value{}, err
		}
	}
	for _, c := range u.changes {
		var value condition.Value // missing for "unset"
		switch c.kind {
		case "set":
			value = values.Get(c.text)
		case "add":
			var ok bool
			if value, ok = changed.Get(c.path...).Add(c.add); !ok {
				return condition.Value{}, errNotNumber
			}
		}
		changed = changed.Set(c.path, value)
	}
	return changed, nil
}

// Changed returns an object with the attributes that the update names: the value in
// attributes by the path as written. Missing ones are left out.
func (u *Config) Changed(attributes condition.Value) condition.Value {
	changed, _ := condition.ParseValue([]byte("{}"))
	for _, c := range u.changes {
		changed = changed.With(c.text, attributes.Get(c.path...))
	}
	return changed
}

// Reads returns the fields that the placeholders read.
func (u *Config) Reads() []condition.Field { return u.set.Reads() }

// Read reads the config and notes every fault. missing says what a draft may leave out;
// "" for nothing.
func Read(config *strict.Object) (u Config, missing string) {
	set, hasSet := config.Take("set")
	unset, hasUnset := config.Take("unset")
	add, hasAdd := config.Take("add")
	if hasSet {
		u.readSet(set)
	}
	if hasUnset {
		u.readUnset(unset)
	}
	if hasAdd {
		u.readAdd(add)
	}
	if len(u.changes) > MaxChanges {
		config.FaultBelow("", "must name at most %d attributes, names %d", MaxChanges, len(u.changes))
	}
	if len(u.changes) == 0 {
		missing = "at least one attribute in set, unset or add is required"
	}
	config.Done("set", "unset", "add")
	return u, missing
}

func (u *Config) readSet(v strict.Value) {
	object, ok := v.Object()
	if !ok {
		return
	}
	if u.set = payload.Read(v); u.set.UnsubscribeAt() != "" {
		v.FaultBelow(u.set.UnsubscribeAt(), "must not have {{unsubscribe.url}}, which only a message has")
	}
	for _, path := range object.Names() {
		value, _ := object.Take(path)
		if value.IsNull() {
			value.Fault("must not be null; to remove an attribute, name it in unset")
		}
		u.readPath(value, path, attributeChange{kind: "set"})
	}
}

func (u *Config) readUnset(v strict.Value) {
	list, ok := v.List()
	if !ok {
		return
	}
	for _, item := range list {
		if path, ok := item.Text(1, condition.MaxField); ok {
			u.readPath(item, path, attributeChange{kind: "unset"})
		}
	}
}

func (u *Config) readAdd(v strict.Value) {
	object, ok := v.Object()
	if !ok {
		return
	}
	for _, path := range object.Names() {
		value, _ := object.Take(path)
		c := attributeChange{kind: "add"}
		if c.add, ok = readNumber(value); !ok {
			value.Fault("must be a number")
		}
		u.readPath(value, path, c)
	}
}

// readNumber reads a number that is in the range of float64.
func readNumber(v strict.Value) (condition.Value, bool) {
	n, err := condition.ParseValue(v.Raw())
	if err != nil || !v.IsNumber() {
		return condition.Value{}, false
	}
	_, ok := condition.Value{}.Add(n)
	return n, ok
}

// readPath adds c, whose path is text and stands at v.
func (u *Config) readPath(v strict.Value, text string, c attributeChange) {
	field, fault := condition.ParseField(text)
	word, _, _ := strings.Cut(text, ".")
	switch {
	case text == "":
		fault = "must be a path of an attribute"
	case utf8.RuneCountInString(text) > condition.MaxField:
		fault = fmt.Sprintf("must be a path of at most %d characters", condition.MaxField)
	case fault != "":
	case field.Source != condition.Attributes || word == "step" || word == "entryEvent":
		fault = "must be a path of an attribute, without a source or with attributes in front"
	}
	if fault != "" {
		v.Fault("%s", fault)
		return
	}
	c.text, c.path = text, field.Path
	for _, other := range u.changes {
		if overlap(c.path, other.path) {
			v.Fault("names the same attribute as another path in %s, or one inside or around it", other.kind)
			return
		}
	}
	if len(u.changes) <= MaxChanges {
		u.changes = append(u.changes, c)
	}
}

// overlap reports whether one path begins with the other.
func overlap(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
