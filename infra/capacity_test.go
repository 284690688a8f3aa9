package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCapacity_IsBoundedByTheSettings(t *testing.T) {
	for stage, template := range synthesized(t) {
		require.NotContains(t, string(template.text), "RequestUnits", "%s has no maximum", stage)
	}
	values := maps.Clone(goodSettings)
	maps.Copy(values, map[string]string{envStage: devStage, envMaxReadUnits: "2000", envMaxWriteUnits: "1000"})
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	require.Empty(t, templates[devStage].messages)

	table := templates[devStage].Resources["Table"].Properties
	read, write := map[string]any{"MaxReadRequestUnits": 2000.0}, map[string]any{"MaxWriteRequestUnits": 1000.0}
	require.Equal(t, write, table["WriteOnDemandThroughputSettings"])
	require.Equal(t, write, table["GlobalSecondaryIndexes"].([]any)[0].(map[string]any)["WriteOnDemandThroughputSettings"])
	replica := table["Replicas"].([]any)[0].(map[string]any)
	require.Equal(t, read, replica["ReadOnDemandThroughputSettings"])
	require.Equal(t, read, replica["GlobalSecondaryIndexes"].([]any)[0].(map[string]any)["ReadOnDemandThroughputSettings"])
}
