package condition_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

func TestEval_ComparesAsDocumented(t *testing.T) {
	t.Parallel()

	leaf := func(operator, value string) string {
		return `{"field":"x","operator":"` + operator + `","value":` + value + `}`
	}
	tests := []struct {
		name, condition, attributes string
		want                        bool
	}{
		{"equal strings", leaf("eq", `"a"`), `{"x":"a"}`, true},
		{"strings differ in case", leaf("eq", `"a"`), `{"x":"A"}`, false},
		{"equal strings, one escaped", leaf("eq", `"\u00e9"`), `{"x":"é"}`, true},
		{"the empty string is a value", leaf("eq", `""`), `{"x":""}`, true},
		{"equal numbers, written differently", leaf("eq", `100`), `{"x":1.0e2}`, true},
		{"zero equals negative zero", leaf("eq", `0`), `{"x":-0.0}`, true},
		{"true is true", leaf("eq", `true`), `{"x":true}`, true},
		{"true is not false", leaf("eq", `true`), `{"x":false}`, false},
		{"neq of equal values", leaf("neq", `1`), `{"x":1}`, false},
		{"neq of different values", leaf("neq", `1`), `{"x":2}`, true},

		{"gt above", leaf("gt", `5`), `{"x":5.5}`, true},
		{"gt at the bound", leaf("gt", `5`), `{"x":5}`, false},
		{"gte at the bound", leaf("gte", `5`), `{"x":5.0}`, true},
		{"gte below", leaf("gte", `5`), `{"x":4}`, false},
		{"lt below", leaf("lt", `5`), `{"x":-1e3}`, true},
		{"lt at the bound", leaf("lt", `5`), `{"x":5}`, false},
		{"lte at the bound", leaf("lte", `5`), `{"x":5}`, true},
		{"lte above", leaf("lte", `5`), `{"x":6}`, false},
		{"strings are ordered by bytes", leaf("lt", `"9"`), `{"x":"10"}`, true},
		{"upper case is before lower case", leaf("gt", `"Z"`), `{"x":"a"}`, true},
		{"a string is after its prefix", leaf("gt", `"ab"`), `{"x":"abc"}`, true},

		{"in a list", leaf("in", `["a","b"]`), `{"x":"b"}`, true},
		{"not in a list", leaf("in", `["a","b"]`), `{"x":"c"}`, false},
		{"in a list of several types", leaf("in", `["1",1.5,true]`), `{"x":true}`, true},
		{"in does not convert", leaf("in", `["1"]`), `{"x":1}`, false},
		{"an array is in no list", leaf("in", `["a"]`), `{"x":["a"]}`, false},
		{"a number in a long list", leaf("in", longList(200)), `{"x":199.0}`, true},
		{"a number not in a long list", leaf("in", longList(200)), `{"x":200}`, false},
		{"a string in a long list", leaf("in", longList(199)+`,"s"]`), `{"x":"s"}`, true},
		{"a string not in a long list", leaf("in", longList(199)+`,"s"]`), `{"x":"1"}`, false},
		{"true in a long list", leaf("in", longList(199)+`,true]`), `{"x":true}`, true},
		{"false not in a long list", leaf("in", longList(199)+`,true]`), `{"x":false}`, false},
		{"null not in a long list", leaf("in", longList(200)), `{"x":null}`, false},

		{"exists without a value", `{"field":"x","operator":"exists"}`, `{"x":0}`, true},
		{"exists true", leaf("exists", `true`), `{"x":false}`, true},
		{"exists true of an empty object", leaf("exists", `true`), `{"x":{}}`, true},
		{"exists true of a missing field", leaf("exists", `true`), `{}`, false},
		{"exists true of null", leaf("exists", `true`), `{"x":null}`, false},
		{"exists false of a present field", leaf("exists", `false`), `{"x":""}`, false},
		{"exists false of a missing field", leaf("exists", `false`), `{}`, true},
		{"exists false of null", leaf("exists", `false`), `{"x":null}`, true},

		{"an empty all", `{"all":[]}`, `{}`, true},
		{"an empty any", `{"any":[]}`, `{}`, false},
		{"all with true members", `{"all":[` + leaf("gt", `1`) + `,` + leaf("lt", `3`) + `]}`, `{"x":2}`, true},
		{"all with a false member", `{"all":[` + leaf("gt", `1`) + `,` + leaf("lt", `3`) + `]}`, `{"x":3}`, false},
		{"any with a true member", `{"any":[` + leaf("gt", `3`) + `,` + leaf("lt", `3`) + `]}`, `{"x":2}`, true},
		{"any with false members", `{"any":[` + leaf("gt", `3`) + `,` + leaf("lt", `3`) + `]}`, `{"x":3}`, false},
		{"all of an empty any", `{"all":[{"any":[]}]}`, `{}`, false},
		{"any of an empty all", `{"any":[{"any":[]},{"all":[]}]}`, `{}`, true},
		{"not of a true leaf", `{"not":` + leaf("gt", `1`) + `}`, `{"x":2}`, false},
		{"not of a missing field", `{"not":` + leaf("gt", `1`) + `}`, `{}`, true},
		{"not of any", `{"not":{"any":[` + leaf("eq", `1`) + `,` + leaf("eq", `2`) + `]}}`, `{"x":3}`, true},
		{"all with a not", `{"all":[{"not":` + leaf("eq", `1`) + `},{"not":{"not":` + leaf("eq", `2`) + `}}]}`, `{"x":2}`, true},

		{"a string contains", leaf("contains", `"b c"`), `{"x":"a b c"}`, true},
		{"a string does not contain in another case", leaf("contains", `"B"`), `{"x":"abc"}`, false},
		{"every string contains the empty one", leaf("contains", `""`), `{"x":"a"}`, true},
		{"an array contains a string", leaf("contains", `"b"`), `{"x":["a","b"]}`, true},
		{"an array's elements are compared whole", leaf("contains", `"b"`), `{"x":["ab","bc"]}`, false},
		{"an array contains a number", leaf("contains", `2`), `{"x":["2",[2],{"y":2},2.0]}`, true},
		{"nested values are not elements", leaf("contains", `2`), `{"x":["2",[2],{"y":2},null]}`, false},
		{"an array contains true", leaf("contains", `true`), `{"x":[1,true]}`, true},
		{"an array contains an instant", leaf("contains", `"2026-11-23"`), `{"x":["2026-11-23T01:00:00+01:00"]}`, true},
		{"a number contains nothing", leaf("contains", `1`), `{"x":1}`, false},
		{"an object contains nothing", leaf("contains", `"y"`), `{"x":{"y":"y"}}`, false},
		{"starts with", leaf("starts_with", `"+49"`), `{"x":"+4930"}`, true},
		{"does not start with", leaf("starts_with", `"49"`), `{"x":"+4930"}`, false},
		{"an array starts with nothing", leaf("starts_with", `"a"`), `{"x":["a"]}`, false},

		{"codes that are no periods", `{"all":[` + leaf("gt", `"T12G"`) + `,` + leaf("gte", `"T12H"`) + `,` + leaf("lt", `"pro"`) + `,` + leaf("lt", `"p1x"`) + `]}`, `{"x":"T12H"}`, true},

		{"groups in groups", `{"any":[{"all":[{"any":[` + leaf("eq", `1`) + `,` + leaf("eq", `2`) + `]},` + leaf("gt", `1`) + `]}]}`, `{"x":2}`, true},

		{"a path", `{"field":"a.b.c","operator":"eq","value":1}`, `{"a":{"b":{"c":1}}}`, true},
		{"a path into a scalar", `{"field":"a.b.c","operator":"neq","value":1}`, `{"a":{"b":1}}`, true},
		{"a path into an array", `{"field":"a.0","operator":"exists"}`, `{"a":[1]}`, false},
		{"attributes. is the same path", `{"field":"attributes.a.b","operator":"exists"}`, `{"a":{"b":1}}`, true},
		{"an attribute called attributes", `{"field":"attributes","operator":"eq","value":1}`, `{"attributes":1}`, true},
		{"an attribute called event", `{"field":"attributes.event.x","operator":"exists"}`, `{"event":{"x":1}}`, true},
		{"an attribute called event, in brackets", `{"field":"[\"event\"].x","operator":"exists"}`, `{"event":{"x":1}}`, true},
		{"a name with dots in brackets", `{"field":"[\"utm.source\"]","operator":"exists"}`, `{"utm.source":1}`, true},
		{"brackets within a path", `{"field":"a[\"b.c\"].d[\"\\\"\"]","operator":"exists"}`, `{"a":{"b.c":{"d":{"\"":1}}}}`, true},
		{"brackets after attributes", `{"field":"attributes[\"b.c\"]","operator":"exists"}`, `{"b.c":1}`, true},
		{"a name with a dot", `{"field":"a.b","operator":"exists"}`, `{"a.b":1}`, false},
		{"names are case-sensitive", `{"field":"A","operator":"exists"}`, `{"a":1}`, false},
		{"an escaped name", `{"field":"é","operator":"exists"}`, `{"\u00e9":1}`, true},
		{"a member of a wide object", `{"field":"n77","operator":"eq","value":77}`, wideObject(100), true},
		{"a missing member of a wide object", `{"field":"n100","operator":"exists"}`, wideObject(100), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, tt.want, holds(t, tt.condition, tt.attributes))
		})
	}
}

