// Package strict reads callers' JSON without forgiving anything: names are
// case-exact, a name may stand once, text is valid UTF-8 without lone
// surrogates, and what is wrong is collected with the JSON Pointer of each
// place, so that an answer can name all faults at once. It knows JSON and
// nothing of what the values mean.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault is one thing that is wrong with an input.
type Fault struct {
	Pointer string // RFC 6901, "" is the whole document
	Detail  string // one sentence for a person, without the value itself
}

// Limits of what is said about one input, so that the answer to a hostile one
// is not many times as long as the input.
const (
	MaxFaults  = 1000 // listed; the others are counted
	MaxPointer = 1024 // bytes; beyond, the pointer names an enclosing value
)

// Faults collects what is wrong. The zero value is empty and ready.
type Faults struct {
	list  []Fault
	count int
}

// Add notes a fault at pointer.
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

// List returns the faults in the order in which they were found; nil when
// there are none. Beyond MaxFaults, one more says how many are not listed.
func (f *Faults) List() []Fault {
	if f.count <= MaxFaults {
		return f.list
	}
	rest := Fault{"", fmt.Sprintf("%d more faults are not listed", f.count-MaxFaults)}
	return append(slices.Clip(f.list), rest)
}

// Empty reports whether nothing is wrong.
func (f *Faults) Empty() bool { return f.count == 0 }

// Value is one JSON value and where it stands. Its readers note a fault and
// return false when the value is not what they read.
type Value struct {
	raw     jsontext.Value
	pointer string
	faults  *Faults
}

// Parse reads data as exactly one JSON value, nested at most 10,000 deep. On
// malformed input it notes one fault and returns false.
func Parse(data []byte, faults *Faults) (Value, bool) {
	if len(bytes.Trim(data, whiteSpace)) == 0 {
		faults.Add("", "the body is empty; it must be one JSON value")
		return Value{}, false
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data))
	if err := decoder.SkipValue(); err != nil {
		faults.Add(syntaxFault(err))
		return Value{}, false
	}
	end := decoder.InputOffset()
	if rest := bytes.TrimLeft(data[end:], whiteSpace); len(rest) > 0 {
		faults.Add("", "something follows the JSON value at byte %d", len(data)-len(rest))
		return Value{}, false
	}
	return Value{bytes.TrimLeft(data[:end], whiteSpace), "", faults}, true
}

// whiteSpace is what JSON allows between tokens; Unicode has more.
const whiteSpace = " \t\r\n"

// syntaxFault words a syntax error without echoing the input.
func syntaxFault(err error) (pointer, detail string) {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "", "the JSON text ends too early"
	}
	pointer = string(syntactic.JSONPointer)
	// The whole error's text holds the pointer, and so what a caller chose.
	reason := syntactic.Err.Error()
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return pointer, "this name stands twice in its object"
	case strings.Contains(reason, "UTF-8"):
		return pointer, fmt.Sprintf("invalid UTF-8 at byte %d", syntactic.ByteOffset)
	case strings.Contains(reason, "surrogate"):
		return pointer, fmt.Sprintf("a lone surrogate at byte %d", syntactic.ByteOffset)
	case strings.Contains(reason, "max depth"):
		return "", fmt.Sprintf("nested too deep at byte %d", syntactic.ByteOffset)
	}
	return pointer, fmt.Sprintf("malformed JSON at byte %d", syntactic.ByteOffset)
}

// At returns data, JSON that was checked before, as a value at pointer.
func At(data []byte, pointer string, faults *Faults) Value {
	return Value{jsontext.Value(data), pointer, faults}
}

// Raw returns the value's text. It shares memory with what was parsed.
func (v Value) Raw() []byte { return v.raw }

// Pointer returns where the value stands.
func (v Value) Pointer() string { return v.pointer }

// Fault notes that something is wrong with this value.
func (v Value) Fault(format string, args ...any) { v.faults.Add(v.pointer, format, args...) }

// FaultBelow notes that something is wrong with what is at pointer, as seen
// from this value.
func (v Value) FaultBelow(pointer, format string, args ...any) {
	v.faults.Add(v.pointer+pointer, format, args...)
}

// FaultCount returns how many faults have been noted so far, anywhere in the
// document: a reader compares it before and after.
func (v Value) FaultCount() int { return v.faults.count }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.raw.Kind() == 'n' }

// IsString reports whether the value is a string.
func (v Value) IsString() bool { return v.raw.Kind() == '"' }

// IsNumber reports whether the value is a number.
func (v Value) IsNumber() bool { return v.raw.Kind() == '0' }

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool { return v.raw.Kind() == '{' }

// Text reads a string of min to max characters (not bytes).
func (v Value) Text(min, max int) (string, bool) {
	if !v.IsString() {
		v.Fault("must be a string")
		return "", false
	}
	var s string
	if err := json.Unmarshal(v.raw, &s); err != nil {
		v.Fault("must be a string")
		return "", false
	}
	if n := utf8.RuneCountInString(s); n < min || n > max {
		if n < min && min == 1 {
			v.Fault("must not be empty")
		} else {
			v.Fault("must have %d to %d characters, has %d", min, max, n)
		}
		return "", false
	}
	return s, true
}

// OneOf reads a string that is one of choices.
func (v Value) OneOf(choices ...string) (string, bool) {
	if v.IsString() {
		if s, ok := v.Text(0, math.MaxInt); ok {
			for _, choice := range choices {
				if s == choice {
					return s, true
				}
			}
		}
	}
	v.Fault("must be one of %s", strings.Join(choices, ", "))
	return "", false
}

// Int reads a whole number from min to max. 30.0 and 3e1 are whole numbers.
func (v Value) Int(min, max int) (int, bool) {
	if v.IsNumber() {
		n, err := strconv.ParseFloat(string(v.raw), 64)
		if err == nil && n == math.Trunc(n) && n >= float64(min) && n <= float64(max) {
			return int(n), true
		}
	}
	v.Fault("must be a whole number from %d to %d", min, max)
	return 0, false
}

// Float reads a number that is more than above and at most max.
func (v Value) Float(above, max float64) (float64, bool) {
	if v.IsNumber() {
		n, err := strconv.ParseFloat(string(v.raw), 64)
		if err == nil && n > above && n <= max {
			return n, true
		}
	}
	v.Fault("must be a number above %g, at most %g", above, max)
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

// List reads an array's values.
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

// decoder returns one that stands behind the opening bracket. What it reads
// was checked by Parse, so that names are not compared again at each level. It
// reads a bytes.Buffer in place, so that values are parts of v's text.
func (v Value) decoder() *jsontext.Decoder {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(v.raw), jsontext.AllowDuplicateNames(true))
	_, _ = decoder.ReadToken()
	return decoder
}

// Object is a JSON object whose members are taken by name. What was never
// asked for is unknown.
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

// Take returns the member called name, null included.
func (o *Object) Take(name string) (Value, bool) {
	o.taken[name] = true
	v, ok := o.members[name]
	return v, ok
}

// Need is Take for a member that must be there: without it, it notes a fault
// at the member's place.
func (o *Object) Need(name string) (Value, bool) {
	v, ok := o.Take(name)
	if !ok {
		o.faults.Add(o.pointer+"/"+escape.Replace(name), "is required")
	}
	return v, ok
}

// Names returns the names in the order in which they stand.
func (o *Object) Names() []string { return o.names }

// Done notes a fault for each member that was never taken, naming what is
// allowed here.
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
