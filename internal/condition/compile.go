package condition

import (
	"math"
	"slices"
	"strings"
	"time"

	"journeys/internal/strict"
)

// Compile compiles a condition: {"field","operator","value"}, {"event","since"},
// {"all":[...]}, {"any":[...]} or {"not":{...}}. It notes every fault and returns false if there
// is one.
//
// The value of in is an array of 1 to MaxList scalars; of exists, true (default)
// or false; of gt, gte, lt and lte, a number or a string, but none like "-30 days";
// of starts_with, a string; of within_last, within_next and older_than, a period
// such as {"value": 30, "unit": "days"}; of the others, a scalar.
// A scalar is a string of at most MaxTextValue characters, a number in the range
// of a float64, true or false. Null is not one, because exists tests for it.
// Arrays and objects are not, because they equal nothing.
func Compile(v strict.Value) (*Program, bool) { return compile(v, compiler{}) }

// CompileEntry is Compile for a condition that is tested before the customer enters. It
// refuses {"event","since":"entry"}.
func CompileEntry(v strict.Value) (*Program, bool) { return compile(v, compiler{beforeEntry: true}) }

func compile(v strict.Value, c compiler) (*Program, bool) {
	before := v.FaultCount()
	root := c.test(v, 0)
	if c.leaves > MaxLeaves {
		v.Fault("must have at most %d conditions inside, has %d", MaxLeaves, c.leaves)
	}
	if v.FaultCount() > before {
		return nil, false
	}
	p := &Program{root: root, reads: c.reads, events: c.events}
	p.first = p.link(&p.root, outcomeTrue, outcomeFalse)
	return p, true
}

type compiler struct {
	leaves int
	reads  []Field
	events []string

	beforeEntry bool // since "entry" is refused
}

// test compiles a condition inside that many groups.
func (c *compiler) test(v strict.Value, groups int) test {
	object, ok := v.Object()
	if !ok {
		return test{}
	}
	defer object.Done("field", "operator", "value", "event", "since", "all", "any", "not")
	var group strict.Value
	groupNames := []string{}
	op := opAll
	for _, candidate := range []operator{opAll, opAny, opNot} {
		if member, ok := object.Take(operatorNames[candidate]); ok {
			group, op = member, candidate
			groupNames = append(groupNames, operatorNames[candidate])
		}
	}
	switch len(groupNames) {
	case 0:
		if event, ok := object.Take("event"); ok {
			return test{leaf: c.happenedLeaf(object, event)}
		}
		return test{leaf: c.leaf(object)}
	case 1:
	default:
		v.Fault("must have one of %s", strings.Join(groupNames, " and "))
	}
	for _, name := range []string{"field", "operator", "value", "event", "since"} {
		if member, ok := object.Take(name); ok {
			member.Fault("must not be combined with all, any or not")
		}
	}
	if groups == MaxDepth {
		v.Fault("must not be nested more than %d deep", MaxDepth)
		return test{}
	}
	if op == opNot {
		return test{group: opNot, tests: []test{c.test(group, groups+1)}}
	}
	return c.group(group, op, groups+1)
}

func (c *compiler) group(v strict.Value, op operator, groups int) test {
	t := test{group: op}
	members, _ := v.List()
	if len(members) == 0 {
		c.leaves++
	}
	for _, member := range members {
		t.tests = append(t.tests, c.test(member, groups))
	}
	return t
}

func (c *compiler) leaf(object *strict.Object) *leaf {
	c.leaves++
	l := &leaf{}
	if v, ok := object.Need("field"); ok {
		c.field(l, v)
	}
	value, hasValue := object.Take("value")
	v, ok := object.Need("operator")
	if !ok {
		return l
	}
	name, ok := v.OneOf(leafOperators...)
	if !ok {
		return l
	}
	l.operator = operator(slices.Index(operatorNames[:], name))
	switch {
	case hasValue:
		l.value(value)
	case l.operator == opExists:
		l.want = operand{Value: Value{kind: kindTrue, text: "true"}}
	default:
		object.Need("value")
	}
	return l
}

func (c *compiler) field(l *leaf, v strict.Value) {
	text, ok := v.Text(1, MaxField)
	if !ok {
		return
	}
	field, fault := ParseField(text)
	if fault != "" {
		v.Fault("%s", fault)
		return
	}
	c.reads = append(c.reads, field)
	l.field, l.source, l.path = text, field.Source, newPath(field.Path)
}