// longList returns an array of n numbers, without its closing bracket unless n is 200.
func longList(n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ",%d", i)
	}
	text := "[" + list.String()[1:]
	if n == condition.MaxList {
		text += "]"
	}
	return text
}

func wideObject(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"n%d":%d`, i, i)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func holds(tb tester, source, customer string) bool {
	tb.Helper()
	program, facts := compile(tb, source), attributes(tb, customer)
	result := program.Eval(facts)
	require.True(tb, strings.HasSuffix(string(program.Explain(facts)), fmt.Sprintf(`"result":%t}`, result)), "Explain has the same result")
	return result
}

func TestEval_UnlikeTypesAreUnequalAndUnordered(t *testing.T) {
	t.Parallel()

	values := map[string]string{"a string": `"1"`, "a number": `1`, "true": `true`, "false": `false`}
	others := map[string]string{"null": `null`, "an array": `[1]`, "an object": `{"a":1}`}
	for name, actual := range values {
		others[name] = actual
	}
	for wantName, want := range values {
		for name, actual := range others {
			if name == wantName {
				continue
			}
			t.Run(name+" and "+wantName, func(t *testing.T) {
				t.Parallel()

				for _, operator := range []string{"eq", "neq", "gt", "gte", "lt", "lte", "in"} {
					value := want
					switch {
					case operator == "in":
						value = "[" + want + "]"
					case operator[0] != 'e' && operator != "neq" && (want == "true" || want == "false"):
						continue
					}
					leaf := `{"field":"x","operator":"` + operator + `","value":` + value + `}`
					require.Equal(t, operator == "neq", holds(t, leaf, `{"x":`+actual+`}`), leaf)
				}
			})
		}
	}
}

func TestEval_MissingFieldIsFalseExceptForNeq(t *testing.T) {
	t.Parallel()

	for _, customer := range []string{`{}`, `{"x":null}`, `{"X":1}`} {
		for _, operator := range []string{"eq", "neq", "gt", "gte", "lt", "lte"} {
			for _, value := range []string{`1`, `"a"`, `""`, `0`} {
				leaf := `{"field":"x","operator":"` + operator + `","value":` + value + `}`
				require.Equal(t, operator == "neq", holds(t, leaf, customer), "%s of %s", leaf, customer)
			}
		}
		require.False(t, holds(t, `{"field":"x","operator":"in","value":[0,"",false]}`, customer))
	}
}

func TestEval_ReadsTheNamedFacts(t *testing.T) {
	t.Parallel()

	facts := &condition.Facts{
		Attributes: parse(t, `{"x":1,"event":{"x":1},"decision":{"n":{"x":1}},"step":{"n":{"x":1}}}`),
		Event:      parse(t, `{"x":2}`),
		Decision:   parse(t, `{"n":{"x":3}}`),
		Step:       parse(t, `{"n":{"x":4}}`),
	}
	tests := []struct {
		field string
		want  int
	}{
		{"x", 1}, {"event.x", 2}, {"decision.n.x", 3}, {"step.n.x", 4},
		{"attributes.step.n.x", 1},
	}
	for _, tt := range tests {
		program := compile(t, fmt.Sprintf(`{"field":%q,"operator":"eq","value":%d}`, tt.field, tt.want))
		require.True(t, program.Eval(facts), tt.field)
		require.False(t, program.Eval(&condition.Facts{}), tt.field)
	}
	for _, field := range []string{"event", "decision", "decision.n", "step", "step.n"} {
		program := compile(t, fmt.Sprintf(`{"field":%q,"operator":"exists"}`, field))
		require.True(t, program.Eval(facts), field)
		require.False(t, program.Eval(&condition.Facts{Attributes: facts.Attributes}), field)
	}
}

func TestReads_ListsEveryField(t *testing.T) {
	t.Parallel()

	program := compile(t, `{"all":[{"field":"a.b","operator":"exists"},{"any":[
		{"field":"decision.n1.offer","operator":"exists"},{"field":"event.x","operator":"exists"},{"field":"a.b","operator":"exists"}]}]}`)
	require.Equal(t, []condition.Field{
		{Source: condition.Attributes, Path: []string{"a", "b"}}, {Source: condition.Decision, Path: []string{"n1", "offer"}},
		{Source: condition.Event, Path: []string{"x"}}, {Source: condition.Attributes, Path: []string{"a", "b"}},
	}, program.Reads())
	require.Empty(t, compile(t, `{"any":[]}`).Reads())
}

func TestExplain_ShowsActualValues(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("é", condition.MaxActual/2)
	tests := []struct{ name, condition, attributes, want string }{
		{"a leaf",
			`{"operator":"gt","value":5,"field":"a.b"}`, `{"a":{"b":7.50}}`,
			`{"field":"a.b","operator":"gt","value":5,"actual":7.50,"result":true}`},
		{"a missing field has no actual",
			`{"field":"x","operator":"neq","value":"\u0061"}`, `{}`,
			`{"field":"x","operator":"neq","value":"a","result":true}`},
		{"a null field has one",
			`{"field":"x","operator":"exists"}`, `{"x":null}`,
			`{"field":"x","operator":"exists","value":true,"actual":null,"result":false}`},
		{"a list, and an array",
			`{"field":"x","operator":"in","value":[1, "b", true]}`, `{"x":[1, {"y" : 2}]}`,
			`{"field":"x","operator":"in","value":[1,"b",true],"actual":[1,{"y":2}],"result":false}`},
		{"groups show all their members",
			`{"any":[{"field":"x","operator":"exists"},{"all":[{"field":"y","operator":"exists"},{"field":"x","operator":"lt","value":"b"}]}]}`, `{"x":"a"}`,
			`{"any":[{"field":"x","operator":"exists","value":true,"actual":"a","result":true},` +
				`{"all":[{"field":"y","operator":"exists","value":true,"result":false},` +
				`{"field":"x","operator":"lt","value":"b","actual":"a","result":true}],"result":false}],"result":true}`},
		{"empty groups", `{"all":[{"any":[]}]}`, `{}`, `{"all":[{"any":[],"result":false}],"result":false}`},
		{"a text at the limit is shown in full",
			`{"field":"x","operator":"exists"}`, `{"x":"` + long + `"}`,
			`{"field":"x","operator":"exists","value":true,"actual":"` + long + `","result":true}`},
		{"a longer text is cut between characters",
			`{"field":"x","operator":"exists"}`, `{"x":"a` + long + `"}`,
			`{"field":"x","operator":"exists","value":true,"actual":"a` + strings.TrimSuffix(long, "é") + `…","actualCut":true,"result":true}`},
		{"a long object is cut as text",
			`{"field":"x","operator":"exists"}`, `{"x":{"a":"` + long + `"}}`,
			`{"field":"x","operator":"exists","value":true,"actual":"{\"a\":\"` + strings.Repeat("é", 125) + `…","actualCut":true,"result":true}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, tt.want, string(compile(t, tt.condition).Explain(attributes(t, tt.attributes))))
		})
	}
}

