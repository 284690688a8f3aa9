package secret

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestSign_MatchesItsComment(t *testing.T) {
	t.Parallel()

	keys, err := parseKeys(testSecret)
	require.NoError(t, err)
	header := http.Header{}
	keys.Sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("Webhook-Signature"))
	source, err := os.ReadFile("sign.go")
	require.NoError(t, err)
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		require.Regexp(t, `//	`+name+` +`+strings.ReplaceAll(header.Get(name), "+", `\+`)+"\n", string(source))
	}
}

func TestSign_SignsWithEachKey(t *testing.T) {
	t.Parallel()

	other := "whsec_" + strings.Repeat("AAAA", 8)
	signature := func(text string) string {
		keys, err := parseKeys(text)
		require.NoError(t, err)
		header := http.Header{}
		keys.Sign(header, "msg_1", time.Unix(1614265330, 0), []byte("{}"))
		return header.Get("Webhook-Signature")
	}
	require.Equal(t, signature(testSecret)+" "+signature(other), signature(testSecret+"\n"+other))
}

func TestParseSetting_TakesSecretsAndPlaces(t *testing.T) {
	t.Parallel()

	const manager = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:journeys/email-AbCdEf"
	for text, resource := range map[string]string{
		"ssm:/journeys/prod/email":                   "parameter/journeys/prod/email",
		"ssm:email.secret_1":                         "parameter/email.secret_1",
		"secretsmanager:journeys/prod/e-mail_+=.@1":  "secret:journeys/prod/e-mail_+=.@1-??????",
		"secretsmanager:" + manager:                  manager,
		"secretsmanager:" + strings.Repeat("a", 512): "secret:" + strings.Repeat("a", 512) + "-??????",
		"ssm:" + strings.Repeat("/a", 15):            "parameter" + strings.Repeat("/a", 15),
	} {
		s, err := ParseSetting(text)
		require.NoError(t, err, text)
		require.Equal(t, text, s.Place().String())
		require.Equal(t, resource, s.Place().Resource())
		require.False(t, s.Plain())
	}
	for _, text := range []string{testSecret, testSecret + " " + testSecret} {
		s, err := ParseSetting(text)
		require.NoError(t, err, text)
		require.Zero(t, s.Place())
		require.True(t, s.Plain())
	}
	for _, text := range []string{
		"", "password", "ssm:", "ssm:/", "ssm:a/", "ssm:/a//b", "ssm:/a*", "ssm:/a:3", "ssm:" + strings.Repeat("/a", 16), "SSM:/a", " ssm:/a",
		"secretsmanager:", "secretsmanager:a*", "secretsmanager:a?", "secretsmanager:a b",
		"secretsmanager:arn:aws:ssm:eu-west-1:111122223333:parameter/a", "secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:a",
		"whsec_", "whsec_a", testSecret + " whsec_a", testSecret + " ssm:/a", testSecret + " " + testSecret + " " + testSecret,
	} {
		s, err := ParseSetting(text)
		require.ErrorContains(t, err, "must be ", text)
		require.Zero(t, s, text)
	}
}
