package dynamo_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics/tally"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

func TestReserveKey_KeepsTheRecordUntilItExpires(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	first := journey.KeyRecord{
		Key: "order#1", Request: [32]byte{1}, RequestID: ident.RequestID{1}, ExpiresAt: start.Add(journey.KeyLife),
	}
	second := journey.KeyRecord{
		Key: "order#1", Request: [32]byte{2}, RequestID: ident.RequestID{2}, ExpiresAt: first.ExpiresAt.Add(journey.KeyLife),
	}
	_, known, err := s.Enrollments.KeyRecord(t.Context(), demo, id(1), first.Key, start)
	require.NoError(t, err)
	require.False(t, known)

	for _, r := range []journey.KeyRecord{first, second} {
		kept, err := s.Enrollments.ReserveKey(t.Context(), demo, id(1), r, start)
		require.NoError(t, err)
		require.Equal(t, first, kept)
	}
	kept, known, err := s.Enrollments.KeyRecord(t.Context(), demo, id(1), first.Key, first.ExpiresAt)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, first, kept)
	for _, elsewhere := range []struct {
		tenant ident.Tenant
		id     ident.ID
	}{{other, id(1)}, {demo, id(2)}} {
		_, known, err = s.Enrollments.KeyRecord(t.Context(), elsewhere.tenant, elsewhere.id, first.Key, start)
		require.NoError(t, err)
		require.False(t, known)
	}

	late := first.ExpiresAt.Add(time.Millisecond)
	_, known, err = s.Enrollments.KeyRecord(t.Context(), demo, id(1), first.Key, late)
	require.NoError(t, err)
	require.False(t, known)
	kept, err = s.Enrollments.ReserveKey(t.Context(), demo, id(1), second, late)
	require.NoError(t, err)
	require.Equal(t, second, kept)
	hash := sha256.Sum256([]byte("order#1")) // the caller's key may name a customer
	ttl := lookup(t, table, "T#demo#I#"+string(id(1)[4:])+"#"+hex.EncodeToString(hash[:]), "I")["ttl"]
	require.Equal(t, fmt.Sprint(second.ExpiresAt.Unix()+1), ttl.(*types.AttributeValueMemberN).Value)
}

// list reads all pages.
func (p *fixture) list(t *testing.T, id ident.ID, f journey.EnrollmentFilter) map[string]journey.Whereabouts {
	t.Helper()
	all := map[string]journey.Whereabouts{}
	for turn := 0; ; turn++ {
		require.Less(t, turn, 100)
		page, err := p.ListEnrollments(t.Context(), demo, id, f)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Enrollments), f.Limit)
		for _, w := range page.Enrollments {
			require.NotContains(t, all, w.Customer)
			all[w.Customer] = w
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return all
		}
	}
}

func TestListEnrollments_ListsEachOnce(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	everyone := customers(0, 230)
	id := p.journey(t, waitingGraph, everyone...)
	p.fail(t, id, everyone[:7]...)
	for _, limit := range []int{7, 50, 200} {
		f := journey.EnrollmentFilter{Limit: limit}
		require.Len(t, p.list(t, id, f), 223, limit)
		f.NodeID = "w"
		require.Len(t, p.list(t, id, f), 223, limit)
		f.NodeID = "out"
		require.Empty(t, p.list(t, id, f))
		f = journey.EnrollmentFilter{Limit: limit, Failed: true}
		stuck := p.list(t, id, f)
		require.Len(t, stuck, 7)
		require.Equal(t, "send_failed", stuck[everyone[0]].ExitReason)
		require.Equal(t, "w", stuck[everyone[0]].NodeID)
	}

	// An archived journey lists the customers who still have to leave.
	archived := journey.Archived
	_, err := p.Update(t.Context(), demo, id, journey.Change{Status: &archived}, nil)
	require.NoError(t, err)
	require.Len(t, p.list(t, id, journey.EnrollmentFilter{Limit: 100}), 223)

	var conflict *journey.Error
	require.ErrorAs(t, p.Retry(t.Context(), demo, id, everyone[0]), &conflict)
	require.Equal(t, "enrollment-archived", conflict.Code)
}

