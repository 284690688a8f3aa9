// Package condition compiles conditions once and evaluates them many times,
// without allocation and in bounded time: what it accepts holds no loop, no
// function and no call out. It knows JSON values and operators; it must not
// know journeys, nodes or where facts come from.
package condition

import "strings"

// Limits of one condition; Compile refuses what is beyond.
const (
	MaxDepth     = 8   // groups inside each other
	MaxLeaves    = 64  // an empty group counts as one
	MaxField     = 256 // characters
	MaxSegments  = 8   // names in a field's path
	MaxList      = 200 // values of an "in"
	MaxTextValue = 256 // characters of a string to compare with
)

// Facts are what a condition reads. Each may be missing.
type Facts struct {
	Attributes Value // the customer's
	Event      Value // properties of the event that started the journey: "event.*"
	Decision   Value // answers by node id: "decision.<nodeId>.*"
}

// Program is a compiled condition. It may be used by many at once.
type Program struct {
	root  test
	steps []step
	first int // step to begin at, or an outcome
	reads [][]string
}

// Eval reports whether the condition holds. Numbers compare as numbers,
// strings by their bytes; gt, gte, lt and lte compare two strings as instants
// when both are RFC 3339 times with at most nine digits of a second's fraction.
// Values of unlike types are unequal and in no order. A missing field, or one
// that is null, is false except for neq, and for exists with value false.
func (p *Program) Eval(f *Facts) bool {
	at := p.first
	for at >= 0 {
		s := &p.steps[at]
		if s.leaf.holds(s.leaf.actual(f)) {
			at = s.yes
		} else {
			at = s.no
		}
	}
	return at == outcomeTrue
}

// Reads returns the path of every field that the condition names, in the order
// in which they stand, with a leading "decision" or "event". The caller must
// not change it.
func (p *Program) Reads() [][]string { return p.reads }

// operator is what a test does. The groups are operators too.
type operator uint8

const (
	opAll operator = iota
	opAny
	opEq
	opNeq
	opGt
	opGte
	opLt
	opLte
	opIn
	opExists
)

var operatorNames = [...]string{"all", "any", "eq", "neq", "gt", "gte", "lt", "lte", "in", "exists"}

// leafOperators are the names that "operator" may have.
var leafOperators = operatorNames[opEq:]

// test is a group of tests or a leaf, as the condition was written.
type test struct {
	group operator // opAll or opAny, unless there is a leaf
	tests []test
	leaf  *leaf
}

type leaf struct {
	operator    operator
	source      source
	isInstant   bool    // whether want is one, for gt, gte, lt and lte
	path        []name  // inside the source
	want        Value   // the value to compare with, true for an exists without one
	wantInstant instant // of want
	list        *list   // for in
	field       string
}

// step is a leaf, and where its two answers lead: to another step or to an
// outcome. So a walk from step to step looks at no leaf that cannot matter.
type step struct {
	leaf    *leaf
	yes, no int
}

// The outcomes.
const (
	outcomeTrue  = -1
	outcomeFalse = -2
)

// link adds the steps of t, last first, and returns where it begins.
func (p *Program) link(t *test, yes, no int) (first int) {
	if t.leaf != nil {
		p.steps = append(p.steps, step{t.leaf, yes, no})
		return len(p.steps) - 1
	}
	first = yes
	if t.group == opAny {
		first = no
	}
	for i := len(t.tests) - 1; i >= 0; i-- {
		if t.group == opAll {
			first = p.link(&t.tests[i], first, no)
		} else {
			first = p.link(&t.tests[i], yes, first)
		}
	}
	return first
}

// source is the fact that a field's path begins in.
type source uint8

const (
	fromAttributes source = iota
	fromEvent
	fromDecision
)

func (l *leaf) actual(f *Facts) *Value {
	switch l.source {
	case fromEvent:
		return f.Event.at(l.path)
	case fromDecision:
		return f.Decision.at(l.path)
	default:
		return f.Attributes.at(l.path)
	}
}

func (l *leaf) holds(actual *Value) bool {
	switch l.operator {
	case opExists:
		return (actual.kind > kindNull) == (l.want.kind == kindTrue)
	case opEq:
		return equal(actual, &l.want)
	case opNeq:
		return !equal(actual, &l.want)
	case opIn:
		return l.list.has(actual)
	default: // an order
	}
	order, ok := l.compare(actual)
	if !ok {
		return false
	}
	switch l.operator {
	case opGt:
		return order > 0
	case opGte:
		return order >= 0
	case opLt:
		return order < 0
	default:
		return order <= 0
	}
}

// compare orders actual and the wanted value; false when there is no order.
func (l *leaf) compare(actual *Value) (order int, ok bool) {
	if actual.kind != l.want.kind {
		return 0, false
	}
	if actual.kind == kindNumber {
		return actual.number.compare(l.want.number), true
	}
	if l.isInstant {
		if at, ok := parseInstant(actual.text); ok {
			return at.compare(l.wantInstant), true
		}
	}
	return strings.Compare(actual.text, l.want.text), true
}

// equal compares with a scalar that is not null.
func equal(actual, want *Value) bool {
	if actual.kind != want.kind {
		return false
	}
	switch actual.kind {
	case kindNumber:
		return actual.number == want.number
	case kindString:
		return actual.text == want.text
	default:
		return true
	}
}

// list is what in looks into. Longer ones are hashed, so that the time to look
// does not grow with them.
type list struct {
	values  []Value // when there are at most maxLinear, else nil
	numbers map[number]bool
	texts   map[string]bool
	longest int // bytes of the longest text
	kinds   [kindString + 1]bool
}

const maxLinear = 8

func newList(values []Value) *list {
	if len(values) <= maxLinear {
		return &list{values: values}
	}
	l := &list{numbers: map[number]bool{}, texts: map[string]bool{}}
	for i := range values {
		v := &values[i]
		switch v.kind {
		case kindNumber:
			l.numbers[v.number] = true
		case kindString:
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
		if equal(actual, &l.values[i]) {
			return true
		}
	}
	switch actual.kind {
	case kindNumber:
		return l.numbers[actual.number]
	case kindString:
		// Hashing takes as long as the text is, which only its owner bounds.
		return len(actual.text) <= l.longest && l.texts[actual.text]
	case kindFalse, kindTrue:
		return l.kinds[actual.kind]
	default:
		return false
	}
}
