package condition_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/condition"
)

func TestAppendJSON_PreservesValues(t *testing.T) {
	t.Parallel()

	tests := []struct{ name, json, want string }{
		{"a number near the maximum of float64", `1e308`, `1e308`},
		{"a number outside the range of float64", `-1E+999`, `-1E+999`},
		{"39 digits", `123456789012345678901234567890123456789`, `123456789012345678901234567890123456789`},
		{"a negative zero", `-0.0`, `-0.0`},
		{"white space between tokens is dropped", " { \"a\" : [ 1 , { \"b\" : null } ] }\n", `{"a":[1,{"b":null}]}`},
		{"white space in strings is kept", `[" a "," \" ] "]`, `[" a "," \" ] "]`},
		{"members keep their order", `{"b":1,"a":2,"":3}`, `{"b":1,"a":2,"":3}`},
		{"escapes are minimal", `"\u0061\/\u00e9\n\u0000"`, `"a/é\n\u0000"`},
		{"a string that ends in a backslash", `["\\",{"\\":"\\\\"}]`, `["\\",{"\\":"\\\\"}]`},
		{"brackets in strings", `[["]","["],"\"]"]`, `[["]","["],"\"]"]`},
		{"empty containers", `[{},[],""]`, `[{},[],""]`},
		{"literals", `{"a":true,"b":false,"c":null}`, `{"a":true,"b":false,"c":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, "before "+tt.want, string(parse(t, tt.json).AppendJSON([]byte("before "))))
		})
	}
	require.Equal(t, "null", string(condition.Value{}.AppendJSON(nil)))
}

func TestParseValue_RejectsLaxJSON(t *testing.T) {
	t.Parallel()

	for _, data := range []string{
		``, ` `, `{`, `{}{}`, `{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":2}}`, "\"\xff\"", `"\ud800"`, `01`, `nul`,
		strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 10_001) + `1` + strings.Repeat("}", 10_001),
	} {
		_, err := condition.ParseValue([]byte(data))
		require.Error(t, err, "%.40q", data)
	}
}

func TestParseValue_AcceptsTenThousandLevels(t *testing.T) {
	t.Parallel()

	for _, deep := range []string{
		strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat("}", 10_000),
		strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	} {
		require.Equal(t, deep, string(parse(t, deep).AppendJSON(nil)))
	}
}

func TestParseValue_CopiesItsInput(t *testing.T) {
	t.Parallel()

	data := []byte(`{"a":["b"],"c":"d"}`)
	v, err := condition.ParseValue(data)
	require.NoError(t, err)
	copy(data, bytes.Repeat([]byte("x"), len(data)))
	require.Equal(t, `{"a":["b"],"c":"d"}`, string(v.AppendJSON(nil)))
	text, ok := v.Get("c").Text()
	require.True(t, ok)
	require.Equal(t, "d", text)
}

func TestGet_FollowsPaths(t *testing.T) {
	t.Parallel()

	v := parse(t, `{"a":{"b":null,"":1},"c":[{"d":1}],"e":"f"}`)
	require.Equal(t, `{"b":null,"":1}`, string(v.Get("a").AppendJSON(nil)))
	require.True(t, v.Get("a").IsObject())
	require.False(t, v.Get("c").IsObject())
	require.False(t, v.Get("a", "b").Missing(), "null is not missing")
	require.Equal(t, `1`, string(v.Get("a", "").AppendJSON(nil)))
	require.Equal(t, v, v.Get())
	for _, path := range [][]string{{"x"}, {"a", "x"}, {"a", "b", "c"}, {"c", "0"}, {"c", "d"}, {"e", "f"}, {"A"}} {
		require.True(t, v.Get(path...).Missing(), path)
	}
	_, ok := v.Get("a").Text()
	require.False(t, ok)
}

func TestWith_SetsMemberOfCopy(t *testing.T) {
	t.Parallel()

	one, two := parse(t, `1`), parse(t, `"2"`)
	tests := []struct {
		name, before string
		member       string
		value        condition.Value
		want         string
	}{
		{"a new member comes last", `{"b":0}`, "a", one, `{"b":0,"a":1}`},
		{"an existing member keeps its position", `{"b":0,"a":0}`, "b", two, `{"b":"2","a":0}`},
		{"of a missing value", ``, "a\"/é", one, `{"a\"/é":1}`},
		{"of null", `null`, "a", one, `{"a":1}`},
		{"of an array", `[1]`, "a", one, `{"a":1}`},
		{"a missing value removes the member", `{"b":0,"a":0}`, "b", condition.Value{}, `{"a":0}`},
		{"a missing value without such a member", `{"b":0}`, "a", condition.Value{}, `{"b":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			var before condition.Value
			if tt.before != "" {
				before = parse(t, tt.before)
			}
			kept := string(before.AppendJSON(nil))
			after := before.With(tt.member, tt.value)
			require.Equal(t, tt.want, string(after.AppendJSON(nil)))
			require.Equal(t, tt.value, after.Get(tt.member))
			require.Equal(t, kept, string(before.AppendJSON(nil)), "the value itself is unchanged")
		})
	}
}

func TestPrune_KeepsOnlyPaths(t *testing.T) {
	t.Parallel()

	const value = `{"a":{"b":{"c":1,"d":2},"e":3},"f":[{"g":1}],"h":null,"i":"j"}`
	tests := []struct {
		name, value string
		paths       [][]string
		want        string // "null" for missing
	}{
		{"no paths", value, nil, `null`},
		{"an empty path keeps all", value, [][]string{{"a"}, {}}, value},
		{"a path to an object keeps all of it", value, [][]string{{"a", "b"}}, `{"a":{"b":{"c":1,"d":2}}}`},
		{"paths with a common prefix", value, [][]string{{"a", "e"}, {"i"}, {"a", "b", "d"}}, `{"a":{"b":{"d":2},"e":3},"i":"j"}`},
		{"a path below another", value, [][]string{{"a", "b", "c"}, {"a", "b"}}, `{"a":{"b":{"c":1,"d":2}}}`},
		{"an array is kept whole", value, [][]string{{"f"}}, `{"f":[{"g":1}]}`},
		{"a path into an array", value, [][]string{{"f", "g"}, {"f", "0"}}, `null`},
		{"null is kept", value, [][]string{{"h"}}, `{"h":null}`},
		{"a path below a scalar", value, [][]string{{"i", "j"}, {"h", "x"}}, `null`},
		{"a path to a missing member", value, [][]string{{"x"}, {"a", "x"}}, `null`},
		{"a scalar with an empty path", `1`, [][]string{{}}, `1`},
		{"a scalar with a path", `1`, [][]string{{"a"}}, `null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			pruned := parse(t, tt.value).Prune(tt.paths)
			require.Equal(t, tt.want, string(pruned.AppendJSON(nil)))
			require.Equal(t, tt.want == "null", pruned.Missing())
		})
	}
	require.True(t, condition.Value{}.Prune([][]string{{}, {"a"}}).Missing())
}

func TestPrune_PreservesValuesAtPaths(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		v := parse(t, anyJSON(3).Draw(t, "value"))
		path := rapid.SliceOfN(rapid.SampledFrom(names), 0, 3)
		paths := rapid.SliceOfN(path, 0, 5).Draw(t, "paths")
		pruned := v.Prune(paths)
		for _, p := range paths {
			require.Equal(t, string(v.Get(p...).AppendJSON(nil)), string(pruned.Get(p...).AppendJSON(nil)))
		}
		require.Equal(t, string(pruned.AppendJSON(nil)), string(pruned.Prune(paths).AppendJSON(nil)))
	})
}

