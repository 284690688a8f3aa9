// Package payload compiles the payloads of messages: JSON objects whose strings may
// contain placeholders.
package payload

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

// MaxSize bounds a filled payload and each filled text, in bytes. Without it, a
// small payload that repeats a large attribute could exhaust memory.
const MaxSize = 256 * 1024

// ErrTooLong means that a payload exceeds MaxSize when filled.
var ErrTooLong = errors.New("payload: filled text is too long")

// Payload is the compiled payload of a channel_action: a JSON object whose strings
// may contain placeholders such as {{attributes.firstName}},
// {{decision.n1.title}}, {{event.amount}} and {{unsubscribe.url}}. A placeholder is replaced by the
// value it names: a string by its characters, null and a missing value by the
// placeholder's default, {{attributes.firstName | default: 'there'}}, or nothing,
// any other value by its JSON. Inserted text is not scanned for placeholders, and
// nothing else is evaluated. A nil *Payload is no payload. It is immutable.
type Payload struct {
	json  []piece            // text of the object
	texts map[string][]piece // by name: the object's members that are strings, unquoted
	reads []condition.Field

	unsubscribe string // see UnsubscribeAt
}

// piece is a part of a text: literal text, or a placeholder with its default.
type piece struct {
	text  string
	field *condition.Field // nil for literal text
}

// Read compiles a payload and notes a fault at each string with a malformed
// placeholder. It returns nil if v is not an object.
func Read(v strict.Value) *Payload {
	if !v.IsObject() {
		v.Fault("must be an object")
		return nil
	}
	p := &Payload{texts: map[string][]piece{}}
	object, _ := v.Object()
	for _, name := range object.Names() {
		if member, _ := object.Take(name); member.IsString() {
			text, _ := member.Text(0, MaxSize)
			p.texts[name], _ = readPieces(text)
		}
	}
	p.compile(v)
	return p
}

// compile cuts the object's text at the placeholders of its strings. It reads the
// text once, at any depth of nesting.
func (p *Payload) compile(v strict.Value) {
	raw := v.Raw()
	decoder := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	plain := 0 // offset of the first byte that is in no piece yet
	for {
		before := int(decoder.InputOffset())
		token, err := decoder.ReadToken()
		if err != nil { // end of the text, which is valid
			break
		}
		if token.Kind() != '"' {
			continue
		}
		if kind, length := decoder.StackIndex(decoder.StackDepth()); kind == '{' && length%2 == 1 {
			continue // a member's name
		}
		pieces, fault := readPieces(token.String())
		if fault != "" {
			v.FaultBelow(string(decoder.StackPointer()), "%s", fault)
			continue
		}
		if !slices.ContainsFunc(pieces, piece.isPlaceholder) {
			continue
		}
		p.json = append(p.json, piece{text: string(raw[plain : before+bytes.IndexByte(raw[before:], '"')+1])})
		for _, x := range pieces {
			if !x.isPlaceholder() {
				x.text = escapeJSON(x.text) // a default is escaped when it is filled in
			} else {
				p.reads = append(p.reads, *x.field)
				if x.field.Source == condition.Unsubscribe && p.unsubscribe == "" {
					p.unsubscribe = string(decoder.StackPointer())
				}
			}
			p.json = append(p.json, x)
		}
		plain = int(decoder.InputOffset()) - 1
	}
	p.json = append(p.json, piece{text: string(raw[plain:])})
}

func (x piece) isPlaceholder() bool { return x.field != nil }

// readPieces cuts a text at its placeholders. fault describes the first malformed
// one.
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
		placeholder, fault := readPlaceholder(inside)
		if fault != "" {
			return nil, fault
		}
		pieces, text = append(pieces, placeholder), after
	}
	return pieces, ""
}

// notInNames has characters of other template languages. A placeholder with one of
// them outside of brackets asks for a feature that does not exist here.
const notInNames = "{}()|\"'\\\r\n\t"

// unsubscribeURL is the placeholder of the address at which the recipient unsubscribes.
const unsubscribeURL = "unsubscribe.url"

const malformed = "has a placeholder that is not {{attributes.x}}, {{decision.n.x}}, {{event.x}}, {{step.n.x}} or, in a message, {{unsubscribe.url}}, with or without | default: 'text'"

