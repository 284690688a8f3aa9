package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestSettings_ReportsEveryFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"nothing is set":                 {map[string]string{manifest.EnvIssuer: "", manifest.EnvAudience: "", envAlarmEmail: ""}, "missing settings: JOURNEYS_ISSUER, JOURNEYS_AUDIENCE, JOURNEYS_ALARM_EMAIL ("},
		"a client without a role":        {map[string]string{manifest.EnvClients: `{"a": {"tenant": "acme"}}`}, "JOURNEYS_CLIENTS: /a/role is required"},
		"prod without an e-mail address": {map[string]string{envStage: "prod", envAlarmEmail: ""}, "missing settings: JOURNEYS_ALARM_EMAIL ("},
		"a domain without a certificate": {map[string]string{envDomain: "a.example"}, "missing settings: JOURNEYS_CERTIFICATE_ARN ("},
		"a certificate without a domain": {map[string]string{envCertificate: "arn"}, "missing settings: JOURNEYS_DOMAIN ("},
		"channels that are faulty":       {map[string]string{manifest.EnvProviders: `{"channels": {"a": {"type": "ses"}}}`}, "settings of providers: /channels/a/from is required"},
		"a pause that is neither":        {map[string]string{manifest.EnvPaused: "perhaps"}, `JOURNEYS_PAUSED is "perhaps": want true or false`},
		"a quota below one call":         {map[string]string{manifest.EnvEnrollmentsPerMinute: "999"}, `JOURNEYS_ENROLLMENTS_PER_MINUTE is "999": want 0 for no limit, or a whole number from 1000`},
		"no concurrency":                 {map[string]string{manifest.EnvConcurrency: "0"}, `JOURNEYS_ADVANCE_CONCURRENCY is "0": want a whole number from 1`},
		"a restore without its times":    {map[string]string{manifest.EnvRestored: "2026-11-28T10:00:00Z"}, `JOURNEYS_RESTORED: "2026-11-28T10:00:00Z": want "never", or three times`},
		"a table instead of its stream":  {map[string]string{envTableStream: "arn:aws:dynamodb:eu-west-1:111122223333:table/a"}, `want the ARN of a table's stream`},
		"another token for the console":  {map[string]string{manifest.EnvConsoleToken: "refresh"}, `the console's token is "refresh": want access or id`},
		"metadata that is a list":        {map[string]string{manifest.EnvConsoleMetadata: "[]"}, `the console's metadata is not a JSON object`},
		"a truststore without a domain":  {map[string]string{envTruststore: "s3://bucket/ca.pem"}, "missing settings: JOURNEYS_DOMAIN ("},
		"a truststore elsewhere":         {map[string]string{envTruststore: "https://bucket.example/ca.pem"}, `JOURNEYS_TRUSTSTORE is "https://bucket.example/ca.pem": want s3://<bucket>/<key>`},
		"an alias instead of a key":      {map[string]string{envKey: "arn:aws:kms:eu-west-1:111122223333:alias/a"}, `JOURNEYS_KMS_KEY_ARN is "arn:aws:kms:eu-west-1:111122223333:alias/a": want the ARN of a key`},
		"a maximum that is no number":    {map[string]string{envMaxReadUnits: "1k"}, `JOURNEYS_MAX_READ_UNITS is "1k": want a whole number of units a second, at least 256`},
		"a maximum that is too low":      {map[string]string{envMaxWriteUnits: "99"}, `JOURNEYS_MAX_WRITE_UNITS is "99": want a whole number of units a second, at least 100`},
		"a key itself":                   {map[string]string{manifest.EnvKey: "bG9jYWwgZGV2ZWxvcG1lbnQga2V5IG9mIGpvdXJuZXk="}, `JOURNEYS_KEY must be "ssm:" and the name of a parameter`},
		"a public address without TLS":   {map[string]string{manifest.EnvPublicURL: "http://shop.test"}, `JOURNEYS_PUBLIC_URL is "http://shop.test": want https:// and a host`},
		"a public address with a slash":  {map[string]string{manifest.EnvPublicURL: "https://shop.test/"}, `JOURNEYS_PUBLIC_URL is "https://shop.test/": want https:// and a host, without a trailing slash`},
		"neither delivered nor not":      {map[string]string{manifest.EnvFeedbackDelivered: "yes"}, `JOURNEYS_FEEDBACK_DELIVERED is "yes": want true or false`},
		"an unknown stage":               {map[string]string{envStage: "test"}, `JOURNEYS_STAGE is "test": want dev, prod, or empty for both`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := maps.Clone(goodSettings)
			maps.Copy(values, c.change)
			_, err := settingsFrom(values)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestSettings_RefuseSecretsThemselves(t *testing.T) {
	t.Parallel()
	const target = `{"type": "http", "url": "https://a.test", "secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`
	values := maps.Clone(goodSettings)
	values[manifest.EnvProviders] = `{"channels": {"a/b": ` + target + `}, "decisions": {"*": ` + target + `}}`
	_, err := settingsFrom(values)
	require.EqualError(t, err, "JOURNEYS_PROVIDERS: the template would show the secrets themselves at /decisions/*/secret, /channels/a~1b/secret: "+
		`keep each in SSM Parameter Store or Secrets Manager, and set "ssm:<name>" or "secretsmanager:<name>" instead (docs/deployment.md, Secrets)`)
}

// What advance could not read at its first message is refused here.
func TestSettings_RefuseSecretsOfOtherRegionsAndAccounts(t *testing.T) {
	t.Parallel()
	with := func(arn string, cli map[string]string) error {
		values := maps.Clone(goodSettings)
		maps.Copy(values, cli)
		values[manifest.EnvProviders] = `{"channels": {"email": {"type": "http", "url": "https://a.test", "secret": "secretsmanager:` + arn + `"}}}`
		_, err := settingsFrom(values)
		return err
	}
	const ours = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:send-AbCdEf"
	cli := map[string]string{envRegion: "eu-west-1", envAccount: "111122223333"}
	require.NoError(t, with(ours, cli))
	require.NoError(t, with("send", cli))
	require.NoError(t, with(ours, map[string]string{envRegion: "eu-west-1"}), "no credentials")
	require.NoError(t, with("arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:send-AbCdEf", map[string]string{envRegion: "cn-north-1"}))
	for arn, want := range map[string]string{
		strings.ReplaceAll(ours, "eu-west-1", "us-east-1"):       "region us-east-1, and the stack in eu-west-1",
		strings.ReplaceAll(ours, "111122223333", "444455556666"): "account 444455556666, and the stack in 111122223333",
		strings.ReplaceAll(ours, "arn:aws:", "arn:aws-cn:"):      "partition aws-cn, and the stack in aws",
	} {
		require.EqualError(t, with(arn, cli), "JOURNEYS_PROVIDERS: /channels/email/secret is in "+want)
	}
}

func TestSettings_FitIntoLambdasEnvironment(t *testing.T) {
	t.Parallel()
	with := func(providers string) error {
		values := maps.Clone(goodSettings)
		values[manifest.EnvProviders] = providers
		_, err := settingsFrom(values)
		return err
	}
	long := func(n int) error {
		return with(`{"decisions":{"*":{"type":"rules","offers":[{"id":"a","priority":1,"payload":{"text":"` + strings.Repeat("a", n) + `"}}]}}}`)
	}
	const excess = 467
	require.EqualError(t, long(4000), "the environment of advance has up to 4563 bytes as JSON, and Lambda takes 4096: "+
		"JOURNEYS_PROVIDERS 4139, JOURNEYS_PUBLIC_URL 151, JOURNEYS_TABLE 146, JOURNEYS_ADVANCE_CONCURRENCY 36, JOURNEYS_KEY 35, JOURNEYS_RESTORED 28, JOURNEYS_PAUSED 26 (docs/deployment.md, Sizes)\n"+
		"the environment of send-test has up to 4473 bytes as JSON, and Lambda takes 4096: "+
		"JOURNEYS_PROVIDERS 4139, JOURNEYS_PUBLIC_URL 151, JOURNEYS_TABLE 146, JOURNEYS_KEY 35 (docs/deployment.md, Sizes)")
	require.NoError(t, long(4000-excess))
	require.ErrorContains(t, long(4000-excess+1), "has up to 4097 bytes as JSON, and Lambda takes 4096")

	var channels []string
	for n := range 160 {
		channels = append(channels, fmt.Sprintf(`"channel-%d":{"type":"sns"}`, n))
	}
	err := with(`{"channels":{` + strings.Join(channels, ",") + `}}`)
	require.ErrorContains(t, err, "the environment of advance has up to ")
	require.ErrorContains(t, err, "\nthe environment of create-journey, update-journey, test-journey, get-settings, get-draft, put-draft, publish-draft, put-tenant-settings has up to ")
}

func TestSettings_HasDefaults(t *testing.T) {
	t.Parallel()
	s, err := settingsFrom(map[string]string{
		manifest.EnvIssuer: "https://issuer.example/", manifest.EnvAudience: "journeys", envStage: "dev",
	})
	require.NoError(t, err, "dev needs no e-mail address")
	require.Equal(t, []string{"dev"}, s.stages)
	require.Equal(t, "arm64", s.arch)
	require.Equal(t, map[string]string{
		manifest.EnvIssuer:      "https://issuer.example/",
		manifest.EnvAudience:    "journeys",
		manifest.EnvJWKSURL:     "https://issuer.example/.well-known/jwks.json",
		manifest.EnvClients:     "{}",
		manifest.EnvTenantClaim: "tenant",
		manifest.EnvRoleClaim:   "role",
		manifest.EnvProviders:   "{}",
		manifest.EnvCatalog:     "{}",
		manifest.EnvConcurrency: "25",

		manifest.EnvKey:       "ssm:/journeys/key",
		manifest.EnvPublicURL: "",

		manifest.EnvEnrollmentsPerMinute: "0",
		manifest.EnvPaused:               "false",
		manifest.EnvRestored:             "never",

		manifest.EnvConsoleClientID: "",
		manifest.EnvConsoleScope:    "openid",
		manifest.EnvConsoleToken:    "access",
		manifest.EnvConsoleMetadata: "{}",
	}, s.functions)
	require.False(t, s.console)
}

func TestCheckDist_FindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, dist string)
		arch   string
		want   string
	}{
		"nothing is built": {
			func(t *testing.T, dist string) { require.NoError(t, os.RemoveAll(dist)) },
			"arm64", "dist/ARCH is missing: run make build ARCH=arm64",
		},
		"another architecture was built": {
			func(*testing.T, string) {},
			"amd64", "dist/ was built for linux/arm64, want linux/amd64: run make build ARCH=amd64",
		},
		"functions are missing": {
			func(t *testing.T, dist string) {
				require.NoError(t, os.Remove(filepath.Join(dist, "get-journey", "bootstrap")))
				require.NoError(t, os.RemoveAll(filepath.Join(dist, "test-journey")))
			},
			"arm64", "dist/ lacks get-journey, test-journey: run make build ARCH=arm64",
		},
		"the console has no files": {
			func(t *testing.T, dist string) {
				require.NoError(t, os.RemoveAll(filepath.Join(dist, "console", "web")))
			},
			"arm64", "dist/ lacks console/web: run make build ARCH=arm64",
		},
		"an unknown architecture": {
			func(*testing.T, string) {},
			"x86", `JOURNEYS_ARCH is "x86": want arm64 or amd64`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dist := filepath.Join(t.TempDir(), "dist")
			require.NoError(t, fakeDist(dist, "arm64"))
			require.NoError(t, checkDist(dist, "arm64"))
			c.change(t, dist)
			require.EqualError(t, checkDist(dist, c.arch), c.want)
		})
	}
}
