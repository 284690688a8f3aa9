package dynamo_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/journey"
)

// Answers are lost and transactions conflict: each call takes effect once.
func TestDraft_CallsTakeEffectOnce(t *testing.T) {
	t.Parallel()

	for name, faults := range map[string]*dynamotest.Faults{
		"no faults":                      {},
		"lost answers":                   {LoseFirst: true},
		"lost answers, tokens forgotten": {LoseFirst: true, ForgetTokens: true},
		"conflicts and throttling":       {Seed: 3, Conflict: 0.3, Throttle: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := newFixture(t)
			id := p.journey(t, waitingGraph)
			p.Service = p.on(faults.Install)
			put := func(tag, text string) journey.DraftCopy {
				t.Helper()
				d, match := journeytest.Definition(t, text), journey.DraftMatch{None: true}
				if tag != "" {
					match = journey.DraftMatch{Tags: []string{tag}}
				}
				copied, created, err := p.PutDraft(t.Context(), demo, id, journey.DraftChange{Definition: &d}, match)
				require.NoError(t, err)
				require.Equal(t, tag == "", created)
				stored, err := p.Draft(t.Context(), demo, id)
				require.NoError(t, err)
				require.Equal(t, copied, stored)
				return copied
			}
			changed := put(put("", sendingGraph).Tag, leavingGraph)
			_, _, err := p.PutDraft(t.Context(), demo, id, journey.DraftChange{Settings: graph.SettingsChange{"goal": nil, "timezone": []byte(`"Asia/Tokyo"`)}},
				journey.DraftMatch{Tags: []string{strings.Repeat("0", 32)}})
			require.ErrorIs(t, err, journey.ErrStaleDraft)
			j, err := p.PublishDraft(t.Context(), demo, id, journey.Publication{Tags: []string{changed.Tag}})
			require.NoError(t, err)
			require.Equal(t, 2, j.Version)
			again, err := p.PublishDraft(t.Context(), demo, id, journey.Publication{Tags: []string{changed.Tag}})
			require.NoError(t, err)
			require.Equal(t, j.Rev, again.Rev)
			require.Equal(t, string(j.Definition), string(again.Definition))
			deleted := put("", waitingGraph)
			for range 2 {
				require.NoError(t, p.DeleteDraft(t.Context(), demo, id, journey.DraftMatch{Tags: []string{deleted.Tag}}))
			}
			_, err = p.Draft(t.Context(), demo, id)
			require.ErrorIs(t, err, journey.ErrNoDraft)
		})
	}
}

// Two editors change different settings at once, neither with If-Match.
func TestDraft_KeepsConcurrentChangesOfDifferentFields(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	zone := journey.DraftChange{Settings: graph.SettingsChange{"timezone": []byte(`"Asia/Tokyo"`)}}
	goal := journey.DraftChange{Settings: graph.SettingsChange{"goal": []byte(`{"eventType":"bought","windowDays":1}`)}}
	for attempt, interrupted := 1, true; interrupted; attempt++ {
		id := p.journey(t, waitingGraph)
		interrupted = false
		slow := p.on(interrupting(attempt, func() {
			interrupted = true
			_, _, err := p.PutDraft(t.Context(), demo, id, goal, journey.DraftMatch{})
			require.NoError(t, err)
		}))
		_, _, err := slow.PutDraft(t.Context(), demo, id, zone, journey.DraftMatch{})
		require.NoError(t, err)
		if !interrupted {
			break
		}
		d, err := p.Draft(t.Context(), demo, id)
		require.NoError(t, err)
		require.JSONEq(t, `{"timezone":"Asia/Tokyo","goal":{"eventType":"bought","windowDays":1}}`, string(d.Settings), "before attempt %d", attempt)
	}
}

// A journey that is deleted while its draft is stored leaves none behind.
func TestDraft_IsGoneWithItsJourney(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	for _, lose := range []bool{false, true} {
		for attempt, interrupted := 1, true; interrupted; attempt++ {
			id := p.journey(t, waitingGraph)
			interrupted = false
			faults := &dynamotest.Faults{LoseFirst: lose}
			slow := p.on(faults.Install, interrupting(attempt, func() {
				interrupted = true
				require.NoError(t, p.Delete(t.Context(), demo, id, nil))
			}))
			if _, _, err := slow.PutDraft(t.Context(), demo, id, journey.DraftChange{}, journey.DraftMatch{}); err != nil {
				require.ErrorIs(t, err, journey.ErrNotFound)
			}
			if !interrupted {
				break
			}
			_, err := p.Draft(t.Context(), demo, id)
			require.ErrorIs(t, err, journey.ErrNotFound)
			require.Nil(t, lookup(t, p.table, "T#demo#J#"+string(id)[4:], "D"), "before attempt %d", attempt)
		}
	}
}

// An event and an enroll call follow the live journey while there is a draft.
func TestDraft_ReachesNoCustomerBeforeItIsPublished(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, openedGraph)
	live, err := p.Get(t.Context(), demo, id)
	require.NoError(t, err)
	before := items(t, p.table)
	other := journeytest.Definition(t, strings.ReplaceAll(readingEventGraph, "filled", "drafted"))
	d, _, err := p.PutDraft(t.Context(), demo, id, journey.DraftChange{
		Definition: &other, Settings: graph.SettingsChange{"exitOn": []byte(`[{"eventType":"drafted"}]`)},
	}, journey.DraftMatch{})
	require.NoError(t, err)
	after := items(t, p.table)
	maps.DeleteFunc(after, func(key [2]string, _ map[string]types.AttributeValue) bool { return key[1] == "D" })
	require.Equal(t, before, after, "only the draft was written")

	event := func(customer, eventType string) journey.EventOutcome {
		t.Helper()
		out, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: eventType, ID: customer + eventType})
		require.NoError(t, err)
		return out
	}
	require.Len(t, event("ada", "opened").Started, 1)
	require.Empty(t, event("ada", "drafted").Ended)
	require.Empty(t, event("bob", "drafted").Started)
	p.enroll(t, id, "", "cleo")
	for _, customer := range []string{"ada", "cleo"} {
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		require.NoError(t, err)
		require.Equal(t, []string{live.GraphHash, "1"}, []string{e.GraphHash, fmt.Sprint(e.Version)})
	}

	j, err := p.PublishDraft(t.Context(), demo, id, journey.Publication{Tags: []string{d.Tag}})
	require.NoError(t, err)
	require.Equal(t, 2, j.Version)
	require.Len(t, event("dora", "drafted").Started, 1)
	require.Empty(t, event("ada", "drafted").Ended, "ada keeps the version of the entry")
	require.True(t, slices.Equal(j.Events, []string{"drafted"}))
}
