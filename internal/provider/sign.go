package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed request, as the Standard Webhooks specification
// names them: its libraries verify what is sent here.
const (
	headerID        = "Webhook-Id"        // the idempotency key
	headerTimestamp = "Webhook-Timestamp" // of this attempt, in seconds since 1970
	headerSignature = "Webhook-Signature" // "v1," and the signature in base64
)

// Bounds of a secret, in bytes.
const (
	minSecret = 24
	maxSecret = 64
)

// secret is a target's key. It is a function so that no log, error or dump of
// the settings can show it.
type secret func() []byte

// parseSecret reads "whsec_" and the key in base64.
func parseSecret(text string) (secret, error) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, errors.New(`must be "whsec_" and 24 to 64 bytes in base64`)
	}
	return func() []byte { return key }, nil
}

// sign sets the three headers. What is signed, by HMAC-SHA256, is the id, the
// timestamp and the body exactly as it is sent, joined by dots:
//
//	secret               whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
//	Webhook-Id           msg_p5jXN8AQM9LWM0D4loKWxJek
//	Webhook-Timestamp    1614265330
//	body                 {"test": 2432232314}
//	signed               msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}
//	Webhook-Signature    v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
//
// The key of the HMAC is what the secret's base64 decodes to. A receiver
// compares in constant time, and refuses timestamps more than minutes away.
func (s secret) sign(header http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, s())
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	header.Set(headerID, id)
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
