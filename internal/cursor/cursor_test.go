package cursor_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/cursor"
	"journeys/internal/strict"
)

func TestCursor_BelongsToOneList(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		c := cursor.Cursor{
			Numbers: rapid.SliceOfN(rapid.Int64Range(0, 1<<52-1), 0, 4).Draw(t, "numbers"), Text: rapid.String().Draw(t, "text"),
		}
		if len(c.Numbers) == 0 {
			c.Numbers = nil
		}
		encoded := c.Encode("list", "a")
		require.True(t, strict.IsWord(encoded, len(encoded)))
		decoded, ok := cursor.Decode(encoded, "list", "a")
		require.True(t, ok)
		require.Equal(t, c, decoded)
		_, ok = cursor.Decode(encoded, "lista")
		require.False(t, ok)
		cut := rapid.IntRange(0, 11).Draw(t, "cut") // within the hash
		_, ok = cursor.Decode(encoded[:cut], "list", "a")
		require.False(t, ok)
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(cursor.Cursor{Numbers: []int64{1, 2}, Text: "x"}.Encode("l"))
	f.Fuzz(func(t *testing.T, encoded string) {
		if c, ok := cursor.Decode(encoded, "l"); ok {
			again, ok := cursor.Decode(c.Encode("l"), "l")
			require.True(t, ok)
			require.Equal(t, c, again)
		}
	})
}