// value compiles the operand of the leaf's operator.
func (l *leaf) value(v strict.Value) {
	switch l.operator {
	case opExists:
		if _, ok := v.Bool(); ok {
			l.want.Value, _ = ParseValue(v.Raw())
		}
	case opIn:
		l.readList(v)
	case opEq, opNeq, opContains:
		l.readScalar(v)
	case opStartsWith:
		if l.readScalar(v) && l.want.kind != kindString {
			v.Fault("must be a string for starts_with")
		}
	case opWithinLast, opWithinNext, opOlderThan:
		l.readPeriod(v)
	default:
		l.readOrdered(v)
	}
}

func (l *leaf) readScalar(v strict.Value) bool {
	value, ok := readScalar(v)
	l.want = newOperand(value)
	return ok
}

// readOrdered reads the operand of gt, gte, lt or lte.
func (l *leaf) readOrdered(v strict.Value) {
	switch ok := l.readScalar(v); {
	case !ok:
	case l.want.kind != kindNumber && l.want.kind != kindString:
		v.Fault("must be a number or a string for %s", operatorNames[l.operator])
	case isRelative(l.want.text) && l.want.kind == kindString:
		v.Fault(`must be a fixed value; to compare a date with the current time, use within_last, within_next or older_than with a value like {"value": 30, "unit": "days"}`)
	}
}

// isRelative reports whether text looks like a time relative to now: "now", "today",
// "-30 days", "+2h", "3 days ago", "P30D". Compared as text, it would be silently wrong.
func isRelative(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	if slices.Contains([]string{"now", "today", "tomorrow", "yesterday"}, text) ||
		strings.HasPrefix(text, "now-") || strings.HasPrefix(text, "now+") || strings.HasSuffix(text, " ago") {
		return true
	}
	if period, ok := strings.CutPrefix(text, "p"); ok { // ISO 8601
		period = strings.TrimPrefix(period, "t")
		return period != "" && digits(period[:1]) >= 0 && strings.Contains("ymwdhs", period[len(period)-1:])
	}
	rest := strings.TrimLeft(text, "+-")
	unit := strings.TrimLeft(rest, " 0123456789")
	if rest == text || unit == rest {
		return false
	}
	for _, prefix := range []string{"s", "m", "h", "d", "w", "y"} {
		if strings.HasPrefix(unit, prefix) {
			return true
		}
	}
	return false
}

var periodUnits = map[string]time.Duration{"minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}

// readPeriod reads {"value","unit"}.
func (l *leaf) readPeriod(v strict.Value) {
	if !v.IsObject() {
		v.Fault(`must be a period such as {"value": 30, "unit": "days"}`)
		return
	}
	object, _ := v.Object()
	defer object.Done("value", "unit")
	unit := 24 * time.Hour
	if member, ok := object.Need("unit"); ok {
		if name, ok := member.OneOf("minutes", "hours", "days"); ok {
			unit = periodUnits[name]
		}
	}
	if member, ok := object.Need("value"); ok {
		const longest = MaxPeriod * 24 * time.Hour
		n, _ := member.Float(0, float64(longest/unit))
		l.period = time.Duration(math.Round(n * float64(unit)))
	}
	l.want.Value, _ = ParseValue(v.Raw())
}

func (l *leaf) readList(v strict.Value) {
	members, ok := v.List()
	if !ok {
		return
	}
	if len(members) == 0 || len(members) > MaxList {
		v.Fault("must have 1 to %d values, has %d", MaxList, len(members))
	}
	values := make([]Value, len(members))
	for i, member := range members {
		values[i], _ = readScalar(member)
	}
	l.list = newList(values)
	l.want.Value, _ = ParseValue(v.Raw())
}

// readScalar reads a scalar, as Compile defines it.
func readScalar(v strict.Value) (Value, bool) {
	if v.IsString() {
		if _, ok := v.Text(0, MaxTextValue); !ok {
			return Value{}, false
		}
	}
	value, err := ParseValue(v.Raw())
	switch {
	case err == nil && value.kind == kindNull:
		v.Fault("must not be null; to test that a field is missing, use exists with value false")
	case err != nil || value.kind == kindArray || value.kind == kindObject:
		v.Fault("must be a string, a number, true or false")
	case value.kind == kindNumber && value.number.infinite():
		v.Fault("must be a number in the range of a 64-bit float")
	default:
		return value, true
	}
	return Value{}, false
}
