package condition

import (
	"strconv"

	"journeys/internal/strict"
)

// Comparison says what kind of value a part of a condition compares a field with. Both
// kinds are true for an in with numbers and strings, neither for other operands.
type Comparison struct {
	Field      Field
	Name       string // the field as it was written
	Pointer    string // JSON Pointer of the part within the condition: "/all/0"; "" for all of it
	WithNumber bool
	WithText   bool
	Operands   []string // of eq, neq and in, as JSON
	Ordered    string   // the operand of gt, gte, lt or lte if it is a number written as a string; "" otherwise
}

// Comparisons returns what the condition compares fields with, in source order.
func (p *Program) Comparisons() []Comparison { return p.root.comparisons(nil, "") }

func (t *test) comparisons(list []Comparison, pointer string) []Comparison {
	if t.leaf != nil {
		return t.leaf.comparison(list, pointer)
	}
	pointer += "/" + operatorNames[t.group]
	for i := range t.tests {
		at := pointer
		if t.group != opNot {
			at += "/" + strconv.Itoa(i)
		}
		list = t.tests[i].comparisons(list, at)
	}
	return list
}

func (l *leaf) comparison(list []Comparison, pointer string) []Comparison {
	c := Comparison{Name: l.field, Pointer: pointer}
	c.Field, _ = ParseField(l.field)
	switch l.operator {
	case opExists, opContains: // of any kind, or an array
		return list
	case opIn:
		c.WithNumber, c.WithText = l.list.holdsKinds()
		members, _ := strict.At(l.want.AppendJSON(nil), "", &strict.Faults{}).List()
		for _, member := range members {
			c.Operands = append(c.Operands, string(member.Raw()))
		}
	case opStartsWith, opWithinLast, opWithinNext, opOlderThan:
		c.WithText = true
	default:
		c.WithNumber, c.WithText = l.want.kind == kindNumber, l.want.kind == kindString
		switch {
		case l.operator == opEq, l.operator == opNeq:
			c.Operands = []string{string(l.want.AppendJSON(nil))}
		case c.WithText && isNumber(l.want.text):
			c.Ordered = l.want.text
		}
	}
	return append(list, c)
}

// isNumber reports whether text is a number in JSON.
func isNumber(text string) bool {
	v, err := ParseValue([]byte(text))
	return err == nil && v.kind == kindNumber
}

// holdsKinds reports whether the list has numbers, and whether it has strings.
func (l *list) holdsKinds() (numbers, texts bool) {
	numbers, texts = len(l.numbers) > 0, len(l.texts)+len(l.instants) > 0
	for i := range l.values {
		numbers = numbers || l.values[i].kind == kindNumber
		texts = texts || l.values[i].kind == kindString
	}
	return numbers, texts
}
