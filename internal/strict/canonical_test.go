package strict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/strict"
)

func TestCanonical_IsOneFormOfEqualValues(t *testing.T) {
	t.Parallel()

	for _, equal := range [][]string{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "\u0061" : 1.0 } `},
		{`2`, `2.0`, `2e0`, `20e-1`, `0.2E+1`, `0.02e2`},
		{`-2`, `-2.00`},
		{`0`, `-0`, `0.0`, `0e9`},
		{`9007199254740993`, `9007199254740993.0`, `9.007199254740993e15`},
		{`9007199254740992`}, {`1e400`, `10e399`}, {`-1e400`}, {`0.1`}, {`0.10000000000000000001`},
		{`123456789012345678901234567890`}, {`123456789012345678901234567891`},
		{`1e99999999999999999999`}, {`1e99999999999999999998`},
		{`"2"`}, {`"é"`, `"\u00e9"`}, {`"a/b"`, `"a\/b"`}, {`[1,2]`}, {`[2,1]`}, {`{}`}, {`{"a":null}`}, {`null`},
	} {
		for _, text := range equal {
			require.Equal(t, string(strict.Canonical([]byte(equal[0]))), string(strict.Canonical([]byte(text))), text)
		}
	}
	distinct := map[string]bool{}
	for _, text := range []string{
		`9007199254740993`, `9007199254740992`, `2`, `-2`, `"2"`, `20`, `0.2`, `0`, `1e400`, `-1e400`, `0.1`, `0.10000000000000000001`,
		`123456789012345678901234567890`, `123456789012345678901234567891`, `1e99999999999999999999`, `1e99999999999999999998`,
		`[1,2]`, `[2,1]`, `{}`, `{"a":null}`, `null`,
	} {
		form := string(strict.Canonical([]byte(text)))
		require.False(t, distinct[form], text)
		distinct[form] = true
	}
	require.Equal(t, `{"a":`, string(strict.Canonical([]byte(`{"a":`))), "no JSON")
}
