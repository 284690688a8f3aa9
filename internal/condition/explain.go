package condition

import "unicode/utf8"

// MaxActual is how long an actual value is shown in full by Explain, in bytes:
// a customer's attribute may be far longer, and stand in many leaves.
const MaxActual = 256

// Explain returns, as compact JSON, what Eval saw and why it came to its
// result. A leaf is {"field","operator","value","actual","result"}, where
// actual is absent when the field is missing; a group is {"all":[...],
// "result"} or {"any":[...],"result"} with all its members, also those that
// Eval need not look at. An actual longer than MaxActual is a string with its
// beginning and "…", beside "actualCut": true.
func (p *Program) Explain(f *Facts) []byte {
	dst, _ := p.root.explain(nil, f)
	return dst
}

func (t *test) explain(dst []byte, f *Facts) ([]byte, bool) {
	if t.leaf != nil {
		return t.leaf.explain(dst, f)
	}
	// An empty "all" holds, an empty "any" does not.
	result := t.group == opAll
	dst = append(dst, `{"`...)
	dst = append(dst, operatorNames[t.group]...)
	dst = append(dst, `":[`...)
	for i := range t.tests {
		if i > 0 {
			dst = append(dst, ',')
		}
		var holds bool
		dst, holds = t.tests[i].explain(dst, f)
		if holds != (t.group == opAll) {
			result = holds
		}
	}
	return appendResult(append(dst, ']'), result), result
}

func (l *leaf) explain(dst []byte, f *Facts) ([]byte, bool) {
	actual := l.actual(f)
	result := l.holds(actual)
	dst = appendQuoted(append(dst, `{"field":`...), l.field)
	dst = append(dst, `,"operator":"`...)
	dst = append(dst, operatorNames[l.operator]...)
	dst = l.want.AppendJSON(append(dst, `","value":`...))
	if !actual.Missing() {
		dst = appendActual(append(dst, `,"actual":`...), actual)
	}
	return appendResult(dst, result), result
}

func appendResult(dst []byte, result bool) []byte {
	if result {
		return append(dst, `,"result":true}`...)
	}
	return append(dst, `,"result":false}`...)
}

func appendActual(dst []byte, actual *Value) []byte {
	if len(actual.text) <= MaxActual {
		return actual.AppendJSON(dst)
	}
	end := MaxActual
	for !utf8.RuneStart(actual.text[end]) {
		end--
	}
	dst = appendQuoted(dst, actual.text[:end]+"…")
	return append(dst, `,"actualCut":true`...)
}
