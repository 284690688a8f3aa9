package main

import (
	"fmt"
	"net/url"
	"strings"

	"journeys/internal/manifest"
	"journeys/internal/provider/secret"
)

// secretActions are the actions that read a secret, by its store.
var secretActions = map[string]string{
	secret.Parameter: "ssm:GetParameter",
	secret.Secret:    "secretsmanager:GetSecretValue",
}

// parseKeyPlace parses where the installation's key is kept. Its error does not quote
// the text, which may be a key.
func parseKeyPlace(text string) (secret.Place, error) {
	place, ok := secret.ParsePlace(text)
	if !ok {
		return place, fmt.Errorf(`%s must be "ssm:" and the name of a parameter, or "secretsmanager:" and the name or the ARN of a secret: `+
			"the template would show the key itself", manifest.EnvKey)
	}
	return place, nil
}

// checkPublicURL checks the address of the links in messages, which is optional.
func (s settings) checkPublicURL() error {
	text := s.functions[manifest.EnvPublicURL]
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(text, "/") {
		return fmt.Errorf("%s is %q: want https:// and a host, without a trailing slash", manifest.EnvPublicURL, text)
	}
	return nil
}
