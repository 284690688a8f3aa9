// Package strict reads callers' JSON strictly: names are case-sensitive and unique
// in their object, and text is valid UTF-8 without lone surrogates. It collects
// faults with their JSON Pointers, so that a response can list all of them. It
// knows JSON, not the meaning of the values.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault is an error in an input.
type Fault struct {
	Pointer string // RFC 6901; "" for the whole document
	Detail  string // for a person; does not contain the value
}

// Limits of the faults of one input. They keep the response to a hostile input from
// being many times as long as the input.
const (
	MaxFaults  = 1000 // listed; others are only counted
	MaxPointer = 1024 // bytes; a longer pointer is cut to an enclosing value
)

// Faults collects faults. The zero value is ready to use.
type Faults struct {
	list  []Fault
	count int
}

// Add adds a fault at pointer.
func (f *Faults) Add(pointer, format string, args ...any) {
	f.count++
	if f.count <= MaxFaults {
		f.list = append(f.list, Fault{shorten(pointer), fmt.Sprintf(format, args...)})
	}
}

func shorten(pointer string) string {
	for len(pointer) > MaxPointer {
		pointer = pointer[:max(0, strings.LastIndexByte(pointer, '/'))]
	}
	return pointer
}

// List returns the faults in the order in which they were added; nil if there are
// none. If there are more than MaxFaults, a last one tells how many are missing.
func (f *Faults) List() []Fault {
	if f.count <= MaxFaults {
		return f.list
	}
	rest := Fault{"", fmt.Sprintf("%d more faults are not listed", f.count-MaxFaults)}
	return append(slices.Clip(f.list), rest)
}

// Empty reports whether there are no faults.
func (f *Faults) Empty() bool { return f.count == 0 }

// Value is a JSON value and its position in a document. A reader such as Text adds
// a fault and returns false if the value is not of its type.
type Value struct {
	raw     jsontext.Value
	pointer string
	faults  *Faults
}

// Parse parses data as exactly one JSON value, nested at most 10,000 deep. For
// malformed input it adds one fault and returns false.
func Parse(data []byte, faults *Faults) (Value, bool) {
	if len(bytes.Trim(data, whiteSpace)) == 0 {
		faults.Add("", "the body is empty; it must be one JSON value")
		return Value{}, false
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data))
	if err := decoder.SkipValue(); err != nil {
		if fault := encodingFault(data); fault != "" {
			faults.Add("", "%s", fault)
		} else {
			faults.Add(syntaxFault(err))
		}
		return Value{}, false
	}
	end := decoder.InputOffset()
	if rest := bytes.TrimLeft(data[end:], whiteSpace); len(rest) > 0 {
		faults.Add("", "something follows the JSON value at byte %d", len(data)-len(rest))
		return Value{}, false
	}
	return Value{bytes.TrimLeft(data[:end], whiteSpace), "", faults}, true
}

// whiteSpace is the white space of JSON. Unicode has more.
const whiteSpace = " \t\r\n"

// encodingFault describes malformed text that is in another encoding than plain UTF-8;
// "" for any other.
func encodingFault(data []byte) string {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return "begins with a byte order mark; send UTF-8 without one"
	}
	// JSON begins with ASCII, which other encodings pad with zero bytes. The byte order
	// mark in front of it is not UTF-8: a gateway may have replaced it.
	text := bytes.TrimLeft(data, "\ufffd")
	if len(text) > 1 && (text[0] == 0 || text[1] == 0) {
		return "is in UTF-16 or UTF-32; send UTF-8"
	}
	return ""
}

// syntaxFault describes a syntax error without quoting the input.
func syntaxFault(err error) (pointer, detail string) {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "", "the JSON text ends too early"
	}
	pointer = string(syntactic.JSONPointer)
	// The text of the error itself has the pointer, which the caller controls.
	reason := syntactic.Err.Error()
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return pointer, "duplicate name in the object"
	case strings.Contains(reason, "UTF-8"):
		return pointer, fmt.Sprintf("invalid UTF-8 at byte %d", syntactic.ByteOffset)
	case strings.Contains(reason, "surrogate"):
		return pointer, fmt.Sprintf("a lone surrogate at byte %d", syntactic.ByteOffset)
	case strings.Contains(reason, "max depth"):
		return "", fmt.Sprintf("nested too deep at byte %d", syntactic.ByteOffset)
	}
	return pointer, fmt.Sprintf("malformed JSON at byte %d", syntactic.ByteOffset)
}

// At returns data, which must be valid JSON, as a value at pointer.
func At(data []byte, pointer string, faults *Faults) Value {
	return Value{jsontext.Value(data), pointer, faults}
}

// Raw returns the value's text. It shares memory with the parsed data.
func (v Value) Raw() []byte { return v.raw }

// Pointer returns the value's JSON Pointer.
func (v Value) Pointer() string { return v.pointer }

// Fault adds a fault at this value.
func (v Value) Fault(format string, args ...any) { v.faults.Add(v.pointer, format, args...) }

// FaultBelow adds a fault at pointer, relative to this value.
func (v Value) FaultBelow(pointer, format string, args ...any) {
	v.faults.Add(v.pointer+pointer, format, args...)
}

// FaultCount returns the number of faults so far, anywhere in the document. A
// reader compares it before and after.
func (v Value) FaultCount() int { return v.faults.count }

// FaultAfter returns the fault that followed the first n, anywhere in the document, and
// false if there is none. Of a fault that is not listed only the presence is known.
func (v Value) FaultAfter(n int) (Fault, bool) {
	if n < len(v.faults.list) {
		return v.faults.list[n], true
	}
	return Fault{v.pointer, "breaks a rule"}, n < v.faults.count
}

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.raw.Kind() == 'n' }

