package agree

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// repository returns a copy of the files that Check reads.
func repository(t *testing.T) fstest.MapFS {
	t.Helper()
	root := os.DirFS("../../..")
	files := fstest.MapFS{}
	for _, s := range sources(FromManifest(), described()) {
		require.NoError(t, fs.WalkDir(root, s.path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(root, name)
			files[name] = &fstest.MapFile{Data: text}
			return err
		}))
	}
	return files
}

func TestCheck_FilesAgreeWithTheManifest(t *testing.T) {
	t.Parallel()
	require.Empty(t, Check(repository(t)))
}

// A public route is not part of the API: neither openapi.yaml nor the table of
// docs/api.md has it.
func TestCheck_PublicRoutesAreNotPartOfTheAPI(t *testing.T) {
	t.Parallel()
	files := repository(t)
	for _, r := range manifest.PublicRoutes() {
		for _, s := range sources(FromManifest(), described()) {
			got, err := s.read(files, s.path)
			require.NoError(t, err, s.path)
			if s.path == spec || s.path == apiDocs {
				require.NotContains(t, got, "route "+r.Key(), s.path)
				require.NotContains(t, got, "route "+r.Method+" "+manifest.BasePath+r.Path, s.path)
			}
			if s.path == sam || s.path == consoleDocs && r.Function.Name == manifest.Console.Name {
				require.Contains(t, got, "route "+r.Key(), s.path)
			}
		}
	}
}

// planted is a difference planted in a copy of the files.
type planted struct {
	file, old, new string // new replaces the first old; without old the file is added or removed
	found          string // the end of the line that Check returns
}

const (
	dev     = "infra/testdata/dev.golden.json"
	sam     = "template.yaml"
	spec    = "openapi.yaml"
	get     = "events/get-journey.json"
	apiDocs = "docs/api.md"

	consoleDocs = "docs/console.md"
)