func TestAppendJSON_RoundTrips(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		source := anyJSON(4).Draw(t, "value")
		text := string(parse(t, source).AppendJSON(nil))
		requireSameJSON(t, source, text)
		require.Equal(t, text, string(parse(t, text).AppendJSON(nil)))
	})
}

// requireSameJSON compares JSON values, numbers by their literals.
func requireSameJSON(t require.TestingT, want, got string) {
	decode := func(source string) (v any) {
		decoder := json.NewDecoder(strings.NewReader(source))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&v))
		return v
	}
	require.Equal(t, decode(want), decode(got))
}

// boundaries has numbers around the limits of integers and floats.
var boundaries = func() []string {
	list := []string{"0", "-0", "0.0", "1", "1.0", "0.5", "-1", "1e0", "1e-400", "-1e-400", "1e308", "-1e308", "1e999",
		"18446744073709551616.0", "-9223372036854775808.0", "9007199254740993.0", "9.007199254740993e15"}
	for _, bits := range []uint{31, 53, 63, 64} {
		for _, add := range []int64{-2, -1, 0, 1, 2} {
			n := new(big.Int).Lsh(big.NewInt(1), bits)
			n.Add(n, big.NewInt(add))
			f, _ := new(big.Float).SetInt(n).Float64()
			list = append(list, n.String(), "-"+n.String(), fmt.Sprintf("%.1f", f), fmt.Sprintf("%.1f", -f), fmt.Sprintf("%e", f))
		}
	}
	return list
}()

