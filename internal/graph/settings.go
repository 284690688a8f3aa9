package graph

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"journeys/internal/calendar"
	"journeys/internal/condition"
	"journeys/internal/strict"
)

// MaxSettings bounds all pinned settings of a journey together, in bytes of compact JSON.
const MaxSettings = 16 * 1024

// The pinned settings of a journey are stored with its graph, so that customers keep
// those with which they entered.
var (
	// SettingNames lists the pinned settings.
	SettingNames = []string{"timezone", "exitOn", "exitWhen", "goal"}

	settingDefaults = map[string]string{"timezone": `"UTC"`, "exitOn": "[]", "exitWhen": "null", "goal": "null"}
)

// SettingsChange is a change of pinned settings: compact JSON by name. Nil restores the
// default.
type SettingsChange map[string][]byte

// TakeSettings reads the pinned settings among the members of object, and notes every
// fault. It returns nil if there are none.
func TakeSettings(object *strict.Object) SettingsChange {
	var change SettingsChange
	for _, name := range SettingNames {
		v, ok := object.Take(name)
		if !ok {
			continue
		}
		if change == nil {
			change = SettingsChange{}
		}
		change[name] = nil
		if v.IsNull() || !new(Graph).pin(name, v) {
			continue
		}
		if raw, ok := v.Compact(MaxSettings); ok && string(raw) != settingDefaults[name] {
			change[name] = raw
		}
	}
	return change
}

// Apply returns the settings after the change: compact JSON, nil for defaults only.
func (c SettingsChange) Apply(settings []byte) []byte {
	members := map[string][]byte{}
	for _, name := range SettingNames {
		if raw := settingIn(settings, name); raw != nil {
			members[name] = raw
		}
	}
	maps.Copy(members, c)
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name] != nil {
			text = append(append(strconv.AppendQuote(append(text, ','), name), ':'), members[name]...)
		}
	}
	if text == nil {
		return nil
	}
	text[0] = '{'
	return append(text, '}')
}

// SettingsFaults returns what is wrong with pinned settings as a whole; nil for nothing.
func SettingsFaults(settings []byte) []strict.Fault {
	var faults strict.Faults
	if len(settings) > MaxSettings {
		faults.Add("", "%s together must be at most %d bytes of compact JSON, are %d", strings.Join(SettingNames, ", "), MaxSettings, len(settings))
	}
	return faults.List()
}

// Setting returns a member of pinned settings, or its default, as JSON.
func Setting(settings []byte, name string) []byte {
	if raw := settingIn(settings, name); raw != nil {
		return raw
	}
	return []byte(settingDefaults[name])
}

// settingIn returns a member of pinned settings; nil for none.
func settingIn(settings []byte, name string) []byte {
	if len(settings) == 0 {
		return nil
	}
	object, ok := strict.At(settings, "", &strict.Faults{}).Object()
	if !ok {
		return nil
	}
	v, _ := object.Take(name)
	return bytes.Clone(v.Raw())
}

// pinAll compiles pinned settings; nil for none.
func (g *Graph) pinAll(settings *strict.Object) {
	if settings == nil {
		return
	}
	for _, name := range SettingNames {
		if v, ok := settings.Take(name); ok {
			g.pin(name, v)
		}
	}
}

// pin compiles a pinned setting. It returns false if the setting is faulty.
func (g *Graph) pin(name string, v strict.Value) bool {
	before := v.FaultCount()
	switch name {
	case "timezone":
		if text, ok := v.Text(1, calendar.MaxZone); ok {
			if g.zone, ok = calendar.LoadZone(text); !ok {
				v.Fault("must be the IANA name of a time zone, such as Europe/Berlin")
			}
		}
	case "exitOn":
		g.readExits(v)
	case "exitWhen":
		g.exitWhen = readExitWhen(v)
	case "goal":
		g.goal = readGoal(v)
	}
	return v.FaultCount() == before
}

// Zone returns the time zone of customers that have no zone of their own.
func (g *Graph) Zone() *time.Location {
	if g.zone == nil {
		return time.UTC
	}
	return g.zone
}

// zoneAttribute is the attribute with the name of the customer's time zone.
const zoneAttribute = "timezone"

// ZoneOf returns the zone of a customer: that of their attribute, else the journey's.
// known is false if the attribute has a value that names no zone.
func (g *Graph) ZoneOf(attributes condition.Value) (zone *time.Location, known bool) {
	value := attributes.Get(zoneAttribute)
	name, _ := value.Text()
	if zone, ok := calendar.LoadZone(name); ok {
		return zone, true
	}
	return g.Zone(), value.Missing() || string(value.AppendJSON(nil)) == "null"
}
