package e2e

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/conn"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// The message is too large for customers with a long text.
const longGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
	`{"id":"hello","type":"channel_action","config":{"channel":"push","payload":{"a":"{{attributes.text}}{{attributes.text}}{{attributes.text}}{{attributes.text}}{{attributes.text}}"}}},` +
	`{"id":"w","type":"wait","config":{"delayHours":500}},{"id":"out","type":"exit"}],` +
	`"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"w"},{"source":"w","target":"out"}]}`

// Customers fail, are retried together once the cause is repaired, and leave together.
func TestLocal_ActionsRetryAndRemoveMany(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c := as(t, manifest.Editor, tenant)
	store := func(prefix, text string) {
		var list []string
		for _, number := range []string{"0", "1", "2", "3"} {
			list = append(list, `{"customerId":"`+prefix+`-`+number+`","attributes":{"text":"`+text+`"}}`)
		}
		c.must(200, "POST", "/customers", `{"customers":[`+strings.Join(list, ",")+`]}`)
	}
	store("long", strings.Repeat("x", 60_000))
	store("short", "x")
	path := c.createActive(longGraph)
	c.must(201, "POST", path+"/enroll", `{"customerIds":`+ids("long", 4)+`}`).counts(t, 4, 0)
	c.must(201, "POST", path+"/enroll", `{"customerIds":`+ids("short", 4)+`}`).counts(t, 4, 0)
	eventually := func(failed, waiting int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return len(c.must(200, "GET", path+"/enrollments?status=failed", "").body["data"].([]any)) == failed &&
				len(c.must(200, "GET", path+"/enrollments?nodeId=w", "").body["data"].([]any)) == waiting
		}, 30*time.Second, 50*time.Millisecond)
	}
	eventually(0, 4)
	failAll(t, tenant, ident.ID(strings.TrimPrefix(path, "/journeys/")), "long-0", "long-1", "long-2", "long-3")
	eventually(4, 4)

	store("long", "x")
	c.act(path, `"retry","where":{"status":"failed","nodeId":"hello"}`, 4)
	c.act(path, `"retry","where":{"status":"failed","nodeId":"hello"}`, 0)
	eventually(0, 8)
	journeys := c.must(200, "GET", "/customers/long-0/enrollments", "").body["data"].([]any)
	require.Len(t, journeys, 1)
	require.Equal(t, "w", journeys[0].(map[string]any)["nodeId"])
	require.Equal(t, "Welcome", journeys[0].(map[string]any)["journeyName"])
	require.Empty(t, as(t, manifest.Editor, newTenant()).must(200, "GET", "/customers/long-0/enrollments", "").body["data"])

	c.act(path, `"remove","where":{"status":"active","version":1}`, 8)
	eventually(0, 0)
	require.Equal(t, "removed", c.must(200, "GET", "/customers/long-0/enrollments", "").body["data"].([]any)[0].(map[string]any)["exitReason"])
	require.Eventually(t, func() bool {
		counts := c.must(200, "GET", path+"/analytics", "").body["enrollments"].(map[string]any)
		return counts["total"] == 8.0 && counts["cancelled"] == 8.0 && counts["failed"] == 0.0 && counts["active"] == 0.0
	}, 30*time.Second, 50*time.Millisecond)
}

// failAll makes customers fail after their first attempt, as the tenth would.
func failAll(t *testing.T, tenant string, id ident.ID, customers ...string) {
	t.Helper()
	client := conn.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(target.machine.DynamoDB.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, conn.Local)
	table := dynamo.New(client, local.Table, rand.Reader)
	owner, _ := ident.ParseTenant(tenant)
	for _, customer := range customers {
		require.Eventually(t, func() bool {
			e, err := table.Enrollments.Enrollment(t.Context(), owner, id, customer)
			if err != nil || e.Attempts == 0 || !e.LeaseUntil.IsZero() {
				return false
			}
			return table.Engine.Advance(t.Context(), owner, 4, []progress.Enrollment{e.NextWrite(time.Now()).Fail("send_failed")})[0] == nil
		}, 30*time.Second, 50*time.Millisecond)
	}
}

// act makes the calls of an action to the end, and requires how many customers they
// acted on.
func (c caller) act(path, action string, done int) {
	c.t.Helper()
	for cursor := ""; ; {
		body := c.must(200, "POST", path+"/enrollments/actions", `{"action":`+action+cursor+`}`).body
		require.InDelta(c.t, 0, body["errors"], 0)
		done -= int(body["done"].(float64))
		next, more := body["nextCursor"].(string)
		if cursor = `,"cursor":"` + next + `"`; !more {
			break
		}
	}
	require.Zero(c.t, done)
}
