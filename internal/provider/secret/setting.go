package secret

import (
	"errors"
	"regexp"
	"strings"
	"sync"
)

// prefix begins a secret.
const prefix = "whsec_"

// Setting is a target's secret in the settings of providers: the secret itself, or
// where it is kept. The zero Setting is that of a target without one.
type Setting struct {
	keys Keys // nil if they are kept elsewhere
	at   Place
}

// ParseSetting parses the secret itself, or "ssm:" and the name of a parameter, or
// "secretsmanager:" and the name or the ARN of a secret. Its error does not quote the
// text.
func ParseSetting(text string) (Setting, error) {
	if at, ok := ParsePlace(text); ok {
		return Setting{at: at}, nil
	}
	if strings.HasPrefix(text, prefix) {
		if keys, err := parseKeys(text); err == nil {
			return Setting{keys: keys}, nil
		}
	}
	return Setting{}, errSetting
}

var errSetting = errors.New(`must be "whsec_" and 24 to 64 bytes in base64, ` +
	`or where that is kept: "ssm:" and the name of a parameter, or "secretsmanager:" and the name or the ARN of a secret`)

// Place returns where the secret is kept; the zero Place if there is none, or the
// settings themselves have it.
func (s Setting) Place() Place { return s.at }

// Plain reports whether the settings have the secret itself.
func (s Setting) Plain() bool { return s.keys != nil }

// Place is where a secret is kept.
type Place struct {
	Store string // Parameter or Secret
	Name  string // of a Secret also its ARN
}

// The stores.
const (
	Parameter = "ssm"            // a SecureString of AWS Systems Manager's Parameter Store
	Secret    = "secretsmanager" // a secret of AWS Secrets Manager: its current version, as text
)

// ParsePlace parses a place as the settings name it, such as "ssm:/journeys/key".
func ParsePlace(text string) (Place, bool) {
	store, name, _ := strings.Cut(text, ":")
	ok := store == Parameter && parameterForm().MatchString(name) || store == Secret && secretForm().MatchString(name)
	if !ok {
		return Place{}, false
	}
	return Place{store, name}, true
}

// String returns the place as the settings name it.
func (p Place) String() string { return p.Store + ":" + p.Name }

// Resource returns what the permission to read the secret is for: an ARN, or the part
// of one after the account. Secrets Manager ends the ARN of each secret with six
// random characters.
func (p Place) Resource() string {
	switch {
	case strings.HasPrefix(p.Name, "arn:"):
		return p.Name
	case p.Store == Secret:
		return "secret:" + p.Name + "-??????"
	}
	return "parameter/" + strings.TrimPrefix(p.Name, "/")
}

// Patterns are compiled at their first use: a start that needs none does not wait for them.
var (
	parameterForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}$`)
	})
	secretForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}$`)
	})
)