// IsString reports whether the value is a string.
func (v Value) IsString() bool { return v.raw.Kind() == '"' }

// IsNumber reports whether the value is a number.
func (v Value) IsNumber() bool { return v.raw.Kind() == '0' }

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool { return v.raw.Kind() == '{' }

// Text reads a string of shortest to longest characters, not bytes.
func (v Value) Text(shortest, longest int) (string, bool) {
	if !v.IsString() {
		v.Fault("must be a string")
		return "", false
	}
	var s string
	if err := json.Unmarshal(v.raw, &s); err != nil {
		v.Fault("must be a string")
		return "", false
	}
	if n := utf8.RuneCountInString(s); n < shortest || n > longest {
		if n < shortest && shortest == 1 {
			v.Fault("must not be empty")
		} else {
			v.Fault("must have %d to %d characters, has %d", shortest, longest, n)
		}
		return "", false
	}
	return s, true
}

// Is reports whether the value is the string text.
func (v Value) Is(text string) bool {
	var s string
	return v.IsString() && json.Unmarshal(v.raw, &s) == nil && s == text
}

// OneOf reads a string that equals one of choices.
func (v Value) OneOf(choices ...string) (string, bool) {
	for _, choice := range choices {
		if v.Is(choice) {
			return choice, true
		}
	}
	v.Fault("must be one of %s", strings.Join(choices, ", "))
	return "", false
}

// Int reads a whole number from low to high. 30.0 and 3e1 are whole numbers.
func (v Value) Int(low, high int) (int, bool) {
	if v.IsNumber() {
		n, err := strconv.ParseFloat(string(v.raw), 64)
		if err == nil && n == math.Trunc(n) && n >= float64(low) && n <= float64(high) {
			return int(n), true
		}
	}
	v.Fault("must be a whole number from %d to %d", low, high)
	return 0, false
}

// Float reads a number above low and at most high.
func (v Value) Float(low, high float64) (float64, bool) {
	if v.IsNumber() {
		n, err := strconv.ParseFloat(string(v.raw), 64)
		if err == nil && n > low && n <= high {
			return n, true
		}
	}
	v.Fault("must be a number above %g, at most %g", low, high)
	return 0, false
}

// Bool reads true or false.
func (v Value) Bool() (value, ok bool) {
	switch v.raw.Kind() {
	case 't':
		return true, true
	case 'f':
		return false, true
	default:
		v.Fault("must be true or false")
		return false, false
	}
}

// List reads the elements of an array.
func (v Value) List() ([]Value, bool) {
	if v.raw.Kind() != '[' {
		v.Fault("must be an array")
		return nil, false
	}
	var values []Value
	decoder := v.decoder()
	for decoder.PeekKind() != ']' {
		raw, err := decoder.ReadValue()
		if err != nil {
			v.Fault("must be an array")
			return nil, false
		}
		values = append(values, Value{slices.Clip(raw), v.pointer + "/" + strconv.Itoa(len(values)), v.faults})
	}
	return values, true
}

// decoder returns a decoder after the opening bracket of v. Parse has checked for
// duplicate names, so it does not check again at each level. It reads a
// bytes.Buffer in place, so values share v's memory.
func (v Value) decoder() *jsontext.Decoder {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(v.raw), jsontext.AllowDuplicateNames(true))
	_, _ = decoder.ReadToken()
	return decoder
}

// Object is a JSON object whose members are taken by name. Done reports members
// that were not taken.
type Object struct {
	Value
	names   []string
	members map[string]Value
	taken   map[string]bool
}

// Object reads an object.
func (v Value) Object() (*Object, bool) {
	if !v.IsObject() {
		v.Fault("must be an object")
		return nil, false
	}
	o := &Object{Value: v, members: map[string]Value{}, taken: map[string]bool{}}
	decoder := v.decoder()
	for decoder.PeekKind() != '}' {
		token, err := decoder.ReadToken()
		if err != nil {
			v.Fault("must be an object")
			return nil, false
		}
		name := token.String()
		raw, err := decoder.ReadValue()
		if err != nil {
			v.Fault("must be an object")
			return nil, false
		}
		o.names = append(o.names, name)
		o.members[name] = Value{slices.Clip(raw), v.pointer + "/" + escape.Replace(name), v.faults}
	}
	return o, true
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// Take returns the member called name. It may be null.
func (o *Object) Take(name string) (Value, bool) {
	o.taken[name] = true
	v, ok := o.members[name]
	return v, ok
}

// Need is Take for a required member: if it is absent, Need adds a fault at its
// pointer.
func (o *Object) Need(name string) (Value, bool) {
	v, ok := o.Take(name)
	if !ok {
		o.faults.Add(o.pointer+"/"+escape.Replace(name), "is required")
	}
	return v, ok
}

// DropNulls treats members that are null as absent.
func (o *Object) DropNulls() {
	o.names = slices.DeleteFunc(o.names, func(name string) bool { return o.members[name].IsNull() })
	maps.DeleteFunc(o.members, func(_ string, member Value) bool { return member.IsNull() })
}

// Names returns the names of the members in source order.
func (o *Object) Names() []string { return o.names }

// Ignore takes the members called names, whatever they are.
func (o *Object) Ignore(names ...string) {
	for _, name := range names {
		o.taken[name] = true
	}
}

// Done adds a fault for each member that was not taken. The fault lists allowed.
func (o *Object) Done(allowed ...string) {
	for _, name := range o.names {
		if o.taken[name] {
			continue
		}
		hint := ""
		if len(allowed) > 0 {
			hint = "; allowed here: " + strings.Join(allowed, ", ")
		}
		o.members[name].Fault("unknown field%s", hint)
	}
}
