package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"journeys/internal/dev/issuer"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// TestMatrix makes every call with every kind of token and compares the answers
// with testdata/matrix.md, which is written by hand. It fails on any extra or
// missing cell, row or column. SAM CLI's containers and an emulator run the same files many
// times slower, so there each call is made by an admin, who makes what later calls meet,
// and with every fourth kind of token, and each kind of token makes every fourth call.
func TestMatrix(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	columns := tokenKinds(t, tenant)
	header := []string{"call"}
	for _, column := range columns {
		header = append(header, column.name)
	}
	want, got := readTable(t, "testdata/matrix.md"), [][]string{header}
	made := 0
	for number, route := range manifest.AllRoutes() {
		row := []string{route.Method + " " + route.Path}
		path := ""
		if route.Public {
			path = consolePath(t, route)
		}
		for place, column := range columns {
			switch {
			case *gatewayFlag != "" && place > 0 && (number+place)%4 != 0:
				row = append(row, notMade(want, number, place))
				continue
			case route.Public:
				row = append(row, publicCell(t, route.Method, path, column.token))
			default:
				if path == "" || route.Method == "DELETE" { // which needs a journey for each call
					path = as(t, manifest.Admin, tenant).createActive(shortGraph)
				}
				row = append(row, cell(caller{t, column.token}, route, path))
			}
			made++
		}
		got = append(got, row)
	}
	require.Equal(t, lines(want), lines(got))
	t.Logf("%d calls x %d tokens: all of %d cells match", len(got)-1, len(columns), made)
}

// notMade returns the cell of a call that is not made, if the table has it.
func notMade(table [][]string, call, token int) string {
	if call+1 < len(table) && token+1 < len(table[call+1]) {
		return table[call+1][token+1]
	}
	return "missing"
}

// publicCell makes one request of a public path, and returns the status. Requests come
// faster than some public routes take them, whatever their token: then it waits.
func publicCell(t *testing.T, method, path, token string) string {
	authorization := ""
	if token != "" {
		authorization = "Bearer " + token
	}
	status := http.StatusTooManyRequests
	require.Eventually(t, func() bool {
		response, _ := browseBy(t, method, path, "Authorization", authorization)
		status = response.StatusCode
		return status != http.StatusTooManyRequests
	}, 30*time.Second, 200*time.Millisecond)
	return strconv.Itoa(status)
}

// cell makes one call on a journey. It returns the status and, unless the gateway
// answered itself, the problem's code.
func cell(c caller, route manifest.Route, journey string) string {
	bodies := map[string]string{
		manifest.CreateJourney.Key():   `{"name":"a"}`,
		manifest.UpdateJourney.Key():   `{"name":"b"}`,
		manifest.EnrollCustomers.Key(): `{"customerId":"a"}`,
		manifest.TestJourney.Key():     `{}`,
		manifest.PutEvent.Key():        `{"customerId":"missing","eventType":"unknown"}`,
		manifest.RetryEnrollment.Key(): ``,
		manifest.PutCustomer.Key():     `{"attributes":{}}`,
		manifest.PatchCustomer.Key():   `{"attributes":{}}`,
		manifest.PutDraft.Key():        `{}`,
		manifest.PublishDraft.Key():    `{}`,
		manifest.PutCustomers.Key():    `{"customers":[{"customerId":"present","attributes":{}}]}`,
	}
	bodies[manifest.PutTenantSettings.Key()] = `{"topics":{}}`
	bodies[manifest.PutSubscriptions.Key()] = `{"topics":{}}`
	bodies[manifest.PutSuppression.Key()] = `{}`
	bodies[manifest.SendTest.Key()] = `{"to":"a@b.test"}`
	bodies[manifest.ActOnEnrollments.Key()] = `{"action":"remove","where":{"status":"failed"}}`
	body, written := bodies[route.Key()]
	require.True(c.t, written || route.Method == "GET" || route.Method == "DELETE", "the matrix has no body for %s", route.Key())
	customer := "missing"
	if route.Method == "PUT" || route.Method == "PATCH" { // creates the customer
		customer = "present"
	}
	var header []string
	if route.Key() == manifest.PublishDraft.Key() {
		header = []string{"If-Match", `"unknown"`}
	}
	path := strings.NewReplacer("/journeys/{id}", journey, "{customerId}", customer, "{version}", "1",
		"{channel}", "none", "{address}", "ada@mail.test", "{nodeId}", "missing").Replace(route.Path)
	a := c.call(route.Method, path, body, header...)
	text := strconv.Itoa(a.status)
	if code, ok := a.body["code"].(string); ok {
		text += " " + code
	}
	return text
}

// column is a kind of token.
type column struct{ name, token string }

// tokenKinds are the tokens that callers and attackers may send. All but the last
// two are of one tenant.
func tokenKinds(t *testing.T, tenant string) []column {
	as := func(role string) map[string]any { return claims(role, tenant) }
	admin := as(manifest.Admin)
	hour := time.Now().Add(time.Hour).Unix()
	kid, public := published(t, target.issuer)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return []column{
		{"admin", sign(t, admin)},
		{"editor", sign(t, as(manifest.Editor))},
		{"viewer", sign(t, as(manifest.Viewer))},
		{"ingest", sign(t, as(manifest.Ingest))},
		{"unknown role", sign(t, as("owner"))},
		{"no role", sign(t, with(admin, "role", nil))},
		{"no token", ""},
		{"expired", sign(t, with(admin, "exp", time.Now().Add(-time.Hour).Unix()))},
		{"not yet valid", sign(t, with(admin, "nbf", hour))},
		{"wrong issuer", sign(t, with(admin, "iss", "https://other.invalid"))},
		{"wrong audience", sign(t, with(admin, "aud", "other"))},
		{"alg none", forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, admin)},
		{"HS256 by the public key", forge(t, jwt.SigningMethodHS256, secret, kid, admin)},
		{"other key id", forge(t, jwt.SigningMethodRS256, own, "other", admin)},
		{"other tenant", sign(t, claims(manifest.Admin, newTenant()))},
		{"tenant with #", sign(t, with(admin, "tenant", tenant+"#J"))},
	}
}

// forge signs a token with another method or key than the issuer's.
func forge(t *testing.T, method jwt.SigningMethod, key any, kid string, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

// published returns an issuer's public key.
func published(t *testing.T, issuer *issuer.Issuer) (kid string, key *rsa.PublicKey) {
	t.Helper()
	k := keySet(t, issuer)[0]
	number := func(name string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(k[name])
		require.NoError(t, err)
		return new(big.Int).SetBytes(b)
	}
	return k["kid"], &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
}

// keySet returns the public keys of issuers.
func keySet(t *testing.T, issuers ...*issuer.Issuer) []map[string]string {
	t.Helper()
	var keys []map[string]string
	for _, issuer := range issuers {
		w := httptest.NewRecorder()
		issuer.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		var set struct{ Keys []map[string]string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &set))
		keys = append(keys, set.Keys...)
	}
	return keys
}

// readTable returns the rows of the table in a Markdown file, its header first.
func readTable(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") || strings.HasPrefix(line, "| -") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// lines returns one line per cell of a table, which names its row and column.
func lines(table [][]string) []string {
	var list []string
	for _, row := range table {
		for i, text := range row {
			column := "column beyond the header"
			if i < len(table[0]) {
				column = table[0][i]
			}
			list = append(list, row[0]+" / "+column+": "+text)
		}
	}
	return slices.Clip(list)
}
