package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// Customers who complete a journey without a single message show as such.
func TestLocal_AnalyticsTellSkippedFromSent(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(sendingGraph)
	steps := func() map[string]map[string]any {
		byID := map[string]map[string]any{}
		for _, step := range c.must(200, "GET", path+"/analytics", "").body["steps"].([]any) {
			byID[step.(map[string]any)["nodeId"].(string)] = step.(map[string]any)
		}
		return byID
	}
	require.Equal(t, map[string]any{}, steps()["hello"]["results"], "no customer left yet")

	c.must(201, "POST", path+"/enroll", `{"customerIds":["a","b","c","d","e"]}`).counts(t, 5, 0)
	require.Eventually(t, func() bool { return steps()["out"]["completed"] == 5.0 }, 30*time.Second, 50*time.Millisecond)
	found := steps()
	require.Equal(t, map[string]any{"entered": 5.0}, found["in"]["results"])
	require.Equal(t, map[string]any{"skipped_no_address": 5.0}, found["hello"]["results"], "and none is sent")
	require.Equal(t, map[string]any{"exited": 5.0}, found["out"]["results"])

	c.must(200, "PUT", "/customers/reachable", `{"attributes":{"email":"r@mail.test"}}`)
	c.must(201, "POST", path+"/enroll", `{"customerId":"reachable"}`).counts(t, 1, 0)
	require.Eventually(t, func() bool { return steps()["out"]["completed"] == 6.0 }, 30*time.Second, 50*time.Millisecond)
	hello := steps()["hello"]
	require.Equal(t, map[string]any{"skipped_no_address": 5.0, "sent": 1.0}, hello["results"])
	require.Equal(t, 6.0, hello["completed"])
}
