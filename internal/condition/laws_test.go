package condition_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// names is short, so that generated paths often lead to a value.
var names = []string{"a", "b", "c", "é", "long name"}

// scalars has values that are equal or nearly equal to each other.
var scalars = append([]string{
	`true`, `false`, `""`, `"a"`, `"\u0061"`, `"b"`, `"é"`, `"\ud83d\ude00"`, `"1"`, `"true"`, `"\\\""`,
	`"2026-11-23T10:00:00Z"`, `"2026-11-23T12:00:00+02:00"`, `"2026-11-23T11:00:00.5+00:00"`, `"2026-11-23"`, `"2026-11-23 00:00:00"`,
}, boundaries...)

// space is the white space between tokens.
var space = rapid.SampledFrom([]string{"", "", " ", "\n\t"})

// anyJSON generates values of at most that depth, mostly objects.
func anyJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		gap := space.Draw(t, "space")
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		switch {
		case depth == 0 || kind == 0:
			return gap + rapid.SampledFrom(scalars).Draw(t, "scalar") + gap
		case kind == 1:
			return gap + "null" + gap
		case kind == 2:
			list := rapid.SliceOfN(anyJSON(depth-1), 0, 3).Draw(t, "list")
			return gap + "[" + gap + strings.Join(list, ",") + "]" + gap
		}
		// More names than a linear search handles.
		wide := append(append([]string{}, names...), "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8")
		var members []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(wide), 0, len(wide), rapid.ID[string]).Draw(t, "names") {
			quoted, _ := json.Marshal(name)
			members = append(members, gap+string(quoted)+gap+":"+anyJSON(depth-1).Draw(t, "member"))
		}
		return "{" + strings.Join(members, ",") + gap + "}"
	})
}

func anyLeaf() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		path := rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "path")
		operator := rapid.SampledFrom([]string{"eq", "neq", "gt", "gte", "lt", "lte", "in", "exists", "contains", "starts_with", "within_last", "within_next", "older_than"}).Draw(t, "operator")
		scalar := rapid.SampledFrom(scalars).Filter(func(s string) bool { return s != "1e999" })
		value := scalar.Draw(t, "value")
		switch {
		case operator == "exists":
			value = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "exists")
		case operator == "in":
			value = "[" + strings.Join(rapid.SliceOfN(scalar, 1, 12).Draw(t, "list"), ",") + "]"
		case strings.HasPrefix(operator, "within") || operator == "older_than":
			value = `{"value":30,"unit":"days"}`
		case operator == "starts_with":
			value = `"2"`
		case operator != "eq" && operator != "neq" && operator != "contains" && (value == "true" || value == "false"):
			value = "0"
		}
		return leafOf(strings.Join(path, "."), operator, value)
	})
}

func leafOf(field, operator, value string) string {
	quoted, _ := json.Marshal(field)
	return fmt.Sprintf(`{"field":%s,"operator":"%s","value":%s}`, quoted, operator, value)
}

func anyCondition(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth == 0 || rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
			return anyLeaf().Draw(t, "leaf")
		}
		group := rapid.SampledFrom([]string{"all", "any", "not"}).Draw(t, "group")
		if group == "not" {
			return `{"not":` + anyCondition(depth-1).Draw(t, "member") + `}`
		}
		members := rapid.SliceOfN(anyCondition(depth-1), 0, 3).Draw(t, "members")
		return `{"` + group + `":[` + strings.Join(members, ",") + `]}`
	})
}

// explained is a test in the output of Explain.
type explained struct {
	All, Any        []explained
	Not             *explained
	Field, Operator string
	Value, Actual   json.RawMessage
	ActualCut       bool
	Result          bool
}

// TestExplain_AgreesWithEval also derives the result of each group from its members,
// and of each leaf from its value and actual value.
func TestExplain_AgreesWithEval(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		program := compile(t, anyCondition(3).Draw(t, "condition"))
		facts := attributes(t, anyJSON(3).Draw(t, "attributes"))
		var root explained
		require.NoError(t, json.Unmarshal(program.Explain(facts), &root))
		require.Equal(t, program.Eval(facts), root.Result)
		requireConsistent(t, root)
	})
}