func TestCompile_LocatesEveryFault(t *testing.T) {
	t.Parallel()

	type fault struct{ Pointer, Detail string }
	type faults []fault
	const (
		operators = "must be one of eq, neq, gt, gte, lt, lte, in, exists, contains, starts_with, within_last, within_next, older_than"
		unknown   = "unknown field; allowed here: field, operator, value, event, since, all, any, not"
		beside    = "must not be combined with all, any or not"
		scalar    = "must be a string, a number, true or false"
		dots      = `must be names separated by single dots; a name with dots is written ["like.this"]`
		brackets  = `must close each name in brackets: ["like.this"]`
		relative  = `must be a fixed value; to compare a date with the current time, use within_last, within_next or older_than with a value like {"value": 30, "unit": "days"}`
		null      = "must not be null; to test that a field is missing, use exists with value false"
	)
	field := func(field string) string { return fmt.Sprintf(`{"field":%q,"operator":"exists"}`, field) }
	leaf := func(operator, value string) string {
		return `{"field":"x","operator":"` + operator + `","value":` + value + `}`
	}
	nested := func(depth int) string {
		return strings.Repeat(`{"all":[`, depth) + field("x") + strings.Repeat(`]}`, depth)
	}
	tests := []struct {
		name, condition string
		want            faults
	}{
		{"no object", `[]`, faults{{"", "must be an object"}}},
		{"null", `null`, faults{{"", "must be an object"}}},
		{"an empty object", `{}`, faults{{"/field", "is required"}, {"/operator", "is required"}}},
		{"an unknown operator", leaf("like", `1`), faults{{"/operator", operators}}},
		{"an operator in upper case", leaf("EQ", `1`), faults{{"/operator", operators}}},
		{"a group as operator", leaf("all", `1`), faults{{"/operator", operators}}},
		{"an unknown field", `{"field":"x","operator":"exists","nor":true}`, faults{{"/nor", unknown}}},
		{"a field in another case", `{"Field":"x","operator":"exists"}`, faults{{"/field", "is required"}, {"/Field", unknown}}},
		{"no value", `{"field":"x","operator":"eq"}`, faults{{"/value", "is required"}}},
		{"an empty field", field(""), faults{{"/field", "must not be empty"}}},
		{"a field of 257 characters", field(strings.Repeat("é", 257)), faults{{"/field", "must have 1 to 256 characters, has 257"}}},
		{"an empty segment", field("a..b"), faults{{"/field", dots}}},
		{"a leading dot", field(".a"), faults{{"/field", dots}}},
		{"a trailing dot", field("a."), faults{{"/field", dots}}},
		{"a field of nine names", field("a.b.c.d.e.f.g.h.i"), faults{{"/field", "must be a path of at most 8 names, has 9"}}},
		{"brackets without quotes", field("a[0]"), faults{{"/field", dots}}},
		{"an empty name in brackets", field(`a[""]`), faults{{"/field", dots}}},
		{"open brackets", field(`a["b`), faults{{"/field", brackets}}},
		{"brackets that are not closed", field(`a["b"`), faults{{"/field", brackets}}},
		{"an escape that is none", field(`a["\x"]`), faults{{"/field", brackets}}},
		{"text after brackets", field(`a["b"]c`), faults{{"/field", dots}}},
		{"a dot before brackets", field(`a.["b"]`), faults{{"/field", dots}}},
		{"gt now", leaf("gt", `"now"`), faults{{"/value", relative}}},
		{"lte 30 days ago", leaf("lte", `"-30 days"`), faults{{"/value", relative}}},
		{"gte in two hours", leaf("gte", `" +2h"`), faults{{"/value", relative}}},
		{"starts_with a number", leaf("starts_with", `1`), faults{{"/value", "must be a string for starts_with"}}},
		{"contains a list", leaf("contains", `["a"]`), faults{{"/value", scalar}}},
		{"a period that is text", leaf("within_last", `"30 days"`), faults{{"/value", `must be a period such as {"value": 30, "unit": "days"}`}}},
		{"gt some days ago", leaf("gt", `"30 days ago"`), faults{{"/value", relative}}},
		{"lt today", leaf("lt", `"Today"`), faults{{"/value", relative}}},
		{"gt an ISO period", leaf("gt", `"P30D"`), faults{{"/value", relative}}},
		{"gt an ISO period of hours", leaf("gt", `"pt12h"`), faults{{"/value", relative}}},
		{"a period of 0 weeks, and more", leaf("older_than", `{"value":0,"unit":"weeks","x":1}`), faults{
			{"/value/unit", "must be one of minutes, hours, days"}, {"/value/value", "must be a number above 0, at most 36500"},
			{"/value/x", "unknown field; allowed here: value, unit"}}},
		{"a period of over 100 years", leaf("within_next", `{"value":876001,"unit":"hours"}`), faults{
			{"/value/value", "must be a number above 0, at most 876000"}}},
		{"not a list", `{"not":[]}`, faults{{"/not", "must be an object"}}},
		{"not and any", `{"not":{"field":"x","operator":"exists"},"any":[]}`, faults{{"", "must have one of any and not"}}},
		{"not nested 9 deep", strings.Repeat(`{"not":`, 9) + field("x") + strings.Repeat(`}`, 9),
			faults{{strings.Repeat("/not", 8), "must not be nested more than 8 deep"}}},
		{"a field of another type", `{"field":1,"operator":"exists"}`, faults{{"/field", "must be a string"}}},
		{"eq null", leaf("eq", `null`), faults{{"/value", null}}},
		{"eq an array", leaf("eq", `[1]`), faults{{"/value", scalar}}},
		{"neq an object", leaf("neq", `{}`), faults{{"/value", scalar}}},
		{"gt true", leaf("gt", `true`), faults{{"/value", "must be a number or a string for gt"}}},
		{"lte null", leaf("lte", `null`), faults{{"/value", null}}},
		{"a number beyond float64", leaf("lt", `-1e309`), faults{{"/value", "must be a number in the range of a 64-bit float"}}},
		{"a string of 257 characters", leaf("eq", `"`+strings.Repeat("é", 257)+`"`), faults{{"/value", "must have 0 to 256 characters, has 257"}}},
		{"exists with a number", leaf("exists", `1`), faults{{"/value", "must be true or false"}}},
		{"exists with null", leaf("exists", `null`), faults{{"/value", "must be true or false"}}},
		{"in without a list", leaf("in", `"a"`), faults{{"/value", "must be an array"}}},
		{"in an empty list", leaf("in", `[]`), faults{{"/value", "must have 1 to 200 values, has 0"}}},
		{"in a list of 201", leaf("in", longList(199)+`,1,2]`), faults{{"/value", "must have 1 to 200 values, has 201"}}},
		{"in a list with null and an array", leaf("in", `[1,null,[],"a"]`), faults{{"/value/1", null}, {"/value/2", scalar}}},
		{"a group that is no array", `{"all":{}}`, faults{{"/all", "must be an array"}}},
		{"both groups", `{"all":[],"any":[]}`, faults{{"", "must have one of all and any"}}},
		{"a leaf and a group in one object", `{"all":[],"field":"x","operator":"eq","value":1}`,
			faults{{"/field", beside}, {"/operator", beside}, {"/value", beside}}},
		{"groups nested 9 deep", nested(9), faults{{strings.Repeat("/all/0", 8), "must not be nested more than 8 deep"}}},
		{"groups nested 9 deep beside 64 leaves", `{"any":[` + nested(8) + strings.Repeat(","+field("x"), 64) + `]}`,
			faults{{"/any/0" + strings.Repeat("/all/0", 7), "must not be nested more than 8 deep"}}},
		{"65 leaves in groups", `{"any":[` + nested(2) + strings.Repeat(","+field("x"), 64) + `]}`,
			faults{{"", "must have at most 64 conditions inside, has 65"}}},
		{"65 empty groups", `{"any":[{"all":[]}` + strings.Repeat(`,{"all":[]}`, 64) + `]}`,
			faults{{"", "must have at most 64 conditions inside, has 65"}}},
		{"many faults at once", `{"all":[{"any":[{"field":"a"},1]},{"field":"","operator":"in","value":[{}]}],"x~/y":1}`,
			faults{{"/all/0/any/0/operator", "is required"}, {"/all/0/any/1", "must be an object"},
				{"/all/1/field", "must not be empty"}, {"/all/1/value/0", scalar}, {"/x~0~1y", unknown}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			var got strict.Faults
			v, ok := strict.Parse([]byte(tt.condition), &got)
			require.True(t, ok)
			program, ok := condition.Compile(v)
			require.False(t, ok)
			require.Nil(t, program)
			var list faults
			for _, f := range got.List() {
				list = append(list, fault(f))
			}
			require.Equal(t, tt.want, list)
		})
	}
}

