package message

import (
	"crypto/hmac"

	"journeys/internal/consent/key"
	"journeys/internal/ident"
)

// macSize is the length of a token's MAC in bytes. A forged token is accepted once in 2^80
// attempts.
const macSize = 10

// Sample is the id of no message. With its token, the page on which recipients unsubscribe
// shows all topics of the tenant, and changes nothing.
var Sample ID

// Token returns the token with which the recipient of a message unsubscribes: at most 120
// characters of base64url.
func Token(k key.Key, t ident.Tenant, id ID) string {
	text := append(id[:], t.String()...)
	return encoding.EncodeToString(append(text, tokenMAC(k, t, id)...))
}

// ParseToken returns what Token was called with. It returns false for any other text.
func ParseToken(k key.Key, token string) (t ident.Tenant, id ID, ok bool) {
	b, err := encoding.DecodeString(token)
	if err != nil || len(b) < len(id)+macSize {
		return ident.Tenant{}, ID{}, false
	}
	copy(id[:], b)
	end := len(b) - macSize
	t, ok = ident.ParseTenant(string(b[len(id):end]))
	if !ok || !hmac.Equal(b[end:], tokenMAC(k, t, id)) {
		return ident.Tenant{}, ID{}, false
	}
	return t, id, true
}

func tokenMAC(k key.Key, t ident.Tenant, id ID) []byte {
	return k.Token("unsubscribe", string(id[:]), t.String())[:macSize]
}
