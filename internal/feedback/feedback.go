// Package feedback has what providers and customers report about messages that were
// sent. It knows no AWS and no table.
package feedback

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"journeys/internal/ident"
)

// Kind is something that is reported of a message.
type Kind uint8

// The kinds. The numbers are stored: append, never renumber.
const (
	Delivered    Kind = iota // accepted by the recipient's server, or by the carrier
	Bounced                  // refused for good; a refusal that may pass is none
	Complained               // reported as spam
	Opened                   // the message's image was loaded, often by a machine
	Clicked                  // a link was followed, by a person or a scanner
	Unsubscribed             // the recipient no longer wants such messages

	Kinds = iota // number of kinds
)

var names = [Kinds]string{"delivered", "bounced", "complained", "opened", "clicked", "unsubscribed"}

// Names returns the names of all kinds as callers see them, in the order of the kinds.
func Names() []string { return slices.Clone(names[:]) }

// String returns the kind as callers see it.
func (k Kind) String() string { return names[k] }

// Parse returns the kind with that name.
func Parse(name string) (k Kind, ok bool) {
	i := slices.Index(names[:], name)
	return Kind(max(i, 0)), i >= 0
}

// Step is a step of a run, which sent a message.
type Step struct {
	Customer  string // "" for one who was forgotten
	Journey   ident.ID
	GraphHash string // of the definition that the customer followed
	Version   int    // of that definition
	Run       int
	Node      int // index
}

// Heard is what was reported of the message of one step of a run: each kind once, at the
// time when it was first counted.
type Heard struct {
	Step
	Rev       int64
	WrittenAt time.Time
	At        [Kinds]time.Time // by kind; zero for one that was not reported
}

// eventPrefix begins the type of an event that stands for feedback. Callers cannot send
// events whose types begin with $.
const eventPrefix = "$step."

// EventType returns the type of the event that stands for feedback of the node with that
// index, so that waits and conditions treat it like what a customer caused.
func EventType(node int, k Kind) string {
	return eventPrefix + strconv.Itoa(node) + "." + k.String()
}

// ParseEventType returns what EventType was called with.
func ParseEventType(eventType string) (node int, k Kind, ok bool) {
	text, ok := strings.CutPrefix(eventType, eventPrefix)
	if !ok {
		return 0, 0, false
	}
	index, name, _ := strings.Cut(text, ".")
	node, err := strconv.Atoi(index)
	k, ok = Parse(name)
	return node, k, ok && err == nil && node >= 0
}

// Qualify adds the run to a type of EventType, so that it can be looked up; other types
// stay as they are.
func Qualify(eventType string, journey ident.ID, run int) string {
	if !strings.HasPrefix(eventType, eventPrefix) {
		return eventType
	}
	return eventType + "." + string(journey) + "." + strconv.Itoa(run)
}

// ParseQualified returns what Qualify was called with: a step without its customer and
// graph, and the type of EventType.
func ParseQualified(text string) (s Step, eventType string, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 5 || !strings.HasPrefix(text, eventPrefix) {
		return Step{}, "", false
	}
	eventType = strings.Join(parts[:3], ".")
	node, _, ok := ParseEventType(eventType)
	run, err := strconv.Atoi(parts[4])
	return Step{Journey: ident.ID(parts[3]), Run: run, Node: node}, eventType, ok && err == nil
}