var differences = map[string]planted{
	"CDK: another method":                {dev, `"GET /api/v1/journeys"`, `"PATCH /api/v1/journeys"`, "route GET /api/v1/journeys: missing"},
	"CDK: another path":                  {dev, `"GET /api/v1/journeys"`, `"GET /api/v1/journey"`, "route GET /api/v1/journey: not wanted"},
	"CDK: another memory":                {dev, `"MemorySize": 512`, `"MemorySize": 1024`, `: memory: want "512", found "1024"`},
	"CDK: another timeout":               {dev, `"Timeout": 29`, `"Timeout": 30`, `: timeout: want "29", found "30"`},
	"CDK: another setting":               {dev, `"JOURNEYS_AUDIENCE"`, `"AUDIENCE"`, `JOURNEYS_TENANT_CLAIM"`},
	"CDK: a route without authorizer":    {dev, `"AuthorizerId"`, `"OtherId"`, `: authorizer: want "authorizer", found ""`},
	"CDK: another type of a key":         {dev, `"AttributeType": "N"`, `"AttributeType": "S"`, `found "due (dp S HASH, ds S RANGE) KEYS_ONLY"`},
	"CDK: another index":                 {dev, `"IndexName": "due"`, `"IndexName": "late"`, `found "late (dp S HASH, ds N RANGE) KEYS_ONLY"`},
	"CDK: another projection":            {dev, `"KEYS_ONLY"`, `"ALL"`, `found "due (dp S HASH, ds N RANGE) ALL"`},
	"CDK: TTL on another attribute":      {dev, `"AttributeName": "ttl"`, `"AttributeName": "expires"`, `table: ttl: want "ttl", found "expires"`},
	"CDK: another stream":                {dev, `"NEW_IMAGE"`, `"KEYS_ONLY"`, `table: stream: want "NEW_IMAGE", found "KEYS_ONLY"`},
	"CDK: another filter":                {dev, `{\"prefix\":\"E#\"}`, `{\"prefix\":\"V#\"}`, `"TRIM_HORIZON, 1000 records, 1 s, window 900 s, filter {\"dynamodb\":{\"Keys\":{\"SK\":{\"S\":[{\"prefix\":\"V#\"},{\"prefix\":\"B#\"}]}}}}"`},
	"CDK: records dropped":               {dev, `"TumblingWindowInSeconds"`, `"MaximumRetryAttempts": 0, "TumblingWindowInSeconds"`, `, records dropped"`},
	"CDK: batches split":                 {dev, `"TumblingWindowInSeconds"`, `"BisectBatchOnFunctionError": true, "TumblingWindowInSeconds"`, `, batches split"`},
	"CDK: two batches at a time":         {dev, `"TumblingWindowInSeconds"`, `"ParallelizationFactor": 2, "TumblingWindowInSeconds"`, `, 2 batches of a shard at a time"`},
	"CDK, prod alone: a memory":          {"infra/testdata/prod.golden.json", `"MemorySize": 512`, `"MemorySize": 128`, `: memory: want "512", found "128"`},
	"SAM: another method":                {sam, "Method: PUT", "Method: PATCH", "route PATCH /api/v1/journeys/{id}: not wanted"},
	"SAM: another path":                  {sam, "/{id}/test", "/{id}/try", "route POST /api/v1/journeys/{id}/test: missing"},
	"SAM: another name of a function":    {sam, "\n  GetJourney:", "\n  ReadJourney:", "function get-journey: missing"},
	"SAM: another function's code":       {sam, "CodeUri: dist/get-journey/", "CodeUri: dist/list-journeys/", `route GET /api/v1/journeys/{id}: function: want "get-journey", found "list-journeys"`},
	"SAM: a route without authorizer":    {sam, "Path: /api/v1/journeys\n", "Path: /api/v1/journeys\n            Auth: {Authorizer: NONE}\n", `: authorizer: want "authorizer", found ""`},
	"SAM: no authorizer at all":          {sam, "        DefaultAuthorizer: Token\n", "", `: authorizer: want "authorizer", found ""`},
	"SAM: another authorizer":            {sam, "Authorizer.Arn", "GetJourney.Arn", `: authorizer: want "authorizer", found "get-journey"`},
	"SAM: an authorizer of format 1.0":   {sam, "'2.0'", "'1.0'", "must take payload format 2.0 and give simple answers"},
	"SAM: another memory for all":        {sam, "MemorySize: 512", "MemorySize: 128", `function create-journey: memory: want "512", found "128"`},
	"SAM: another memory for one":        {sam, "MemorySize: 256", "MemorySize: 128", `function authorizer: memory: want "256", found "128"`},
	"SAM: another timeout":               {sam, "Timeout: 29", "Timeout: 3", `function create-journey: timeout: want "29", found "3"`},
	"SAM: a setting less":                {sam, "          JOURNEYS_ROLE_CLAIM: role\n", "", `found "JOURNEYS_AUDIENCE, JOURNEYS_CLIENTS, JOURNEYS_ISSUER, JOURNEYS_JWKS_URL, JOURNEYS_TENANT_CLAIM"`},
	"SAM: a setting more":                {sam, "JOURNEYS_TABLE: !Ref Table", "JOURNEYS_TABLE: !Ref Table\n          DEBUG: '1'", `env: want "JOURNEYS_TABLE", found "DEBUG, JOURNEYS_TABLE"`},
	"SAM: functions without an endpoint": {sam, "AWS_ENDPOINT_URL_DYNAMODB: ", "DYNAMODB_URL: ", "so the function would call AWS"},
	"SAM: another key":                   {sam, "{AttributeName: SK, KeyType: RANGE}", "{AttributeName: sk, KeyType: RANGE}", `table: keys: want "PK S HASH, SK S RANGE", found "PK S HASH, sk ? RANGE"`},
	"SAM: another type of a key":         {sam, "{AttributeName: ds, AttributeType: N}", "{AttributeName: ds, AttributeType: S}", `found "due (dp S HASH, ds S RANGE) KEYS_ONLY"`},
	"SAM: another index":                 {sam, "IndexName: due", "IndexName: late", `found "late (dp S HASH, ds N RANGE) KEYS_ONLY"`},
	"SAM: TTL off":                       {sam, "Enabled: true}\n      Stream", "Enabled: false}\n      Stream", `table: ttl: want "ttl", found ""`},
	"SAM: no stream":                     {sam, "StreamViewType: NEW_IMAGE", "StreamViewType: OLD_IMAGE", `table: stream: want "NEW_IMAGE", found "OLD_IMAGE"`},
	"SAM: no window":                     {sam, "            TumblingWindowInSeconds: 900\n", "", `}]}}}}", found "TRIM_HORIZON, 1000 records, 1 s, window 0 s, filter {\"dynamodb\":{\"Keys\":{\"SK\":{\"S\":[{\"prefix\":\"E#\"},{\"prefix\":\"B#\"}]}}}}"`},
	"SAM: no table":                      {sam, "AWS::DynamoDB::Table", "AWS::S3::Bucket", "table: missing"},
	"OpenAPI: another method":            {spec, "\n    put:\n", "\n    patch:\n", "route PATCH /api/v1/journeys/{id}: not wanted"},
	"OpenAPI: another path":              {spec, "\n  /journeys/{id}/test:", "\n  /journeys/{id}/try:", "route POST /api/v1/journeys/{id}/test: missing"},
	"OpenAPI: another function":          {spec, "\n      operationId: getJourney", "\n      operationId: readJourney", `function: want "get-journey", found "read-journey"`},
	"OpenAPI: no authorizer":             {spec, "\n      operationId: getJourney", "\n      security: []\n      operationId: getJourney", `authorizer: want "authorizer", found ""`},
	"OpenAPI: another role":              {spec, "x-roles: [admin]", "x-roles: [admin, editor]", `roles: want "admin", found "admin, editor"`},
	"OpenAPI: another base path":         {spec, "8080/api/v1", "8080/api/v2", "does not end in /api/v1"},
	"functions: one less":                {"functions/get-journey/main.go", "", "", "function get-journey: missing"},
	"functions: one more":                {"functions/copy-journey/main.go", "", "boot.Endpoint(api.CopyJourney)", "function copy-journey: not wanted"},
	"functions: another function's code": {"functions/get-journey/main.go", "api.GetJourney())", "api.ListJourneys())", `function get-journey: code: want "GetJourney", found "ListJourneys"`},
	"events: one less":                   {get, "", "", "function get-journey: missing"},
	"events: one more":                   {"events/copy-journey.json", "", `{"version":"2.0","type":"REQUEST"}`, "function copy-journey: not wanted"},
	"events: another method":             {get, `"GET`, `"PATCH`, "its fields contradict its route PATCH /api/v1/journeys/{id}"},
	"events: a path of another route":    {get, `/journeys/{id}"`, `/journeys/{id}/test"`, "its fields contradict its route GET /api/v1/journeys/{id}/test"},
	"events: without authorizer":         {get, `"lambda"`, `"jwt"`, `authorizer: want "authorizer", found ""`},
	"events: payload format 1.0":         {get, `"2.0"`, `"1.0"`, `the payload format is "1.0"`},
	"API docs: another method":           {apiDocs, "`PUT /journeys/{id}`", "`PATCH /journeys/{id}`", "route PATCH /api/v1/journeys/{id}: not wanted"},
	"API docs: another path":             {apiDocs, "/{id}/test`", "/{id}/try`", "route POST /api/v1/journeys/{id}/test: missing"},
	"API docs: another function":         {apiDocs, "`get-journey`", "`read-journey`", `function: want "get-journey", found "read-journey"`},
	"API docs: another role":             {apiDocs, "`delete-journey` | admin |", "`delete-journey` | admin, editor |", `roles: want "admin", found "admin, editor"`},
	"API docs: a row less":               {apiDocs, "\n| `GET /journeys/{id}`", "\n`GET /journeys/{id}`", "route GET /api/v1/journeys/{id}: missing"},
	"consent docs: another throttle":     {"docs/consent.md", "5 a second, burst 5 |", "6 a second, burst 5 |", `: throttle: want "5 a second, burst 5", found "6 a second, burst 5"`},
	"SAM: another event":                 {sam, "source: [aws.ses]", "source: [aws.s3]", `found "{\"detail\":{\"mail\":{\"tags\":{\"journeys\":[\"Table\"]}}},\"source\":[\"aws.s3\"]}"`},
	"SAM: another topic":                 {sam, "Topic: !Ref Texts", "Topic: !Ref Table", `topic: want "Texts", found "Table"`},
	"CDK: another event":                 {dev, `"aws.ses"`, `"aws.s3"`, `found "{\"detail\":{\"mail\":{\"tags\":{\"journeys\":[\"Table\"]}}},\"source\":[\"aws.s3\"]}"`},
	"CDK: no subscription":               {dev, `"Protocol": "lambda"`, `"Protocol": "sqs"`, `function feedback: topic: want "Texts", nothing found`},
	"console docs: a row less":           {consoleDocs, "| `GET /preview` |", "| GET /preview |", "route GET /preview: missing"},
	"console docs: another throttle":     {consoleDocs, "50 a second", "60 a second", `: throttle: want "50 a second, burst 50", found "60 a second, burst 50"`},
	"CDK: an authorizer too many":        {dev, `"AuthorizationType": "NONE",`, `"AuthorizerId": {"Ref": "ApiTokenAuthorizer0ECE5616"},`, `: authorizer: want "", found "authorizer"`},
	"SAM: an authorizer too many":        {sam, "            Auth: {Authorizer: NONE}\n", "", `route GET /: authorizer: want "", found "authorizer"`},
	"OpenAPI: a public route":            {spec, "\n  /journeys/{id}/test:", "\n  /preview:\n    get: {operationId: console, security: []}\n  /journeys/{id}/test:", "route GET /api/v1/preview: not wanted"},
	"API docs: no table":                 {apiDocs, "<!-- endpoints -->", "<!-- calls -->", "no section between <!-- endpoints --> and <!-- /endpoints -->"},
}

