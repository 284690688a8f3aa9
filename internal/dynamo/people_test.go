package dynamo_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

const (
	waitingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":500}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`
	leavingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
	sendingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push"}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"a"},{"source":"a","target":"out"}]}`
)

// people is what callers do, on a store.
type people struct {
	*journey.Service
	store *dynamo.Store
	table string
	now   time.Time
}

func newPeople(t *testing.T, options ...func(*dynamodb.Options)) *people {
	p := &people{now: start}
	p.store, p.table = store(t, options...)
	p.Service = journey.NewService(p.store.Handlers(), func() time.Time { return p.now }, rand.Reader)
	return p
}

func (p *people) journey(t *testing.T, definition string, customers ...string) journey.ID {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(definition), &faults)
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	name, active := "n", journey.Active
	j, err := p.Create(t.Context(), demo, journey.Change{Name: &name, Definition: &d})
	require.NoError(t, err)
	_, err = p.Update(t.Context(), demo, j.ID, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	if len(customers) > 0 {
		result, err := p.Enroll(t.Context(), demo, j.ID, journey.EnrollRequest{Customers: customers})
		require.NoError(t, err)
		require.Equal(t, len(customers), result.Enrolled)
	}
	return j.ID
}

func (p *people) fail(t *testing.T, id journey.ID, customers ...string) {
	t.Helper()
	for _, customer := range customers {
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		require.NoError(t, err)
		for _, err := range p.store.Engine.Advance(t.Context(), demo, 4, []journey.Enrollment{e.NextWrite(p.now).Fail("send_failed")}) {
			require.NoError(t, err)
		}
	}
}

// anew is the service of another process, which has no definition in memory.
func (p *people) anew() *journey.Service {
	return journey.NewService(p.store.Handlers(), func() time.Time { return p.now }, rand.Reader)
}

// garbage is what nothing of ours stores where a number, bytes or a node of the
// graph belongs.
var (
	garbage = &types.AttributeValueMemberS{Value: "garbage"}
	noNode  = &types.AttributeValueMemberN{Value: "99"}
)

// damage gives an enrollment's attribute another value, nil for none, as nothing
// of ours does. It changes no figures.
func (p *people) damage(t *testing.T, id journey.ID, customer, attribute string, value types.AttributeValue) {
	t.Helper()
	p.damageItem(t, keyOf("T#demo#C#"+customer, "E#"+string(id)[4:]), attribute, value)
}

func (p *people) damageItem(t *testing.T, key map[string]types.AttributeValue, attribute string, value types.AttributeValue) {
	t.Helper()
	update := &dynamodb.UpdateItemInput{
		TableName: &p.table, Key: key,
		UpdateExpression: aws.String("REMOVE #a, d"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames: map[string]string{"#a": attribute},
	}
	if value != nil {
		update.UpdateExpression = aws.String("SET #a = :v REMOVE d")
		update.ExpressionAttributeValues = map[string]types.AttributeValue{":v": value}
	}
	_, err := dynamotest.Client().UpdateItem(t.Context(), update)
	require.NoError(t, err)
}

// damageDefinition makes a journey's definition one that cannot be read.
func (p *people) damageDefinition(t *testing.T, id journey.ID) {
	t.Helper()
	it := p.definitionKey(t, id)
	it["g"] = &types.AttributeValueMemberB{Value: []byte(`{"nodes":`)}
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &p.table, Item: it})
	require.NoError(t, err)
}

// loseDefinition removes a journey's definition.
func (p *people) loseDefinition(t *testing.T, id journey.ID) {
	t.Helper()
	_, err := dynamotest.Client().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &p.table, Key: p.definitionKey(t, id),
	})
	require.NoError(t, err)
}

func (p *people) definitionKey(t *testing.T, id journey.ID) map[string]types.AttributeValue {
	t.Helper()
	j, err := p.store.Journeys.Journey(t.Context(), demo, id)
	require.NoError(t, err)
	return keyOf("T#demo#J#"+string(id)[4:], "G#"+j.GraphHash)
}

func keyOf(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
	}
}

// requireDamage holds what is told of damage against what the log may have.
func requireDamage(t *testing.T, list []journey.Damage) {
	t.Helper()
	for _, d := range list {
		require.ErrorIs(t, d.Cause, journey.ErrDamaged)
		require.True(t, d.Journey.Valid())
		require.NotRegexp(t, `customer-|Ada`, d.Cause.Error(), "whose it is")
	}
}

