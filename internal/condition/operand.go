package condition

import "strings"

// operand is a scalar other than null, with which a leaf compares values.
type operand struct {
	Value
	isInstant bool
	instant   instant // the text, if isInstant
}

func newOperand(v Value) operand {
	o := operand{Value: v}
	if v.kind == kindString {
		o.instant, o.isInstant = parseInstant(v.text)
	}
	return o
}

// Equals reports whether v and other are equal scalars, as eq compares them. Missing,
// null, arrays and objects equal nothing.
func (v Value) Equals(other Value) bool {
	o := newOperand(v)
	return v.kind > kindNull && v.kind < kindArray && o.equals(&other)
}

// equals reports whether actual equals the operand.
func (o *operand) equals(actual *Value) bool {
	if actual.kind != o.kind {
		return false
	}
	switch actual.kind {
	case kindNumber:
		return actual.number == o.number
	case kindString:
		if actual.text == o.text || !o.isInstant {
			return actual.text == o.text
		}
		at, ok := parseInstant(actual.text)
		return ok && at == o.instant
	default:
		return true
	}
}

// compare compares actual with the operand, a number or a string. ok is false if
// they are unordered.
func (o *operand) compare(actual *Value) (order int, ok bool) {
	if actual.kind != o.kind {
		return 0, false
	}
	if actual.kind == kindNumber {
		return actual.number.compare(o.number), true
	}
	at, isInstant := parseInstant(actual.text)
	switch {
	case isInstant != o.isInstant:
		return 0, false
	case isInstant:
		return at.compare(o.instant), true
	}
	return strings.Compare(actual.text, o.text), true
}

// isIn reports whether actual is an array with the operand as an element, or a
// string that holds the operand's text.
func (o *operand) isIn(actual *Value) bool {
	if actual.kind == kindString {
		return o.kind == kindString && strings.Contains(actual.text, o.text)
	}
	if actual.kind != kindArray {
		return false
	}
	s := scanner{text: actual.text, at: 1}
	for s.text[s.at] != ']' {
		switch s.text[s.at] {
		case ',':
			s.at++
		case '[', '{':
			s.skipNested()
		default:
			if element := s.value(); o.equals(&element) {
				return true
			}
		}
	}
	return false
}

// list is the operand of in. Long lists are hashed, so that the time of a lookup
// does not grow with their length.
type list struct {
	values   []operand // nil for more than maxLinear values
	numbers  map[number]bool
	texts    map[string]bool
	instants map[instant]bool
	longest  int // of the texts, in bytes
	kinds    [kindString + 1]bool
}

const maxLinear = 8

func newList(values []Value) *list {
	l := &list{}
	if len(values) <= maxLinear {
		for _, v := range values {
			l.values = append(l.values, newOperand(v))
		}
		return l
	}
	l.numbers, l.texts, l.instants = map[number]bool{}, map[string]bool{}, map[instant]bool{}
	for _, v := range values {
		o := newOperand(v)
		switch {
		case o.isInstant:
			l.instants[o.instant] = true
		case v.kind == kindNumber:
			l.numbers[v.number] = true
		case v.kind == kindString:
			l.texts[v.text] = true
			l.longest = max(l.longest, len(v.text))
		default:
			l.kinds[v.kind] = true
		}
	}
	return l
}

func (l *list) has(actual *Value) bool {
	for i := range l.values {
		if l.values[i].equals(actual) {
			return true
		}
	}
	switch actual.kind {
	case kindNumber:
		return l.numbers[actual.number]
	case kindString:
		if len(l.instants) > 0 {
			if at, ok := parseInstant(actual.text); ok {
				return l.instants[at]
			}
		}
		// Hashing takes time in proportion to the text, which may be long.
		return len(actual.text) <= l.longest && l.texts[actual.text]
	case kindFalse, kindTrue:
		return l.kinds[actual.kind]
	default:
		return false
	}
}
