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
		"*":                                   "is no origin",
		"https://*.example.com":               "is no origin",
		"https://app.example.com/":            "is no origin",
		"https://app.example.com/a":           "is no origin",
		"https://App.example.com":             "is no origin",
		"https://bücher.example":              "is no origin",
		"https://user@app.example.com":        "is no origin",
		"https://app.example.com.":            "is no origin",
		"https://":                            "is no origin",
		"app.example.com":                     "is no origin",
		"ftp://app.example.com":               "is no origin",
		"null":                                "is no origin",
		"https://a.example,":                  `"" is no origin`,
		"https://a.example:0":                 "is no origin",
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
	require.ErrorContains(t, err, `"*" is no origin`)
	require.ErrorContains(t, err, `"http://app.example.com" must be https`)
}

func TestCORSMethods_AreThoseOfTheRoutes(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"DELETE", "GET", "PATCH", "POST", "PUT"}, manifest.CORSMethods())
}
