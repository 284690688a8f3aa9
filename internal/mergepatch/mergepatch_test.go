package mergepatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/mergepatch"
)

// The first rows are of RFC 7396, appendix A, where target and patch are objects.
func TestApply_FollowsTheRFC(t *testing.T) {
	t.Parallel()

	for _, row := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{``, `{"a":1e308}`, `{"a":1e308}`},
		{``, `{"a":{"b":null,"c":1},"d":null}`, `{"a":{"c":1}}`},
		{`{"a":1}`, `{"a":{"b":null}}`, `{"a":{}}`},
		{`{"a":{"b":1}}`, `{"a":[null,{"c":null}]}`, `{"a":[null,{"c":null}]}`},
		{`{"a":{"b":1,"c":{"d":2}}}`, `{"a":{"c":{"e":3}}}`, `{"a":{"b":1,"c":{"d":2,"e":3}}}`},
		{`{"n":1.0e2,"b":12345678901234567890}`, `{"m":1e308}`, `{"n":1.0e2,"b":12345678901234567890,"m":1e308}`},
		{`{"":1,"\"":"\u00e9"}`, `{"":null}`, `{"\"":"\u00e9"}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{``, `{}`, `{}`},
	} {
		merged, err := mergepatch.Apply([]byte(row[0]), []byte(row[1]))
		require.NoError(t, err)
		require.Equal(t, row[2], string(merged), "%s onto %s", row[1], row[0])
	}
}

func TestApply_DoesNotQuoteADamagedTarget(t *testing.T) {
	t.Parallel()

	_, err := mergepatch.Apply([]byte(`{"email":"ada@`), []byte(`{}`))
	require.ErrorIs(t, err, mergepatch.ErrTarget)
	require.NotContains(t, err.Error(), "ada")
}
