package condition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
)

func TestValue_Set(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ value, path, set, expected string }{
		{`{"a":1,"b":{"c":2}}`, "b.c", "3", `{"a":1,"b":{"c":3}}`},
		{`{"a":1}`, "b.c.d", `"x"`, `{"a":1,"b":{"c":{"d":"x"}}}`},
		{`{"a":1}`, "a.b", "2", `{"a":{"b":2}}`},
		{`{"a":[1]}`, "a.b", "2", `{"a":{"b":2}}`},
		{"", "a.b", "2", `{"a":{"b":2}}`},
		{`{"a":1}`, "a", "null", `{"a":null}`},
		{`{"a":1,"b":2.50}`, "a", "", `{"b":2.50}`},
		{`{"b":{"c":2}}`, "b.c", "", `{"b":{}}`},
		{`{"b":{"c":2}}`, "b.d", "", `{"b":{"c":2}}`},
		{`{"b":5}`, "b.d", "", `{"b":5}`},
		{"", "a.b", "", "null"},
	} {
		changed := optional(t, row.value).Set(strings.Split(row.path, "."), optional(t, row.set))
		require.Equal(t, row.expected, string(changed.AppendJSON(nil)), "%+v", row)
	}
}

func TestValue_Add(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ value, n, sum string }{
		{"5", "7", "12"},
		{"", "7", "7"},
		{"null", "-7", "-7"},
		{"9007199254740993", "2", "9007199254740995"},
		{"9223372036854775807", "1", "9223372036854775808"},
		{"-9223372036854775808", "-1", "-9223372036854775809"},
		{"0.1", "0.2", "0.3"},
		{"-0.05", "0.01", "-0.04"},
		{"1.50", "0.5", "2"},
		{"-0.5", "0.5", "0"},
		{"99.99", "-100", "-0.01"},
		{"1e3", "1", "1001"},
		{"1e300", "1e300", "2e+300"},
		{"1e308", "1e308", ""},
		{"1e999", "-1e999", ""},
		{strings.Repeat("9", 308), "1", "1" + strings.Repeat("0", 308)},
		{strings.Repeat("9", 309), "1", ""},
		{`"5"`, "7", ""},
		{"true", "7", ""},
		{"[1]", "7", ""},
		{"{}", "7", ""},
	} {
		sum, ok := optional(t, row.value).Add(optional(t, row.n))
		require.Equal(t, row.sum != "", ok, "%+v", row)
		if ok {
			require.Equal(t, row.sum, string(sum.AppendJSON(nil)), "%+v", row)
			stored := optional(t, row.sum)
			require.Equal(t, stored, sum, "a sum is the value that is read back")
		}
	}
}

// optional parses text; "" is the missing value.
func optional(t *testing.T, text string) condition.Value {
	t.Helper()
	if text == "" {
		return condition.Value{}
	}
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}
