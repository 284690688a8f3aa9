package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

var garbage = &types.AttributeValueMemberS{Value: "garbage"}

// damage overwrites an attribute of an item.
func (i *installation) damage(t *testing.T, pk, sk, attribute string, value types.AttributeValue) {
	t.Helper()
	_, err := i.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &i.table,
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
		},
		UpdateExpression: aws.String("SET #a = :v"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames:  map[string]string{"#a": attribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": value},
	})
	require.NoError(t, err)
}

func (i *installation) damageEnrollment(t *testing.T, id ident.ID, customer, attribute string, value types.AttributeValue) {
	t.Helper()
	i.damage(t, "T#acme#C#"+customer, "E#"+string(id)[4:], attribute, value)
}

// logging makes the engine log into the returned buffer.
func (i *installation) logging() *bytes.Buffer {
	var log bytes.Buffer
	i.Log = slog.New(slog.NewJSONHandler(&log, nil))
	return &log
}

// takeErrors returns the lines of level ERROR, and empties the log.
func takeErrors(log *bytes.Buffer) []string {
	var list []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			list = append(list, line)
		}
	}
	log.Reset()
	return list
}

// except returns customers less without.
func except(customers []string, without ...string) []string {
	var rest []string
	for _, c := range customers {
		if !strings.Contains(" "+strings.Join(without, " ")+" ", " "+c+" ") {
			rest = append(rest, c)
		}
	}
	return rest
}

func TestDamage_DoesNotStopADrain(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, longWait)
	customers := i.enroll(t, id, t.Context(), 60)
	i.damageEnrollment(t, id, "customer-7", "st", garbage)
	i.damageEnrollment(t, id, "customer-9", "nd", &types.AttributeValueMemberN{Value: "99"})
	i.change(t, t.Context(), id, journey.Archived)
	log := i.logging()
	i.run(t, t.Context())
	rest := except(customers, "customer-7")
	require.Equal(t, map[string]int{"cancelled journey_archived": 59}, i.whereAll(t, id, rest, status))
	lines := takeErrors(log)
	require.Len(t, lines, 1, "the cause is logged once")
	for _, part := range []string{`"tenant":"acme"`, `"journey":"` + string(id), `"count":1`, "stored data is damaged"} {
		require.Contains(t, lines[0], part)
	}
	require.NotContains(t, lines[0], "customer-7")
}

// enrollInTwoGraphs returns a journey that was edited after customers entered it, the
// name of its first graph, the customers in that, and all customers of the second
// enroll call, who have profiles.
func (i *installation) enrollInTwoGraphs(t *testing.T) (id ident.ID, graph string, old, customers []string) {
	t.Helper()
	id = i.activate(t, sixNodes)
	old = i.enroll(t, id, t.Context(), 5)
	j, err := i.service.Get(t.Context(), i.tenant, id)
	require.NoError(t, err)
	edited := journeytest.Definition(t, strings.ReplaceAll(sixNodes, "done", "new"))
	_, err = i.service.Update(t.Context(), i.tenant, id, journey.Change{Definition: &edited}, nil)
	require.NoError(t, err)
	customers = i.enroll(t, id, t.Context(), 40)
	for _, c := range customers {
		require.NoError(t, i.store.Customers.PutProfile(t.Context(), i.tenant, journey.Profile{
			Customer: c, Attributes: []byte(`{"plan":"pro"}`), UpdatedAt: i.now,
		}, 0))
	}
	return id, j.GraphHash, old, customers
}

