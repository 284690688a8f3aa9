package condition

import "unicode/utf8"

// MaxActual bounds an actual value that Explain shows in full, in bytes. A
// customer's attribute may be far longer, and many leaves may read it.
const MaxActual = 256

// Explain returns the condition with the actual values and the result of each part,
// as compact JSON. A leaf is {"field","operator","value","actual","result"},
// without actual if the field is missing, or {"event","since","result"}. A group is {"all":[...],"result"},
// {"any":[...],"result"} or {"not":{...},"result"} with all members, even those that
// Eval skips. An actual
// longer than MaxActual is a string, its beginning and "…", with "actualCut": true.
func (p *Program) Explain(f *Facts) []byte {
	dst, _ := p.root.explain(nil, f)
	return dst
}

func (t *test) explain(dst []byte, f *Facts) ([]byte, bool) {
	if t.leaf != nil {
		return t.leaf.explain(dst, f)
	}
	if t.group == opNot {
		dst, holds := t.tests[0].explain(append(dst, `{"not":`...), f)
		return appendResult(dst, !holds), !holds
	}
	// An empty "all" is true, an empty "any" is false.
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
	if l.happened != nil {
		return l.explainHappened(dst, f)
	}
	actual := l.actual(f)
	result := l.holds(actual, f)
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
