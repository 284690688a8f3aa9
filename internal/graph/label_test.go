package graph_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/strict"
)

func TestGraph_LabelsAreWhatAnEditorShows(t *testing.T) {
	t.Parallel()

	for node, want := range map[string]string{
		`"label":"Welcome"`:                              "Welcome",
		`"data":{"label":"Welcome"}`:                     "Welcome",
		`"label":"Welcome","data":{"label":"Other"}`:     "Welcome",
		`"label":null,"data":{"label":"Welcome"}`:        "Welcome",
		`"label":{"en":"Hi"},"data":{"label":"Welcome"}`: "Welcome",
		`"label":7`:                    "",
		`"data":"Welcome"`:             "",
		`"data":{"label":["Welcome"]}`: "",
		`"position":{}`:                "",
		`"label":"` + strings.Repeat("ü", 80) + `"`:           strings.Repeat("ü", 80),
		`"label":"` + strings.Repeat("ü", 80) + `over"`:       strings.Repeat("ü", 80),
		`"data":{"label":"` + strings.Repeat("x", 999) + `"}`: strings.Repeat("x", 80),
	} {
		var faults strict.Faults
		definition, ok := strict.At([]byte(`{"nodes":[{"id":"in","type":"entry_trigger",`+node+`}]}`), "", &faults).Object()
		require.True(t, ok)
		g, ok := graph.Compile(definition, nil)
		require.True(t, ok)
		require.Equal(t, want, g.Labels()[0].Text, node)
		require.Empty(t, faults.List(), "a label is never a fault")
	}
}