// Enrollments, a graph and a profile are damaged. Only their customers stay where
// they are, until the damage is repaired.
func TestDamage_StopsOnlyItsOwnCustomers(t *testing.T) {
	t.Parallel()

	i := install(t)
	id, graph, old, customers := i.enrollInTwoGraphs(t)
	i.damage(t, "T#acme#J#"+string(id)[4:], "G#"+graph, "df", garbage)
	i.damageEnrollment(t, id, "customer-7", "st", garbage)
	i.damageEnrollment(t, id, "customer-9", "nd", &types.AttributeValueMemberN{Value: "99"})
	i.damage(t, "T#acme#C#customer-8", "P", "a", &types.AttributeValueMemberB{Value: []byte(`{"plan":"pro"`)})

	log := i.logging()
	i.now = i.now.Add(48 * time.Hour)
	i.run(t, t.Context())
	require.Equal(t, map[string]int{"active": 5}, i.whereAll(t, id, old, status))
	rest := except(customers[5:], "customer-7", "customer-8", "customer-9")
	require.Equal(t, map[string]int{"completed new": 32}, i.whereAll(t, id, rest, status))
	require.Len(t, i.inbox, 32)
	lines := takeErrors(log)
	require.Len(t, lines, 4, lines)
	require.Equal(t, 1, strings.Count(strings.Join(lines, ""), `"count":5`), "customers of the damaged graph: %s", lines)
	require.NotRegexp(t, "customer-|plan", lines)

	require.NoError(t, i.store.Customers.PutProfile(t.Context(), i.tenant, journey.Profile{
		Customer: "customer-8", Attributes: []byte(`{"plan":"pro"}`), UpdatedAt: i.now,
	}, 0))
	i.run(t, t.Context())
	require.Equal(t, "completed new", status(i.where(t, id, "customer-8").Enrollment), "the customer stayed due")
}

// busy is a table that fails to read definitions.
type busy struct{ engine.Table }

func (busy) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return nil, &journey.Error{Kind: journey.Unavailable, Code: "table-throttled"}
}

func TestDamage_DoesNotMeanABusyTable(t *testing.T) {
	t.Parallel()

	d := newFake(1)
	d.enter(t, "channel_action", `{"channel":"push"}`)
	e := d.engine()
	e.Table = busy{d}
	var known *journey.Error
	require.ErrorAs(t, e.Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}), &known)
	require.Equal(t, journey.Unavailable, known.Kind)
}

// A damaged event counts as no event: the wait ends by its time, like all others.
func TestDamage_OfAnEventDelaysNoCustomer(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, `{"nodes":[{"id":"in","type":"entry_trigger"},
		{"id":"w","type":"wait","config":{"delayHours":1,"waitForEvent":"opened"}},
		{"id":"out","type":"exit","config":{"reason":"done"}}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`)
	customers := i.enroll(t, id, t.Context(), 3)
	require.NoError(t, i.store.Events.Remember(t.Context(), i.tenant, "customer-1", "opened", progress.Received{Stamp: progress.Stamp{At: i.now}}))
	i.damage(t, "T#acme#C#customer-1", "V#opened", "e", garbage)
	log := i.logging()
	i.now = i.now.Add(time.Hour)
	i.run(t, t.Context())
	require.Equal(t, map[string]int{"completed done": 3}, i.whereAll(t, id, customers, status))
	require.NotEmpty(t, takeErrors(log))
}

// One LIVE entry is damaged; tick still serves other journeys.
func TestDamage_OfOneJourneyDoesNotStopTick(t *testing.T) {
	t.Parallel()

	i := install(t)
	bad, sound := i.activate(t, longWait), i.activate(t, longWait)
	i.enroll(t, bad, t.Context(), 2)
	i.enroll(t, sound, t.Context(), 2)
	i.damage(t, "LIVE", "acme#"+string(bad)[4:], "ep", garbage)
	log := i.logging()
	i.now = i.now.Add(time.Hour)
	i.run(t, t.Context())
	require.Len(t, i.inbox, 2)
	lines := takeErrors(log)
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], "LIVE entry acme#"+string(bad)[4:])
	require.Error(t, i.Advance(t.Context(), engine.Pack{Tenant: i.tenant, Journey: bad, Customers: []string{"customer-0"}}))
}
