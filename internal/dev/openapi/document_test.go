package openapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// operation is the part of a route that the document and the manifest share.
type operation struct {
	ID    string
	Roles []string
}

func TestDocument_HasTheOperationsOfTheManifest(t *testing.T) {
	t.Parallel()
	want := map[string]operation{}
	for _, r := range manifest.Routes() {
		id := r.Function.LogicalID()
		want[r.Method+" "+r.Path] = operation{strings.ToLower(id[:1]) + id[1:], r.Roles}
	}
	got := map[string]operation{}
	for path, item := range Load().doc.Paths.Map() {
		for method, op := range item.Operations() {
			var roles []string
			for _, role := range op.Extensions["x-roles"].([]any) {
				roles = append(roles, role.(string))
			}
			got[method+" "+path] = operation{op.OperationID, roles}
		}
	}
	require.Equal(t, want, got)
}

// described is an example with its schema.
type described struct {
	name   string
	schema *openapi3.SchemaRef
	value  any
}

// examplesOf returns the examples of a request or an answer, which must have one.
func examplesOf(t *testing.T, where string, content openapi3.Content) []described {
	var list []described
	for kind, media := range content {
		require.NotEmpty(t, media.Examples, "%s %s has no example", where, kind)
		for name, example := range media.Examples {
			list = append(list, described{where + " " + kind + " " + name, media.Schema, example.Value.Value})
		}
	}
	return list
}

// allExamples returns the examples of the document's bodies, parameters and
// headers.
func allExamples(t *testing.T) []described {
	var list []described
	for path, item := range Load().doc.Paths.Map() {
		for method, op := range item.Operations() {
			where := method + " " + path
			if op.RequestBody != nil {
				list = append(list, examplesOf(t, where, op.RequestBody.Value.Content)...)
			}
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				list = append(list, described{where + " " + p.Value.Name, p.Value.Schema, p.Value.Example})
			}
			for status, answer := range op.Responses.Map() {
				list = append(list, examplesOf(t, where+" "+status, answer.Value.Content)...)
				for name, header := range answer.Value.Headers {
					list = append(list, described{where + " " + status + " " + name, header.Value.Schema, header.Value.Example})
				}
			}
		}
	}
	return list
}

func TestDocument_ExamplesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	list := allExamples(t)
	require.Greater(t, len(list), 100)
	for _, example := range list {
		err := example.schema.Value.VisitJSON(plain(t, example.value),
			openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation())
		require.NoError(t, err, example.name)
	}
}

// plain returns a value with the types that encoding/json decodes to.
func plain(t *testing.T, value any) any {
	text, err := json.Marshal(value)
	require.NoError(t, err)
	var read any
	require.NoError(t, json.Unmarshal(text, &read))
	return read
}

// Where the gateway may answer itself, its body is described beside the problem
// document.
func TestDocument_DescribesTheGatewaysOwnAnswers(t *testing.T) {
	t.Parallel()
	for path, item := range Load().doc.Paths.Map() {
		for method, op := range item.Operations() {
			statuses := []string{"401", "403", "429", "500", "503"}
			if strings.Contains(path, "{") {
				statuses = append(statuses, "404")
			}
			for _, status := range statuses {
				answer := op.Responses.Value(status)
				require.NotNil(t, answer, "%s %s %s", method, path, status)
				ours, gateways := answer.Value.Content["application/problem+json"], answer.Value.Content["application/json"]
				require.NotNil(t, ours, "%s %s %s", method, path, status)
				require.NotNil(t, gateways, "%s %s %s", method, path, status)
				require.Equal(t, "#/components/schemas/Problem", ours.Schema.Ref)
				require.Equal(t, "#/components/schemas/GatewayMessage", gateways.Schema.Ref)
			}
		}
	}
}
