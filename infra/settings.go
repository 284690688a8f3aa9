package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// The stages. dev can be destroyed without a trace; prod keeps its data, has
// alarms, and reserves concurrency.
const (
	devStage  = "dev"
	prodStage = "prod"
)

// Settings that only a deployment has. Those that the functions have too go by
// the functions' names: JOURNEYS_ISSUER and so on.
const (
	envStage       = "JOURNEYS_STAGE"           // dev or prod; both if empty
	envArch        = "JOURNEYS_ARCH"            // arm64, the default, or amd64: what dist/ must hold
	envAlarmEmail  = "JOURNEYS_ALARM_EMAIL"     // who hears of alarms; prod must have it
	envDomain      = "JOURNEYS_DOMAIN"          // optional: the API's own domain name
	envCertificate = "JOURNEYS_CERTIFICATE_ARN" // the domain's certificate, in the same region; with a domain only
)

type settings struct {
	stages      []string
	arch        string
	functions   map[string]string // what the functions read, by name, but for the table
	channels    provider.AWS      // what advance's channels want of AWS
	alarmEmail  string
	domain      string
	certificate string
}

// readSettings returns an error that names everything that is missing or wrong.
func readSettings(getenv func(string) string) (settings, error) {
	issuer := getenv(manifest.EnvIssuer)
	s := settings{
		arch: cmp.Or(getenv(envArch), "arm64"),
		functions: map[string]string{
			manifest.EnvIssuer:      issuer,
			manifest.EnvAudience:    getenv(manifest.EnvAudience),
			manifest.EnvJWKSURL:     cmp.Or(getenv(manifest.EnvJWKSURL), strings.TrimSuffix(issuer, "/")+"/.well-known/jwks.json"),
			manifest.EnvTenantClaim: cmp.Or(getenv(manifest.EnvTenantClaim), "tenant"),
			manifest.EnvRoleClaim:   cmp.Or(getenv(manifest.EnvRoleClaim), "role"),
			manifest.EnvProviders:   cmp.Or(getenv(manifest.EnvProviders), "{}"),
		},
		alarmEmail:  getenv(envAlarmEmail),
		domain:      getenv(envDomain),
		certificate: getenv(envCertificate),
	}
	stages, err := stagesOf(getenv(envStage))
	s.stages = stages
	providers, faults := provider.ParseSettings([]byte(s.functions[manifest.EnvProviders]))
	s.channels = providers.AWS()
	return s, errors.Join(err, faults, s.missing())
}

func stagesOf(stage string) ([]string, error) {
	switch stage {
	case "":
		return []string{devStage, prodStage}, nil
	case devStage, prodStage:
		return []string{stage}, nil
	}
	return nil, fmt.Errorf("%s is %q: it can be %s, %s, or empty for both", envStage, stage, devStage, prodStage)
}

func (s settings) missing() error {
	var names []string
	for _, name := range []string{manifest.EnvIssuer, manifest.EnvAudience} {
		if s.functions[name] == "" {
			names = append(names, name)
		}
	}
	for _, stage := range s.stages {
		if stage == prodStage && s.alarmEmail == "" {
			names = append(names, envAlarmEmail)
		}
	}
	if s.domain != "" && s.certificate == "" {
		names = append(names, envCertificate)
	}
	if s.domain == "" && s.certificate != "" {
		names = append(names, envDomain)
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("missing settings: %s (environment variables; infra/settings.go says what each is)", strings.Join(names, ", "))
}

// checkDist returns an error unless the folder holds every function, built for
// the architecture that is asked for, as its file ARCH says.
func checkDist(dist, arch string) error {
	if arch != "arm64" && arch != "amd64" {
		return fmt.Errorf("%s is %q: it can be arm64 or amd64", envArch, arch)
	}
	built, err := os.ReadFile(filepath.Join(dist, "ARCH"))
	if err != nil {
		return errors.New("dist/ARCH is missing, so nothing is built: run make build ARCH=" + arch)
	}
	if got := strings.TrimSpace(string(built)); got != "linux/"+arch {
		return fmt.Errorf("dist/ holds functions for %s, and linux/%s is asked for: run make build ARCH=%s", got, arch, arch)
	}
	var names []string
	for _, f := range manifest.Functions() {
		if _, err := os.Stat(filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			names = append(names, f.Name)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("dist/ lacks %s: run make build ARCH=%s", strings.Join(names, ", "), arch)
	}
	return nil
}
