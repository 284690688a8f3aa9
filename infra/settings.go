package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"journeys/internal/auth"
	"journeys/internal/console"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/provider"
	"journeys/internal/provider/secret"
)

// The stages. Destroying dev leaves nothing behind. prod keeps its data, has
// alarms and reserves concurrency.
const (
	devStage  = "dev"
	prodStage = "prod"
)

// Settings of the deployment only. Settings that the functions read as well have
// the same names here as there (manifest.EnvIssuer and so on).
const (
	envStage       = "JOURNEYS_STAGE"        // dev or prod; both if empty
	envArch        = "JOURNEYS_ARCH"         // architecture of dist/: arm64 (default) or amd64
	envAlarmEmail  = "JOURNEYS_ALARM_EMAIL"  // address that gets alarms; required for prod
	envRegion      = "CDK_DEFAULT_REGION"    // region of the CDK CLI: us-east-1 without one
	envAccount     = "CDK_DEFAULT_ACCOUNT"   // account of its credentials; "" without any
	envTableStream = "JOURNEYS_TABLE_STREAM" // ARN of the stream of a restored table, which replaces the stack's own; optional
)

type settings struct {
	stages      []string
	arch        string
	functions   map[string]string // the functions' settings by name, without those that the stack provides
	console     bool              // the stack has the web console: its function and the public routes
	channels    provider.AWS      // AWS resources that the channels use
	providers   provider.AWS      // the same, and those that the decision flows use
	mailSet     string            // name of the stack's own configuration set of SES
	delivered   bool              // messages that were delivered are reported
	keyPlace    secret.Place      // where the installation's key is kept
	tableStream string            // ARN; "" for the stack's own table
	alarmEmail  string
	domain      string
	certificate string
	truststore  string // URI; "" if callers need no certificate
	key         string // ARN of the KMS key; "" for those of AWS
	capacity    capacity
	reserved    map[string]int // concurrency of prod's functions by name
	corsOrigins []string       // whose pages may call the API
	cognito     cognitoSettings
}

// readSettings reads the settings. Its error names everything that is missing or wrong.
func readSettings(getenv func(string) string) (settings, error) {
	issuer := getenv(manifest.EnvIssuer)
	s := settings{
		arch: cmp.Or(getenv(envArch), "arm64"),
		functions: map[string]string{
			manifest.EnvIssuer:      issuer,
			manifest.EnvAudience:    getenv(manifest.EnvAudience),
			manifest.EnvJWKSURL:     cmp.Or(getenv(manifest.EnvJWKSURL), strings.TrimSuffix(issuer, "/")+"/.well-known/jwks.json"),
			manifest.EnvClients:     cmp.Or(getenv(manifest.EnvClients), "{}"),
			manifest.EnvTenantClaim: cmp.Or(getenv(manifest.EnvTenantClaim), "tenant"),
			manifest.EnvRoleClaim:   cmp.Or(getenv(manifest.EnvRoleClaim), "role"),
			manifest.EnvProviders:   cmp.Or(getenv(manifest.EnvProviders), "{}"),
			manifest.EnvPaused:      cmp.Or(getenv(manifest.EnvPaused), "false"),
			manifest.EnvRestored:    cmp.Or(getenv(manifest.EnvRestored), "never"),
			manifest.EnvConcurrency: cmp.Or(getenv(manifest.EnvConcurrency), strconv.Itoa(manifest.Advance.Concurrency)),

			manifest.EnvKey:       cmp.Or(getenv(manifest.EnvKey), manifest.DefaultKey),
			manifest.EnvPublicURL: getenv(manifest.EnvPublicURL),

			manifest.EnvEnrollmentsPerMinute: cmp.Or(getenv(manifest.EnvEnrollmentsPerMinute), "0"),

			manifest.EnvConsoleClientID: getenv(manifest.EnvConsoleClientID),
			manifest.EnvConsoleScope:    cmp.Or(getenv(manifest.EnvConsoleScope), "openid"),
			manifest.EnvConsoleToken:    cmp.Or(getenv(manifest.EnvConsoleToken), "access"),
			manifest.EnvConsoleMetadata: cmp.Or(getenv(manifest.EnvConsoleMetadata), "{}"),
		},
		console:     getenv(manifest.EnvConsoleClientID) != "",
		tableStream: getenv(envTableStream),
		alarmEmail:  getenv(envAlarmEmail),
		domain:      getenv(envDomain),
		certificate: getenv(envCertificate),
		truststore:  getenv(envTruststore),
		key:         getenv(envKey),
	}
	_, clientFaults := auth.ParseClients([]byte(s.functions[manifest.EnvClients]))
	stages, err := parseStage(getenv(envStage))
	err = errors.Join(clientFaults, err)
	s.stages = stages
	providers, faults := provider.ParseSettings([]byte(s.functions[manifest.EnvProviders]))
	s.channels, s.providers = providers.ChannelsAWS(), providers.AWS()
	faults = errors.Join(faults, checkSecrets(providers), checkSecretARNs(providers.SecretARNs(), getenv))
	s.functions[manifest.EnvCatalog] = providers.Catalog().Text()
	var corsFaults, cognitoFaults, capacityFaults, concurrencyFaults error
	var keyFault error
	s.keyPlace, keyFault = parseKeyPlace(s.functions[manifest.EnvKey])
	deliveredFault := s.readDelivered(getenv(manifest.EnvFeedbackDelivered))
	s.corsOrigins, corsFaults = manifest.ParseOrigins(getenv(manifest.EnvCORSOrigins))
	s.cognito, cognitoFaults = readCognito(getenv)
	s.capacity, capacityFaults = readCapacity(getenv)
	s.console = s.console || s.cognito.on
	s.reserved, concurrencyFaults = s.readConcurrency(getenv)
	return s, errors.Join(err, faults, keyFault, deliveredFault, s.checkPublicURL(), corsFaults, cognitoFaults, capacityFaults, concurrencyFaults, checkKey(s.key), checkTruststore(s.truststore),
		s.checkRestore(), s.checkQuota(), s.checkConsole(), s.checkEnvironments(), s.missing())
}

