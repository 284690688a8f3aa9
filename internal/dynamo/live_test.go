package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/journey"
)

// live is a LIVE entry as the test expects it.
type live struct {
	on       bool
	epoch    string
	from     string
	reason   string
	starting bool // both events start the journey
}

const deleted = journey.Status("deleted")

func TestEntriesFollowTheStatus(t *testing.T) {
	t.Parallel()

	const archived, gone = "journey_archived", "journey_deleted"
	rows := []struct {
		name string
		life []journey.Status
		want *live
	}{
		{"a draft has none", nil, nil},
		{"an edited draft has none", []journey.Status{journey.Draft}, nil},
		{"an active one is visited and started", []journey.Status{journey.Active},
			&live{on: true, epoch: "0", from: "0", starting: true}},
		{"a paused one has none", []journey.Status{journey.Active, journey.Paused}, nil},
		{"an archived one drains", []journey.Status{journey.Active, journey.Archived},
			&live{epoch: "1", from: "0", reason: archived}},
		{"archived from paused, it drains", []journey.Status{journey.Active, journey.Paused, journey.Archived},
			&live{epoch: "1", from: "0", reason: archived}},
		{"an archived draft has none", []journey.Status{journey.Archived}, nil},
		{"an archived draft that is paused has none", []journey.Status{journey.Archived, journey.Paused}, nil},
		{"brought back, it drains still",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused},
			&live{epoch: "1", from: "0", reason: archived}},
		{"active again, it drains beside",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active},
			&live{on: true, epoch: "1", from: "0", reason: archived, starting: true}},
		{"paused again, it drains still",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active, journey.Paused},
			&live{epoch: "1", from: "0", reason: archived}},
		{"archived again, the first ones still leave",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active, journey.Archived},
			&live{epoch: "2", from: "0", reason: archived}},
		{"a deleted draft has none", []journey.Status{deleted}, nil},
		{"deleted while active, everybody leaves", []journey.Status{journey.Active, deleted},
			&live{epoch: "1", from: "0", reason: gone}},
		{"deleted while paused, everybody leaves", []journey.Status{journey.Active, journey.Paused, deleted},
			&live{epoch: "1", from: "0", reason: gone}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			s, table := store(t)
			j := draft(1)
			require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
			for _, status := range row.life {
				if status == deleted {
					require.NoError(t, s.Journeys.Delete(t.Context(), demo, j))
					continue
				}
				changed := next(j, status)
				require.NoError(t, s.Journeys.Update(t.Context(), demo, j, changed))
				j = changed
			}
			require.Equal(t, row.want, readLive(t, table, j.ID))
		})
	}
}

func readLive(t *testing.T, table string, id journey.ID) *live {
	it := lookup(t, table, "LIVE", "demo#"+string(id[4:]))
	starts := lookup(t, table, "T#demo#EV#account_created", string(id[4:])) != nil
	require.Equal(t, starts, lookup(t, table, "T#demo#EV#came#back", string(id[4:])) != nil)
	if it == nil {
		require.False(t, starts)
		return nil
	}
	require.Equal(t, "4", it["k"].(*types.AttributeValueMemberN).Value)
	entry := &live{
		on:       it["on"].(*types.AttributeValueMemberBOOL).Value,
		epoch:    it["ep"].(*types.AttributeValueMemberN).Value,
		from:     it["fr"].(*types.AttributeValueMemberN).Value,
		starting: starts,
	}
	if reason, ok := it["dr"].(*types.AttributeValueMemberS); ok {
		entry.reason = reason.Value
	}
	return entry
}

func TestEventsOfAnActiveJourneyFollowItsEdits(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	edited := next(active, journey.Active)
	edited.Events = []string{"came#back", "left"}
	require.NoError(t, s.Journeys.Update(t.Context(), demo, active, edited))

	sk := string(j.ID[4:])
	require.Nil(t, lookup(t, table, "T#demo#EV#account_created", sk))
	require.NotNil(t, lookup(t, table, "T#demo#EV#came#back", sk))
	require.NotNil(t, lookup(t, table, "T#demo#EV#left", sk))
}

func TestDeletedJourneyLeavesWhatDrainingNeeds(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	require.NoError(t, s.Journeys.Delete(t.Context(), demo, active))

	_, err := s.Journeys.Journey(t.Context(), demo, j.ID)
	require.ErrorIs(t, err, journey.ErrNotFound)
	definition, err := s.Journeys.Definition(t.Context(), demo, j.ID, j.GraphHash)
	require.NoError(t, err)
	require.Equal(t, j.Definition, definition)
	sk := string(j.ID[4:])
	require.Equal(t, map[string]bool{
		"T#demo N": true, "LIVE demo#" + sk: true, "T#demo#X " + sk: true,
		"T#demo#J#" + sk + " G#" + j.GraphHash: true,
	}, keys(t, table))
	require.NoError(t, s.Journeys.Create(t.Context(), demo, draft(2)))
}

// TestChangeOfTheJourneyAloneIsNoTransaction, which would cost twice as much.
func TestChangeOfTheJourneyAloneIsNoTransaction(t *testing.T) {
	t.Parallel()

	conflicts := &dynamotest.Faults{}
	s, _ := store(t, conflicts.Install)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))

	conflicts.Conflict = 1 // of every transaction from here
	described := next(active, journey.Active)
	described.Description, described.MaxDurationDays = "to some", 60
	require.NoError(t, s.Journeys.Update(t.Context(), demo, active, described))
}
