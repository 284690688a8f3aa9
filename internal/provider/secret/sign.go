package secret

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed request, from the Standard Webhooks specification, whose
// libraries can verify it.
const (
	headerID        = "Webhook-Id"        // the idempotency key
	headerTimestamp = "Webhook-Timestamp" // time of this attempt, in seconds since 1970
	headerSignature = "Webhook-Signature" // of each key "v1," and the signature in base64, separated by spaces
)

// Bounds of a key, in bytes, and of the keys of a target.
const (
	minKey  = 24
	maxKey  = 64
	maxKeys = 2
)

// Keys are the keys of a target, each of which signs its requests: one, or two while
// the receiver changes from the first to the second.
type Keys []key

// key returns the bytes of a key. It is a function, so that no log, error or dump can
// show them.
type key func() []byte

// errKeys does not have the prefix of secrets, which must not be found in logs.
var errKeys = errors.New("the text is not a secret of Standard Webhooks, or two with a space between them")

// parseKeys parses one or two keys, each "whsec_" and the key in base64, with white
// space between them.
func parseKeys(text string) (Keys, error) {
	var keys Keys
	for word := range strings.FieldsSeq(text) {
		encoded, ok := strings.CutPrefix(word, prefix)
		bytes, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(bytes) < minKey || len(bytes) > maxKey {
			return nil, errKeys
		}
		keys = append(keys, func() []byte { return bytes })
	}
	if len(keys) < 1 || len(keys) > maxKeys {
		return nil, errKeys
	}
	return keys, nil
}

// equal reports whether both are the same keys in the same order.
func (k Keys) equal(other Keys) bool {
	return slices.EqualFunc(k, other, func(a, b key) bool { return bytes.Equal(a(), b()) })
}

// Sign sets the three headers. The HMAC-SHA256 covers the id, the timestamp and the
// body exactly as it is sent, joined by dots:
//
//	secret               whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
//	Webhook-Id           msg_p5jXN8AQM9LWM0D4loKWxJek
//	Webhook-Timestamp    1614265330
//	body                 {"test": 2432232314}
//	signed               msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}
//	Webhook-Signature    v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
//
// The HMAC's key is the decoded base64 of the secret. Two keys give two signatures,
// separated by a space, and a receiver accepts either. It should compare in constant
// time, and refuse timestamps more than a few minutes away.
func (k Keys) Sign(header http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(k))
	for i, key := range k {
		mac := hmac.New(sha256.New, key())
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	header.Set(headerID, id)
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, strings.Join(signatures, " "))
}
