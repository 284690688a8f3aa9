// Package condition compiles conditions once and evaluates them many times,
// without allocation and in bounded time: the language has no loops, functions or
// calls. It knows JSON values and operators. It must not know journeys, nodes or
// where facts come from.
package condition

import (
	"strings"
	"time"
)

// Limits of a condition, enforced by Compile.
const (
	MaxDepth     = 8      // nested groups
	MaxLeaves    = 64     // an empty group counts as a leaf
	MaxField     = 256    // characters
	MaxSegments  = 8      // names in the path of a field
	MaxList      = 200    // values of "in"
	MaxTextValue = 256    // characters of a string value
	MaxPeriod    = 36_500 // days of a within_last, within_next or older_than
)

// Facts holds the values that a condition reads. Each may be missing.
type Facts struct {
	Attributes  Value     // of the customer
	Event       Value     // properties of the event at hand, mostly the starting one: "event.*"
	EntryEvent  Value     // properties of the starting event: "entryEvent.*"
	Decision    Value     // answers by node id: "decision.<nodeId>.*"
	Step        Value     // how each node ended, by node id: "step.<nodeId>.*"
	Unsubscribe Value     // from the message at hand: "unsubscribe.url"
	Now         time.Time // for within_last, within_next, older_than and the period of an event

	LastEvents map[string]time.Time // when the customer last caused each event, by type
	Entered    time.Time            // when the customer entered, for an event since then
}

// Get returns the value of a field; missing if there is none.
func (f *Facts) Get(field Field) Value { return f.source(field.Source).Get(field.Path...) }

func (f *Facts) source(s Source) *Value {
	switch s {
	case Event:
		return &f.Event
	case EntryEvent:
		return &f.EntryEvent
	case Decision:
		return &f.Decision
	case Step:
		return &f.Step
	case Unsubscribe:
		return &f.Unsubscribe
	default:
		return &f.Attributes
	}
}

// Program is a compiled condition. It is immutable and safe for concurrent use.
type Program struct {
	root  test
	steps []step
	first int // step to begin at, or an outcome
	reads []Field

	events []string
}

// Eval reports whether the condition holds. Numbers compare as numbers, dates and
// times as instants (parseInstant lists their forms), other strings by their bytes.
// Values of different types are unequal and unordered, and so are a date and a
// string that is none. With a missing or null field, only neq, and exists with
// value false, hold.
func (p *Program) Eval(f *Facts) bool {
	at := p.first
	for at >= 0 {
		s := &p.steps[at]
		if s.leaf.holds(s.leaf.actual(f), f) {
			at = s.yes
		} else {
			at = s.no
		}
	}
	return at == outcomeTrue
}

// Reads returns every field in the condition, in source order. The caller must not
// modify the result.
func (p *Program) Reads() []Field { return p.reads }

// operator is the operation of a test. Groups are operators too.
type operator uint8

const (
	opAll operator = iota
	opAny
	opNot
	opEq
	opNeq
	opGt
	opGte
	opLt
	opLte
	opIn
	opExists
	opContains
	opStartsWith
	opWithinLast
	opWithinNext
	opOlderThan

	opHappened // of a leaf {"event","since"}, which names no operator
)

var operatorNames = [...]string{
	"all", "any", "not", "eq", "neq", "gt", "gte", "lt", "lte", "in", "exists",
	"contains", "starts_with", "within_last", "within_next", "older_than",
}

// leafOperators are the valid values of "operator".
var leafOperators = operatorNames[opEq:]

// test is a leaf or a group of tests, in the structure of the source.
type test struct {
	group operator // opAll, opAny or opNot, if leaf is nil
	tests []test   // one of opNot
	leaf  *leaf
}

type leaf struct {
	operator operator
	source   Source
	path     []name        // within the source
	want     operand       // true for an exists without a value
	list     *list         // of in
	period   time.Duration // of within_last, within_next and older_than
	field    string
	happened *happened // of opHappened
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
	if t.group == opNot {
		return p.link(&t.tests[0], no, yes)
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

func (l *leaf) actual(f *Facts) *Value { return f.source(l.source).at(l.path) }

func (l *leaf) holds(actual *Value, f *Facts) bool {
	switch l.operator {
	case opExists:
		return (actual.kind > kindNull) == (l.want.kind == kindTrue)
	case opEq:
		return l.want.equals(actual)
	case opNeq:
		return !l.want.equals(actual)
	case opIn:
		return l.list.has(actual)
	case opContains:
		return l.want.isIn(actual)
	case opStartsWith:
		return actual.kind == kindString && strings.HasPrefix(actual.text, l.want.text)
	case opWithinLast, opWithinNext, opOlderThan:
		return l.holdsAt(actual, f.Now)
	case opHappened:
		return l.happened.holds(f)
	default: // ordering operators
	}
	order, ok := l.want.compare(actual)
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

// holdsAt evaluates an operator that compares a date with now.
func (l *leaf) holdsAt(actual *Value, now time.Time) bool {
	if actual.kind != kindString {
		return false
	}
	at, ok := parseInstant(actual.text)
	if !ok {
		return false
	}
	today := instantOf(now)
	switch l.operator {
	case opWithinLast:
		return at.compare(today) <= 0 && at.compare(instantOf(now.Add(-l.period))) >= 0
	case opWithinNext:
		return at.compare(today) >= 0 && at.compare(instantOf(now.Add(l.period))) <= 0
	default:
		return at.compare(instantOf(now.Add(-l.period))) < 0
	}
}
