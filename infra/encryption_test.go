package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

const testKey = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"

// One key encrypts the table, every log group and the alarm topic, and each function
// that uses the table may use the key, through DynamoDB only.
func TestKey_EncryptsTableLogsAndAlarms(t *testing.T) {
	values := maps.Clone(goodSettings)
	values[envStage], values[envKey] = prodStage, testKey
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	prod := templates[prodStage]
	require.Empty(t, prod.messages)
	require.Empty(t, prod.ofType("AWS::KMS::Key"), "the key of the settings is the only one")

	table := prod.Resources["Table"].Properties
	require.Equal(t, map[string]any{"SSEEnabled": true, "SSEType": "KMS"}, table["SSESpecification"])
	replica := table["Replicas"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"KMSMasterKeyId": testKey}, replica["SSESpecification"])
	require.Equal(t, true, replica["DeletionProtectionEnabled"], "the replica keeps its other settings")
	for id, group := range prod.ofType("AWS::Logs::LogGroup") {
		require.Equal(t, testKey, group.Properties["KmsKeyId"], id)
	}
	for id, topic := range prod.ofType("AWS::SNS::Topic") {
		require.Equal(t, testKey, topic.Properties["KmsMasterKeyId"], id)
	}

	all := policies(t, prod)
	for _, f := range manifest.Functions() {
		var onKey []statement
		for _, s := range all[f.Name] {
			if slices.Contains(s.resources, testKey) {
				onKey = append(onKey, s)
			}
		}
		if len(f.Actions) == 0 {
			require.Empty(t, onKey, f.Name)
			continue
		}
		actions := []string{"kms:Decrypt", "kms:DescribeKey"}
		if !slices.Contains([]string{ // these only read
			"list-journeys", "get-journey", "test-journey", "get-enrollment", "get-journey-analytics", "list-enrollments", "get-customer",
			"list-versions", "get-version", "list-history", "list-analytics", "get-names", "list-customer-enrollments", "get-draft",
			"get-settings", "get-tenant-settings", "get-subscriptions",
		}, f.Name) {
			actions = append(actions, "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo")
		}
		require.Equal(t, []statement{{
			"Allow", actions, []string{testKey},
			`{"StringEquals":{"kms:ViaService":{"Fn::Join":["",["dynamodb.",{"Ref":"AWS::Region"},".amazonaws.com"]]}}}`,
		}}, onKey, f.Name)
	}
}

func TestKey_IsOneOfAWSByDefault(t *testing.T) {
	for _, template := range synthesized(t) {
		require.NotContains(t, template.Resources["Table"].Properties, "SSESpecification")
		for id, group := range template.ofType("AWS::Logs::LogGroup") {
			require.NotContains(t, group.Properties, "KmsKeyId", id)
		}
	}
}