// figures counts what the stream tells.
func (p *people) figures(t *testing.T, id journey.ID) analytics.Totals {
	t.Helper()
	var f analytics.Figures
	_, records := readStream(t, p.table)
	for _, r := range records {
		require.NoError(t, r.Err)
		if r.Journey == id && len(r.Write.Delta) > 0 {
			require.NoError(t, f.Apply(r.Write))
		}
	}
	require.Empty(t, f.Faults())
	return f.Totals()
}

// requireNameless searches the table and its index for a name.
func requireNameless(t *testing.T, table, name string) {
	t.Helper()
	for _, index := range []*string{nil, aws.String("due")} {
		out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, IndexName: index})
		require.NoError(t, err)
		require.Empty(t, out.LastEvaluatedKey)
		require.True(t, index != nil || len(out.Items) > 0)
		for _, it := range out.Items {
			for attribute, value := range it {
				text := fmt.Sprintf("%s %#v", attribute, value)
				if b, ok := value.(*types.AttributeValueMemberB); ok {
					text = string(b.Value)
				}
				require.NotContains(t, text, name)
			}
		}
	}
}

// The first answer to every request is lost, so that the SDK sends each twice.
func TestForget_NothingNamesThemAndTheFiguresStay(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newPeople(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	waiting, left, failed := p.journey(t, waitingGraph, ada, "other"), p.journey(t, leavingGraph, ada, "other"), p.journey(t, sendingGraph, ada, "other")
	p.fail(t, failed, ada)
	calm := journey.NewService(storeOn(p.table).Handlers(), func() time.Time { return p.now }, rand.Reader)
	for _, customer := range []string{ada, "other"} {
		_, err := p.PutCustomer(t.Context(), demo, customer, []byte(`{"name":"`+customer+`"}`))
		require.NoError(t, err)
		for n := range 30 {
			_, _, err = calm.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: "seen", ID: fmt.Sprint(customer, n)})
			require.NoError(t, err)
		}
	}
	before := map[journey.ID]analytics.Totals{}
	for _, id := range []journey.ID{waiting, left, failed} {
		before[id] = p.figures(t, id)
	}
	held, err := p.store.Enrollments.Enrollment(t.Context(), demo, waiting, ada)
	require.NoError(t, err)
	bystander, _, err := p.store.Customers.Enrollments(t.Context(), demo, "other")
	require.NoError(t, err)

	p.now = p.now.Add(time.Hour)
	require.NoError(t, p.Forget(t.Context(), demo, ada))
	requireNameless(t, p.table, ada)
	lost := p.store.Engine.Advance(t.Context(), demo, 4, []journey.Enrollment{held.NextWrite(p.now).Cancel("late")})
	require.ErrorIs(t, lost[0], journey.ErrLost, "a worker that held them")
	require.NoError(t, p.Forget(t.Context(), demo, ada))
	require.NoError(t, p.Forget(t.Context(), demo, "nobody"))
	requireNameless(t, p.table, ada)

	cancelled := before[waiting]
	cancelled.Cancelled++
	require.Equal(t, cancelled, p.figures(t, waiting), "who was inside leaves")
	require.Equal(t, before[left], p.figures(t, left))
	require.Equal(t, before[failed], p.figures(t, failed))
	after, _, err := p.store.Customers.Enrollments(t.Context(), demo, "other")
	require.NoError(t, err)
	require.Equal(t, bystander, after)
	_, err = p.Customer(t.Context(), demo, "other")
	require.NoError(t, err)
}

// Who cannot be read is forgotten too. What is damaged in what stays goes on to
// be found by audits; what goes with the name is no damage any more. Each item is
// replaced once, although several forget at once and the first answer to every
// request is lost, so that the SDK sends each twice.
func TestForget_WhoCannotBeRead(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newPeople(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	damaged := map[string]journey.ID{}
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
	requireNameless(t, p.table, ada)

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
		require.Equal(t, analytics.Totals{Enrolled: 1, Cancelled: 1}, report.Enrollments, attribute)
	}
}

// audit counts what the stream tells, audits it when its days are closed, and
// returns what the logs say of that.
func (p *people) audit(t *testing.T) string {
	t.Helper()
	var log bytes.Buffer
	p.now = p.now.Add(72 * time.Hour)
	now, logger := func() time.Time { return p.now }, slog.New(slog.NewJSONHandler(&log, nil))
	counter := &analytics.Counter{Parts: p.store.Analytics, Now: now, Log: logger, Parallel: 1}
	shard, records := readStream(t, p.table)
	require.NoError(t, counter.Count(t.Context(), shard, records))
	rollup := &analytics.Rollup{Table: p.store.Analytics, Now: now, Log: logger, Segments: 1, Workers: 1}
	require.NoError(t, rollup.Run(t.Context()))
	return log.String()
}

