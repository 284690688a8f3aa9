package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestCustomersAndWhereTheyAre(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)

	c.must(200, "PUT", "/customers/~YSBi", `{"attributes":{"spend":7}}`) // "a b"
	a := c.must(200, "GET", "/customers/~YSBi", "")
	require.Equal(t, "a b", a.body["customerId"])
	require.Equal(t, map[string]any{"spend": 7.0}, a.body["attributes"])

	c.must(201, "POST", path+"/enroll", `{"customerId":"a b"}`).counts(t, 1, 0)
	a = c.must(200, "GET", path+"/enrollments/~YSBi", "")
	require.Equal(t, "active", a.body["status"])
	way := a.body["path"].([]any)
	require.Equal(t, "entered", way[0].(map[string]any)["result"])
	require.Equal(t, a.body["nodeId"], way[len(way)-1].(map[string]any)["nodeId"])
	require.NotEmpty(t, a.body["dueAt"])

	other := as(t, manifest.Editor, newTenant())
	other.must(404, "GET", path+"/enrollments/~YSBi", "")
	other.must(404, "GET", "/customers/~YSBi", "")

	feeder := as(t, manifest.Ingest, newTenant())
	feeder.must(200, "PUT", "/customers/fed", `{"attributes":{}}`)
	feeder.must(403, "GET", "/customers/fed", "")
}
