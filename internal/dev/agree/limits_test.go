package agree

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"journeys/internal/api/web"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/dev/apitest"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/names"
	"journeys/internal/payload"
	"journeys/internal/progress"
	"journeys/internal/provider"
	"journeys/internal/update"
)

// limits are the rows of the table in docs/limits.md: the first cell, and the
// quantities that the second cell must name.
var limits = map[string][]string{
	"Journeys of a tenant": {number(journey.MaxJourneys)},
	"Name":                 {quantity(journey.MaxName, "characters")},
	"Description":          {quantity(journey.MaxDescription, "characters")},
	"Definition":           {kilobytes(journey.MaxDefinition), quantity(graph.MaxNodes, "nodes"), quantity(graph.MaxEdges, "edges")},
	"Entry condition":      {kilobytes(graph.MaxEntryCondition)},
	"`timezone`, `exitOn`, `exitWhen` and `goal` together": {kilobytes(graph.MaxSettings)},
	"Events of `exitOn`": {number(graph.MaxExits)},
	"Window of a `goal`": {quantity(graph.MaxGoalWindow, "days")},
	"Condition":          {quantity(condition.MaxDepth, "levels"), quantity(condition.MaxLeaves, "comparisons")},
	"Payload after its placeholders are filled":                 {kilobytes(payload.MaxSize)},
	"Branches of a split":                                       {quantity(graph.MaxConditions, "conditions"), quantity(graph.MaxWays, "weights"), number(graph.MaxWeight)},
	"Attributes that an `update_customer` names":                {number(update.MaxChanges)},
	"Events that one wait waits for":                            {number(graph.MaxAwaits)},
	"Events that are remembered":                                {number(progress.RememberedEvents)},
	"Wait":                                                      {quantity(graph.MaxDelayHours, "hours")},
	"Stay in a journey":                                         {quantity(journey.MaxDuration, "days")},
	"Re-entry":                                                  {number(graph.MaxReentryHours), quantity(graph.MaxRuns, "runs")},
	"Customers of an enroll call":                               {number(journey.MaxBatch)},
	"Customers of a `POST /customers` call":                     {number(journey.MaxBatch)},
	"Customer id":                                               {quantity(web.MaxID, "characters")},
	"`Idempotency-Key`":                                         {quantity(web.MaxID, "characters"), quantity(int(journey.KeyLife/time.Hour), "hours")},
	"Attributes of a customer":                                  {kilobytes(progress.MaxAttributes)},
	"Properties of an event":                                    {kilobytes(journey.MaxProperties)},
	"Events of a `POST /events` call":                           {number(journey.MaxEvents)},
	"Topics of a tenant":                                        {number(consent.MaxTopics), quantity(consent.MaxTopicName, "characters"), quantity(consent.MaxChannels, "channels")},
	"Links in messages":                                         {quantity(int(message.TopicLife/(365*24*time.Hour)), "years")},
	"Feedback about a message":                                  {quantity(int(message.Life/(24*time.Hour)), "days")},
	"Properties of a remembered event":                          {kilobytes(progress.MaxRemembered)},
	"Journeys that events of one type start":                    {number(journey.MaxStarted)},
	"Age of an event that starts or ends something":             {quantity(int(journey.MaxEventAge/time.Hour), "hours")},
	"Archivings of a journey whose customers are still leaving": {number(journey.MaxDrains)},
	"`eventId`":                                                 {quantity(web.MaxID, "characters"), quantity(int(journey.EventLife/(24*time.Hour)), "days")},
	"Names that `GET /names` returns of a tenant": {
		quantity(names.MaxTypes, "event types"), quantity(names.MaxProperties, "properties"),
		quantity(names.MaxAttributes, "attributes"), quantity(names.MaxDepth, "names"),
	},
	"Body of a request":     {quantity(web.MaxBody>>20, "MiB")},
	"Time of a message":     {quantity(int(provider.SendTimeout/time.Second), "seconds")},
	"Attempts at a message": {number(engine.MaxAttempts)},
	"Time of a decision": {
		quantity(int(graph.MaxDecisionTimeout/time.Second), "seconds"),
		quantity(int(graph.DefaultDecisionTimeout/time.Second), "seconds"),
	},
	"Answer of a decision": {kilobytes(provider.MaxAnswer)},
	"What a customer's run keeps of its events, decisions and answers": {kilobytes(progress.MaxKept)},
}

func TestDocs_LimitsAreTheConstants(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/limits.md")
	require.NoError(t, err)
	section, err := Section(page, "limits")
	require.NoError(t, err)
	rows := tableRows(section)
	require.Greater(t, len(rows), 2)
	seen := map[string]bool{}
	for _, cells := range rows[2:] {
		what, text := cells[0], cells[1]
		require.Contains(t, limits, what, "docs/limits.md has a row without a constant")
		require.False(t, seen[what], "docs/limits.md has %q twice", what)
		seen[what] = true
		for _, want := range limits[what] {
			require.Regexp(t, `(^|[^\d,.])`+want+`\b`, text, "docs/limits.md, %s", what)
		}
	}
	for what := range limits {
		require.True(t, seen[what], "docs/limits.md has no row %q", what)
	}
}

func quantity(n int, unit string) string { return number(n) + " " + unit }

func kilobytes(bytes int) string { return quantity(bytes/1024, "KB") }

// number formats n with a comma before each three digits: "10,000".
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Clients copy no limit: GET /settings has each, and openapi.yaml says what it is of.
func TestOpenAPI_DescribesTheLimitsOfTheSettings(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) }
	handler := apitest.Handler(apitest.Config{Now: now})
	r := httptest.NewRequestWithContext(t.Context(), "GET", manifest.BasePath+"/settings", http.NoBody)
	w := apitest.Serve(handler, r, apitest.Caller("demo", manifest.Viewer, now()))
	var answer struct{ Limits map[string]int }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
	require.NotEmpty(t, answer.Limits)

	text, err := os.ReadFile("../../../openapi.yaml")
	require.NoError(t, err)
	var document struct {
		Components struct {
			Schemas struct {
				Limits struct {
					Required   []string
					Properties map[string]struct{ Description string }
				} `yaml:"Limits"`
			}
			Examples struct {
				Settings struct {
					Value struct{ Limits map[string]int }
				} `yaml:"Settings"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &document))
	require.Equal(t, answer.Limits, document.Components.Examples.Settings.Value.Limits)
	names := slices.Collect(maps.Keys(answer.Limits))
	schema := document.Components.Schemas.Limits
	require.ElementsMatch(t, names, schema.Required)
	require.ElementsMatch(t, names, slices.Collect(maps.Keys(schema.Properties)))
	for name, property := range schema.Properties {
		require.NotEmpty(t, property.Description, name)
	}
}