func requireConsistent(t *rapid.T, e explained) {
	if e.ActualCut {
		return
	}
	if e.Field != "" {
		facts := `{"x":` + string(e.Actual) + `}`
		if e.Actual == nil {
			facts = `{}`
		}
		alone := compile(t, leafOf("x", e.Operator, string(e.Value)))
		require.Equal(t, alone.Eval(attributes(t, facts)), e.Result)
		return
	}
	if e.Not != nil {
		requireConsistent(t, *e.Not)
		require.Equal(t, !e.Not.Result, e.Result)
		return
	}
	all, some := true, false
	for _, member := range append(e.All, e.Any...) {
		requireConsistent(t, member)
		all, some = all && member.Result, some || member.Result
	}
	if e.All != nil {
		require.Equal(t, all, e.Result)
	} else {
		require.Equal(t, some, e.Result)
	}
}

func TestEval_ObeysOperatorLaws(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		actual := rapid.OneOf(rapid.SampledFrom(scalars), anyJSON(1)).Draw(t, "actual")
		want := rapid.SampledFrom(scalars).Filter(func(s string) bool { return s != "1e999" }).Draw(t, "want")
		facts := attributes(t, `{"x":`+actual+`}`)
		is := func(operator, value string) bool { return compile(t, leafOf("x", operator, value)).Eval(facts) }
		require.Equal(t, !is("eq", want), is("neq", want), "neq negates eq")
		require.Equal(t, is("eq", want), is("in", "["+want+"]"), "in with one value is eq")
		filler := strings.Repeat(`"filler",`, 20)
		require.Equal(t, is("eq", want), is("in", "["+filler+want+"]"), "in with many values is eq of one of them")
		require.Equal(t, !is("exists", "true"), is("exists", "false"), "exists false negates exists true")
		inArray := compile(t, leafOf("x", "contains", want)).Eval(attributes(t, `{"x":[null,[`+want+`],`+actual+`]}`))
		require.Equal(t, is("eq", want), inArray, "an array contains what an element equals")
		if want == "true" || want == "false" {
			return
		}
		above, below := is("gt", want), is("lt", want)
		require.False(t, above && below, "no value is both above and below")
		require.Equal(t, is("gte", want) && is("lte", want), is("gte", want) && !above, "gte is gt or neither")
		require.False(t, above && !is("gte", want) || below && !is("lte", want))
		if is("eq", want) {
			require.True(t, is("gte", want) && is("lte", want), "equal values satisfy gte and lte")
		}
	})
}

func FuzzCompile(f *testing.F) {
	f.Add([]byte(typical), []byte(customer))
	f.Fuzz(func(t *testing.T, source, customer []byte) {
		var faults strict.Faults
		v, ok := strict.Parse(source, &faults)
		if !ok {
			return
		}
		program, ok := condition.Compile(v)
		require.Equal(t, ok, faults.Empty(), "rejected exactly if there is a fault")
		if !ok {
			return
		}
		require.LessOrEqual(t, len(program.Reads()), condition.MaxLeaves)
		attributes, err := condition.ParseValue(customer)
		if err != nil {
			return
		}
		facts := &condition.Facts{Attributes: attributes, Event: attributes, Decision: attributes}
		var root explained
		require.NoError(t, json.Unmarshal(program.Explain(facts), &root))
		require.Equal(t, program.Eval(facts), root.Result)
	})
}

func FuzzParseValue(f *testing.F) {
	f.Add([]byte(customer))
	f.Fuzz(func(t *testing.T, data []byte) {
		var faults strict.Faults
		_, valid := strict.Parse(data, &faults)
		v, err := condition.ParseValue(data)
		require.Equal(t, valid, err == nil, "as strict as strict.Parse")
		if !valid {
			return
		}
		text := v.AppendJSON(nil)
		requireSameJSON(t, string(data), string(text))
		again, err := condition.ParseValue(text)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again.AppendJSON(nil)))
	})
}
