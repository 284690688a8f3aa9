package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"journeys/internal/dev/gateway"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// A token of 8,192 bytes is accepted; 8,195 is the next length that a token can have.
func TestToken_MayHave8KB(t *testing.T) {
	t.Parallel()

	tokenOf := func(length int) string {
		c := claims(manifest.Editor, newTenant())
		for pad := (length - len(sign(t, c))) * 3 / 4; pad > 0; pad-- {
			if token := sign(t, with(c, "pad", strings.Repeat("x", pad))); len(token) <= length {
				return token
			}
		}
		return ""
	}
	longest := tokenOf(8192)
	require.Len(t, longest, 8192)
	caller{t, longest}.must(200, "GET", "/journeys", "")
	beyond := tokenOf(8195)
	require.Greater(t, len(beyond), 8192)
	caller{t, beyond}.refused(401, "token-malformed", "GET", "/journeys", "")
}

// The request line and the headers may have 10,240 bytes together, as the gateway
// of this machine counts them.
func TestLocal_RequestLineAndHeadersMayHave10240Bytes(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	status := func(query, header string) int {
		url := target.url + manifest.BasePath + "/journeys?limit=" + query
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		r.Header = http.Header{"Authorization": {"Bearer " + c.token}, "User-Agent": {"e2e"}, "Accept-Encoding": {"identity"}, "X-Long": {header}}
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		calls.Add(1)
		return response.StatusCode
	}
	used := len("GET ") - 1 + len("HTTP/1.1") + len(manifest.BasePath+"/journeys?limit=") +
		len("Authorization"+"Bearer ") + len(c.token) + len("User-Agent"+"e2e"+"Accept-Encoding"+"identity"+"X-Long")
	left := gateway.MaxHeader - used
	zeros := func(n int) string { return strings.Repeat("0", n-1) + "1" } // the number 1 in n digits
	require.Equal(t, 200, status("1", strings.Repeat("x", left-1)))
	require.Equal(t, 431, status("1", strings.Repeat("x", left)))
	require.Equal(t, 200, status(zeros(left), ""))
	require.Equal(t, 431, status(zeros(left+1), ""))
}

// A tenant may have 10,000 journeys. The test sets the tenant's counter to one less.
func TestLocal_TenantMayHave10000Journeys(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c := as(t, manifest.Admin, tenant)
	c.create("first", emptyGraph)
	table := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(target.machine.DynamoDB.Endpoint()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	old, err := table.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(local.Table), ReturnValues: types.ReturnValueAllOld,
		Item: map[string]types.AttributeValue{
			"PK":  &types.AttributeValueMemberS{Value: "T#" + tenant},
			"SK":  &types.AttributeValueMemberS{Value: "N"},
			"f":   &types.AttributeValueMemberN{Value: "1"},
			"cnt": &types.AttributeValueMemberN{Value: fmt.Sprint(journey.MaxJourneys - 1)},
		},
	})
	require.NoError(t, err)
	require.Equal(t, &types.AttributeValueMemberN{Value: "1"}, old.Attributes["cnt"], "the counter has moved to another item")

	last := c.create("last", emptyGraph)
	c.refused(409, "too-many-journeys", "POST", "/journeys", `{"name":"one more"}`)
	c.must(204, "DELETE", last, "")
	c.create("last again", emptyGraph)
	c.refused(409, "too-many-journeys", "POST", "/journeys", `{"name":"one more"}`)
}

// An installation may bound the customers that each tenant's enroll calls name in a minute.
func TestLocal_EnrollmentsAMinuteMayBeBounded(t *testing.T) {
	d := startKeyedGateway(t, manifest.EnrollCustomers, map[string]string{manifest.EnvEnrollmentsPerMinute: "1000"})
	d.set.Store(keySet(t, target.issuer))
	c, other := as(t, manifest.Editor, newTenant()), as(t, manifest.Editor, newTenant())
	enroll := func(c caller, path string) answer {
		return d.call(t, c.token, "POST", path+"/enroll", []byte(`{"customerIds":`+ids("c", 1000)+`}`))
	}
	path := c.createActive(wholeGraph)
	require.Equal(t, 201, enroll(c, path).status)
	var refused answer
	for range 5 { // minutes may end between the calls
		if refused = enroll(c, path); refused.status != 201 {
			break
		}
	}
	require.Equal(t, 429, refused.status)
	require.Equal(t, "enrollment-rate", refused.body["code"])
	require.Regexp(t, `^([1-9]|[1-5][0-9]|60)$`, refused.header.Get("Retry-After"))
	require.Equal(t, 201, enroll(other, other.createActive(wholeGraph)).status, "another tenant")
}