func TestListEnrollments_ListsThoseWhoLeftANodeWithAResult(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	everyone := customers(0, 110)
	id := p.journey(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"email"}},`+
		`{"id":"half","type":"random_split","config":{"branches":[{"id":"all","weight":1},{"id":"none","weight":0}]}},`+
		`{"id":"w","type":"wait","config":{"delayHours":500}},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"mail"},`+
		`{"source":"mail","target":"half"},{"source":"half","target":"w","sourceHandle":"all"},{"source":"half","target":"out","sourceHandle":"none"},`+
		`{"source":"w","target":"out"}]}`, everyone...)
	j, err := p.Get(t.Context(), demo, id)
	require.NoError(t, err)
	d, err := journey.LoadDefinition(j.Definition, j.GraphHash)
	require.NoError(t, err)
	answer := func(result trail.Result, customers ...string) {
		for _, customer := range customers {
			e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
			require.NoError(t, err)
			next, _ := d.Graph.Step(e.NextWrite(p.now), progress.Input{Now: p.now, Answer: progress.Answer{Result: result}})
			require.NoError(t, p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{next})[0])
		}
	}
	answer(trail.SkippedNoAddress, everyone[:30]...)
	answer(trail.Sent, everyone[30:50]...)
	p.fail(t, id, everyone[0]) // after the message
	require.NoError(t, p.Remove(t.Context(), demo, id, everyone[1]))

	for _, limit := range []int{1, 7, 200} {
		count := func(node, result string, failed bool) int {
			return len(p.list(t, id, journey.EnrollmentFilter{NodeID: node, Result: result, Failed: failed, Limit: limit}))
		}
		require.Equal(t, 28, count("mail", "skipped_no_address", false), limit)
		require.Equal(t, 1, count("mail", "skipped_no_address", true))
		require.Equal(t, 20, count("mail", "sent", false))
		require.Equal(t, 48, count("half", "all", false), "a branch is named by its id")
		require.Zero(t, count("half", "none", false))
		require.Zero(t, count("w", "skipped_no_address", false), "the node where they are now")
		require.Zero(t, count("unknown", "sent", false))
		require.Equal(t, 60, count("mail", "", false), "without a result, the node where they are now")
	}
	mute := p.list(t, id, journey.EnrollmentFilter{NodeID: "mail", Result: "skipped_no_address", Limit: 200})
	require.Equal(t, "w", mute[everyone[2]].NodeID)
}

func TestListEnrollments_CursorBelongsToOneList(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id, second := p.journey(t, waitingGraph, customers(0, 20)...), p.journey(t, waitingGraph, "x")
	page, err := p.ListEnrollments(t.Context(), demo, id, journey.EnrollmentFilter{Limit: 1})
	require.NoError(t, err)
	refused := func(tenant ident.Tenant, id ident.ID, f journey.EnrollmentFilter) {
		t.Helper()
		f.Limit = 1
		_, err := p.ListEnrollments(t.Context(), tenant, id, f)
		var known *journey.Error
		require.ErrorAs(t, err, &known)
		require.Contains(t, []journey.Kind{journey.Invalid, journey.NotFound}, known.Kind)
	}
	refused(demo, second, journey.EnrollmentFilter{Cursor: page.Next})
	refused(demo, id, journey.EnrollmentFilter{Cursor: page.Next, Failed: true})
	refused(demo, id, journey.EnrollmentFilter{Cursor: page.Next, NodeID: "w"})
	refused(demo, id, journey.EnrollmentFilter{Cursor: page.Next, NodeID: "w", Result: "waited"})
	refused(other, id, journey.EnrollmentFilter{Cursor: page.Next})
	text, err := base64.RawURLEncoding.DecodeString(page.Next)
	require.NoError(t, err)
	for _, forged := range []string{
		"", string(text[:8]) + "\xff", string(text[:8]) + "\x01\x00", string(text[:8]) + "\x00\x7f",
		string(text) + strings.Repeat("x", 200), string(text) + "\n", string(text) + "\xff",
	} {
		refused(demo, id, journey.EnrollmentFilter{Cursor: base64.RawURLEncoding.EncodeToString([]byte(forged)) + "A"})
		if forged != "" {
			refused(demo, id, journey.EnrollmentFilter{Cursor: base64.RawURLEncoding.EncodeToString([]byte(forged))})
		}
	}
	// A cursor that names another key of the table stays in the journey.
	forged := base64.RawURLEncoding.EncodeToString([]byte(string(text) + "#E#T#other#C#x"))
	_, err = p.ListEnrollments(t.Context(), demo, id, journey.EnrollmentFilter{Limit: 200, Cursor: forged})
	require.NoError(t, err)
}

func TestListEnrollments_LeavesOutDamagedOnes(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph, customers(0, 8)...)
	p.fail(t, id, customers(0, 2)...)
	p.damage(t, id, "customer-0", "st", garbage)
	p.damage(t, id, "customer-2", "st", garbage)
	p.damage(t, id, "customer-3", "nd", noNode)
	for _, limit := range []int{1, 3, 200} {
		require.Len(t, p.list(t, id, journey.EnrollmentFilter{Limit: limit}), 4)
		require.Len(t, p.list(t, id, journey.EnrollmentFilter{Limit: limit, NodeID: "w"}), 4)
		require.Len(t, p.list(t, id, journey.EnrollmentFilter{Limit: limit, Failed: true}), 1)
	}
	damaged := func(s *journey.Service, f journey.EnrollmentFilter) int {
		t.Helper()
		f.Limit = 200
		page, err := s.ListEnrollments(t.Context(), demo, id, f)
		require.NoError(t, err)
		requireDamage(t, page.Damaged)
		return len(page.Damaged)
	}
	require.Equal(t, 2, damaged(p.Service, journey.EnrollmentFilter{}))
	require.Equal(t, 1, damaged(p.Service, journey.EnrollmentFilter{Failed: true}))

	p.damageDefinition(t, id)
	require.Equal(t, 6, damaged(p.restarted(), journey.EnrollmentFilter{}))
	require.Equal(t, 2, damaged(p.restarted(), journey.EnrollmentFilter{Failed: true}))
}

// The first response to every request is lost, so that the SDK sends each twice.
func TestRetry_AndRemoveChangeFiguresOnce(t *testing.T) {
	t.Parallel()

	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	id, left := p.journey(t, sendingGraph, "a", "b", "c"), p.journey(t, leavingGraph, "a")
	var nudged []string
	p.Nudge = func(_ context.Context, _ ident.Tenant, _ ident.ID, customers []string) {
		nudged = append(nudged, customers...)
	}
	p.fail(t, id, "a", "b")
	code := func(err error) string {
		var known *journey.Error
		require.ErrorAs(t, err, &known)
		return known.Code
	}
	require.NoError(t, p.Retry(t.Context(), demo, id, "a"))
	require.Equal(t, []string{"a"}, nudged)
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "a")
	require.NoError(t, err)
	require.Equal(t, progress.Inside, e.Status)
	require.Equal(t, p.now, e.Due)
	require.Equal(t, "enrollment-not-failed", code(p.Retry(t.Context(), demo, id, "c")))
	require.Equal(t, "enrollment-not-found", code(p.Retry(t.Context(), demo, id, "unknown")))
	require.Equal(t, tally.Totals{Enrolled: 3, Failed: 1}, p.figures(t, id))

	for range 2 {
		for _, customer := range []string{"b", "c"} { // failed, and active
			require.NoError(t, p.Remove(t.Context(), demo, id, customer))
		}
	}
	require.Equal(t, "enrollment-ended", code(p.Remove(t.Context(), demo, left, "a")))
	require.Equal(t, "enrollment-not-found", code(p.Remove(t.Context(), demo, id, "unknown")))
	require.Equal(t, "journey-not-found", code(p.Remove(t.Context(), other, id, "a")))
	require.Equal(t, tally.Totals{Enrolled: 3, Cancelled: 2}, p.figures(t, id))
	require.Empty(t, p.list(t, id, journey.EnrollmentFilter{Limit: 10, Failed: true}))
}

func TestRetry_RepeatSucceeds(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, sendingGraph, "a", "removed")
	at := func() progress.Enrollment {
		t.Helper()
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "a")
		require.NoError(t, err)
		return e
	}
	retry := func(customer string) error { return p.Retry(t.Context(), demo, id, customer) }
	refused := func(err error, status string) {
		t.Helper()
		var known *journey.Error
		require.ErrorAs(t, err, &known)
		require.Equal(t, "enrollment-not-failed", known.Code)
		require.Contains(t, known.Detail, status)
	}
	for _, again := range []time.Duration{0, time.Minute, 25 * time.Hour, 25*time.Hour + time.Minute} {
		p.now = start.Add(again)
		p.fail(t, id, "a")
		require.NoError(t, retry("a"))
		inside := at()
		require.Equal(t, progress.Inside, inside.Status, "a second failure is retried")
		require.Equal(t, p.now, inside.Due)
		p.now = p.now.Add(9 * time.Minute)
		require.NoError(t, retry("a"))
		require.Equal(t, inside, at(), "a repeat writes nothing")
	}
	p.now = p.now.Add(time.Minute)
	refused(retry("a"), "active")

	p.fail(t, id, "a", "removed")
	require.NoError(t, retry("a"))
	j, err := p.Get(t.Context(), demo, id)
	require.NoError(t, err)
	d, err := journey.LoadDefinition(j.Definition, j.GraphHash)
	require.NoError(t, err)
	sent, _ := d.Graph.Step(at().NextWrite(p.now), progress.Input{Now: p.now, Answer: progress.Answer{Result: trail.Sent}})
	require.NoError(t, p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{sent})[0])
	completed := at()
	require.Equal(t, progress.Completed, completed.Status)
	p.now = p.now.Add(9 * time.Minute)
	require.NoError(t, retry("a"))
	require.Equal(t, completed, at(), "even if the enrollment has ended")
	p.now = p.now.Add(time.Minute)
	refused(retry("a"), "completed")

	require.NoError(t, p.Remove(t.Context(), demo, id, "removed"))
	refused(retry("removed"), "cancelled")
	require.Equal(t, tally.Totals{Enrolled: 2, Completed: 1, Cancelled: 1}, p.figures(t, id))
}

// The repeat of a recent retry conflicts if the customer was removed or the journey
// archived since.
func TestRetry_ConflictsAfterRemovalOrArchive(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, sendingGraph, "removed", "leaves", "fails")
	p.fail(t, id, "removed", "leaves", "fails")
	refused := func(customer, code string) {
		t.Helper()
		var known *journey.Error
		require.ErrorAs(t, p.Retry(t.Context(), demo, id, customer), &known)
		require.Equal(t, journey.Conflict, known.Kind)
		require.Equal(t, code, known.Code)
	}
	for _, customer := range []string{"removed", "leaves", "fails"} {
		require.NoError(t, p.Retry(t.Context(), demo, id, customer))
	}
	p.now = p.now.Add(time.Minute)
	require.NoError(t, p.Remove(t.Context(), demo, id, "removed"))
	refused("removed", "enrollment-not-failed")
	p.fail(t, id, "fails")

	archived := journey.Archived
	_, err := p.Update(t.Context(), demo, id, journey.Change{Status: &archived}, nil)
	require.NoError(t, err)
	for _, customer := range []string{"removed", "leaves", "fails"} {
		refused(customer, "enrollment-archived")
	}
}
