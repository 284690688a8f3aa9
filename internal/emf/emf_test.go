package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"journeys/internal/emf"
)

// schema has the bounds of AWS's "Specification: CloudWatch embedded metric format".
const schema = `{"type":"object","required":["_aws"],"properties":{"_aws":{"type":"object",
	"required":["Timestamp","CloudWatchMetrics"],"properties":{
	"Timestamp":{"type":"integer","minimum":1000000000000},
	"CloudWatchMetrics":{"type":"array","minItems":1,"items":{"type":"object",
		"required":["Namespace","Dimensions","Metrics"],"properties":{
		"Namespace":{"type":"string","minLength":1,"maxLength":1024},
		"Dimensions":{"type":"array","minItems":1,"items":{"type":"array","minItems":1,"maxItems":30,"items":{"type":"string","minLength":1,"maxLength":250}}},
		"Metrics":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"object","required":["Name"],"properties":{
			"Name":{"type":"string","minLength":1,"maxLength":1024},
			"Unit":{"enum":["Count","Milliseconds"]}}}}}}}}}}}`

// line returns a decoded log line with metrics.
func line(t *testing.T, metrics ...emf.Metric) map[string]any {
	t.Helper()
	var out bytes.Buffer
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	slog.New(slog.NewJSONHandler(&out, nil)).LogAttrs(context.Background(), slog.LevelInfo, "request",
		emf.Attrs(now, "journeys-dev", metrics...)...)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &decoded))
	return decoded
}

func TestAttrs_MatchesSpecification(t *testing.T) {
	t.Parallel()

	got := line(t, emf.CountMetric("Enrolled", 998), emf.Metric{Name: "Lateness", Unit: emf.Milliseconds, Value: 1.5})
	var s openapi3.Schema
	require.NoError(t, json.Unmarshal([]byte(schema), &s))
	require.NoError(t, s.VisitJSON(got))

	require.Equal(t, 998.0, got["Enrolled"])
	require.Equal(t, 1.5, got["Lateness"])
	require.Equal(t, "journeys-dev", got["installation"])
	directive := got["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	for _, dimension := range directive["Dimensions"].([]any)[0].([]any) {
		require.IsType(t, "", got[dimension.(string)], "each dimension is a string of the line")
	}
	for _, m := range directive["Metrics"].([]any) {
		require.IsType(t, 0.0, got[m.(map[string]any)["Name"].(string)], "each metric is a number of the line")
	}
}

func TestAttrs_DropsNaNAndInfinity(t *testing.T) {
	t.Parallel()

	got := line(t, emf.Metric{Name: "A", Value: math.NaN()}, emf.Metric{Name: "B", Value: math.Inf(1)})
	require.NotContains(t, got, "_aws")
	require.NotContains(t, got, "A")
	require.NotContains(t, line(t), "_aws")
}

// CloudWatch bills a metric for each hour in which it gets one, and tick runs each minute.
func TestAttrs_KeepsZeroInTheLogOnly(t *testing.T) {
	t.Parallel()

	got := line(t, emf.CountMetric("Due", 0), emf.CountMetric("Moved", 2))
	require.Zero(t, got["Due"])
	directive := got["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	require.Equal(t, []any{map[string]any{"Name": "Moved", "Unit": "Count"}}, directive["Metrics"])

	got = line(t, emf.CountMetric("Due", 0))
	require.Zero(t, got["Due"])
	require.Contains(t, got, "Due")
	require.NotContains(t, got, "_aws")
}
