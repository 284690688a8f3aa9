package e2e

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/gateway"
	"journeys/internal/dev/issuer"
	"journeys/internal/manifest"
)

// browse gets a public path as a browser does, and returns the body as it was
// sent. The header is names and values in turn.
func browse(t *testing.T, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return browseBy(t, http.MethodGet, path, header...)
}

// browseBy is browse with a method, and without a body.
func browseBy(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target.url+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	browser := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	response, err := browser.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	calls.Add(1)
	return response, string(text)
}

var assetName = regexp.MustCompile(`/assets/[a-z-]+-[A-Za-z0-9_-]{8}\.[a-z]+`)

// consolePath returns a path of a public route.
func consolePath(t *testing.T, route manifest.Route) string {
	t.Helper()
	if route.Path != manifest.ConsoleAsset.Path {
		return strings.ReplaceAll(route.Path, "{token}", "forged")
	}
	_, page := browse(t, "/")
	require.Regexp(t, assetName, page)
	return assetName.FindString(page)
}

func TestConsole_ServesItsPageAndWhatThePageNames(t *testing.T) {
	t.Parallel()
	response, page := browse(t, "/")
	require.Equal(t, 200, response.StatusCode, page)
	require.Equal(t, "text/html; charset=utf-8", response.Header.Get("Content-Type"))
	require.Contains(t, response.Header.Get("Content-Security-Policy"), "script-src 'self'")
	assets := assetName.FindAllString(page, -1)
	require.GreaterOrEqual(t, len(assets), 2, "a script and a style")
	for _, path := range assets {
		response, text := browse(t, path)
		require.Equal(t, 200, response.StatusCode, path)
		require.NotEmpty(t, text, path)
		require.Equal(t, "public, max-age=31536000, immutable", response.Header.Get("Cache-Control"), path)
	}
	response, text := browse(t, "/assets/none-0123456789.js")
	require.Equal(t, 404, response.StatusCode, text)
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"), "a 404 is gone after the next deployment")
}

func TestConsole_TellsItsSettings(t *testing.T) {
	t.Parallel()
	response, text := browse(t, "/config.json")
	require.Equal(t, 200, response.StatusCode, text)
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	var config map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &config))
	require.Equal(t, issuer.Name, config["issuer"])
	for _, name := range []string{"clientId", "scope", "token", "tenantClaim", "roleClaim", "version"} {
		require.NotEmpty(t, config[name], name)
	}
	require.IsType(t, map[string]any{}, config["metadata"])
}

func TestConsole_PreviewAllowsItsOwnScriptOnly(t *testing.T) {
	t.Parallel()
	response, page := browse(t, "/preview")
	require.Equal(t, 200, response.StatusCode, page)
	script := regexp.MustCompile(`(?s)<script>(.*)</script>`).FindStringSubmatch(page)
	require.Len(t, script, 2)
	hash := sha256.Sum256([]byte(script[1]))
	policy := response.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "sandbox allow-scripts; default-src 'none'; script-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"';")
}

func TestConsole_FilesAreCompressedAndCached(t *testing.T) {
	t.Parallel()
	if *gatewayFlag == "sam" { // which cannot return compressed bodies
		requirePlainFiles(t)
		return
	}
	for _, path := range []string{"/", consolePath(t, manifest.ConsoleAsset), "/preview"} {
		plain, want := browse(t, path)
		require.Empty(t, plain.Header.Get("Content-Encoding"), path)
		zipped, body := browse(t, path, "Accept-Encoding", "br, gzip")
		require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"), path)
		require.Equal(t, "Accept-Encoding", zipped.Header.Get("Vary"), path)
		r, err := gzip.NewReader(strings.NewReader(body))
		require.NoError(t, err, path)
		got, err := io.ReadAll(r)
		require.NoError(t, err, path)
		require.Equal(t, want, string(got), path)
		require.Less(t, len(body), len(want), path)
		for _, first := range []*http.Response{plain, zipped} {
			again, body := browse(t, path, "Accept-Encoding", first.Request.Header.Get("Accept-Encoding"), "If-None-Match", first.Header.Get("ETag"))
			require.Equal(t, 304, again.StatusCode, path)
			require.Empty(t, body, path)
			require.Equal(t, first.Header.Get("ETag"), again.Header.Get("ETag"), path)
		}
		require.NotEqual(t, plain.Header.Get("ETag"), zipped.Header.Get("ETag"), path)
		if target.machine != nil {
			require.Empty(t, plain.Header.Get("Strict-Transport-Security"), "this gateway is reached over HTTP")
		}
	}
}

