package manifest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestParseOrigins_AcceptsWhatBrowsersSend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                        nil,
		" ":                       nil,
		"https://app.example.com": {"https://app.example.com"},
		"https://a.example:8443 , http://localhost:5173,http://127.0.0.1": {"https://a.example:8443", "http://localhost:5173", "http://127.0.0.1"},
		"https://xn--bcher-kva.example":                                   {"https://xn--bcher-kva.example"},
	} {
		got, err := manifest.ParseOrigins(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestParseOrigins_NamesEachFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"*":                                   "is not an origin",
		"https://*.example.com":               "is not an origin",
		"https://app.example.com/":            "is not an origin",
		"https://app.example.com/a":           "is not an origin",
		"https://App.example.com":             "is not an origin",
		"https://bücher.example":              "is not an origin",
		"https://user@app.example.com":        "is not an origin",
		"https://app.example.com.":            "is not an origin",
		"https://":                            "is not an origin",
		"app.example.com":                     "is not an origin",
		"ftp://app.example.com":               "is not an origin",
		"null":                                "is not an origin",
		"https://a.example,":                  `"" is not an origin`,
		"https://a.example:0":                 "is not an origin",
		"https://a.example:65536":             "has no valid port",
		"https://a.example:443":               "default port",
		"http://localhost:80":                 "default port",
		"http://app.example.com":              "must be https",
		"http://localhost.example.com":        "must be https",
		"https://a.example,https://a.example": "is listed twice",
	} {
		_, err := manifest.ParseOrigins(text)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, manifest.EnvCORSOrigins, text)
	}
	_, err := manifest.ParseOrigins("*,http://app.example.com")
	require.ErrorContains(t, err, `"*" is not an origin`)
	require.ErrorContains(t, err, `"http://app.example.com" must be https`)
}

func TestCORSMethods_AreThoseOfTheRoutes(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"DELETE", "GET", "PATCH", "POST", "PUT"}, manifest.CORSMethods())
}
