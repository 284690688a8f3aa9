// Package key holds the key of an installation. It hides the addresses of customers: the
// table keeps only keyed hashes of them, which last after a customer was forgotten. The
// same key signs the tokens of links that need no login. It is never rotated: with another
// key, no suppression and no opt-out would be found again.
package key

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"journeys/internal/consent/normalize"
	"journeys/internal/ident"
)

// Size is the length of the key in bytes.
const Size = 32

// Key is the key of an installation. The zero Key is none: its methods panic.
type Key struct {
	addresses, tokens []byte // a key derived for each purpose
}

// Parse parses a key: Size bytes in base64, with or without white space around them. Its
// error does not quote the text.
func Parse(text string) (Key, error) {
	secret, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) != Size {
		return Key{}, errKey
	}
	return Key{addresses: mac(secret, "address"), tokens: mac(secret, "token")}, nil
}

var errKey = errors.New("the key must be " + strconv.Itoa(Size) + " bytes in base64")

// Address returns the hash of a tenant's customers' address in an attribute, which
// catalog.Entry names: 64 hexadecimal digits, the same for all spellings of the address.
// It returns "" if the text is no address.
func (k Key) Address(t ident.Tenant, attribute, address string) string {
	normal := normalize.Address(attribute, address)
	if normal == "" {
		return ""
	}
	return hex.EncodeToString(mac(k.addresses, t.String(), attribute, normal))
}

// Token returns the MAC of a token's parts: 32 bytes.
func (k Key) Token(parts ...string) []byte { return mac(k.tokens, parts...) }

// mac returns the HMAC-SHA-256 of parts, each with its length before it, so that none can
// imitate another.
func mac(key []byte, parts ...string) []byte {
	if len(key) == 0 {
		panic("key: the zero Key")
	}
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		_, _ = h.Write(strconv.AppendInt(nil, int64(len(part)), 10)) // a hash returns no error
		_, _ = h.Write([]byte{':'})
		_, _ = h.Write([]byte(part))
	}
	return h.Sum(nil)
}
