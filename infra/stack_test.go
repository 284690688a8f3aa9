package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/agree"
	"journeys/internal/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata/")

func TestStacks_DeployWhatTheManifestLists(t *testing.T) {
	for stage, template := range synthesized(t) {
		got, err := agree.FromCDK(template.text)
		require.NoError(t, err)
		require.Empty(t, agree.Diff(agree.FromManifest(), got), stage)
	}
}

func TestNag_FindsNothing(t *testing.T) {
	for stage, template := range synthesized(t) {
		require.Empty(t, template.messages, stage)
	}
}

func TestNag_FindsAnUnencryptedTopic(t *testing.T) {
	s, err := settingsFrom(goodSettings)
	require.NoError(t, err)
	s.stages = []string{devStage}
	templates, err := synthesize(s, t.TempDir(), func(app awscdk.App) {
		stack := app.Node().FindChild(jsii.String("Journeys-dev")).(awscdk.Stack)
		awssns.NewTopic(stack, jsii.String("Plain"), nil)
	})
	require.NoError(t, err)
	require.Contains(t, strings.Join(templates[devStage].messages, "\n"), "AwsSolutions-SNS3")
}

func TestTemplates_MatchTheGoldenFiles(t *testing.T) {
	hash := regexp.MustCompile(`[0-9a-f]{64}`)
	for stage, template := range synthesized(t) {
		file := filepath.Join("testdata", stage+".golden.json")
		got := hash.ReplaceAllString(string(template.text), "HASH") + "\n"
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "if the change is intended: go test ./infra -update")
	}
}

func TestTable_CanBeRestored(t *testing.T) {
	for stage, template := range synthesized(t) {
		table := template.Resources["Table"]
		require.Equal(t, "PAY_PER_REQUEST", table.Properties["BillingMode"])
		replicas := table.Properties["Replicas"].([]any)
		require.Len(t, replicas, 1)
		replica := replicas[0].(map[string]any)
		require.Equal(t, map[string]any{"PointInTimeRecoveryEnabled": true}, replica["PointInTimeRecoverySpecification"])
		require.Equal(t, stage == prodStage, replica["DeletionProtectionEnabled"], stage)
	}
}

// The functions use the restored table only. The stack's own table stays.
func TestTable_CanBeReplacedByARestoredOne(t *testing.T) {
	const restored = "arn:aws:dynamodb:eu-west-1:111122223333:table/Journeys-restored"
	s, err := settingsFrom(goodSettings)
	require.NoError(t, err)
	s.stages, s.tableStream = []string{prodStage}, restored+"/stream/2026-11-28T10:00:00.000"
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	prod, own := templates[prodStage], synthesized(t)[prodStage].Resources["Table"]
	require.Empty(t, prod.messages)
	require.Equal(t, own, prod.Resources["Table"])
	for id, r := range prod.Resources {
		if id != "Table" {
			require.NotContains(t, text(r.Properties), `"Table"`, "%s uses the stack's own table", id)
		}
	}
	for _, f := range manifest.Functions() {
		if slices.Contains(f.Env, manifest.EnvTable) {
			require.Contains(t, text(prod.Resources[f.LogicalID()].Properties), `"JOURNEYS_TABLE":"Journeys-restored"`, f.Name)
		}
	}
	require.Contains(t, text(prod.ofType("AWS::IAM::Policy")), restored+"/index/due")
	for _, mapping := range prod.ofType("AWS::Lambda::EventSourceMapping") {
		require.Equal(t, s.tableStream, mapping.Properties["EventSourceArn"])
	}
	require.Equal(t, "Journeys-restored", prod.Outputs["TableName"].(map[string]any)["Value"])
}

func TestStacks_KeepDataOnlyInProd(t *testing.T) {
	want := map[string]string{devStage: "Delete", prodStage: "Retain"}
	for stage, template := range synthesized(t) {
		for id, r := range template.Resources {
			if r.Type == "AWS::DynamoDB::GlobalTable" || r.Type == "AWS::Logs::LogGroup" {
				require.Equal(t, want[stage], r.DeletionPolicy, id)
			} else if stage == devStage {
				require.NotEqual(t, "Retain", r.DeletionPolicy, id)
			}
		}
	}
}

func TestFunctions_LogAndTrace(t *testing.T) {
	days := map[string]float64{devStage: 7, prodStage: 90}
	for stage, template := range synthesized(t) {
		for id, f := range template.ofType("AWS::Lambda::Function") {
			require.Equal(t, "provided.al2023", f.Properties["Runtime"], id)
			require.Equal(t, []any{"arm64"}, f.Properties["Architectures"], id)
			require.Equal(t, map[string]any{"Mode": "Active"}, f.Properties["TracingConfig"], id)
			logging := f.Properties["LoggingConfig"].(map[string]any)
			require.Equal(t, "JSON", logging["LogFormat"], id)
			require.Equal(t, "WARN", logging["SystemLogLevel"], id)
			group := template.Resources[logging["LogGroup"].(map[string]any)["Ref"].(string)]
			require.Equal(t, "AWS::Logs::LogGroup", group.Type, id)
		}
		for id, group := range template.ofType("AWS::Logs::LogGroup") {
			require.Equal(t, days[stage], group.Properties["RetentionInDays"], id)
		}
	}
}

func TestFunctions_HaveTheirOwnCode(t *testing.T) {
	template := synthesized(t)[prodStage]
	for _, f := range manifest.Functions() {
		code := template.Resources[f.LogicalID()].Properties["Code"].(map[string]any)
		hash := strings.TrimSuffix(code["S3Key"].(string), ".zip")
		file, err := os.ReadFile(filepath.Join(template.dir, "asset."+hash, "bootstrap"))
		require.NoError(t, err)
		require.Equal(t, f.Name, string(file))
	}
}

func TestFunctions_CanBeBuiltForAMD64(t *testing.T) {
	s, err := settingsFrom(goodSettings)
	require.NoError(t, err)
	s.stages, s.arch = []string{devStage}, "amd64"
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	for id, f := range templates[devStage].ofType("AWS::Lambda::Function") {
		require.Equal(t, []any{"x86_64"}, f.Properties["Architectures"], id)
	}
}
