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

// Headers of a signed request, from the Standard Webhooks specification, whose
// libraries can verify it.
const (
	headerID        = "Webhook-Id"        // the idempotency key
	headerTimestamp = "Webhook-Timestamp" // time of this attempt, in seconds since 1970
	headerSignature = "Webhook-Signature" // "v1," and the signature in base64
)

// Bounds of a secret, in bytes.
const (
	minSecret = 24
	maxSecret = 64
)

// secret returns a target's key. It is a function, so that no log, error or dump of
// the settings can show the key.
type secret func() []byte

// parseSecret parses "whsec_" and the key in base64.
func parseSecret(text string) (secret, error) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, errors.New(`must be "whsec_" and 24 to 64 bytes in base64`)
	}
	return func() []byte { return key }, nil
}

// sign sets the three headers. The HMAC-SHA256 covers the id, the timestamp and the
// body exactly as it is sent, joined by dots:
//
//	secret               whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
//	Webhook-Id           msg_p5jXN8AQM9LWM0D4loKWxJek
//	Webhook-Timestamp    1614265330
//	body                 {"test": 2432232314}
//	signed               msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}
//	Webhook-Signature    v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
//
// The HMAC's key is the decoded base64 of the secret. A receiver should compare in
// constant time, and refuse timestamps more than a few minutes away.
func (s secret) sign(header http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, s())
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	header.Set(headerID, id)
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
