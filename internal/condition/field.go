package condition

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Source is the fact in which a Field starts.
type Source uint8

// The sources.
const (
	Attributes  Source = iota // of the customer
	Event                     // properties of the event at hand
	EntryEvent                // properties of the starting event
	Decision                  // answers by node id
	Step                      // how each step ended, by node id
	Unsubscribe               // from a message, of placeholders only
)

// Field is a parsed field of a condition or a placeholder.
type Field struct {
	Source Source
	Path   []string // a name for each level of objects; empty for all of an event or the decisions
}

// ParseField parses a field: names separated by dots. A name with dots is written
// as a JSON string in brackets, as in cart["utm.source"]. The first name may be
// the source: "attributes", "event", "entryEvent", "decision" or "step"; without it,
// the path is one of attributes. fault describes what is wrong, "" for nothing.
func ParseField(text string) (f Field, fault string) {
	path, bracketed, fault := parsePath(text)
	if fault != "" {
		return Field{}, fault
	}
	if bracketed {
		return Field{Attributes, path}, ""
	}
	switch source, ok := sources[path[0]]; {
	case ok:
		return Field{source, path[1:]}, ""
	case path[0] == "attributes" && len(path) > 1:
		return Field{Attributes, path[1:]}, ""
	}
	return Field{Attributes, path}, ""
}

// sources are the facts that the first name of a field chooses.
var sources = map[string]Source{"event": Event, "entryEvent": EntryEvent, "decision": Decision, "step": Step}

// IsSource reports whether a field that begins with name is not the path of an attribute,
// or is one only without that name. As an attribute's name it is written in brackets.
func IsSource(name string) bool {
	_, ok := sources[name]
	return ok || name == "attributes"
}

// ParsePath parses the path of a property: names as in ParseField, without a source.
func ParsePath(text string) (path []string, fault string) {
	path, _, fault = parsePath(text)
	return path, fault
}

// parsePath parses names separated by dots. bracketed says that the first one is in
// brackets.
func parsePath(text string) (path []string, bracketed bool, fault string) {
	for rest := text; ; {
		name, after, inBrackets, fault := cutName(rest, len(path) == 0)
		if fault != "" {
			return nil, false, fault
		}
		bracketed = bracketed || inBrackets && len(path) == 0
		path = append(path, name)
		if after == "" {
			break
		}
		rest = after
	}
	if len(path) > MaxSegments {
		return nil, false, fmt.Sprintf("must be a path of at most %d names, has %d", MaxSegments, len(path))
	}
	return path, bracketed, ""
}

const singleDots = `must be names separated by single dots; a name with dots is written ["like.this"]`

// cutName cuts the first name off a path. first says that no name precedes it.
func cutName(text string, first bool) (name, rest string, inBrackets bool, fault string) {
	if strings.HasPrefix(text, `["`) {
		name, rest, ok := cutQuoted(text[1:])
		switch {
		case !ok || !strings.HasPrefix(rest, "]"):
			return "", "", true, `must close each name in brackets: ["like.this"]`
		case name == "":
			return "", "", true, singleDots
		}
		return name, rest[1:], true, ""
	}
	if !first {
		if !strings.HasPrefix(text, ".") {
			return "", "", false, singleDots
		}
		text = text[1:]
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	if end == 0 || text[end:] == "." || strings.HasPrefix(text[end:], "[") && !strings.HasPrefix(text[end:], `["`) {
		return "", "", false, singleDots
	}
	return text[:end], text[end:], false, ""
}

// cutQuoted cuts a JSON string off the front of text and unquotes it.
func cutQuoted(text string) (unquoted, rest string, ok bool) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			name, err := jsontext.AppendUnquote(nil, text[:i+1])
			return string(name), text[i+1:], err == nil
		}
	}
	return "", "", false
}
