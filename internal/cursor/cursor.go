// Package cursor encodes where a list continues, as a text that belongs to that list.
package cursor

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"journeys/internal/digest"
)

// Cursor is a position in a list.
type Cursor struct {
	Numbers []int64 // not negative
	Text    string  // any bytes
}

// Encode returns the cursor of a list, which its parts identify. It has only the
// characters of base64url. It is not secret.
func (c Cursor) Encode(list ...string) string {
	text := append([]byte(hash(list)), byte(len(c.Numbers)))
	for _, n := range c.Numbers {
		text = binary.AppendUvarint(text, uint64(n))
	}
	return base64.RawURLEncoding.EncodeToString(append(text, c.Text...))
}

// Decode returns false for a text that Encode did not return for this list. A caller may
// have forged the position.
func Decode(encoded string, list ...string) (c Cursor, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	rest, ok := strings.CutPrefix(string(text), hash(list))
	if err != nil || !ok || rest == "" {
		return c, false
	}
	count := int(rest[0])
	for rest = rest[1:]; count > 0; count-- {
		n, size := binary.Uvarint([]byte(rest))
		if size <= 0 || n >= 1<<52 {
			return c, false
		}
		c.Numbers, rest = append(c.Numbers, int64(n)), rest[size:]
	}
	c.Text = rest
	return c, true
}

func hash(list []string) string {
	sum := digest.Of(list...)
	return string(sum[:8])
}