func TestEval_ComparesNumbersExactly(t *testing.T) {
	t.Parallel()

	facts := map[string]*condition.Facts{}
	for _, a := range boundaries {
		facts[a] = attributes(t, `{"x":`+a+`}`)
	}
	laws := map[string]func(order int) bool{
		"eq": func(order int) bool { return order == 0 }, "neq": func(order int) bool { return order != 0 },
		"gt": func(order int) bool { return order > 0 }, "gte": func(order int) bool { return order >= 0 },
		"lt": func(order int) bool { return order < 0 }, "lte": func(order int) bool { return order <= 0 },
	}
	for _, b := range boundaries {
		if b == "1e999" {
			continue
		}
		for operator, law := range laws {
			program := compile(t, leafOf("x", operator, b))
			for _, a := range boundaries {
				require.Equal(t, law(exact(a).Cmp(exact(b))), program.Eval(facts[a]), "%s %s %s", a, operator, b)
			}
		}
	}
}

// exact returns the value of a JSON number: an integer of up to 64 bits exactly, any
// other number as the nearest float64.
func exact(literal string) *big.Float {
	n, ok := new(big.Int).SetString(literal, 10)
	if ok && (n.IsInt64() || n.IsUint64()) {
		return new(big.Float).SetPrec(100).SetInt(n)
	}
	var f float64
	if err := json.Unmarshal([]byte(literal), &f); err != nil {
		return new(big.Float).SetInf(strings.HasPrefix(literal, "-"))
	}
	return new(big.Float).SetPrec(100).SetFloat64(f)
}

func TestEval_ComparesDatesAsInstants(t *testing.T) {
	t.Parallel()

	const noon = "2026-11-23T12:00:00Z"
	tests := []struct {
		name, actual, operator, want string
		holds                        bool
	}{
		{"the same instant in another zone is not after", "2026-11-23T14:00:00+02:00", "gt", noon, false},
		{"the same instant in another zone is at or after", "2026-11-23T10:00:00-02:00", "gte", noon, true},
		{"the same instant in another zone is at or before", "2026-11-23T14:00:00+02:00", "lte", noon, true},
		{"a later instant that sorts before as a string", "2026-11-23T11:00:00-02:00", "gt", noon, true},
		{"an earlier instant that sorts after as a string", "2026-11-23T13:00:00+02:00", "lt", noon, true},
		{"a fraction is after the second", "2026-11-23T12:00:00.001Z", "gt", noon, true},
		{"trailing zeros do not matter", "2026-11-23T12:00:00.500Z", "lte", "2026-11-23T12:00:00.5Z", true},
		{"nanoseconds matter", "2026-11-23T12:00:00.000000001Z", "gt", noon, true},
		{"lower case", "2026-11-23t12:00:00z", "gte", noon, true},
		{"a leap second is the second after it", "2026-06-30T23:59:60Z", "lte", "2026-07-01T00:00:00Z", true},
		{"before 1970", "1969-12-31T23:59:59Z", "lt", "1970-01-01T00:00:00Z", true},
		{"the year 0", "0000-02-29T00:00:00Z", "gt", "0000-01-01T00:00:00Z", true},
		{"the same instant in another zone is equal", "2026-11-23T14:00:00+02:00", "eq", noon, true},
		{"the same instant in another zone is not unequal", "2026-11-23T14:00:00+02:00", "neq", noon, false},
		{"a space instead of the T", "2026-11-23 13:00:00", "gt", noon, true},
		{"a space, and an offset", "2026-11-23 13:00:00+01:00", "eq", noon, true},
		{"a time without a zone is UTC", "2026-11-23T12:00:00", "eq", noon, true},
		{"a date is its first instant", "2026-11-23", "eq", "2026-11-23T00:00:00Z", true},
		{"a date is before a time of its day", "2026-11-23", "lt", noon, true},
		{"an invalid day is a string", "2026-02-30T00:00:00+02:00", "gt", "2026-02-20T00:00:00+01:00", false},
		{"a date and another string are unordered", "2026-11-23", "lt", "3", false},
		{"another string and a date are unordered", "3", "gt", "2026-11-23", false},
		{"a date and another string are unequal", "2026-11-23", "neq", "3", true},
		{"a date without its zeros is a string", "2026-1-23", "lt", "2026-11-23", false},
		{"minutes are not enough", "2026-11-23T12:00", "lt", "2026-11-23T12:00:01Z", false},
		{"ten fractional digits are a string", "2026-11-23T12:00:00.0000000000+02:00", "lt", noon, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			leaf := fmt.Sprintf(`{"field":"x","operator":"%s","value":"%s"}`, tt.operator, tt.want)
			require.Equal(t, tt.holds, holds(t, leaf, `{"x":"`+tt.actual+`"}`))
		})
	}
}

