package condition_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/google/cel-go/cel"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// typical is the condition that the floor of 120 ns applies to, in this package's
// language and in those of two well-known libraries.
const (
	typical = `{"all":[
		{"field":"country","operator":"eq","value":"DE"},
		{"field":"spend","operator":"gte","value":100},
		{"any":[
			{"field":"plan","operator":"in","value":["gold","platinum"]},
			{"field":"vip","operator":"exists"}]}]}`
	typicalExpr = `country == "DE" && spend >= 100 && (plan in ["gold", "platinum"] || vip != nil)`
	typicalCEL  = `a.country == "DE" && a.spend >= 100.0 && (a.plan in ["gold", "platinum"] || has(a.vip))`
	customer    = `{"country":"DE","spend":120.5,"plan":"silver","vip":true,"email":"a@example.com","phone":"+4930","age":41,"locale":"de"}`
)

// BenchmarkEval evaluates the same condition for the same customer in each library.
// The condition holds only by its last test.
func BenchmarkEval(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		program, facts := compile(b, typical), attributes(b, customer)
		b.ReportAllocs()
		for b.Loop() {
			if !program.Eval(facts) {
				b.Fatal("the condition must hold")
			}
		}
	})
	var env map[string]any
	require.NoError(b, json.Unmarshal([]byte(customer), &env))
	b.Run("expr", func(b *testing.B) {
		program, err := expr.Compile(typicalExpr, expr.Env(env), expr.AsBool())
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			holds, err := expr.Run(program, env)
			if err != nil || holds != true {
				b.Fatal("the condition must hold", err)
			}
		}
	})
	b.Run("cel", func(b *testing.B) {
		program := compileCEL(b, typicalCEL)
		vars := map[string]any{"a": env}
		b.ReportAllocs()
		for b.Loop() {
			holds, _, err := program.Eval(vars)
			if err != nil || holds.Value() != true {
				b.Fatal("the condition must hold", err)
			}
		}
	})
}

func compileCEL(b *testing.B, source string) cel.Program {
	b.Helper()
	env, err := cel.NewEnv(cel.Variable("a", cel.MapType(cel.StringType, cel.DynType)))
	require.NoError(b, err)
	ast, issues := env.Compile(source)
	require.NoError(b, issues.Err())
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	require.NoError(b, err)
	return program
}

// BenchmarkEvalWorst evaluates the most expensive conditions within the limits. The
// floor is 10 µs.
func BenchmarkEvalWorst(b *testing.B) {
	for name, hostile := range hostileConditions() {
		b.Run(name, func(b *testing.B) {
			program, facts := compile(b, hostile.condition), attributes(b, hostile.attributes)
			b.ReportAllocs()
			for b.Loop() {
				program.Eval(facts)
			}
		})
	}
}

type hostile struct{ condition, attributes string }

// hostileConditions have 64 leaves, all of which Eval visits.
func hostileConditions() map[string]hostile {
	wide := func(inner string) string {
		members := make([]string, 64)
		for i := range members {
			members[i] = fmt.Sprintf(`"%s%02d":%d`, strings.Repeat("n", 28), i, i)
		}
		return `{"` + strings.Repeat("d", 31) + `":` + inner + `,` + strings.Join(members, ",") + `}`
	}
	deep := `"x"`
	for range condition.MaxSegments {
		deep = wide(deep)
	}
	path := strings.TrimSuffix(strings.Repeat(strings.Repeat("d", 31)+".", condition.MaxSegments), ".")
	long := func(i int) string { return fmt.Sprintf(`"%s%03d"`, strings.Repeat("é", condition.MaxTextValue-3), i) }
	texts := make([]string, condition.MaxList)
	for i := range texts {
		texts[i] = long(i)
	}
	instant := `"2026-11-23T10:00:00.123456789+02:00"`
	return map[string]hostile{
		"deep paths":   {leaves(`{"field":"%s","operator":"neq","value":"y"}`, path), deep},
		"long lists":   {leavesOf("any", `{"field":"a","operator":"in","value":[%s]}`, strings.Join(texts, ",")), `{"a":` + long(999) + `}`},
		"long strings": {leaves(`{"field":"a","operator":"lte","value":%s}`, long(1)), `{"a":` + long(1) + `}`},
		"instants":     {leaves(`{"field":"a","operator":"lte","value":%s}`, instant), `{"a":` + instant + `}`},
		"nested": {
			strings.Repeat(`{"all":[`, condition.MaxDepth-1) + leaves(`{"field":"%s","operator":"exists"}`, "a") + strings.Repeat(`]}`, condition.MaxDepth-1),
			`{"a":1}`,
		},
	}
}

func leaves(format, argument string) string { return leavesOf("all", format, argument) }

func leavesOf(group, format, argument string) string {
	leaf := fmt.Sprintf(format, argument)
	return `{"` + group + `":[` + strings.TrimSuffix(strings.Repeat(leaf+",", condition.MaxLeaves), ",") + `]}`
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var faults strict.Faults
		if _, ok := condition.Compile(strict.At([]byte(typical), "", &faults)); !ok {
			b.Fatal(faults.List())
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	program, facts := compile(b, typical), attributes(b, customer)
	b.ReportAllocs()
	for b.Loop() {
		program.Explain(facts)
	}
}

// BenchmarkParseValue decodes a customer's attributes, also with encoding/json.
func BenchmarkParseValue(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := condition.ParseValue([]byte(customer)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal([]byte(customer), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// tester is the common part of testing.TB and rapid.T.
type tester interface {
	require.TestingT
	Helper()
}

func compile(tb tester, source string) *condition.Program {
	tb.Helper()
	var faults strict.Faults
	v, ok := strict.Parse([]byte(source), &faults)
	require.True(tb, ok, "%v", faults.List())
	program, ok := condition.Compile(v)
	require.True(tb, ok, "%v", faults.List())
	return program
}

func parse(tb tester, source string) condition.Value {
	tb.Helper()
	v, err := condition.ParseValue([]byte(source))
	require.NoError(tb, err)
	return v
}

func attributes(tb tester, source string) *condition.Facts {
	tb.Helper()
	return &condition.Facts{Attributes: parse(tb, source)}
}
