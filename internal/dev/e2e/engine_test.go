package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

const sendingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
	`{"id":"hello","type":"channel_action","config":{"channel":"email","templateId":"t","payload":{"a":1}}},` +
	`{"id":"out","type":"exit","config":{"reason":"greeted"}}],` +
	`"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"out"}]}`

// A customer whose next node sends gets the message without waiting for a tick. A
// customer without an address continues without it.
func TestLocal_MessagesAreSentOnce(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	c.must(200, "PUT", "/customers/reachable", `{"attributes":{"email":"r@mail.test"}}`)
	path := c.createActive(sendingGraph)
	c.must(201, "POST", path+"/enroll", `{"customerIds":["reachable","unknown"]}`).counts(t, 2, 0)
	results := map[string]string{}
	require.Eventually(t, func() bool {
		for _, customer := range []string{"reachable", "unknown"} {
			a := c.must(200, "GET", path+"/enrollments/"+customer, "")
			if a.body["status"] != "completed" {
				return false
			}
			results[customer] = a.body["path"].([]any)[1].(map[string]any)["result"].(string)
		}
		return true
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, map[string]string{"reachable": "sent", "unknown": "skipped_no_address"}, results)

	id := strings.TrimPrefix(path, "/journeys/")
	response, err := http.Get(target.url + local.InboxPath + "?journeyId=" + id)
	require.NoError(t, err)
	defer response.Body.Close()
	var inbox struct {
		Total int
		Data  []map[string]any
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&inbox))
	require.Equal(t, 1, inbox.Total)
	require.Len(t, inbox.Data, 1)
	message := inbox.Data[0]
	require.NotEmpty(t, message["idempotencyKey"])
	require.NotEmpty(t, message["at"])
	require.Len(t, message["messageId"], 22)
	delete(message, "idempotencyKey")
	delete(message, "messageId")
	delete(message, "at")
	require.Equal(t, map[string]any{
		"tenant": message["tenant"], "journeyId": id, "customerId": "reachable", "nodeId": "hello",
		"channel": "email", "templateId": "t", "payload": map[string]any{"a": 1.0}, "address": "r@mail.test",
	}, message)
}

// A customer whose address the inbox refuses fails at once, and goes on once the
// address is corrected and the enrollment retried.
func TestLocal_RefusedAddressesFailUntilTheyAreCorrected(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	for _, row := range []struct{ channel, attribute, refused, right string }{
		{"email", "email", "a@Refused.example", "a@mail.test"},
		{"sms", "phone", "+000123456", "+4312345678"},
	} {
		path := c.createActive(strings.Replace(sendingGraph, `"email"`, `"`+row.channel+`"`, 1))
		until := func(status string) map[string]any {
			var body map[string]any
			require.Eventually(t, func() bool {
				body = c.must(200, "GET", path+"/enrollments/c", "").body
				return body["status"] == status
			}, 30*time.Second, 50*time.Millisecond, row.channel)
			return body
		}
		c.must(200, "PUT", "/customers/c", `{"attributes":{"`+row.attribute+`":"`+row.refused+`"}}`)
		c.must(201, "POST", path+"/enroll", `{"customerId":"c"}`).counts(t, 1, 0)
		require.Equal(t, "send_failed", until("failed")["exitReason"])

		c.must(200, "PATCH", "/customers/c", `{"attributes":{"`+row.attribute+`":"`+row.right+`"}}`)
		c.must(202, "POST", path+"/enrollments/c/retry", "")
		visits := until("completed")["path"].([]any)
		require.Equal(t, "sent", visits[1].(map[string]any)["result"])
	}
}

// A phone may be a number, as spreadsheets export it.
func TestLocal_NumericPhonesGetTextMessages(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(strings.Replace(sendingGraph, `"email"`, `"sms"`, 1))
	for customer, want := range map[string]string{"919876543210": "sent", "12": "skipped_no_address"} {
		c.must(200, "PUT", "/customers/"+customer, `{"attributes":{"phone":`+customer+`}}`)
		c.must(201, "POST", path+"/enroll", `{"customerId":"`+customer+`"}`).counts(t, 1, 0)
		require.Eventually(t, func() bool {
			visits := c.must(200, "GET", path+"/enrollments/"+customer, "").body["path"].([]any)
			return len(visits) == 3 && visits[1].(map[string]any)["result"] == want
		}, 30*time.Second, 50*time.Millisecond)
	}
}

// No call makes a function log the id of a customer.
func TestLocal_LogsNameNoCustomer(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c := as(t, manifest.Admin, tenant)
	path := c.createActive(sendingGraph)
	const name, encoded = "Ada.Lovelace@example.test", "~QWRhLkxvdmVsYWNlQGV4YW1wbGUudGVzdA"
	c.must(200, "PUT", "/customers/"+name, `{"attributes":{"email":"`+name+`"}}`)
	c.must(202, "POST", "/events", `{"customerId":"`+name+`","eventType":"t","eventId":"`+name+`","properties":{"a":"`+name+`"}}`)
	c.must(201, "POST", path+"/enroll", `{"customerId":"`+name+`"}`)
	require.Eventually(t, func() bool {
		return c.must(200, "GET", path+"/enrollments/"+name, "").body["status"] == "completed"
	}, 30*time.Second, 50*time.Millisecond)
	c.must(200, "GET", path+"/enrollments", "")
	c.must(409, "POST", path+"/enrollments/"+name+"/retry", "")
	c.must(409, "DELETE", path+"/enrollments/"+encoded, "")
	c.must(204, "DELETE", "/customers/"+name, "")
	c.must(404, "GET", "/customers/"+name, "")

	var log string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(target.log)
		require.NoError(t, err)
		log = string(text)
		for line := range strings.Lines(log) {
			if strings.Contains(line, tenant) && strings.Contains(line, "GET /api/v1/customers/{customerId}") {
				return true
			}
		}
		return false
	}, 30*time.Second, 50*time.Millisecond)
	require.NotContains(t, log, name)
	require.NotContains(t, log, encoded)
}