// readPlaceholder parses the text between {{ and }}: a field with its source, and
// perhaps a default.
func readPlaceholder(inside string) (x piece, fault string) {
	text, filter, hasDefault := strings.Cut(inside, "|")
	if hasDefault {
		if x.text, hasDefault = readDefault(filter); !hasDefault {
			return piece{}, malformed
		}
	}
	text = strings.Trim(text, " ")
	if utf8.RuneCountInString(text) > condition.MaxField {
		return piece{}, fmt.Sprintf("has a placeholder of more than %d characters", condition.MaxField)
	}
	if text == unsubscribeURL {
		x.field = &condition.Field{Source: condition.Unsubscribe, Path: []string{"url"}}
		return x, ""
	}
	plain, _, _ := strings.Cut(text, `["`)
	source, _, _ := strings.Cut(plain, ".")
	field, fault := condition.ParseField(text)
	switch {
	case !slices.Contains([]string{"attributes", "decision", "event", "step"}, source), strings.ContainsAny(plain, notInNames):
		return piece{}, malformed
	case fault != "":
		return piece{}, "has a placeholder whose field " + fault
	case len(field.Path) == 0, text == "attributes":
		return piece{}, malformed
	}
	x.field = &field
	return x, ""
}

// readDefault parses " default: 'text'". The text may be in single or double quotes
// and contains neither that quote nor a backslash.
func readDefault(filter string) (text string, ok bool) {
	name, quoted, ok := strings.Cut(strings.Trim(filter, " "), ":")
	quoted = strings.Trim(quoted, " ")
	if !ok || strings.Trim(name, " ") != "default" || len(quoted) < 2 {
		return "", false
	}
	quote := quoted[:1]
	text = quoted[1 : len(quoted)-1]
	if quote != "'" && quote != `"` || !strings.HasSuffix(quoted, quote) || strings.ContainsAny(text, quote+`\`) {
		return "", false
	}
	return text, true
}

// JSON returns the object with its placeholders filled; nil for a nil Payload. The
// only error is ErrTooLong.
func (p *Payload) JSON(facts *condition.Facts) ([]byte, error) {
	if p == nil {
		return nil, nil
	}
	return fill(p.json, facts, escapeJSON)
}

// Text returns the string member called name, unquoted, with each inserted value
// passed through escape. ok is false if there is no such string. The only error is
// ErrTooLong.
func (p *Payload) Text(name string, facts *condition.Facts, escape func(string) string) (text string, ok bool, err error) {
	if p == nil {
		return "", false, nil
	}
	pieces, ok := p.texts[name]
	filled, err := fill(pieces, facts, escape)
	return string(filled), ok, err
}

// Reads returns the field of every placeholder. The caller must not modify it.
func (p *Payload) Reads() []condition.Field {
	if p == nil {
		return nil
	}
	return p.reads
}

// UnsubscribeAt returns the JSON Pointer, within the payload, of the first string with
// {{unsubscribe.url}}; "" for none.
func (p *Payload) UnsubscribeAt() string {
	if p == nil {
		return ""
	}
	return p.unsubscribe
}

// fill joins the pieces, with the values of placeholders passed through escape.
func fill(pieces []piece, facts *condition.Facts, escape func(string) string) ([]byte, error) {
	var text []byte
	for _, x := range pieces {
		if x.isPlaceholder() {
			text = append(text, escape(x.value(facts))...)
		} else {
			text = append(text, x.text...)
		}
		if len(text) > MaxSize {
			return nil, ErrTooLong
		}
	}
	return text, nil
}

// value returns the value of a placeholder, or its default, as text.
func (x piece) value(facts *condition.Facts) string {
	value := facts.Get(*x.field)
	if text, ok := value.Text(); ok {
		return text
	}
	if text := string(value.AppendJSON(nil)); text != "null" {
		return text
	}
	return x.text
}

// escapeJSON returns text escaped for the inside of a JSON string.
func escapeJSON(text string) string {
	quoted, _ := jsontext.AppendQuote(nil, text)
	return string(quoted[1 : len(quoted)-1])
}
