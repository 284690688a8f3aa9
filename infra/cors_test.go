package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestCORS_IsOffByDefault(t *testing.T) {
	for _, template := range synthesized(t) {
		require.NotContains(t, only(template.ofType("AWS::ApiGatewayV2::Api")).Properties, "CorsConfiguration")
	}
}

func TestCORS_AllowsTheOriginsOfTheSetting(t *testing.T) {
	values := maps.Clone(goodSettings)
	values[envStage] = devStage
	values[manifest.EnvCORSOrigins] = "https://app.example.com, http://localhost:5173"
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	require.Empty(t, templates[devStage].messages)
	require.Equal(t, map[string]any{
		"AllowOrigins":  []any{"https://app.example.com", "http://localhost:5173"},
		"AllowMethods":  []any{"DELETE", "GET", "PATCH", "POST", "PUT"},
		"AllowHeaders":  []any{"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key"},
		"ExposeHeaders": []any{"ETag", "Location", "Retry-After"},
		"MaxAge":        3600.0,
	}, only(templates[devStage].ofType("AWS::ApiGatewayV2::Api")).Properties["CorsConfiguration"])

	values[manifest.EnvCORSOrigins] = "*,https://app.example.com/"
	_, err = settingsFrom(values)
	require.ErrorContains(t, err, `JOURNEYS_CORS_ORIGINS: "*" is not an origin`)
	require.ErrorContains(t, err, `"https://app.example.com/" is not an origin`)
}
