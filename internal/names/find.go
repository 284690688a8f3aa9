package names

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/condition"
)

// Bounds of what one call is searched for, and of a name in a path.
const (
	MaxKeys   = 1000 // members of objects
	maxKey    = 64   // characters
	maxRun    = 6    // digits in a row
	maxDigits = 8    // in all; ids in hexadecimal have more
)

// Sample is what a caller sent of one event or customer.
type Sample struct {
	EventType  string
	Properties []byte // of the event, a JSON object; nil for none
	Attributes []byte // of the customer, a JSON object; nil for none
	Patch      bool   // Attributes are a merge patch: null removes a member
}

// finder finds the names in samples that are not known and for which there is room.
type finder struct {
	known Names
	left  budget
	found Names
	keys  int // that may still be looked at

	decoder jsontext.Decoder
	path    []byte // of the present object
	scratch []byte
}

// find returns the names in samples that should be stored beside known ones. It looks at
// MaxKeys keys at most. It allocates nothing for a name that is known.
func find(known Names, left budget, samples []Sample) Names {
	f := finder{known: known, left: left, keys: MaxKeys}
	for _, s := range samples {
		if f.keys <= 0 {
			break
		}
		if s.EventType != "" {
			f.event(s)
		}
		if s.Attributes != nil {
			f.attributes(s)
		}
	}
	return f.found
}

func (f *finder) event(s Sample) {
	f.keys--
	known, stored := f.known.Types[s.EventType]
	found, ok := f.found.Types[s.EventType]
	if !stored && !ok {
		if f.left.types == 0 || !take(&f.left.typeBytes, typeSize(s.EventType)) {
			return
		}
		f.left.types--
		if f.found.Types == nil {
			f.found.Types = map[string]Paths{}
		}
		f.found.Types[s.EventType] = nil
	}
	if s.Properties == nil {
		return
	}
	room := MaxProperties - len(known) - len(found)
	w := walk{finder: f, known: known, found: found, room: &room, bytes: &f.left.propertyBytes}
	w.object(s.Properties)
	if len(w.found) == 0 {
		return
	}
	if f.found.Types == nil {
		f.found.Types = map[string]Paths{}
	}
	f.found.Types[s.EventType] = w.found
}

func (f *finder) attributes(s Sample) {
	w := walk{
		finder: f, known: f.known.Attributes, found: f.found.Attributes,
		room: &f.left.attributes, bytes: &f.left.attributeBytes, noNull: s.Patch,
	}
	w.object(s.Attributes)
	f.found.Attributes = w.found
}

// walk goes through one object.
type walk struct {
	*finder
	known, found Paths
	room, bytes  *int // that are left for found
	noNull       bool
}

func (w *walk) object(object []byte) {
	w.decoder.Reset(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	w.path = w.path[:0]
	w.members(&w.decoder, 1)
}

// members reads an object whose names are the depth-th of a path. It returns false when
// nothing more should be read.
func (w *walk) members(d *jsontext.Decoder, depth int) bool {
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	length := len(w.path)
	for d.PeekKind() == '"' {
		if w.keys--; w.keys < 0 {
			return false
		}
		quoted, err := d.ReadValue()
		if err != nil {
			return false
		}
		key := w.unquote(quoted)
		if !isName(key) || !w.enter(key, depth) {
			if d.SkipValue() != nil {
				return false
			}
			continue
		}
		if !w.value(d, depth) {
			return false
		}
		w.path = w.path[:length]
	}
	_, err := d.ReadToken()
	return err == nil
}

func (w *walk) unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	w.scratch, _ = jsontext.AppendUnquote(w.scratch[:0], quoted) // valid: the decoder read it
	return w.scratch
}

// enter appends a name to the path. It returns false if the path would be too long.
func (w *walk) enter(key []byte, depth int) bool {
	if len(w.path)+len(key)+len(`[""]`) > condition.MaxField {
		return false
	}
	w.path = appendName(w.path, key, depth == 1)
	return true
}

// appendName appends a name to a path as conditions spell it: in brackets if it has dots,
// or if it is the first and the name of a source.
func appendName(path, key []byte, first bool) []byte {
	if bytes.IndexByte(key, '.') >= 0 || first && condition.IsSource(string(key)) {
		path = append(append(path, `["`...), key...)
		return append(path, `"]`...)
	}
	if !first {
		path = append(path, '.')
	}
	return append(path, key...)
}

// value reads the value at the path.
func (w *walk) value(d *jsontext.Decoder, depth int) bool {
	switch d.PeekKind() {
	case '{':
		w.note(Object)
		if depth < MaxDepth {
			return w.members(d, depth+1)
		}
	case '[':
		w.note(Array)
	case '"':
		text, err := d.ReadValue()
		if err != nil {
			return false
		}
		kind := String
		if condition.IsTime(text[1 : len(text)-1]) {
			kind = Date
		}
		w.note(kind)
		return true
	case 't', 'f':
		w.note(Boolean)
	case '0':
		w.note(Number)
	case 'n':
		if !w.noNull {
			w.note(Null)
		}
	default: // not a value: SkipValue fails
	}
	return d.SkipValue() == nil
}

// note adds the path to what is found.
func (w *walk) note(kind Kinds) {
	known, stored := w.known[string(w.path)]
	found, ok := w.found[string(w.path)]
	if (known|found)&kind == kind {
		return
	}
	path := string(w.path)
	if !stored && !ok {
		if *w.room <= 0 || !take(w.bytes, pathSize(path)) {
			return
		}
		*w.room--
	}
	if w.found == nil {
		w.found = Paths{}
	}
	w.found[path] = found | kind
}

// isName reports whether a key looks like a name. Other keys may be ids, addresses and
// the like, which can be personal data.
func isName(key []byte) bool {
	characters, digits, run := 0, 0, 0
	for rest := key; len(rest) > 0; characters++ {
		c, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		isDigit := unicode.IsDigit(c)
		switch {
		case c == '_' || unicode.IsLetter(c):
		case characters == 0:
			return false
		case isDigit:
			digits++
		case c != '.' && c != '-' && c != ' ' && !unicode.IsMark(c):
			return false
		}
		if run++; !isDigit {
			run = 0
		}
		if run > maxRun || digits > maxDigits {
			return false
		}
	}
	return characters > 0 && characters <= maxKey
}
