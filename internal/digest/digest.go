// Package digest hashes lists of texts.
package digest

import (
	"crypto/sha256"
	"encoding/binary"
)

// Of returns the SHA-256 of the parts, each after its length, so that different lists
// have different inputs.
func Of[Text ~string | ~[]byte](parts ...Text) [sha256.Size]byte {
	text := make([]byte, 0, 256) // mostly enough, and on the stack
	for _, part := range parts {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}
