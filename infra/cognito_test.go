package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

var cognitoSettingsForTests = map[string]string{
	envCognito:      "true",
	envCognitoAdmin: "admin@example.com",
	envAlarmEmail:   "alarms@example.com",
}

// synthesizedCognito returns the templates of both stages with a user pool. All tests
// share one synthesis.
func synthesizedCognito(t *testing.T) map[string]stackTemplate {
	t.Helper()
	templates, err := synthesizeCognito()
	require.NoError(t, err)
	return templates
}

var synthesizeCognito = sync.OnceValues(func() (map[string]stackTemplate, error) {
	s, err := settingsFrom(cognitoSettingsForTests)
	if err != nil {
		return nil, err
	}
	dir, err := newSharedDir()
	if err != nil {
		return nil, err
	}
	return synthesize(s, dir, nil)
})

func TestCognito_ReportsEveryFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"an issuer too": {
			map[string]string{manifest.EnvIssuer: "https://issuer.example", manifest.EnvAudience: "a", manifest.EnvConsoleToken: "id"},
			"remove JOURNEYS_ISSUER, JOURNEYS_AUDIENCE, JOURNEYS_CONSOLE_TOKEN: JOURNEYS_COGNITO makes an issuer",
		},
		"neither true nor false":      {map[string]string{envCognito: "yes"}, `JOURNEYS_COGNITO is "yes": want true or false`},
		"settings of a pool alone":    {map[string]string{envCognito: ""}, "remove JOURNEYS_COGNITO_ADMIN: JOURNEYS_COGNITO is not true"},
		"no admin":                    {map[string]string{envCognitoAdmin: ""}, `JOURNEYS_COGNITO_ADMIN is "": want the e-mail address`},
		"an admin with a name":        {map[string]string{envCognitoAdmin: "Admin <admin@example.com>"}, "want the e-mail address"},
		"a tenant with a space":       {map[string]string{envCognitoTenant: "a b"}, `JOURNEYS_COGNITO_TENANT is "a b": want 1 to 64`},
		"a prefix in capitals":        {map[string]string{envCognitoDomain: "Shop"}, `JOURNEYS_COGNITO_DOMAIN is "Shop": want 1 to 63`},
		"a prefix that is reserved":   {map[string]string{envCognitoDomain: "my-aws-shop"}, "without aws, amazon and cognito"},
		"a prefix with a hyphen last": {map[string]string{envCognitoDomain: "shop-"}, "JOURNEYS_COGNITO_DOMAIN"},
		"MFA that may be":             {map[string]string{envCognitoMFA: "maybe"}, `JOURNEYS_COGNITO_MFA is "maybe": want optional or required`},
		"no address for alarms":       {map[string]string{envAlarmEmail: ""}, "missing settings: JOURNEYS_ALARM_EMAIL ("},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := maps.Clone(cognitoSettingsForTests)
			maps.Copy(values, c.change)
			_, err := settingsFrom(values)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestCognito_KeepsUsersOnlyInProd(t *testing.T) {
	for stage, template := range synthesizedCognito(t) {
		require.Empty(t, template.messages, stage)
		protection, policy := "INACTIVE", "Delete"
		if stage == prodStage {
			protection, policy = "ACTIVE", "Retain"
		}
		pool := only(template.ofType("AWS::Cognito::UserPool"))
		require.Equal(t, protection, pool.Properties["DeletionProtection"])
		require.Equal(t, policy, pool.DeletionPolicy)
		admin := only(template.ofType("AWS::Cognito::UserPoolUser"))
		require.Equal(t, policy, admin.DeletionPolicy)
		require.Equal(t, "Delete", admin.UpdateReplacePolicy, "an admin that another replaces is deleted")
	}
}

