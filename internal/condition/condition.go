// Package condition compiles conditions once and evaluates them many times,
// without allocation and in bounded time: the language has no loops, functions or
// calls. It knows JSON values and operators. It must not know journeys, nodes or
// where facts come from.
package condition

import "strings"

// Limits of a condition, enforced by Compile.
const (
	MaxDepth     = 8   // nested groups
	MaxLeaves    = 64  // an empty group counts as a leaf
	MaxField     = 256 // characters
	MaxSegments  = 8   // names in the path of a field
	MaxList      = 200 // values of "in"
	MaxTextValue = 256 // characters of a string value
)

// Facts holds the values that a condition reads. Each may be missing.
type Facts struct {
	Attributes Value // of the customer
	Event      Value // properties of the starting event: "event.*"
	Decision   Value // answers by node id: "decision.<nodeId>.*"
}

// Program is a compiled condition. It is immutable and safe for concurrent use.
type Program struct {
	root  test
	steps []step
	first int // step to begin at, or an outcome
	reads [][]string
}

// Eval reports whether the condition holds. Numbers compare as numbers, strings by
// their bytes. gt, gte, lt and lte compare two strings as instants if both are
// RFC 3339 times with at most nine fractional digits. Values of different types
// are unequal and unordered. With a missing or null field, only neq, and exists
// with value false, hold.
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

// Reads returns the path of every field in the condition, in source order. Paths
// into a decision or the event start with "decision" or "event". The caller must
// not modify the result.
func (p *Program) Reads() [][]string { return p.reads }

// operator is the operation of a test. Groups are operators too.
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

// leafOperators are the valid values of "operator".
var leafOperators = operatorNames[opEq:]

// test is a leaf or a group of tests, in the structure of the source.
type test struct {
	group operator // opAll or opAny, if leaf is nil
	tests []test
	leaf  *leaf
}

type leaf struct {
	operator    operator
	source      source
	isInstant   bool    // of gt, gte, lt and lte: whether want is an instant
	path        []name  // within the source
	want        Value   // the operand; true for an exists without a value
	wantInstant instant // want, if isInstant
	list        *list   // of in
	field       string
}

// step is a leaf with the step or outcome that follows each of its results. A walk
// along the steps evaluates no leaf that cannot change the outcome.
type step struct {
	leaf    *leaf
	yes, no int
}

// The outcomes. Steps are numbered from 0.
const (
	outcomeTrue  = -1
	outcomeFalse = -2
)

// link appends the steps of t, last first, and returns the first step of t.
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

// source is the fact in which a path starts.
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
	default: // ordering operators
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

// compare compares actual with want. ok is false if they are unordered.
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

// equal reports whether actual equals want, a scalar other than null.
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

// list is the operand of in. Long lists are hashed, so that the time of a lookup
// does not grow with their length.
type list struct {
	values  []Value // nil for more than maxLinear values
	numbers map[number]bool
	texts   map[string]bool
	longest int // of the texts, in bytes
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
		// Hashing takes time in proportion to the text, which may be long.
		return len(actual.text) <= l.longest && l.texts[actual.text]
	case kindFalse, kindTrue:
		return l.kinds[actual.kind]
	default:
		return false
	}
}
