package condition

import (
	"slices"
	"strings"

	"journeys/internal/strict"
)

// Compile compiles a condition: {"field","operator","value"}, {"all":[...]} or
// {"any":[...]}. It notes every fault and returns false if there is one.
//
// The value of in is an array of 1 to MaxList scalars; of exists, true (default)
// or false; of gt, gte, lt and lte, a number or a string; of eq and neq, a scalar.
// A scalar is a string of at most MaxTextValue characters, a number in the range
// of a float64, true or false. Null is not one, because exists tests for it.
// Arrays and objects are not, because they equal nothing.
func Compile(v strict.Value) (*Program, bool) {
	before := v.FaultCount()
	c := compiler{}
	root := c.test(v, 0)
	if c.leaves > MaxLeaves {
		v.Fault("must have at most %d conditions inside, has %d", MaxLeaves, c.leaves)
	}
	if v.FaultCount() > before {
		return nil, false
	}
	p := &Program{root: root, reads: c.reads}
	p.first = p.link(&p.root, outcomeTrue, outcomeFalse)
	return p, true
}

type compiler struct {
	leaves int
	reads  [][]string
}

// test compiles a condition inside that many groups.
func (c *compiler) test(v strict.Value, groups int) test {
	object, ok := v.Object()
	if !ok {
		return test{}
	}
	defer object.Done("field", "operator", "value", "all", "any")
	all, isAll := object.Take("all")
	some, isAny := object.Take("any")
	if !isAll && !isAny {
		return test{leaf: c.leaf(object)}
	}
	if isAll && isAny {
		v.Fault("must have one of all and any, not both")
	}
	for _, name := range []string{"field", "operator", "value"} {
		if member, ok := object.Take(name); ok {
			member.Fault("must not be combined with all or any")
		}
	}
	if groups == MaxDepth {
		v.Fault("must not be nested more than %d deep", MaxDepth)
		return test{}
	}
	if isAll {
		return c.group(all, opAll, groups+1)
	}
	return c.group(some, opAny, groups+1)
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
		l.want = Value{kind: kindTrue, text: "true"}
	default:
		object.Need("value")
	}
	return l
}

func (c *compiler) field(l *leaf, v strict.Value) {
	field, ok := v.Text(1, MaxField)
	if !ok {
		return
	}
	path := strings.Split(field, ".")
	if slices.Contains(path, "") {
		v.Fault("must be names separated by single dots")
		return
	}
	if len(path) > MaxSegments {
		v.Fault("must be a path of at most %d names, has %d", MaxSegments, len(path))
		return
	}
	c.reads = append(c.reads, path)
	l.field, l.path = field, newPath(path)
	switch path[0] {
	case "event":
		l.source, l.path = fromEvent, l.path[1:]
	case "decision":
		l.source, l.path = fromDecision, l.path[1:]
	}
}

// value compiles the operand of the leaf's operator.
func (l *leaf) value(v strict.Value) {
	switch l.operator {
	case opExists:
		if _, ok := v.Bool(); ok {
			l.want, _ = ParseValue(v.Raw())
		}
	case opIn:
		l.readList(v)
	case opEq, opNeq:
		l.want, _ = readScalar(v)
	default:
		var ok bool
		if l.want, ok = readScalar(v); ok && l.want.kind != kindNumber && l.want.kind != kindString {
			v.Fault("must be a number or a string for %s", operatorNames[l.operator])
		}
		l.wantInstant, l.isInstant = parseInstant(l.want.text)
	}
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
	l.want, _ = ParseValue(v.Raw())
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