func TestCognito_LetsOnlyAdministratorsMakeUsers(t *testing.T) {
	for _, template := range synthesizedCognito(t) {
		pool := only(template.ofType("AWS::Cognito::UserPool")).Properties
		create := pool["AdminCreateUserConfig"].(map[string]any)
		require.Equal(t, true, create["AllowAdminCreateUserOnly"])
		body := text(create["InviteMessageTemplate"])
		for _, want := range []string{"{username}", "{####}", `{"Fn::GetAtt":["Api`} {
			require.Contains(t, body, want)
		}
		require.Equal(t, []any{"email"}, pool["UsernameAttributes"])
		require.Equal(t, map[string]any{"CaseSensitive": false}, pool["UsernameConfiguration"])
		require.Equal(t, "LITE", pool["UserPoolTier"])
		require.Equal(t, "OPTIONAL", pool["MfaConfiguration"])
		require.Equal(t, []any{"SOFTWARE_TOKEN_MFA"}, pool["EnabledMfas"])
		require.Equal(t, 12.0, pool["Policies"].(map[string]any)["PasswordPolicy"].(map[string]any)["MinimumLength"])
		require.Equal(t, `{"RecoveryMechanisms":[{"Name":"verified_email","Priority":1}]}`, text(pool["AccountRecoverySetting"]))

		admin := only(template.ofType("AWS::Cognito::UserPoolUser")).Properties
		require.Equal(t, "admin@example.com", admin["Username"])
		require.Equal(t, []any{"EMAIL"}, admin["DesiredDeliveryMediums"], "the default is a text message")
		require.Equal(t, []any{
			map[string]any{"Name": "email", "Value": "admin@example.com"},
			map[string]any{"Name": "email_verified", "Value": "true"},
			map[string]any{"Name": "custom:tenant", "Value": "main"},
			map[string]any{"Name": "custom:role", "Value": "admin"},
		}, admin["UserAttributes"])
	}
}

// A client that could write these attributes would let users choose tenant and role.
func TestCognito_LetsNoClientWriteTenantAndRole(t *testing.T) {
	for _, template := range synthesizedCognito(t) {
		clients := template.ofType("AWS::Cognito::UserPoolClient")
		require.Len(t, clients, 1)
		client := only(clients).Properties
		require.ElementsMatch(t, []any{"email", "name"}, client["WriteAttributes"])
		require.ElementsMatch(t, []any{"email", "email_verified", "name", "custom:tenant", "custom:role"}, client["ReadAttributes"])
		require.Equal(t, false, client["GenerateSecret"])
		require.Equal(t, []any{"code"}, client["AllowedOAuthFlows"])
		require.Equal(t, []any{"openid", "email", "profile"}, client["AllowedOAuthScopes"], "no scope that lets a user call Cognito")
		require.Equal(t, []any{"ALLOW_REFRESH_TOKEN_AUTH"}, client["ExplicitAuthFlows"])
		require.Equal(t, "ENABLED", client["PreventUserExistenceErrors"])
		require.Equal(t, true, client["EnableTokenRevocation"])
		require.Equal(t, []any{"COGNITO"}, client["SupportedIdentityProviders"])
		require.Equal(t, 15.0, client["IdTokenValidity"])
		require.Equal(t, 15.0, client["AccessTokenValidity"])
		require.Equal(t, 1440.0, client["RefreshTokenValidity"])
		for _, urls := range []string{"CallbackURLs", "LogoutURLs"} {
			require.Len(t, client[urls], 1)
			require.Contains(t, text(client[urls]), `"ApiEndpoint"]},"/"]`)
		}
	}
}

