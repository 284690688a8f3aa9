package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// The two tests with many customers are not parallel: together they would overload
// DynamoDB Local until calls time out.
func TestEnroll_CountsEachCustomerOnce(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	one := c.must(201, "POST", path+"/enroll", `{"customerId":"c-0"}`)
	one.counts(t, 1, 0)
	require.Equal(t, "Welcome", one.body["journeyName"])
	require.Equal(t, strings.TrimPrefix(path, "/journeys/"), one.body["journeyId"])
	require.NotContains(t, one.body, "results")

	thousand := `{"customerIds":` + ids("c", 1000) + `}`
	c.must(201, "POST", path+"/enroll", thousand).counts(t, 999, 1)
	c.must(201, "POST", path+"/enroll", thousand).counts(t, 0, 1000)

	// Ids that look alike differ. A repetition in the same call is skipped.
	details := c.must(201, "POST", path+"/enroll?details=true",
		`{"customerIds":["c-0","É","é","e\u0301","É"," ","E#x","`+strings.Repeat("ü", 128)+`"]}`)
	details.counts(t, 6, 2)
	var outcomes []string
	for _, result := range details.body["results"].([]any) {
		outcomes = append(outcomes, result.(map[string]any)["outcome"].(string))
	}
	require.Equal(t, "skipped enrolled enrolled enrolled skipped enrolled enrolled enrolled", strings.Join(outcomes, " "))

	// Other journeys and tenants do not know these customers.
	c.must(201, "POST", c.createActive(shortGraph)+"/enroll", thousand).counts(t, 1000, 0)
	other := as(t, manifest.Editor, newTenant())
	other.must(201, "POST", other.createActive(shortGraph)+"/enroll", `{"customerId":"c-0"}`).counts(t, 1, 0)
}

func TestEnroll_ParallelCallsEnrollEachCustomerOnce(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	const callers = 4
	answers := make(chan answer, callers)
	for range callers {
		go func() {
			a, _ := c.try("POST", path+"/enroll", `{"customerIds":`+ids("c", 100)+`}`)
			answers <- a
		}()
	}
	enrolled := 0.0
	for range callers {
		a := <-answers
		require.Equal(t, 201, a.status, a.text)
		require.InDelta(t, 100, a.body["total"], 0, a.text)
		require.InDelta(t, 0, a.body["errors"], 0, a.text)
		enrolled += a.body["enrolled"].(float64)
	}
	require.InDelta(t, 100, enrolled, 0)
}

func TestEnroll_IdempotencyKeyReturnsTheFirstCounts(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	c.must(201, "POST", path+"/enroll", `{"customerId":"a"}`)
	body := `{"customerIds":["a","b","c"]}`
	first := c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", "k1")
	first.counts(t, 2, 1)
	require.Equal(t, first.text, c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", `"k1"`).text)
	c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", "k2").counts(t, 0, 3)
	c.refused(422, "idempotency-key-reused", "POST", path+"/enroll", `{"customerIds":["a","b"]}`, "Idempotency-Key", "k1")

	// The key belongs to its journey, and is known after the journey is paused.
	c.must(201, "POST", c.createActive(shortGraph)+"/enroll", `{"customerId":"z"}`, "Idempotency-Key", "k1").counts(t, 1, 0)
	c.must(200, "PUT", path, `{"status":"paused"}`)
	require.Equal(t, first.text, c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", "k1").text)
	c.refused(400, "journey-not-active", "POST", path+"/enroll", body, "Idempotency-Key", "k3")
}
