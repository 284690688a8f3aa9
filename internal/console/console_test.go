package console

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const script = "\nshow();\n"

// files are a small build.
var files = fstest.MapFS{
	"index.html":            {Data: []byte("<p>page</p>")},
	"index.html.gz":         {Data: zip("<p>page</p>")},
	"preview.html":          {Data: []byte("<script>" + script + "</script>")},
	"assets/app-0a1b.js":    {Data: []byte("run();")},
	"assets/app-0a1b.js.gz": {Data: zip("run();")},
	"assets/icon-0a1b.svg":  {Data: []byte("<svg/>")},
	"assets/data":           {Data: []byte{0, 1}},
	"assets/.hidden":        {Data: []byte("hidden")},
	"secret.txt":            {Data: []byte("secret")},
}

func zip(text string) []byte {
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return []byte(b.String())
}

var settings = Settings{
	Issuer: "https://issuer.example/realms/a", ClientID: "console", Scope: "openid", Token: "access",
	TenantClaim: "tenant", RoleClaim: "role", Version: "v1",
	Metadata: json.RawMessage(`{"token_endpoint": "https://login.example:8443/token", "authorization_endpoint": "https://login.example:8443/authorize"}`),
}

func handler(t *testing.T, s Settings, plain bool) *Handler {
	t.Helper()
	h, err := New(files, s, plain)
	require.NoError(t, err)
	return h
}

// get sends a request whose path is not parsed, as from an event. The header is
// names and values in turn.
func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

func TestHandler_ServesTheBuild(t *testing.T) {
	t.Parallel()
	h := handler(t, settings, false)
	for path, want := range map[string]struct {
		status            int
		contentType, body string
	}{
		"/":                     {200, "text/html; charset=utf-8", "<p>page</p>"},
		"/preview":              {200, "text/html; charset=utf-8", "<script>" + script + "</script>"},
		"/assets/app-0a1b.js":   {200, "text/javascript; charset=utf-8", "run();"},
		"/assets/icon-0a1b.svg": {200, "image/svg+xml", "<svg/>"},
		"/assets/data":          {200, "application/octet-stream", "\x00\x01"},
	} {
		response := get(t, h, path)
		require.Equal(t, want.status, response.StatusCode, path)
		require.Equal(t, want.contentType, response.Header.Get("Content-Type"), path)
		require.Equal(t, want.body, body(t, response), path)
	}
}

func TestHandler_AnswersOtherPathsWith404(t *testing.T) {
	t.Parallel()
	h := handler(t, settings, false)
	for _, path := range []string{
		"", "//", "/index.html", "/preview.html", "/secret.txt", "/preview/", "/config.json/", "/assets", "/assets/", "/assets/none.js",
		"/assets/../secret.txt", "/assets/..", "/assets/.", "/assets/./app-0a1b.js", "/assets//app-0a1b.js", "/assets/%2e%2e/secret.txt",
		"/assets/..%2fsecret.txt", `/assets/..\secret.txt`, "/assets/.hidden", "/assets/app-0a1b.js.gz", "/assets/app-0a1b.js\x00", "/assets/APP-0a1b.js",
		"/../secret.txt", "/./", "assets/app-0a1b.js",
	} {
		response := get(t, h, path)
		require.Equal(t, http.StatusNotFound, response.StatusCode, path)
		require.Equal(t, "not found\n", body(t, response), path)
		require.Equal(t, "no-store", response.Header.Get("Cache-Control"), path)
	}
}

func TestConfig_HasTheSettings(t *testing.T) {
	t.Parallel()
	response := get(t, handler(t, settings, false), "/config.json")
	require.Equal(t, "application/json", response.Header.Get("Content-Type"))
	require.JSONEq(t, `{"issuer": "https://issuer.example/realms/a", "clientId": "console", "scope": "openid", "token": "access",
		"tenantClaim": "tenant", "roleClaim": "role", "version": "v1",
		"metadata": {"token_endpoint": "https://login.example:8443/token", "authorization_endpoint": "https://login.example:8443/authorize"}}`,
		body(t, response))
}