func TestCognito_IsTheFunctionsIssuer(t *testing.T) {
	for stage, template := range synthesizedCognito(t) {
		var client, domain string
		for id := range template.ofType("AWS::Cognito::UserPoolClient") {
			client = id
		}
		for id, r := range template.ofType("AWS::Cognito::UserPoolDomain") {
			domain = id
			require.JSONEq(t, fmt.Sprintf(`{"Fn::Join":["",["journeys-%s-",{"Ref":"AWS::AccountId"}]]}`, stage), text(r.Properties["Domain"]))
		}
		environment := func(f manifest.Function) map[string]any {
			return template.Resources[f.LogicalID()].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		}
		for _, f := range []manifest.Function{manifest.Authorizer, manifest.Console} {
			require.Contains(t, text(environment(f)[manifest.EnvIssuer]), `"ProviderName"`, f.Name)
			require.Equal(t, "custom:tenant", environment(f)[manifest.EnvTenantClaim], f.Name)
			require.Equal(t, "custom:role", environment(f)[manifest.EnvRoleClaim], f.Name)
		}
		authorizer, console := environment(manifest.Authorizer), environment(manifest.Console)
		require.Equal(t, client, ref(authorizer[manifest.EnvAudience]))
		require.Contains(t, text(authorizer[manifest.EnvJWKSURL]), "/.well-known/jwks.json")
		require.Equal(t, client, ref(console[manifest.EnvConsoleClientID]))
		require.Equal(t, "id", console[manifest.EnvConsoleToken])
		require.Equal(t, "openid email profile", console[manifest.EnvConsoleScope])
		metadata := resolve(console[manifest.EnvConsoleMetadata])
		var parsed map[string]string
		require.NoError(t, json.Unmarshal([]byte(metadata), &parsed), metadata)
		require.Equal(t, map[string]string{
			"authorization_endpoint": "https://<" + domain + ">.auth.<AWS::Region>.amazoncognito.com/oauth2/authorize",
			"token_endpoint":         "https://<" + domain + ">.auth.<AWS::Region>.amazoncognito.com/oauth2/token",
			"jwks_uri":               "https://<" + poolOf(template) + ".ProviderName>/.well-known/jwks.json",
			"end_session_endpoint": "https://<" + domain + ">.auth.<AWS::Region>.amazoncognito.com/logout?client_id=<" + client +
				">&logout_uri=<" + apiOf(template) + ".ApiEndpoint>/",
		}, parsed)
		require.Contains(t, template.Outputs, "UserPoolId")
		require.Contains(t, template.Outputs, "LoginUrl")
	}
}

func poolOf(template stackTemplate) string { return onlyID(template, "AWS::Cognito::UserPool") }
func apiOf(template stackTemplate) string  { return onlyID(template, "AWS::ApiGatewayV2::Api") }

func onlyID(template stackTemplate, kind string) string {
	for id := range template.ofType(kind) {
		return id
	}
	return ""
}

// resolve returns a text of a template with its references as <Resource.Attribute>.
func resolve(value any) string {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprint(value)
	}
	if attribute, ok := object["Fn::GetAtt"].([]any); ok {
		return fmt.Sprintf("<%s.%s>", attribute...)
	}
	if join, ok := object["Fn::Join"].([]any); ok {
		var parts []string
		for _, part := range join[1].([]any) {
			parts = append(parts, resolve(part))
		}
		return strings.Join(parts, join[0].(string))
	}
	return "<" + ref(value) + ">"
}

func TestCognito_TakesItsSettings(t *testing.T) {
	values := maps.Clone(cognitoSettingsForTests)
	maps.Copy(values, map[string]string{
		envStage: prodStage, envCognitoTenant: "acme", envCognitoDomain: "acme-journeys", envCognitoMFA: "required",
		envDomain: "journeys.example.com", envCertificate: "arn:aws:acm:eu-central-1:111122223333:certificate/00000000-0000-0000-0000-000000000000",
	})
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	template := templates[prodStage]
	require.Empty(t, template.messages)
	require.Empty(t, cycle(template))
	require.Equal(t, "ON", only(template.ofType("AWS::Cognito::UserPool")).Properties["MfaConfiguration"])
	require.Equal(t, "acme-journeys", only(template.ofType("AWS::Cognito::UserPoolDomain")).Properties["Domain"])
	require.Contains(t, text(only(template.ofType("AWS::Cognito::UserPoolUser")).Properties), `{"Name":"custom:tenant","Value":"acme"}`)
	urls := only(template.ofType("AWS::Cognito::UserPoolClient")).Properties["CallbackURLs"].([]any)
	require.Equal(t, []any{"https://journeys.example.com/"}, urls, "the default endpoint is closed")
}
