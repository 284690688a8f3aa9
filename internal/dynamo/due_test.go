package dynamo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// indexed returns the place of each customer in the due index: partition and time.
func indexed(t *testing.T, table string) map[string]string {
	t.Helper()
	out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	require.NoError(t, err)
	places := map[string]string{}
	for _, it := range out.Items {
		if dp, ok := it["dp"].(*types.AttributeValueMemberS); ok {
			places[it["PK"].(*types.AttributeValueMemberS).Value] = dp.Value + " " + it["ds"].(*types.AttributeValueMemberN).Value
		}
	}
	return places
}

// indexWrites counts units by DynamoDB's rule, since DynamoDB Local reports none for
// PartiQL: one for a key that is added or removed, two for a key that changes.
func indexWrites(before, after map[string]string) (units int) {
	for customer, place := range before {
		if now, ok := after[customer]; !ok {
			units++
		} else if now != place {
			units += 2
		}
	}
	for customer := range after {
		if _, ok := before[customer]; !ok {
			units++
		}
	}
	return units
}

// When a journey's shards grow, an enrollment keeps its shard until its due time
// changes, so that growing costs no index writes.
func TestDue_GrowingShardsMovesNoUnchangedTime(t *testing.T) {
	t.Parallel()

	const n = 60
	s, table := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	lives, err := s.Engine.Lives(t.Context(), engine.LiveKey{}, engine.LiveKey{})
	require.NoError(t, err)
	names := customers(0, n)
	list := inside(1, names...)
	var places []map[string]string
	look := func() { places = append(places, indexed(t, table)) }
	written := func(change func(*progress.Enrollment)) {
		t.Helper()
		loaded, err := s.Engine.Load(t.Context(), demo, j.ID, names)
		require.NoError(t, err)
		stored := loaded.Enrollments
		for i := range stored {
			stored[i] = stored[i].NextWrite(start)
			change(&stored[i])
		}
		for _, err := range s.Engine.Advance(t.Context(), demo, loaded.Live.Shards, stored) {
			require.NoError(t, err)
		}
		look()
	}

	look()
	require.Equal(t, repeat(enrolled, n), s.Enrollments.Insert(t.Context(), demo, lives[0].Shards, list))
	look()
	require.NoError(t, s.Engine.GrowShards(t.Context(), lives[0], 2*lives[0].Shards))
	written(func(e *progress.Enrollment) { e.Node, e.LeaseUntil = 2, start.Add(time.Minute) }) // claimed
	require.Equal(t, n, indexWrites(places[0], places[1]), "enrolled")
	require.Equal(t, 0, indexWrites(places[1], places[2]), "claimed, same due time")

	written(func(e *progress.Enrollment) { e.Due = e.Due.Add(time.Hour) })
	require.Equal(t, 2*n, indexWrites(places[2], places[3]), "due later")
	shards := map[string]int{}
	for _, place := range places[3] {
		partition, _, _ := strings.Cut(place, " ")
		shards[partition]++
	}
	require.Len(t, shards, 2*lives[0].Shards, "a new due time uses the new number of shards")

	written(func(e *progress.Enrollment) { e.Status, e.Due = progress.Completed, time.Time{} })
	require.Equal(t, n, indexWrites(places[3], places[4]), "completed")
	require.Empty(t, places[4])
}

// A failed enrollment is in the journey's partition of failed ones. When it is retried,
// it returns to a shard by the number of shards at that time.
func TestDue_RetriedEnrollmentReturnsToASweptShard(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	failed := inside(1, "c")
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 4, failed))
	loaded, err := s.Engine.Load(t.Context(), demo, id(1), []string{"c"})
	require.NoError(t, err)
	e := loaded.Enrollments[0].NextWrite(start)
	e.Status, e.Due = progress.Failed, time.Time{}
	require.Equal(t, []error{nil}, s.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{e}))
	require.Contains(t, indexed(t, table)["T#demo#C#c"], "#F#")

	loaded, err = s.Engine.Load(t.Context(), demo, id(1), []string{"c"})
	require.NoError(t, err)
	e = loaded.Enrollments[0].NextWrite(start)
	e.Status, e.Due = progress.Inside, start.Add(2*time.Hour)
	require.Equal(t, []error{nil}, s.Engine.Advance(t.Context(), demo, 8, []progress.Enrollment{e}))

	fresh := inside(1, "c")
	fresh[0].Journey, fresh[0].Due = id(2), e.Due
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 8, fresh))
	place := func(n int) string {
		sk := string(id(n)[4:])
		it := lookup(t, table, "T#demo#C#c", "E#"+sk)
		return strings.Replace(it["dp"].(*types.AttributeValueMemberS).Value, sk, "", 1) + it["ds"].(*types.AttributeValueMemberN).Value
	}
	require.Equal(t, place(2), place(1))
}

// A page can begin behind a time, although that is no key of the index.
func TestDue_PageBeginsBehindATime(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, next(j, journey.Active)))
	list := inside(1, customers(0, 4)...)
	for i := range list {
		list[i].Due = start.Add(time.Duration(i) * time.Second)
	}
	require.Equal(t, repeat(enrolled, 4), s.Enrollments.Insert(t.Context(), demo, 1, list))
	p := journey.Partition{Tenant: demo, Journey: j.ID, Epoch: list[0].Epoch}
	for _, c := range []struct {
		after, before time.Duration
		limit         int
		want          []string
	}{
		{time.Second, 3 * time.Second, 10, []string{list[2].Customer, list[3].Customer}},
		{time.Second - time.Millisecond, 2 * time.Second, 10, []string{list[1].Customer, list[2].Customer}},
		{-time.Hour, time.Hour, 3, []string{list[0].Customer, list[1].Customer, list[2].Customer}},
		{time.Second, time.Second, 10, nil},
		{time.Hour, time.Second, 10, nil},
	} {
		page, following, err := s.Engine.Due(t.Context(), p, start.Add(c.before), &journey.DueKey{At: start.Add(c.after)}, c.limit)
		require.NoError(t, err, c)
		var got []string
		for _, key := range page {
			got = append(got, key.Customer)
		}
		require.Equal(t, c.want, got, c)
		require.Equal(t, len(got) == c.limit, following != nil, c)
	}
}
