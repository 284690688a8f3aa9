package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// A thousand customers enter three times. A repeated call starts no run. The test is
// not parallel, for the same reason as those of enroll_test.go.
func TestReentry_AThousandCustomersEnterAgain(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	journey := c.must(201, "POST", "/journeys", `{"name":"Again","reentry":{"mode":"afterExit","max":3},"definition":`+shortGraph+`}`)
	path := "/journeys/" + journey.id()
	c.must(200, "PUT", path, `{"status":"active"}`)

	thousand := `{"customerIds":` + ids("c", 1000) + `}`
	for _, key := range []string{"first", "second", "third"} {
		for range 2 {
			c.must(201, "POST", path+"/enroll", thousand, "Idempotency-Key", key).counts(t, 1000, 0)
		}
	}
	c.must(201, "POST", path+"/enroll", thousand).counts(t, 0, 1000)
	last := c.must(201, "POST", path+"/enroll?details=true", `{"customerId":"c-7"}`)
	require.Equal(t, "max-reached", last.body["results"].([]any)[0].(map[string]any)["code"])

	enrollment := c.must(200, "GET", path+"/enrollments/c-7", "").body
	require.Equal(t, "completed", enrollment["status"])
	require.Len(t, enrollment["runs"], 2, "the runs before")
	require.Eventually(t, func() bool {
		figures := c.must(200, "GET", path+"/analytics", "").body["enrollments"].(map[string]any)
		return figures["total"] == 3000.0 && figures["completed"] == 3000.0
	}, time.Minute, 200*time.Millisecond)
}
