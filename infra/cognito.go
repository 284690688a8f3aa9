package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"journeys/internal/ident"
	"journeys/internal/manifest"
)

// Settings of the stack's own user pool.
const (
	envCognito       = "JOURNEYS_COGNITO"        // true: the stack has a user pool, which replaces an issuer of one's own
	envCognitoAdmin  = "JOURNEYS_COGNITO_ADMIN"  // e-mail address of the first user, an admin; required with a pool
	envCognitoTenant = "JOURNEYS_COGNITO_TENANT" // tenant of the first user; main by default
	envCognitoDomain = "JOURNEYS_COGNITO_DOMAIN" // prefix of the sign-in page's host name; journeys-<stage>-<account> by default
	envCognitoMFA    = "JOURNEYS_COGNITO_MFA"    // optional (default) or required
)

// Custom attributes of a user. In id tokens they are claims of these names.
const (
	tenantAttribute = "custom:tenant"
	roleAttribute   = "custom:role"
)

type cognitoSettings struct {
	on     bool
	admin  string
	tenant string
	domain string // "" for the default
	mfa    awscognito.Mfa
}

// prefixForm matches the prefixes that Cognito accepts, reserved words aside.
var prefixForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// readCognito reads the settings of the user pool. Its error names every fault.
func readCognito(getenv func(string) string) (cognitoSettings, error) {
	c := cognitoSettings{
		admin: getenv(envCognitoAdmin), domain: getenv(envCognitoDomain),
		tenant: cmp.Or(getenv(envCognitoTenant), "main"), mfa: awscognito.Mfa_OPTIONAL,
	}
	switch on := getenv(envCognito); on {
	case "true":
		c.on = true
	case "", "false":
		return c, unused(getenv, envCognito+" is not true", envCognitoAdmin, envCognitoTenant, envCognitoDomain, envCognitoMFA)
	default:
		return c, fmt.Errorf("%s is %q: want true or false", envCognito, on)
	}
	faults := []error{unused(getenv, envCognito+" makes an issuer with settings of its own",
		manifest.EnvIssuer, manifest.EnvAudience, manifest.EnvJWKSURL, manifest.EnvTenantClaim, manifest.EnvRoleClaim,
		manifest.EnvConsoleClientID, manifest.EnvConsoleScope, manifest.EnvConsoleToken, manifest.EnvConsoleMetadata)}
	fault := func(name, want string) {
		faults = append(faults, fmt.Errorf("%s is %q: want %s", name, getenv(name), want))
	}
	if address, err := mail.ParseAddress(c.admin); err != nil || address.Address != c.admin {
		fault(envCognitoAdmin, "the e-mail address of the first admin")
	}
	if _, ok := ident.ParseTenant(c.tenant); !ok {
		fault(envCognitoTenant, "1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	}
	if c.domain != "" && (!prefixForm.MatchString(c.domain) || reserved(c.domain)) {
		fault(envCognitoDomain, "1 to 63 characters of a-z, 0-9 and -, without aws, amazon and cognito")
	}
	switch getenv(envCognitoMFA) {
	case "", "optional":
	case "required":
		c.mfa = awscognito.Mfa_REQUIRED
	default:
		fault(envCognitoMFA, "optional or required")
	}
	return c, errors.Join(faults...)
}

// unused returns an error for the reason that names those of the settings that have a
// value, nil if none has.
func unused(getenv func(string) string, reason string, names ...string) error {
	var given []string
	for _, name := range names {
		if getenv(name) != "" {
			given = append(given, name)
		}
	}
	if len(given) == 0 {
		return nil
	}
	return fmt.Errorf("remove %s: %s", strings.Join(given, ", "), reason)
}

func reserved(prefix string) bool {
	return strings.Contains(prefix, "aws") || strings.Contains(prefix, "amazon") || strings.Contains(prefix, "cognito")
}

// addCognito adds a user pool with a sign-in page and the client of the console, and
// makes it the issuer of the functions' tokens. It needs the API for its address only,
// so the functions may depend on the client.
func (st *stack) addCognito() {
	pool := st.newUserPool()
	console := st.consoleURL()
	domain := pool.AddDomain(jsii.String("Domain"), &awscognito.UserPoolDomainOptions{
		CognitoDomain: &awscognito.CognitoDomainOptions{DomainPrefix: jsii.String(st.domainPrefix())},
	})
	client := newConsoleClient(pool, console)
	login := *domain.BaseUrl(nil)

	issuer := "https://" + *pool.UserPoolProviderName()
	st.settings.functions = maps.Clone(st.settings.functions) // the other stage has its own
	maps.Copy(st.settings.functions, map[string]string{
		manifest.EnvIssuer:          issuer,
		manifest.EnvAudience:        *client.UserPoolClientId(),
		manifest.EnvJWKSURL:         issuer + "/.well-known/jwks.json",
		manifest.EnvTenantClaim:     tenantAttribute,
		manifest.EnvRoleClaim:       roleAttribute,
		manifest.EnvConsoleClientID: *client.UserPoolClientId(),
		manifest.EnvConsoleScope:    "openid email profile",
		manifest.EnvConsoleToken:    "id", // access tokens have no custom attributes
		manifest.EnvConsoleMetadata: *st.scope.ToJsonString(map[string]string{
			"authorization_endpoint": login + "/oauth2/authorize",
			"token_endpoint":         login + "/oauth2/token",
			"jwks_uri":               issuer + "/.well-known/jwks.json",
			// Cognito has its own names for the parameters of OpenID's end_session_endpoint.
			"end_session_endpoint": login + "/logout?client_id=" + *client.UserPoolClientId() + "&logout_uri=" + *console,
		}, nil),
	})
	st.pool = pool
	st.output("UserPoolId", pool.UserPoolId(), "The id of the user pool, to add users")
	st.output("LoginUrl", jsii.String(login), "The host of the sign-in page, to which the console leads")
}

func (st *stack) newUserPool() awscognito.UserPool {
	text := func() awscognito.ICustomAttribute {
		return awscognito.NewStringAttribute(&awscognito.StringAttributeProps{
			MinLen: jsii.Number(1), MaxLen: jsii.Number(64), Mutable: jsii.Bool(true),
		})
	}
	tenant, role := strings.TrimPrefix(tenantAttribute, "custom:"), strings.TrimPrefix(roleAttribute, "custom:")
	pool := awscognito.NewUserPool(st.scope, jsii.String("Users"), &awscognito.UserPoolProps{
		SelfSignUpEnabled:   jsii.Bool(false),
		SignInAliases:       &awscognito.SignInAliases{Email: jsii.Bool(true)},
		SignInCaseSensitive: jsii.Bool(false),
		AutoVerify:          &awscognito.AutoVerifiedAttrs{Email: jsii.Bool(true)},
		// Until a new address is verified, the old one remains.
		KeepOriginal: &awscognito.KeepOriginalAttrs{Email: jsii.Bool(true)},
		StandardAttributes: &awscognito.StandardAttributes{
			Email: &awscognito.StandardAttribute{Required: jsii.Bool(true), Mutable: jsii.Bool(true)},
		},
		CustomAttributes: &map[string]awscognito.ICustomAttribute{tenant: text(), role: text()},
		PasswordPolicy: &awscognito.PasswordPolicy{
			MinLength: jsii.Number(12), RequireLowercase: jsii.Bool(true), RequireUppercase: jsii.Bool(true),
			RequireDigits: jsii.Bool(true), RequireSymbols: jsii.Bool(true),
			TempPasswordValidity: awscdk.Duration_Days(jsii.Number(7)),
		},
		Mfa:             st.settings.cognito.mfa,
		MfaSecondFactor: &awscognito.MfaSecondFactor{Otp: jsii.Bool(true), Sms: jsii.Bool(false)},
		AccountRecovery: awscognito.AccountRecovery_EMAIL_ONLY,
		UserInvitation: &awscognito.UserInvitationConfig{
			EmailSubject: jsii.String("Your account for Journeys"),
			EmailBody: jsii.String("Your account for Journeys is ready. Sign in at " + *st.consoleURL() +
				" with your e-mail address and this temporary password: {####}<br>(Your user name is {username}.)"),
		},
		UserVerification: &awscognito.UserVerificationConfig{
			EmailSubject: jsii.String("Your code for Journeys"),
			EmailBody:    jsii.String("Your code for Journeys is {####}."),
		},
		FeaturePlan:        awscognito.FeaturePlan_LITE,
		DeletionProtection: jsii.Bool(st.prod),
		RemovalPolicy:      st.removal(),
	})
	for id, reason := range map[string]string{
		"AwsSolutions-COG2": "MFA is required with JOURNEYS_COGNITO_MFA=required, and optional otherwise.",
		"AwsSolutions-COG3": "Threat protection needs the plan Plus, which costs money for each user a month. There is no self sign-up.",
	} {
		cdknag.NagSuppressions_AddResourceSuppressions(pool, &[]*cdknag.NagPackSuppression{{
			Id: jsii.String(id), Reason: jsii.String(reason),
		}}, nil)
	}
	return pool
}

// newConsoleClient returns the app client of the console: a public client for the
// authorization code flow with PKCE. No client may write the attributes of tenant and
// role; only administrators of the pool may.
func newConsoleClient(pool awscognito.UserPool, url *string) awscognito.UserPoolClient {
	own := awscognito.NewClientAttributes().WithStandardAttributes(&awscognito.StandardAttributesMask{
		Email: jsii.Bool(true), Fullname: jsii.Bool(true),
	})
	return pool.AddClient(jsii.String("Console"), &awscognito.UserPoolClientOptions{
		GenerateSecret: jsii.Bool(false),
		// Passwords are for the sign-in page only, not for calls of the client.
		AuthFlows: &awscognito.AuthFlow{UserSrp: jsii.Bool(false)},
		OAuth: &awscognito.OAuthSettings{
			Flows:        &awscognito.OAuthFlows{AuthorizationCodeGrant: jsii.Bool(true)},
			Scopes:       &[]awscognito.OAuthScope{awscognito.OAuthScope_OPENID(), awscognito.OAuthScope_EMAIL(), awscognito.OAuthScope_PROFILE()},
			CallbackUrls: &[]*string{url},
			LogoutUrls:   &[]*string{url},
		},
		SupportedIdentityProviders: &[]awscognito.UserPoolClientIdentityProvider{awscognito.UserPoolClientIdentityProvider_COGNITO()},
		WriteAttributes:            own,
		ReadAttributes: own.WithStandardAttributes(&awscognito.StandardAttributesMask{EmailVerified: jsii.Bool(true)}).
			WithCustomAttributes(jsii.String("tenant"), jsii.String("role")),
		// A role that is taken away works until the token expires.
		AccessTokenValidity:        awscdk.Duration_Minutes(jsii.Number(15)),
		IdTokenValidity:            awscdk.Duration_Minutes(jsii.Number(15)),
		RefreshTokenValidity:       awscdk.Duration_Hours(jsii.Number(24)),
		EnableTokenRevocation:      jsii.Bool(true),
		PreventUserExistenceErrors: jsii.Bool(true),
	})
}

// addFirstAdmin adds the first user, and Cognito mails an invitation. It comes after the
// API, so that the address in the mail works. CloudFormation cannot change a user, only
// replace it, so later changes are made in Cognito.
func (st *stack) addFirstAdmin() {
	attributes := []map[string]string{
		{"name": "email", "value": st.settings.cognito.admin},
		{"name": "email_verified", "value": "true"},
		{"name": tenantAttribute, "value": st.settings.cognito.tenant},
		{"name": roleAttribute, "value": manifest.Admin},
	}
	admin := awscognito.NewCfnUserPoolUser(st.scope, jsii.String("FirstAdmin"), &awscognito.CfnUserPoolUserProps{
		UserPoolId:             st.pool.UserPoolId(),
		Username:               jsii.String(st.settings.cognito.admin),
		DesiredDeliveryMediums: jsii.Strings("EMAIL"),
		UserAttributes:         attributes,
	})
	admin.Node().AddDependency(st.stage)
	// A pool that is kept keeps its admin. An admin that another replaces is deleted.
	admin.ApplyRemovalPolicy(st.removal(), nil)
	admin.CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_DELETE)
}

// consoleURL returns the address of the console.
func (st *stack) consoleURL() *string { return jsii.String(*st.address() + "/") }

// domainPrefix returns the prefix of the sign-in page's host name, which must be unique
// in the region.
func (st *stack) domainPrefix() string {
	stage := devStage
	if st.prod {
		stage = prodStage
	}
	return cmp.Or(st.settings.cognito.domain, "journeys-"+stage+"-"+*st.scope.Account())
}
