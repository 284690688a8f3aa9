package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireSigned checks a signature as a receiver does.
func requireSigned(t *testing.T, r request, key string, at time.Time) {
	t.Helper()
	require.Equal(t, key, r.header.Get("Idempotency-Key"))
	require.Equal(t, key, r.header.Get("Webhook-Id"))
	require.Equal(t, fmt.Sprint(at.Unix()), r.header.Get("Webhook-Timestamp"))
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%d.%s", key, at.Unix(), r.body)
	require.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), r.header.Get("Webhook-Signature"))
}

func TestSign_MatchesItsComment(t *testing.T) {
	t.Parallel()

	key, err := parseSecret(testSecret)
	require.NoError(t, err)
	header := http.Header{}
	key.sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("Webhook-Signature"))
	source, err := os.ReadFile("sign.go")
	require.NoError(t, err)
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		require.Regexp(t, `//	`+name+` +`+strings.ReplaceAll(header.Get(name), "+", `\+`)+"\n", string(source))
	}
}
