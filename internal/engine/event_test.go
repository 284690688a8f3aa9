package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/journey"
)

const signupGraph = `{"nodes":[
	{"id":"in","type":"entry_trigger","config":{"eventType":"signup","condition":{"field":"plan","operator":"eq","value":"pro"}}},
	{"id":"w","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"s","type":"condition_split","config":{"condition":{"field":"event.seats","operator":"gt","value":2}}},
	{"id":"big","type":"exit","config":{"reason":"big"}},
	{"id":"small","type":"exit","config":{"reason":"small"}}],
	"edges":[{"source":"in","target":"w"},{"source":"w","target":"s"},
	{"source":"s","target":"big","sourceHandle":"true"},{"source":"s","target":"small","sourceHandle":"false"}]}`

// The first answer to every request is lost, so the SDK sends each request twice.
func TestEvents_StartJourneysAndEndWaits(t *testing.T) {
	t.Parallel()

	faults := &dynamotest.Faults{LoseFirst: true, ForgetTokens: true}
	i := install(t, faults.Install)
	for customer, attributes := range map[string]string{"pro": `{"plan":"pro"}`, "free": `{"plan":"free"}`} {
		require.NoError(t, i.store.Customers.PutProfile(t.Context(), i.tenant, journey.Profile{
			Customer: customer, Attributes: []byte(attributes), UpdatedAt: i.now,
		}, 0))
	}
	put := func(customer, eventType, id, properties string) error {
		_, err := i.service.PutEvent(t.Context(), i.tenant, journey.Event{
			Customer: customer, Type: eventType, ID: id, Properties: []byte(properties),
		})
		return err
	}
	id := i.activate(t, signupGraph)
	for _, customer := range []string{"pro", "free", "unknown"} {
		require.NoError(t, put(customer, "signup", "s1", `{"seats":3,"note":"long"}`))
	}
	for _, customer := range []string{"free", "unknown"} {
		_, err := i.store.Enrollments.Enrollment(t.Context(), i.tenant, id, customer)
		require.ErrorIs(t, err, journey.ErrNotEnrolled)
	}
	i.run(t, t.Context()) // reads the event that the wait is for
	e := i.where(t, id, "pro").Enrollment
	require.JSONEq(t, `{"seats":3}`, string(e.Event), "only what the graph reads")
	require.NoError(t, put("pro", "signup", "s1", `{"seats":3,"note":"long"}`))
	require.Equal(t, e, i.where(t, id, "pro").Enrollment, "a repeated event changes nothing")
	var reused *journey.Error
	require.ErrorAs(t, put("pro", "signup", "s1", `{"seats":4}`), &reused)
	require.Equal(t, journey.Mismatch, reused.Kind)

	i.change(t, t.Context(), id, journey.Paused)
	i.now = i.now.Add(time.Hour)
	require.NoError(t, put("pro", "opened", "", ""))
	received := i.now
	i.now = i.now.Add(time.Millisecond)
	require.NoError(t, put("pro", "opened", "", ""))
	i.now = i.now.Add(time.Minute)
	i.run(t, t.Context())
	held := i.where(t, id, "pro").Enrollment
	require.Equal(t, e.Rev+1, held.Rev, "woken once, and stopped by the pause")
	require.Equal(t, received, held.Due)

	i.change(t, t.Context(), id, journey.Active)
	i.run(t, t.Context())
	out := i.where(t, id, "pro")
	require.Equal(t, "big", out.ExitReason)
	require.Equal(t, "woken", out.Path[1].Result)
	require.Positive(t, faults.Counts().Lost)
}