// dyingAfter is an option of a client whose process dies after some calls.
func dyingAfter(calls int, after bool) func(*dynamodb.Options) {
	var made atomic.Int64
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			die := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				out middleware.InitializeOutput, metadata middleware.Metadata, err error,
			) {
				n := int(made.Add(1)) - 1
				if n > calls || n == calls && !after {
					return out, metadata, errProcessDead
				}
				out, metadata, err = next.HandleInitialize(ctx, in)
				if n == calls {
					return middleware.InitializeOutput{}, metadata, errProcessDead
				}
				return out, metadata, err
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Dying", die), middleware.Before)
		})
	}
}

// atDeath is an option beside dyingAfter of a client whose caller waits for
// nothing more once its process is dead.
func atDeath(end func()) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			watch := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				out middleware.InitializeOutput, metadata middleware.Metadata, err error,
			) {
				out, metadata, err = next.HandleInitialize(ctx, in)
				if errors.Is(err, errProcessDead) {
					end()
				}
				return out, metadata, err
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AtDeath", watch), middleware.Before)
		})
	}
}

var errProcessDead = errors.New("the process is dead")

func TestForget_FinishesWhatDiedHalfWay(t *testing.T) {
	t.Parallel()

	p := newPeople(t)
	for calls := range 6 {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("Ada %d %t", calls, after)
			waiting, left := p.journey(t, waitingGraph, name), p.journey(t, leavingGraph, name)
			_, err := p.PutCustomer(t.Context(), demo, name, []byte(`{}`))
			require.NoError(t, err)
			err = storeOn(p.table, dyingAfter(calls, after)).Customers.Forget(t.Context(), demo, name, p.now)
			if calls < 4 {
				require.Error(t, err)
			}
			require.NoError(t, p.Forget(t.Context(), demo, name))
			requireNameless(t, p.table, name)
			require.Equal(t, analytics.Totals{Enrolled: 1, Cancelled: 1}, p.figures(t, waiting), name)
			require.Equal(t, analytics.Totals{Enrolled: 1, Completed: 1}, p.figures(t, left), name)
		}
	}
}

// list reads all pages.
func (p *people) list(t *testing.T, id journey.ID, f journey.EnrollmentFilter) map[string]journey.Whereabouts {
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

func TestList_EverybodyOnceAndWhoeverIsStuck(t *testing.T) {
	t.Parallel()

	p := newPeople(t)
	everybody := customers(0, 230)
	id := p.journey(t, waitingGraph, everybody...)
	p.fail(t, id, everybody[:7]...)
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
		require.Equal(t, "send_failed", stuck[everybody[0]].ExitReason)
		require.Equal(t, "w", stuck[everybody[0]].NodeID)
	}

	// An archived journey lists those who have still to leave.
	archived := journey.Archived
	_, err := p.Update(t.Context(), demo, id, journey.Change{Status: &archived}, nil)
	require.NoError(t, err)
	require.Len(t, p.list(t, id, journey.EnrollmentFilter{Limit: 100}), 223)

	var conflict *journey.Error
	require.ErrorAs(t, p.Retry(t.Context(), demo, id, everybody[0]), &conflict)
	require.Equal(t, "enrollment-archived", conflict.Code)
}

