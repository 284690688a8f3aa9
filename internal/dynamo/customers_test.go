package dynamo_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// requireNotStored requires that neither the table nor its index contains a name.
func requireNotStored(t *testing.T, table, name string) {
	t.Helper()
	for _, index := range []*string{nil, aws.String("due")} {
		out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, IndexName: index})
		require.NoError(t, err)
		require.Empty(t, out.LastEvaluatedKey)
		require.True(t, index != nil || len(out.Items) > 0)
		for _, it := range out.Items {
			for attribute, value := range it {
				text, err := json.Marshal(value) // what %#v prints has addresses, which may spell a name
				require.NoError(t, err)
				if b, ok := value.(*types.AttributeValueMemberB); ok {
					text = b.Value
				}
				require.NotContains(t, attribute+string(text), name)
			}
		}
	}
}

// The first response to every request is lost, so that the SDK sends each twice.
func TestForget_RemovesTheNameAndKeepsTheFigures(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	waiting, left, failed := p.journey(t, waitingGraph, ada, "other"), p.journey(t, leavingGraph, ada, "other"), p.journey(t, sendingGraph, ada, "other")
	p.fail(t, failed, ada)
	calm := journey.NewService(storeOn(p.table).Handlers(), func() time.Time { return p.now }, rand.Reader)
	for _, customer := range []string{ada, "other"} {
		_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: customer, Attributes: []byte(`{"name":"` + customer + `"}`)}, nil)
		require.NoError(t, err)
		for n := range 30 {
			_, err = calm.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: "seen", ID: fmt.Sprint(customer, n)})
			require.NoError(t, err)
		}
	}
	before := map[ident.ID]tally.Totals{}
	for _, id := range []ident.ID{waiting, left, failed} {
		before[id] = p.figures(t, id)
	}
	held, err := p.store.Enrollments.Enrollment(t.Context(), demo, waiting, ada)
	require.NoError(t, err)
	bystander, _, err := p.store.Customers.Enrollments(t.Context(), demo, "other")
	require.NoError(t, err)

	p.now = p.now.Add(time.Hour)
	require.NoError(t, p.Forget(t.Context(), demo, ada))
	requireNotStored(t, p.table, ada)
	lost := p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{held.NextWrite(p.now).Cancel("late")})
	require.ErrorIs(t, lost[0], journey.ErrLost, "a worker that holds the enrollment")
	require.NoError(t, p.Forget(t.Context(), demo, ada))
	require.NoError(t, p.Forget(t.Context(), demo, "unknown"))
	requireNotStored(t, p.table, ada)

	cancelled := before[waiting]
	cancelled.Cancelled++
	require.Equal(t, cancelled, p.figures(t, waiting), "an active enrollment is cancelled")
	require.Equal(t, before[left], p.figures(t, left))
	require.Equal(t, before[failed], p.figures(t, failed))
	after, _, err := p.store.Customers.Enrollments(t.Context(), demo, "other")
	require.NoError(t, err)
	require.Equal(t, bystander, after)
	_, err = p.Customer(t.Context(), demo, "other")
	require.NoError(t, err)
}

// Audits still find the damage in the attributes that remain. Each enrollment is
// replaced once, although four callers forget the customer at once and the first
// response to every request is lost, so that the SDK sends each twice.
func TestForget_ReplacesDamagedEnrollments(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	damaged := map[string]ident.ID{}
	for attribute, value := range map[string]types.AttributeValue{"st": garbage, "v": garbage, "dc": garbage, "dp": nil, "r": nil} {
		damaged[attribute] = p.journey(t, waitingGraph, ada)
		p.damage(t, damaged[attribute], ada, attribute, value)
	}
	p.now = p.now.Add(time.Hour)
	var running sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		running.Go(func() { errs[i] = p.Forget(t.Context(), demo, ada) })
	}
	running.Wait()
	require.NoError(t, errors.Join(errs...))
	requireNotStored(t, p.table, ada)

	log := p.audit(t)
	require.Contains(t, log, `"Drift":0,"WrongItems":2`)
	require.NotContains(t, log, "Ada")
	for attribute, id := range damaged {
		wrong := `"msg":"enrollment inconsistent","tenant":"demo","journey":"` + string(id)
		if attribute == "st" || attribute == "v" {
			require.Contains(t, log, wrong)
			continue
		}
		require.NotContains(t, log, wrong)
		report, err := analytics.NewReader(p.store.Analytics).Report(t.Context(), demo, id, analytics.Range{})
		require.NoError(t, err)
		require.Equal(t, tally.Totals{Enrolled: 1, Cancelled: 1}, report.Enrollments, attribute)
	}
}

func TestForget_FinishesAfterACrash(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	for calls := range 6 {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("Ada %d %t", calls, after)
			waiting, left := p.journey(t, waitingGraph, name), p.journey(t, leavingGraph, name)
			_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: name, Attributes: []byte(`{}`)}, nil)
			require.NoError(t, err)
			err = storeOn(p.table, dyingAfter(calls, after)).Customers.Forget(t.Context(), demo, name, p.now, journey.Forgetting{})
			if calls < 4 {
				require.Error(t, err)
			}
			require.NoError(t, p.Forget(t.Context(), demo, name))
			requireNotStored(t, p.table, name)
			require.Equal(t, tally.Totals{Enrolled: 1, Cancelled: 1}, p.figures(t, waiting), name)
			require.Equal(t, tally.Totals{Enrolled: 1, Completed: 1}, p.figures(t, left), name)
		}
	}
}

// keyRecord returns the hash stored for a call with an Idempotency-Key.
func (p *fixture) keyRecord(t *testing.T, id ident.ID, key string) (request []byte) {
	t.Helper()
	name := sha256.Sum256([]byte(key))
	it := lookup(t, p.table, "T#demo#I#"+string(id)[4:]+"#"+hex.EncodeToString(name[:]), "I")
	return it["q"].(*types.AttributeValueMemberB).Value
}

// The table without the Idempotency-Keys does not allow guessing the enrolled
// customers: the stored hash depends on the key.
func TestForget_KeyRecordDoesNotRevealCustomers(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	// All other random input is the same for each key.
	same := journey.NewService(p.store.Handlers(), func() time.Time { return p.now }, bytes.NewReader(make([]byte, 1024)))
	enroll := func(key string, customers ...string) error {
		_, err := same.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: customers, Key: key})
		return err
	}
	long := strings.Repeat("k", 128)
	require.NoError(t, enroll("one", ada))
	require.NoError(t, enroll("two", ada))
	require.NoError(t, enroll(long, ada))
	require.NotEqual(t, p.keyRecord(t, id, "one"), p.keyRecord(t, id, "two"))
	name := sha256.Sum256([]byte(long)) // part of the record's key
	for _, guess := range []string{ada, string(rune(len(ada))) + ada} {
		mac := hmac.New(sha256.New, name[:])
		mac.Write([]byte(guess))
		require.NotEqual(t, mac.Sum(nil), p.keyRecord(t, id, long))
	}
	for _, key := range []string{"one", long} {
		require.NoError(t, enroll(key, ada), "repeat")
		var reused *journey.Error
		require.ErrorAs(t, enroll(key, "Grace Hopper"), &reused)
		require.Equal(t, journey.Mismatch, reused.Kind)
	}
}
