package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"journeys/internal/dev/client"
	"journeys/internal/manifest"
)

const (
	firstAdmin = "admin@example.com"
	password   = "Correct-Horse-7-Battery" // of the first admin, for this run
)

// addCognito replaces the issuer by a user pool of the stack. The pool's first admin signs
// in at the emulator's page, and the API accepts the id token.
func (d *deployment) addCognito(ctx context.Context) (string, error) {
	d.settings = append(d.settings, manifest.EnvIssuer+"=", manifest.EnvAudience+"=", manifest.EnvJWKSURL+"=", manifest.EnvConsoleClientID+"=",
		"JOURNEYS_COGNITO=true", "JOURNEYS_COGNITO_ADMIN="+firstAdmin, "JOURNEYS_COGNITO_TENANT=kept")
	if _, err := d.cdkDeploy(ctx, "deploy-cognito"); err != nil {
		return "", err
	}
	pool, err := d.output(ctx, "UserPoolId")
	if err != nil {
		return "", err
	}
	if err := d.useEmulatorsKeys(ctx, d.stack.physical[manifest.Authorizer.LogicalID()], pool); err != nil {
		return "", err
	}
	_, err = d.emulator.post(ctx, "cognito-idp", "AWSCognitoIdentityProviderService.AdminSetUserPassword", map[string]any{
		"UserPoolId": pool, "Username": firstAdmin, "Password": password, "Permanent": true,
	})
	if err != nil {
		return "", err
	}
	tokens, err := d.signIn(ctx)
	if err != nil {
		return "", err
	}
	if err := d.checkTokens(ctx, tokens); err != nil {
		return "", err
	}
	return "the first admin signed in with PKCE; the API takes the id token and refuses the access token", nil
}

// useEmulatorsKeys makes the authorizer fetch the pool's keys from the emulator. The
// template names the address at AWS.
func (d *deployment) useEmulatorsKeys(ctx context.Context, function, pool string) error {
	path := "/2015-03-31/functions/" + function + "/configuration"
	configuration, err := d.emulator.get(ctx, "lambda", path)
	if err != nil {
		return err
	}
	environment, _ := configuration["Environment"].(map[string]any)
	variables, _ := environment["Variables"].(map[string]any)
	if fmt.Sprint(variables[manifest.EnvJWKSURL]) != "https://cognito-idp."+region+".amazonaws.com/"+pool+"/.well-known/jwks.json" {
		return fmt.Errorf("the authorizer has the keys' address %v", variables[manifest.EnvJWKSURL])
	}
	variables[manifest.EnvJWKSURL] = d.emulator.url + "/" + pool + "/.well-known/jwks.json"
	body, err := json.Marshal(map[string]any{"Environment": map[string]any{"Variables": variables}})
	if err != nil {
		return err
	}
	_, err = d.emulator.call(ctx, "lambda", http.MethodPut, path, "", body)
	return err
}

// signedIn are the tokens of a user.
type signedIn struct {
	ID     string `json:"id_token"`
	Access string `json:"access_token"`
}

// signIn signs the first admin in with the settings that the console's config.json names,
// at the emulator instead of the pool's host.
func (d *deployment) signIn(ctx context.Context) (tokens signedIn, err error) {
	var config struct {
		ClientID string `json:"clientId"`
		Scope    string
		Token    string
	}
	text, err := send(ctx, http.MethodGet, d.proxy.url()+manifest.ConsoleConfig.Path, nil, http.StatusOK)
	if err == nil {
		err = json.Unmarshal([]byte(text), &config)
	}
	if err != nil || config.Token != "id" {
		return tokens, errors.Join(fmt.Errorf("the console's settings are %s", text), err)
	}
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	api, err := d.output(ctx, "ApiUrl")
	if err != nil {
		return tokens, err
	}
	location, err := send(ctx, http.MethodPost, d.emulator.url+"/login", url.Values{
		"username": {firstAdmin}, "password": {password}, "client_id": {config.ClientID}, "scope": {config.Scope},
		"redirect_uri": {api + "/"}, "response_type": {"code"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}, http.StatusFound)
	if err != nil {
		return tokens, err
	}
	back, err := url.Parse(location)
	if err != nil {
		return tokens, err
	}
	text, err = send(ctx, http.MethodPost, d.emulator.url+"/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {config.ClientID}, "redirect_uri": {api + "/"},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier},
	}, http.StatusOK)
	if err == nil {
		err = json.Unmarshal([]byte(text), &tokens)
	}
	return tokens, err
}

// send sends a form, if there is one, and returns the answer's Location or else its body.
func send(ctx context.Context, method, address string, form url.Values, status int) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(request) // follows no redirect
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s answered %d: %s", address, response.StatusCode, body)
	}
	if location := response.Header.Get("Location"); location != "" {
		return location, err
	}
	return string(body), err
}

// checkTokens shows that the id token is the kept tenant's admin, and that the access
// token, which has no tenant, is refused.
func (d *deployment) checkTokens(ctx context.Context, tokens signedIn) error {
	for token, status := range map[string]int{tokens.ID: http.StatusOK, tokens.Access: http.StatusForbidden} {
		d.api = &client.Client{Base: d.api.Base, Token: func() (string, error) { return token, nil }}
		if _, err := d.request(ctx, status, http.MethodGet, d.journey.path, ""); err != nil {
			return err
		}
	}
	return nil
}
