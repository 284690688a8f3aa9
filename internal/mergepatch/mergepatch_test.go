package mergepatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/mergepatch"
)

// The rows are of RFC 7396, appendix A, where target and patch are objects.
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