func TestCompile_AcceptsLimits(t *testing.T) {
	t.Parallel()

	field := strings.Repeat("é", 31) + strings.Repeat("."+strings.Repeat("é", 31), 7)
	leaf := `{"field":"` + field + `x","operator":"in","value":[` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("é", 256)+`",`, 200), ",") + `]}`
	tests := []struct{ name, condition string }{
		{"a path of 8 names and 256 characters, a list of 200 strings of 256 characters", leaf},
		{"groups nested 8 deep", strings.Repeat(`{"all":[`, 8) + `{"field":"x","operator":"exists"}` + strings.Repeat(`]}`, 8)},
		{"64 leaves", leaves(`{"field":"%s","operator":"exists"}`, "x")},
		{"64 empty groups", `{"any":[{"all":[]}` + strings.Repeat(`,{"all":[]}`, 63) + `]}`},
		{"the greatest float64", `{"field":"x","operator":"lt","value":1.7976931348623157e308}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			require.NotNil(t, compile(t, tt.condition))
		})
	}
}

func TestCompile_IgnoresEarlierFaults(t *testing.T) {
	t.Parallel()

	var faults strict.Faults
	faults.Add("/name", "is required")
	_, ok := condition.Compile(strict.At([]byte(`{"all":[]}`), "/condition", &faults))
	require.True(t, ok)
	_, ok = condition.Compile(strict.At([]byte(`{"all":1}`), "/condition", &faults))
	require.False(t, ok)
	require.Equal(t, strict.Fault{Pointer: "/condition/all", Detail: "must be an array"}, faults.List()[1])
}

func TestEval_AllocatesNothing(t *testing.T) {
	conditions := hostileConditions()
	conditions["typical"] = hostile{typical, customer}
	conditions["an invalid time"] = hostile{
		leaves(`{"field":"%s","operator":"neq","value":"2026-02-28T00:00:00Z"}`, "a"), `{"a":"2026-02-30T00:00:00Z"}`}
	for name, c := range conditions {
		t.Run(name, func(t *testing.T) {
			program, facts := compile(t, c.condition), attributes(t, c.attributes)
			require.Zero(t, testing.AllocsPerRun(100, func() { program.Eval(facts) }))
		})
	}
}