func TestSettings_NamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := New(files, Settings{Token: "refresh", Metadata: []byte("[]")}, false)
	require.EqualError(t, err, "the console's token is \"refresh\": want access or id\nthe console's metadata is not a JSON object")
	for _, metadata := range []string{"", "null", "{", `"a"`} {
		require.Error(t, Settings{Token: "id", Metadata: []byte(metadata)}.Check(), metadata)
	}
}

// One row for each row of the table, so that none changes unseen.
func TestHeaders_RowByRow(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(script))
	hash := base64.StdEncoding.EncodeToString(sum[:])
	const (
		closed    = "default-src 'none'; frame-ancestors 'none'"
		features  = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
		immutable = "public, max-age=31536000, immutable"
	)
	want := map[string]map[string]string{ // by header and path; absent means not sent
		"Content-Security-Policy": {
			"/": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
				"connect-src 'self' https://issuer.example https://login.example:8443; frame-src 'self'; base-uri 'none'; form-action 'none'; " +
				"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"/preview": "sandbox allow-scripts; default-src 'none'; script-src 'sha256-" + hash + "'; style-src 'unsafe-inline'; " +
				"img-src https: data:; font-src https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
			"/assets/app-0a1b.js": closed, "/config.json": closed, "/none": closed,
		},
		"X-Content-Type-Options":     everywhere("nosniff"),
		"Referrer-Policy":            everywhere("no-referrer"),
		"Cross-Origin-Opener-Policy": {"/": "same-origin"},
		"Permissions-Policy":         {"/": features, "/preview": features},
		"Strict-Transport-Security":  everywhere("max-age=31536000"),
		"Cache-Control": {
			"/": "no-cache", "/preview": "no-cache", "/assets/app-0a1b.js": immutable, "/config.json": "no-store", "/none": "no-store",
		},
		"Vary": {"/": "Accept-Encoding", "/preview": "Accept-Encoding", "/assets/app-0a1b.js": "Accept-Encoding"},
	}
	h := handler(t, settings, false)
	for _, row := range headers {
		require.Contains(t, want, row.name)
	}
	for path := range everywhere("") {
		secure := get(t, h, path, "X-Forwarded-Proto", "https")
		for name, values := range want {
			require.Equal(t, values[path], strings.Join(secure.Header.Values(name), " AND "), "%s of %s", name, path)
		}
		for _, protocol := range []string{"http", "", "HTTPS, http"} {
			require.Empty(t, get(t, h, path, "X-Forwarded-Proto", protocol).Header.Get("Strict-Transport-Security"), protocol)
		}
	}
}

func everywhere(value string) map[string]string {
	return map[string]string{"/": value, "/preview": value, "/assets/app-0a1b.js": value, "/config.json": value, "/none": value}
}

func TestPagePolicy_NamesOnlyOriginsOfURLs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ issuer, metadata, want string }{
		{"journeys-local", `{}`, "'self'"},
		{"https://A.example/b?c#d", `{}`, "'self' https://a.example"},
		{"http://127.0.0.1:8080/_local", `{"token_endpoint": "http://127.0.0.1:8080/_local/token"}`, "'self' http://127.0.0.1:8080"},
		{"http://[::1]:8080", `{}`, "'self' http://[::1]:8080"},
		{"https://user:secret@a.example/", `{}`, "'self' https://a.example"},
		{"ftp://a.example", `{"token_endpoint": "javascript:alert(1)", "jwks_uri": "data:,a"}`, "'self'"},
		{"https://a.example;script-src *", `{}`, "'self'"},
		{"https://*", `{"token_endpoint": "https://'unsafe-inline'", "jwks_uri": "https://a b"}`, "'self'"},
		{"a", `{"jwks_uri": "https://keys.example/k", "end_session_endpoint": "https://out.example", "token_endpoint": 7}`, "'self' https://keys.example https://out.example"},
		{"a", `{"service_documentation": "https://docs.example", "issuer": "https://other.example"}`, "'self'"},
	} {
		s := settings
		s.Issuer, s.Metadata = row.issuer, []byte(row.metadata)
		policy := get(t, handler(t, s, false), "/").Header.Get("Content-Security-Policy")
		_, connect, _ := strings.Cut(policy, "connect-src ")
		connect, _, _ = strings.Cut(connect, ";")
		require.Equal(t, row.want, connect, "%s %s", row.issuer, row.metadata)
		require.Equal(t, 11, strings.Count(policy, ";")+1, policy)
	}
}