// requirePlainFiles requires that clients that accept compressed files get the same ones as
// others, and 304 for those that they have.
func requirePlainFiles(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/", consolePath(t, manifest.ConsoleAsset), "/preview"} {
		plain, want := browse(t, path)
		accepting, got := browse(t, path, "Accept-Encoding", "br, gzip")
		require.Empty(t, accepting.Header.Get("Content-Encoding"), path)
		require.Equal(t, want, got, path)
		require.Equal(t, plain.Header.Get("ETag"), accepting.Header.Get("ETag"), path)
		again, body := browse(t, path, "Accept-Encoding", "br, gzip", "If-None-Match", plain.Header.Get("ETag"))
		require.Equal(t, 304, again.StatusCode, path)
		require.Empty(t, body, path)
	}
}

func TestLocal_ConsolePathsReachNoOtherFile(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/index.html", "/assets/", "/assets/../index.html", "/assets/..%2findex.html", "/assets/%2e%2e/index.html", "/assets/%252e%252e%252findex.html",
		"/assets/..%5cindex.html", "/assets/%2e%2e", "/assets/..", "/assets/console.js", "/../bootstrap", "/assets/..%2f..%2fbootstrap", "/web/index.html", "//",
		consolePath(t, manifest.ConsoleAsset) + ".gz", consolePath(t, manifest.ConsoleAsset) + "%00", consolePath(t, manifest.ConsoleAsset) + "/",
	} {
		response, text := browse(t, path)
		require.Equal(t, 404, response.StatusCode, "%s: %s", path, text)
	}
}

// The event is that of a request over HTTPS, as API Gateway sends it.
func TestLocal_ConsoleAnswersItsEventOverHTTPS(t *testing.T) {
	a := invoker(target.machine.Lambda.Invoke).invoke(t, manifest.Console)
	require.Equal(t, 200, a.StatusCode, a.Body)
	require.Equal(t, "max-age=31536000", a.Headers["Strict-Transport-Security"])
	require.Contains(t, a.Body, "<!doctype html>")
}

// flooded is a gateway in front of the real functions, with a clock of its own.
type flooded struct {
	gateway *gateway.Gateway
	seconds atomic.Int64
	console atomic.Int64 // calls that reached the function
}

func newFlooded() *flooded {
	f := &flooded{}
	start := time.Now()
	f.gateway = &gateway.Gateway{
		Routes: manifest.AllRoutes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: time.Hour,
		Throttle: manifest.APIThrottle, Timeout: gateway.Timeout,
		Now: func() time.Time { return start.Add(time.Duration(f.seconds.Load()) * time.Second) },
		Invoke: func(ctx context.Context, function string, payload []byte) ([]byte, error) {
			if function == manifest.Console.Name {
				f.console.Add(1)
			}
			return target.machine.Lambda.Invoke(ctx, function, payload)
		},
	}
	return f
}

// get returns the status of a request.
func (f *flooded) get(path, token string) int {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.gateway.ServeHTTP(w, r)
	return w.Code
}

// flood sends n requests to each path from eight callers at a time, and returns
// how many had each status.
func (f *flooded) flood(paths []string, n int) map[int]int {
	const callers = 8
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range callers {
		all.Go(func() {
			for j := i; j < n*len(paths); j += callers {
				status := f.get(paths[j/callers%len(paths)], "")
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return statuses
}

// Of 10,000 public requests at one moment the function gets each route's burst,
// and of more a second later each route's rate. The API's own calls meanwhile are
// all answered, up to the API's own throttle.
func TestLocal_PublicFloodTakesNothingFromTheAPI(t *testing.T) {
	var paths []string
	burst, rate := 0, 0
	for _, route := range manifest.ConsoleRoutes() {
		burst, rate = burst+route.Throttle.Burst, rate+route.Throttle.Rate
		paths = append(paths, consolePath(t, route))
	}
	f := newFlooded()
	token := sign(t, claims(manifest.Editor, newTenant()))
	list := manifest.ListJourneys.FullPath()
	require.Equal(t, 200, f.get(list, token), "the first call asks the authorizer")

	ended := make(chan map[int]int)
	go func() { ended <- f.flood(paths, 2500) }()
	var first map[int]int
	own := 1
	for first == nil || own < 50 {
		require.Equal(t, 200, f.get(list, token), "call %d of the API", own)
		own++
		select {
		case first = <-ended:
		default:
		}
		if own >= manifest.APIThrottle.Burst {
			first = <-ended
		}
	}
	require.Equal(t, map[int]int{200: burst, 429: 10_000 - burst}, first)
	require.EqualValues(t, burst, f.console.Load())

	f.seconds.Add(1)
	require.Equal(t, map[int]int{200: rate, 429: 1000 - rate}, f.flood(paths, 250))
	require.EqualValues(t, burst+rate, f.console.Load())
	require.Equal(t, 200, f.get(list, token))
	t.Logf("%d public requests: %d reached the function; %d calls of the API, none throttled", 11_000, f.console.Load(), own+1)
}
