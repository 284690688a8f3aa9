package journey

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// MaxPayload bounds a payload after its placeholders are filled, and each of
// its texts: bytes. Without it a payload of a few kilobytes, with the same
// large attribute in it again and again, would fill the memory.
const MaxPayload = 256 * 1024

// ErrPayloadTooLong is a payload that is beyond MaxPayload once filled.
var ErrPayloadTooLong = errors.New("the payload is too long with its placeholders filled")

// Payload is a channel_action's payload, compiled: a JSON object whose strings
// may hold placeholders such as {{attributes.firstName}}, {{decision.n1.title}}
// and {{event.amount}}. A placeholder is replaced by what it names, a string by
// its characters and anything else by its JSON; what is missing, and null, by
// nothing. What is filled in is never read for placeholders again, and nothing
// else is evaluated. A nil Payload is none.
type Payload struct {
	json  []piece            // the whole object's text
	texts map[string][]piece // the strings that are its direct members, unquoted
	reads [][]string
}

// piece is a part of a text: as it stands, or a placeholder when it has a path.
type piece struct {
	text string
	path []string
}

// ReadPayload compiles a payload, and notes a fault at each string with braces
// that are no placeholder. It is nil for what is no object.
func ReadPayload(v strict.Value) *Payload {
	if !v.IsObject() {
		v.Fault("must be an object")
		return nil
	}
	p := &Payload{texts: map[string][]piece{}}
	object, _ := v.Object()
	for _, name := range object.Names() {
		if member, _ := object.Take(name); member.IsString() {
			text, _ := member.Text(0, MaxDefinition)
			p.texts[name], _ = readPieces(text)
		}
	}
	p.compile(v)
	return p
}

// compile cuts the object's text at each placeholder of a string. It reads the
// text once, however deep it is nested.
func (p *Payload) compile(v strict.Value) {
	raw := v.Raw()
	decoder := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	plain := 0 // offset of what is in no piece yet
	for {
		before := int(decoder.InputOffset())
		token, err := decoder.ReadToken()
		if err != nil { // the end: the text was checked before
			break
		}
		if token.Kind() != '"' {
			continue
		}
		if kind, length := decoder.StackIndex(decoder.StackDepth()); kind == '{' && length%2 == 1 {
			continue // a name
		}
		pieces, fault := readPieces(token.String())
		if fault != "" {
			v.FaultBelow(string(decoder.StackPointer()), "%s", fault)
			continue
		}
		if !slices.ContainsFunc(pieces, piece.placeholder) {
			continue
		}
		p.json = append(p.json, piece{text: string(raw[plain : before+bytes.IndexByte(raw[before:], '"')+1])})
		for _, x := range pieces {
			if x.placeholder() {
				p.reads = append(p.reads, x.path)
			}
			p.json = append(p.json, piece{quoted(x.text), x.path})
		}
		plain = int(decoder.InputOffset()) - 1
	}
	p.json = append(p.json, piece{text: string(raw[plain:])})
}

func (x piece) placeholder() bool { return x.path != nil }

// readPieces cuts a text at its placeholders, or tells what is wrong with one.
func readPieces(text string) (pieces []piece, fault string) {
	for text != "" {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			pieces = append(pieces, piece{text: before})
		}
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, "has {{ without }}"
		}
		path, fault := readPath(strings.Trim(inside, " "))
		if fault != "" {
			return nil, fault
		}
		pieces, text = append(pieces, piece{path: path}), after
	}
	return pieces, ""
}

// notInPaths are characters of other template languages. With them a
// placeholder means something that is not done here.
const notInPaths = "{}()|\"'\\\r\n\t"

// readPath reads what stands in a placeholder: a path as conditions have it,
// with its source in front.
func readPath(text string) (path []string, fault string) {
	if utf8.RuneCountInString(text) > condition.MaxField {
		return nil, fmt.Sprintf("has a placeholder of more than %d characters", condition.MaxField)
	}
	path = strings.Split(text, ".")
	switch {
	case path[0] != "attributes" && path[0] != "decision" && path[0] != "event",
		len(path) < 2, slices.Contains(path, ""), strings.ContainsAny(text, notInPaths):
		return nil, "has a placeholder that is not {{attributes.x}}, {{decision.n.x}} or {{event.x}}"
	case len(path) > condition.MaxSegments:
		return nil, fmt.Sprintf("has a placeholder of more than %d names", condition.MaxSegments)
	}
	return path, ""
}

// JSON returns the object with its placeholders filled, each as a part of its
// string; nil for no payload. The only error is ErrPayloadTooLong.
func (p *Payload) JSON(facts *condition.Facts) ([]byte, error) {
	if p == nil {
		return nil, nil
	}
	return fill(p.json, facts, quoted)
}

// Text returns the string that is the payload's direct member called name,
// unquoted, with each filled placeholder as escape returns it; false when there
// is no such string. The only error is ErrPayloadTooLong.
func (p *Payload) Text(name string, facts *condition.Facts, escape func(string) string) (text string, ok bool, err error) {
	if p == nil {
		return "", false, nil
	}
	pieces, ok := p.texts[name]
	filled, err := fill(pieces, facts, escape)
	return string(filled), ok, err
}

// Reads returns the path of every placeholder, with its source in front. The
// caller must not change it.
func (p *Payload) Reads() [][]string {
	if p == nil {
		return nil
	}
	return p.reads
}

func fill(pieces []piece, facts *condition.Facts, escape func(string) string) ([]byte, error) {
	var text []byte
	for _, x := range pieces {
		if x.placeholder() {
			text = append(text, escape(x.find(facts))...)
		} else {
			text = append(text, x.text...)
		}
		if len(text) > MaxPayload {
			return nil, ErrPayloadTooLong
		}
	}
	return text, nil
}

// find returns what a placeholder names, as text.
func (x piece) find(facts *condition.Facts) string {
	source := facts.Attributes
	switch x.path[0] {
	case "decision":
		source = facts.Decision
	case "event":
		source = facts.Event
	}
	value := source.Get(x.path[1:]...)
	if text, ok := value.Text(); ok {
		return text
	}
	if text := string(value.AppendJSON(nil)); text != "null" {
		return text
	}
	return ""
}

// quoted returns text as a part of a JSON string.
func quoted(text string) string {
	all, _ := jsontext.AppendQuote(nil, text)
	return string(all[1 : len(all)-1])
}