func TestCheck_FindsEveryDifferenceInTheFiles(t *testing.T) {
	t.Parallel()
	for name, p := range differences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := repository(t)
			p.plant(t, files)
			touched := slices.DeleteFunc(sources(FromManifest(), described()), func(s source) bool {
				return s.path != p.file && s.path != path.Dir(p.file) && s.path != path.Dir(path.Dir(p.file))
			})
			lines := check(files, touched)
			found := slices.IndexFunc(lines, func(line string) bool { return strings.HasSuffix(line, p.found) })
			require.GreaterOrEqual(t, found, 0, "found only %q", lines)
			t.Log(lines[found])
		})
	}
}

func (p planted) plant(t *testing.T, files fstest.MapFS) {
	t.Helper()
	file, exists := files[p.file]
	switch {
	case p.old != "":
		require.Contains(t, string(file.Data), p.old)
		files[p.file] = &fstest.MapFile{Data: []byte(strings.Replace(string(file.Data), p.old, p.new, 1))}
	case exists:
		delete(files, p.file)
	default:
		files[p.file] = &fstest.MapFile{Data: []byte(p.new)}
	}
}

// A change of the manifest alone is found in every source that has the changed
// aspect.
func TestCheck_FindsEveryDifferenceInTheManifest(t *testing.T) {
	t.Parallel()
	templates := []string{dev, "infra/testdata/prod.golden.json", sam}
	documents := []string{spec, "events", apiDocs}
	for name, c := range map[string]struct {
		subject, aspect string
		by              []string
	}{
		"a route":              {"route GET /api/v1/journeys", "", slices.Concat(templates, documents)},
		"a route's function":   {"route GET /api/v1/journeys", "function", slices.Concat(templates, documents)},
		"a route's authorizer": {"route GET /api/v1/journeys", "authorizer", slices.Concat(templates, []string{spec, "events"})},
		"a route's roles":      {"route GET /api/v1/journeys", "roles", []string{spec, apiDocs}},
		"a public route":       {"route GET /preview", "", slices.Concat(templates, []string{consoleDocs})},
		"a throttle":           {"route GET /preview", "throttle", []string{consoleDocs}},
		"a function":           {"function get-journey", "", slices.Concat(templates, []string{"functions", "events"})},
		"a function's code":    {"function get-journey", "code", []string{"functions"}},
		"a function's memory":  {"function get-journey", "memory", templates},
		"a function's timeout": {"function get-journey", "timeout", templates},
		"a function's env":     {"function get-journey", "env", templates},
		"a function's stream":  {"function count", "stream", templates},
		"the table's keys":     {"table", "keys", templates},
		"the table's indexes":  {"table", "indexes", templates},
		"the table's TTL":      {"table", "ttl", templates},
		"the table's stream":   {"table", "stream", templates},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deployed, other := FromManifest(), described()
			for _, d := range []Deployed{deployed, other} {
				if _, ok := d[c.subject][c.aspect]; ok {
					d[c.subject][c.aspect] = "changed"
				} else if c.aspect == "" && d[c.subject] != nil {
					d[c.subject+"-new"] = maps.Clone(d[c.subject])
				}
			}
			found := map[string]bool{}
			for _, line := range check(repository(t), sources(deployed, other)) {
				file, _, _ := strings.Cut(line, ": ")
				found[path.Clean(file)] = true
				t.Log(line)
			}
			require.ElementsMatch(t, c.by, slices.Collect(maps.Keys(found)))
		})
	}
}