func TestFile_IsCompressedForClientsThatAcceptIt(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"":                                false,
		"gzip":                            true,
		"GZIP":                            true,
		"x-gzip":                          true,
		"gzip, deflate, br, zstd":         true,
		"br;q=1.0, gzip;q=0.8, *;q=0.1":   true,
		"*":                               true,
		"*;q=0":                           false,
		"gzip;q=0":                        false,
		"gzip;q=0.000, *":                 false,
		"gzip;q=0.5, identity":            false,
		"gzip;q=0.5, identity;q=0.5":      true,
		"gzip ; q=0.5 ,identity; q = 0.4": true,
		"identity;q=0, gzip":              true,
		"br, deflate":                     false,
		"gzip;q=2":                        false,
		"gzip;q=NaN":                      false,
		"gzip;q=x":                        false,
		"gzip;level=9":                    true,
		"notgzip":                         false,
	} {
		for _, path := range []string{"/", "/assets/app-0a1b.js"} {
			response := get(t, handler(t, settings, false), path, "Accept-Encoding", header)
			require.Equal(t, want, response.Header.Get("Content-Encoding") == "gzip", header)
			require.Equal(t, "Accept-Encoding", response.Header.Get("Vary"))
			text := body(t, response)
			if want {
				r, err := gzip.NewReader(strings.NewReader(text))
				require.NoError(t, err)
				plain, err := io.ReadAll(r)
				require.NoError(t, err)
				text = string(plain)
			}
			require.Contains(t, []string{"<p>page</p>", "run();"}, text)
		}
		response := get(t, handler(t, settings, true), "/", "Accept-Encoding", header)
		require.Empty(t, response.Header.Get("Content-Encoding"), "plain")
		require.Equal(t, "<p>page</p>", body(t, response))
	}
	response := get(t, handler(t, settings, false), "/preview", "Accept-Encoding", "gzip")
	require.Empty(t, response.Header.Get("Content-Encoding"), "the build has no compressed file")
}

func TestFile_Answers304ToClientsThatHaveIt(t *testing.T) {
	t.Parallel()
	h := handler(t, settings, false)
	for _, encoding := range []string{"identity", "gzip"} {
		first := get(t, h, "/", "Accept-Encoding", encoding)
		tag := first.Header.Get("ETag")
		require.Regexp(t, `^"[0-9a-f]{24}(-gz)?"$`, tag, "a strong tag")
		for header, want := range map[string]int{
			tag:                    304,
			"W/" + tag:             304,
			`"other", ` + tag:      304,
			"*":                    304,
			`"other"`:              200,
			"":                     200,
			strings.Trim(tag, `"`): 200,
		} {
			response := get(t, h, "/", "Accept-Encoding", encoding, "If-None-Match", header)
			require.Equal(t, want, response.StatusCode, header)
			require.Equal(t, tag, response.Header.Get("ETag"))
			if want == 304 {
				require.Empty(t, body(t, response))
				require.Empty(t, response.Header.Get("Content-Encoding"))
				for _, name := range []string{"Cache-Control", "Vary", "Content-Security-Policy"} {
					require.Equal(t, first.Header.Get(name), response.Header.Get(name), name)
				}
			}
		}
	}
	require.NotEqual(t, get(t, h, "/").Header.Get("ETag"), get(t, h, "/", "Accept-Encoding", "gzip").Header.Get("ETag"))
	require.Equal(t, 200, get(t, h, "/config.json", "If-None-Match", "*").StatusCode, "the settings are never cached")
}

// The policy of the real preview covers its one script. Another element, or an
// attribute of it, would be left out.
func TestPreview_HasOneScript(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../console/public/preview.html")
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(page), "<script"))
	require.Len(t, inlineScript.FindAll(page, -1), 1)
	index, err := os.ReadFile("../../console/index.html")
	require.NoError(t, err)
	require.NotRegexp(t, `<script>|<style| style=| on[a-z]+=`, string(index), "the page's policy stops inline code")
}

func FuzzAcceptsGzip(f *testing.F) {
	f.Add("gzip;q=0.5, identity;q=0.4, *")
	f.Fuzz(func(_ *testing.T, header string) { acceptsGzip(header) })
}
