package condition

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is a JSON value, decoded as far as conditions need. The zero Value is
// "missing". A Value is immutable and safe for concurrent use.
type Value struct {
	kind   kind
	number number  // of a number
	text   string  // of a string its characters, otherwise compact JSON
	object *object // of an object
}

type kind uint8

// Scalars are equal if their kinds are and, for numbers and strings, their content
// is. That is why true and false are separate kinds.
const (
	kindMissing kind = iota
	kindNull
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindArray
	kindObject
)

// ParseValue decodes data and keeps no reference to it. It returns an error unless
// data is one JSON value, nested at most 10,000 deep, without duplicate names,
// invalid UTF-8 or lone surrogates. Integers of up to 64 bits without fraction and
// exponent are exact; other numbers compare as the nearest float64.
func ParseValue(data []byte) (Value, error) {
	compact, err := jsontext.AppendFormat(nil, data, jsontext.PreserveRawStrings(true))
	if err != nil {
		return Value{}, err
	}
	s := scanner{text: string(compact)}
	return s.value(), nil
}

// NewText returns a string.
func NewText(text string) Value { return Value{kind: kindString, text: text} }

// NewFlag returns true or false.
func NewFlag(b bool) Value {
	if b {
		return Value{kind: kindTrue, text: "true"}
	}
	return Value{kind: kindFalse, text: "false"}
}

// Missing reports whether there is no value. Null is a value.
func (v Value) Missing() bool { return v.kind == kindMissing }

// IsObject reports whether v is an object.
func (v Value) IsObject() bool { return v.kind == kindObject }

// Text returns the characters of a string; false for anything else.
func (v Value) Text() (string, bool) {
	if v.kind != kindString {
		return "", false
	}
	return v.text, true
}

// Get returns the value at path, a name for each level of objects; missing if there
// is none. Paths cannot enter arrays.
func (v Value) Get(path ...string) Value { return *v.at(newPath(path)) }

var missing Value

// at is Get for a compiled path. It does not allocate.
func (v *Value) at(path []name) *Value {
	for i := range path {
		if v = v.object.find(&path[i]); v == nil {
			return &missing
		}
	}
	return v
}

// With returns a copy of v with a member set, or removed if value is missing. A v
// that is not an object counts as an empty one.
func (v Value) With(name string, value Value) Value {
	var members []member
	if v.object != nil {
		members = slices.Clone(v.object.members)
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.name.text == name })
	switch {
	case value.Missing() && i >= 0:
		members = slices.Delete(members, i, i+1)
	case value.Missing():
	case i >= 0:
		members[i].value = value
	default:
		members = append(members, member{newName(name), value})
	}
	return fromMembers(members)
}

// Prune returns a copy of v with only the values at paths; an empty path keeps all
// of v. The result is missing if no path leads to a value.
func (v Value) Prune(paths [][]string) Value {
	tails := map[string][][]string{}
	for _, path := range paths {
		if len(path) == 0 {
			return v
		}
		tails[path[0]] = append(tails[path[0]], path[1:])
	}
	if v.object == nil {
		return Value{}
	}
	var kept []member
	for _, m := range v.object.members {
		if value := m.value.Prune(tails[m.name.text]); !value.Missing() {
			kept = append(kept, member{m.name, value})
		}
	}
	if kept == nil {
		return Value{}
	}
	return fromMembers(kept)
}

// AppendJSON appends v as compact JSON. Members keep their order and numbers their
// notation. A missing value becomes null.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case kindMissing:
		return append(dst, "null"...)
	case kindString:
		return appendQuoted(dst, v.text)
	default:
		return append(dst, v.text...)
	}
}

func fromMembers(members []member) Value {
	text := []byte{'{'}
	for i := range members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(appendQuoted(text, members[i].name.text), ':')
		text = members[i].value.AppendJSON(text)
	}
	return Value{kind: kindObject, text: string(append(text, '}')), object: newObject(members)}
}

func appendQuoted(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// scanner decodes valid compact JSON.
type scanner struct {
	text string
	at   int // offset of the next byte
}

func (s *scanner) value() Value {
	start := s.at
	switch s.text[start] {
	case '{':
		members := s.members()
		return Value{kind: kindObject, text: s.text[start:s.at], object: newObject(members)}
	case '[':
		s.skipNested()
		return Value{kind: kindArray, text: s.text[start:s.at]}
	case '"':
		return Value{kind: kindString, text: s.quoted()}
	}
	s.skipLiteral()
	text := s.text[start:s.at]
	switch text {
	case "null":
		return Value{kind: kindNull, text: text}
	case "false":
		return Value{kind: kindFalse, text: text}
	case "true":
		return Value{kind: kindTrue, text: text}
	}
	return Value{kind: kindNumber, text: text, number: parseNumber(text)}
}

func (s *scanner) members() []member {
	var members []member
	s.at++
	for s.text[s.at] != '}' {
		if s.text[s.at] == ',' {
			s.at++
		}
		name := newName(s.quoted())
		s.at++
		members = append(members, member{name, s.value()})
	}
	s.at++
	return members
}

func (s *scanner) quoted() string {
	start := s.at
	s.skipString()
	raw := s.text[start:s.at]
	if !strings.Contains(raw, `\`) {
		return raw[1 : len(raw)-1]
	}
	unquoted, _ := jsontext.AppendUnquote(nil, raw)
	return string(unquoted)
}

func (s *scanner) skipString() {
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

func (s *scanner) skipLiteral() {
	for s.at < len(s.text) && !strings.Contains(",]}", s.text[s.at:s.at+1]) {
		s.at++
	}
}

// skipNested skips an array or an object.
func (s *scanner) skipNested() {
	for depth := 0; ; {
		switch s.text[s.at] {
		case '"':
			s.skipString()
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		s.at++
		if depth == 0 {
			return
		}
	}
}