func TestList_ACursorIsOfOneList(t *testing.T) {
	t.Parallel()

	p := newPeople(t)
	id, second := p.journey(t, waitingGraph, customers(0, 20)...), p.journey(t, waitingGraph, "x")
	page, err := p.ListEnrollments(t.Context(), demo, id, journey.EnrollmentFilter{Limit: 1})
	require.NoError(t, err)
	refused := func(tenant journey.Tenant, id journey.ID, f journey.EnrollmentFilter) {
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
	// One that names another key of this table stays in the journey.
	forged := base64.RawURLEncoding.EncodeToString([]byte(string(text) + "#E#T#other#C#x"))
	_, err = p.ListEnrollments(t.Context(), demo, id, journey.EnrollmentFilter{Limit: 200, Cursor: forged})
	require.NoError(t, err)
}

func TestList_LeavesOutWhoIsDamaged(t *testing.T) {
	t.Parallel()

	p := newPeople(t)
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
	require.Equal(t, 6, damaged(p.anew(), journey.EnrollmentFilter{}))
	require.Equal(t, 2, damaged(p.anew(), journey.EnrollmentFilter{Failed: true}))
}

// The first answer to every request is lost, so that the SDK sends each twice.
func TestRetryAndRemove(t *testing.T) {
	t.Parallel()

	p := newPeople(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	id, left := p.journey(t, sendingGraph, "a", "b", "c"), p.journey(t, leavingGraph, "a")
	var nudged []string
	p.Nudge = func(_ context.Context, _ journey.Tenant, _ journey.ID, customers []string) {
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
	require.Equal(t, journey.Inside, e.Status)
	require.Equal(t, p.now, e.Due)
	require.Equal(t, "enrollment-not-failed", code(p.Retry(t.Context(), demo, id, "c")))
	require.Equal(t, "enrollment-not-found", code(p.Retry(t.Context(), demo, id, "nobody")))
	require.Equal(t, analytics.Totals{Enrolled: 3, Failed: 1}, p.figures(t, id))

	for range 2 {
		for _, customer := range []string{"b", "c"} { // failed, and inside
			require.NoError(t, p.Remove(t.Context(), demo, id, customer))
		}
	}
	require.Equal(t, "enrollment-ended", code(p.Remove(t.Context(), demo, left, "a")))
	require.Equal(t, "enrollment-not-found", code(p.Remove(t.Context(), demo, id, "nobody")))
	require.Equal(t, "journey-not-found", code(p.Remove(t.Context(), other, id, "a")))
	require.Equal(t, analytics.Totals{Enrolled: 3, Cancelled: 2}, p.figures(t, id))
	require.Empty(t, p.list(t, id, journey.EnrollmentFilter{Limit: 10, Failed: true}))
}

func TestRetry_ARepeatMeetsItsOwnSuccess(t *testing.T) {
	t.Parallel()

	p := newPeople(t)
	id := p.journey(t, sendingGraph, "a", "removed")
	at := func() journey.Enrollment {
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
		require.Equal(t, journey.Inside, inside.Status, "who failed again is tried again")
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
	sent, _ := d.Graph.Step(at().NextWrite(p.now), journey.Input{Now: p.now, Answer: journey.Answer{Result: journey.Sent}})
	require.NoError(t, p.store.Engine.Advance(t.Context(), demo, 4, []journey.Enrollment{sent})[0])
	completed := at()
	require.Equal(t, journey.Completed, completed.Status)
	p.now = p.now.Add(9 * time.Minute)
	require.NoError(t, retry("a"))
	require.Equal(t, completed, at(), "wherever they have got to")
	p.now = p.now.Add(time.Minute)
	refused(retry("a"), "completed")

	require.NoError(t, p.Remove(t.Context(), demo, id, "removed"))
	refused(retry("removed"), "cancelled")
	require.Equal(t, analytics.Totals{Enrolled: 2, Completed: 1, Cancelled: 1}, p.figures(t, id))
}

// A retry of a moment ago promises nothing for who was taken out since, or must
// leave.
func TestRetry_NothingIsPromisedToWhoCannotGoOn(t *testing.T) {
	t.Parallel()

	p := newPeople(t)
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

// keyRecord returns what is stored of a call with an Idempotency-Key.
func (p *people) keyRecord(t *testing.T, id journey.ID, key string) (request []byte) {
	t.Helper()
	name := sha256.Sum256([]byte(key))
	it := lookup(t, p.table, "T#demo#I#"+string(id)[4:]+"#"+hex.EncodeToString(name[:]), "I")
	return it["q"].(*types.AttributeValueMemberB).Value
}

// Who has the table, but no key, cannot find out by guessing who was enrolled:
// nothing else decides what is stored of the ids.
func TestForget_AKeysRecordTellsNobodyWithoutTheKey(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newPeople(t)
	id := p.journey(t, waitingGraph)
	// All that is stored beside the hash of the ids is the same for each key.
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
	name := sha256.Sum256([]byte(long)) // in the record's own key
	for _, guess := range []string{ada, string(rune(len(ada))) + ada} {
		mac := hmac.New(sha256.New, name[:])
		mac.Write([]byte(guess))
		require.NotEqual(t, mac.Sum(nil), p.keyRecord(t, id, long))
	}
	for _, key := range []string{"one", long} {
		require.NoError(t, enroll(key, ada), "a repeat")
		var reused *journey.Error
		require.ErrorAs(t, enroll(key, "Grace Hopper"), &reused)
		require.Equal(t, journey.Mismatch, reused.Kind)
	}
}
