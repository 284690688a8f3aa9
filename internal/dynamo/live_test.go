package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
)

// live is an expected LIVE entry.
type live struct {
	on     bool
	epoch  string
	from   string
	ended  int // how many epochs have a time
	reason string
}

const deleted = journey.Status("deleted")

func TestLive_EntryFollowsTheStatus(t *testing.T) {
	t.Parallel()

	const archived, gone = "journey_archived", "journey_deleted"
	rows := []struct {
		name string
		life []journey.Status
		want *live
	}{
		{"draft", nil, nil},
		{"edited draft", []journey.Status{journey.Draft}, nil},
		{"active", []journey.Status{journey.Active},
			&live{on: true, epoch: "0", from: "0"}},
		{"paused", []journey.Status{journey.Active, journey.Paused}, nil},
		{"archived drains", []journey.Status{journey.Active, journey.Archived},
			&live{epoch: "1", from: "0", ended: 1, reason: archived}},
		{"archived from paused drains", []journey.Status{journey.Active, journey.Paused, journey.Archived},
			&live{epoch: "1", from: "0", ended: 1, reason: archived}},
		{"archived draft", []journey.Status{journey.Archived}, nil},
		{"archived draft, paused", []journey.Status{journey.Archived, journey.Paused}, nil},
		{"restored still drains",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused},
			&live{epoch: "1", from: "0", ended: 1, reason: archived}},
		{"active again still drains",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active},
			&live{on: true, epoch: "1", from: "0", ended: 1, reason: archived}},
		{"paused again still drains",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active, journey.Paused},
			&live{epoch: "1", from: "0", ended: 1, reason: archived}},
		{"archived again drains both epochs",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active, journey.Archived},
			&live{epoch: "2", from: "0", ended: 2, reason: archived}},
		{"archived again without having been active drains nothing more",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Archived, journey.Paused, journey.Archived},
			&live{epoch: "1", from: "0", ended: 1, reason: archived}},
		{"deleted without having been active again drains nothing more",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, deleted},
			&live{epoch: "1", from: "0", ended: 1, reason: archived}},
		{"deleted after it was active again drains both epochs",
			[]journey.Status{journey.Active, journey.Archived, journey.Paused, journey.Active, deleted},
			&live{epoch: "2", from: "0", ended: 2, reason: gone}},
		{"deleted archived draft", []journey.Status{journey.Archived, deleted}, nil},
		{"deleted draft", []journey.Status{deleted}, nil},
		{"deleted while active drains", []journey.Status{journey.Active, deleted},
			&live{epoch: "1", from: "0", ended: 1, reason: gone}},
		{"deleted while paused drains", []journey.Status{journey.Active, journey.Paused, deleted},
			&live{epoch: "1", from: "0", ended: 1, reason: gone}},
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
			present := len(row.life) > 0 && (j.Status == journey.Active || j.Status == journey.Paused) && row.life[len(row.life)-1] != deleted
			for _, event := range j.Events {
				entry := lookup(t, table, "T#demo#EV#"+event, string(j.ID[4:]))
				require.Equal(t, present, entry != nil, "events find active and paused journeys")
			}
		})
	}
}

func readLive(t *testing.T, table string, id ident.ID) *live {
	it := lookup(t, table, "LIVE", "demo#"+string(id[4:]))
	if it == nil {
		return nil
	}
	require.Equal(t, "4", it["k"].(*types.AttributeValueMemberN).Value)
	entry := &live{
		on:    it["on"].(*types.AttributeValueMemberBOOL).Value,
		epoch: it["ep"].(*types.AttributeValueMemberN).Value,
		from:  it["fr"].(*types.AttributeValueMemberN).Value,
	}
	if ended, ok := it["en"].(*types.AttributeValueMemberL); ok {
		entry.ended = len(ended.Value)
	}
	if reason, ok := it["dr"].(*types.AttributeValueMemberS); ok {
		entry.reason = reason.Value
	}
	return entry
}

func TestDelete_KeepsWhatDrainingNeeds(t *testing.T) {
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
		// The history stays until it expires.
		"T#demo#J#" + sk + " H#0000000000000000001": true, "T#demo#J#" + sk + " H#0000000000000000002": true,
		"T#demo#EV#account_created keep": true, "T#demo#EV#came#back keep": true, // count the journeys that the events start
	}, keys(t, table))
	require.NoError(t, s.Journeys.Create(t.Context(), demo, draft(2)))
}