func TestEval_ComparesDatesWithNow(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)
	tests := []struct {
		name, actual, operator, period string
		holds                          bool
	}{
		{"now is within the last", `"2026-11-23T12:00:00.5Z"`, "within_last", `{"value":1,"unit":"minutes"}`, true},
		{"now is within the next", `"2026-11-23T12:00:00.5Z"`, "within_next", `{"value":1,"unit":"minutes"}`, true},
		{"now is not older", `"2026-11-23T12:00:00.5Z"`, "older_than", `{"value":1,"unit":"minutes"}`, false},
		{"the first instant", `"2026-11-23T11:00:00.5Z"`, "within_last", `{"value":1,"unit":"hours"}`, true},
		{"before the first instant", `"2026-11-23T11:00:00.499Z"`, "within_last", `{"value":1,"unit":"hours"}`, false},
		{"older from there", `"2026-11-23T11:00:00.499Z"`, "older_than", `{"value":1,"unit":"hours"}`, true},
		{"not older at the instant", `"2026-11-23T11:00:00.5Z"`, "older_than", `{"value":1,"unit":"hours"}`, false},
		{"the future is not within the last", `"2026-11-23T12:00:01Z"`, "within_last", `{"value":30,"unit":"days"}`, false},
		{"the last instant of the next", `"2026-11-25T00:00:00.5Z"`, "within_next", `{"value":1.5,"unit":"days"}`, true},
		{"after the last instant of the next", `"2026-11-25T00:00:00.501Z"`, "within_next", `{"value":1.5,"unit":"days"}`, false},
		{"a date", `"2026-10-25"`, "within_last", `{"value":30,"unit":"days"}`, true},
		{"a date with a space", `"1926-11-24 00:00:00"`, "within_last", `{"value":36500,"unit":"days"}`, false},
		{"a text that is no date", `"yesterday"`, "older_than", `{"value":1,"unit":"days"}`, false},
		{"a number", `1795449600`, "older_than", `{"value":1,"unit":"days"}`, false},
		{"null", `null`, "older_than", `{"value":1,"unit":"days"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			facts := attributes(t, `{"x":`+tt.actual+`}`)
			facts.Now = now
			program := compile(t, leafOf("x", tt.operator, tt.period))
			require.Equal(t, tt.holds, program.Eval(facts))
			require.Contains(t, string(program.Explain(facts)), fmt.Sprintf(`"value":%s,"actual":%s,"result":%t`, tt.period, tt.actual, tt.holds))
		})
	}
}

// TestEval_AgreesWithTimeParse draws valid and almost valid times, and compares each
// with a time in the middle of its year.
func TestEval_AgreesWithTimeParse(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		number := func(low, high int) *rapid.Generator[int] { return rapid.IntRange(low, high) }
		// Go reads neither a missing zone nor a 60th second, but offsets of 24 hours and of 60 minutes.
		text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d%s%s",
			number(0, 9999).Draw(t, "year"), number(0, 13).Draw(t, "month"), number(0, 32).Draw(t, "day"),
			number(0, 24).Draw(t, "hour"), number(0, 60).Draw(t, "minute"), number(0, 59).Draw(t, "second"),
			rapid.SampledFrom([]string{"", ".", ".5", ".123456789", ".x"}).Draw(t, "fraction"),
			rapid.SampledFrom([]string{"Z", "+00:00", "-23:59", "+14:00", "+0100", "Zx"}).Draw(t, "zone"))
		want := fmt.Sprintf("%s-05-15T12:00:00+12:34", text[:4])
		at, err := time.Parse(time.RFC3339, text)
		expected := false // unordered
		if err == nil {
			bound, err := time.Parse(time.RFC3339, want)
			require.NoError(t, err)
			expected = at.Before(bound)
		}
		got := compile(t, leafOf("x", "lt", `"`+want+`"`)).Eval(attributes(t, `{"x":"`+text+`"}`))
		require.Equal(t, expected, got, "%s < %s", text, want)
	})
}
