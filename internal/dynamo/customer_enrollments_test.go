package dynamo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// memberships reads all pages of a customer's enrollments.
func (p *fixture) memberships(t *testing.T, customer string, limit int) (list []journey.Membership, damaged []journey.Damage) {
	t.Helper()
	for cursor := ""; ; {
		page, err := p.CustomerEnrollments(t.Context(), demo, customer, limit, cursor)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Memberships), limit)
		list, damaged = append(list, page.Memberships...), append(damaged, page.Damaged...)
		if cursor = page.Next; cursor == "" {
			return list, damaged
		}
	}
}

func TestCustomerEnrollments_ListsEachJourneyNewestFirst(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	var want []ident.ID
	for range 7 {
		p.now = p.now.Add(time.Millisecond)
		want = append([]ident.ID{p.journey(t, waitingGraph, ada, "bob")}, want...)
	}
	p.journey(t, waitingGraph, "bob")
	failed, left, archived, deleted := want[1], want[2], want[3], want[4]
	p.fail(t, failed, ada)
	require.NoError(t, p.Remove(t.Context(), demo, left, ada))
	status := journey.Archived
	_, err := p.Update(t.Context(), demo, archived, journey.Change{Status: &status, Name: new("old")}, nil)
	require.NoError(t, err)
	require.NoError(t, p.Delete(t.Context(), demo, deleted, nil))
	want = append(want[:4:4], want[5:]...)

	for _, limit := range []int{1, 3, 50} {
		list, damaged := p.memberships(t, ada, limit)
		require.Empty(t, damaged)
		var ids []ident.ID
		for _, m := range list {
			single, err := p.Whereabouts(t.Context(), demo, m.Journey, ada)
			require.NoError(t, err)
			single.Path = nil
			require.Equal(t, single, m.Whereabouts)
			require.Equal(t, "w", m.NodeID)
			ids = append(ids, m.Journey)
		}
		require.Equal(t, want, ids)
		require.Equal(t, progress.Failed, list[1].Status)
		require.Equal(t, progress.Cancelled, list[2].Status)
		require.Equal(t, "old", list[3].JourneyName)
		require.Equal(t, journey.Archived, list[3].JourneyStatus)
		require.Equal(t, journey.Active, list[0].JourneyStatus)
	}
	list, _ := p.memberships(t, "unknown", 50)
	require.Empty(t, list)
	page, err := p.CustomerEnrollments(t.Context(), other, ada, 50, "")
	require.NoError(t, err)
	require.Equal(t, journey.MembershipPage{}, page)
	require.NoError(t, p.Forget(t.Context(), demo, ada))
	list, _ = p.memberships(t, ada, 50)
	require.Empty(t, list)
}

// A page costs two requests, and one more for each earlier graph that this process has
// not read yet.
func TestCustomerEnrollments_ReadsEarlierGraphsOnly(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	before := p.journey(t, waitingGraph, ada)
	p.now = p.now.Add(time.Millisecond)
	after := p.journey(t, waitingGraph, ada)
	edited := definitionOf(t, mailThenWait)
	_, err := p.Update(t.Context(), demo, before, journey.Change{Definition: &edited}, nil)
	require.NoError(t, err)
	_, err = p.Update(t.Context(), demo, after, journey.Change{Name: new("renamed")}, nil)
	require.NoError(t, err)

	s := p.restarted()
	for _, requests := range []int{3, 2} {
		ctx, meter := capacity.WithMeter(t.Context())
		page, err := s.CustomerEnrollments(ctx, demo, ada, 50, "")
		require.NoError(t, err)
		require.Len(t, page.Memberships, 2)
		require.Equal(t, "renamed", page.Memberships[0].JourneyName)
		for _, m := range page.Memberships {
			require.Equal(t, "w", m.NodeID)
			require.Equal(t, 1, m.Version)
		}
		require.Equal(t, requests, meter.Usage().Requests)
		require.LessOrEqual(t, meter.Usage().ReadUnits, 4.0)
	}
}

func TestCustomerEnrollments_LeavesOutDamagedOnes(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	good := p.journey(t, waitingGraph, "customer-0")
	p.damage(t, p.journey(t, waitingGraph, "customer-0"), "customer-0", "st", garbage)
	p.damage(t, p.journey(t, waitingGraph, "customer-0"), "customer-0", "nd", noNode)
	headless := p.journey(t, waitingGraph, "customer-0")
	p.damageItem(t, keyOf("T#demo#K#"+string(headless)[4:], "J"), "st", noNode)
	earlier := p.journey(t, waitingGraph, "customer-0")
	p.loseDefinition(t, earlier)
	edited := definitionOf(t, mailThenWait)
	_, err := p.Update(t.Context(), demo, earlier, journey.Change{Definition: &edited}, nil)
	require.NoError(t, err)
	p.Service = p.restarted()
	for _, limit := range []int{1, 2, 50} {
		list, damaged := p.memberships(t, "customer-0", limit)
		require.Len(t, list, 1)
		require.Equal(t, good, list[0].Journey)
		require.Len(t, damaged, 4)
		requireDamage(t, damaged)
	}
}

func TestCustomerEnrollments_CursorBelongsToOneCustomer(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	p.journey(t, waitingGraph, ada, "bob")
	p.journey(t, waitingGraph, ada, "bob")
	page, err := p.CustomerEnrollments(t.Context(), demo, ada, 1, "")
	require.NoError(t, err)
	require.NotEmpty(t, page.Next)
	for customer, cursor := range map[string]string{"bob": page.Next, ada: page.Next[:len(page.Next)-2], "c": "a"} {
		_, err := p.CustomerEnrollments(t.Context(), demo, customer, 1, cursor)
		var refused *journey.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "/query/cursor", refused.Faults[0].Pointer)
	}
}