// checkConsole checks the settings of the web console.
func (s settings) checkConsole() error {
	return console.Settings{
		Token:    s.functions[manifest.EnvConsoleToken],
		Metadata: []byte(s.functions[manifest.EnvConsoleMetadata]),
	}.Check()
}

// checkQuota checks the enrollments a minute.
func (s settings) checkQuota() error {
	if _, err := journey.ParseQuota(s.functions[manifest.EnvEnrollmentsPerMinute]); err != nil {
		return fmt.Errorf("%s %w", manifest.EnvEnrollmentsPerMinute, err)
	}
	return nil
}

// checkRestore checks the settings of docs/operations.md, section restore.
func (s settings) checkRestore() error {
	var faults []error
	if _, err := strconv.ParseBool(s.functions[manifest.EnvPaused]); err != nil {
		faults = append(faults, fmt.Errorf("%s is %q: want true or false", manifest.EnvPaused, s.functions[manifest.EnvPaused]))
	}
	if _, err := engine.ParseRestore(s.functions[manifest.EnvRestored]); err != nil {
		faults = append(faults, fmt.Errorf("%s: %w", manifest.EnvRestored, err))
	}
	if s.tableStream == "" && s.functions[manifest.EnvRestored] != "never" {
		faults = append(faults, fmt.Errorf("%s is set without %s: the stack would leave the restored table for its own",
			manifest.EnvRestored, envTableStream))
	}
	if s.tableStream != "" && !streamForm.MatchString(s.tableStream) {
		faults = append(faults, fmt.Errorf("%s is %q: want the ARN of a table's stream", envTableStream, s.tableStream))
	}
	if match := streamForm.FindStringSubmatch(s.tableStream); match != nil && strings.Contains(match[1], ".") {
		faults = append(faults, fmt.Errorf("%s: the name of the table has a dot, which the tags of SES do not take", envTableStream))
	}
	return errors.Join(faults...)
}

// streamForm matches the ARN of a stream; its group is the ARN of the table.
var streamForm = regexp.MustCompile(`^(arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255})/stream/[0-9T:.-]+$`)

func parseStage(stage string) ([]string, error) {
	switch stage {
	case "":
		return []string{devStage, prodStage}, nil
	case devStage, prodStage:
		return []string{stage}, nil
	}
	return nil, fmt.Errorf("%s is %q: want %s, %s, or empty for both", envStage, stage, devStage, prodStage)
}

// missing returns an error that names all required settings without a value, or nil.
func (s settings) missing() error {
	var names []string
	for _, name := range []string{manifest.EnvIssuer, manifest.EnvAudience} {
		if s.functions[name] == "" && !s.cognito.on {
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
	if s.domain == "" && (s.certificate != "" || s.truststore != "") {
		names = append(names, envDomain)
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("missing settings: %s (environment variables, described in docs/deployment.md)", strings.Join(names, ", "))
}

// checkDist returns an error unless the folder has every function and was built
// for the architecture, as its file ARCH says.
func checkDist(dist, arch string) error {
	if arch != "arm64" && arch != "amd64" {
		return fmt.Errorf("%s is %q: want arm64 or amd64", envArch, arch)
	}
	built, err := os.ReadFile(filepath.Join(dist, "ARCH"))
	if err != nil {
		return errors.New("dist/ARCH is missing: run make build ARCH=" + arch)
	}
	if got := strings.TrimSpace(string(built)); got != "linux/"+arch {
		return fmt.Errorf("dist/ was built for %s, want linux/%s: run make build ARCH=%s", got, arch, arch)
	}
	var names []string
	for _, f := range manifest.Functions() {
		if _, err := os.Stat(filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			names = append(names, f.Name)
		}
	}
	if _, err := os.Stat(filepath.Join(dist, manifest.Console.Name, "web", "index.html")); err != nil {
		names = append(names, manifest.Console.Name+"/web")
	}
	if len(names) > 0 {
		return fmt.Errorf("dist/ lacks %s: run make build ARCH=%s", strings.Join(names, ", "), arch)
	}
	return nil
}
