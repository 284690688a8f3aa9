package dynamo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
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
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// orders runs calls between whose requests a customer is forgotten.
type orders struct {
	*fixture
	t        *testing.T
	received time.Time
	clock    atomic.Int64 // milliseconds after received
	inserted atomic.Int64 // enrollments
	used     permissions  // what the calls used, but those of Forget
	enter    ident.ID     // waits for the event "opened"
}

// beforeStep is the key of a function that is called before each write and each read
// of the fence.
type beforeStep struct{}

// underTest is the key of a mark of the calls whose permissions are recorded.
type underTest struct{}

func newOrders(t *testing.T) *orders {
	o := &orders{t: t, used: permissions{used: map[string]bool{}}}
	o.fixture = newFixture(t, o.install)
	o.received = o.now
	o.Service = journey.NewService(o.store.Handlers(), func() time.Time {
		return o.received.Add(time.Duration(o.clock.Load()) * time.Millisecond)
	}, rand.Reader)
	o.enter = o.journey(t, openingGraph)
	o.journey(t, strings.ReplaceAll(openedGraph, "opened", "started"))
	return o
}

func (o *orders) install(options *dynamodb.Options) {
	options.APIOptions = append(options.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("steps", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			if before, ok := ctx.Value(beforeStep{}).(func(any)); ok && isStep(in.Parameters) {
				before(in.Parameters)
			}
			if ctx.Value(underTest{}) != nil {
				o.used.add(in.Parameters)
			}
			out, metadata, err := next.HandleInitialize(ctx, in)
			if batch, ok := out.Result.(*dynamodb.BatchExecuteStatementOutput); ok {
				statements := in.Parameters.(*dynamodb.BatchExecuteStatementInput).Statements
				for i, response := range batch.Responses {
					if response.Error == nil && strings.HasPrefix(*statements[i].Statement, "INSERT") {
						o.inserted.Add(1)
					}
				}
			}
			return out, metadata, err
		}), middleware.Before)
	})
}

func isStep(input any) bool {
	isFence := func(key map[string]types.AttributeValue) bool { return strings.Contains(textOf(key, "PK"), "#F#") }
	switch in := input.(type) {
	case *dynamodb.QueryInput:
		return in.Limit != nil // Forget's, of what it removes
	case *dynamodb.GetItemInput:
		return isFence(in.Key)
	case *dynamodb.BatchGetItemInput:
		for _, keys := range in.RequestItems {
			return slices.ContainsFunc(keys.Keys, isFence)
		}
	}
	return true
}

// forgetting forgets a customer: begin returns once the fence is stored, end once
// nothing is left.
func (o *orders) forgetting(customer string) (begin, end func()) {
	fenced, released, done := make(chan bool), make(chan bool), make(chan bool)
	var once sync.Once
	ctx := context.WithValue(o.t.Context(), beforeStep{}, func(input any) {
		if _, ok := input.(*dynamodb.QueryInput); ok {
			once.Do(func() {
				close(fenced)
				<-released
			})
		}
	})
	begin = func() {
		now := o.received.Add(time.Duration(o.clock.Add(1)) * time.Millisecond)
		go func() {
			defer close(done)
			if err := o.store.Customers.Forget(ctx, demo, customer, now, journey.Forgetting{}); err != nil {
				o.t.Error(err)
				once.Do(func() { close(fenced) })
			}
		}()
		<-fenced
		o.clock.Add(1)
	}
	return begin, func() {
		close(released)
		<-done
		o.clock.Add(1)
	}
}

// under returns what is stored under a customer.
func (o *orders) under(customer string) (stored []string) {
	out, err := dynamotest.Client().Query(o.t.Context(), &dynamodb.QueryInput{
		TableName: &o.table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("PK = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": &types.AttributeValueMemberS{Value: "T#demo#C#" + customer},
		},
	})
	require.NoError(o.t, err)
	for _, it := range out.Items {
		stored = append(stored, printed(it))
	}
	return stored
}

// anew stores a customer by calls that were received after they were forgotten.
func (o *orders) anew(customer string) {
	received := o.received.Add(time.Duration(o.clock.Add(1)) * time.Millisecond)
	change := journey.ProfileChange{Customer: customer, Attributes: []byte(`{"b":2}`), Received: received}
	_, err := o.PutCustomer(o.t.Context(), demo, change, nil)
	require.NoError(o.t, err)
	for _, kind := range []string{"opened", "started"} {
		_, err = o.PutEvent(o.t.Context(), demo, journey.Event{Customer: customer, Type: kind, ID: kind, Received: received})
		require.NoError(o.t, err)
	}
	o.clock.Add(1)
	_, err = o.Enroll(o.t.Context(), demo, o.enter, enrollRequest(customer, received))
	require.NoError(o.t, err)
	o.clock.Add(1)
}

func enrollRequest(customer string, received time.Time) journey.EnrollRequest {
	return journey.EnrollRequest{Customers: []string{customer, "not " + customer}, Key: customer, Received: received}
}

// orderedCall is a call that was received before its customer is forgotten.
type orderedCall struct {
	route manifest.Route
	known bool // the customer was enrolled, and has a profile
	call  func(ctx context.Context, customer string) error
}

func (o *orders) calls() map[string]orderedCall {
	change := func(customer string) journey.ProfileChange {
		return journey.ProfileChange{Customer: customer, Attributes: []byte(`{"a":1}`), Received: o.received}
	}
	event := func(kind, id string, attributes []byte) func(context.Context, string) error {
		return func(ctx context.Context, customer string) error {
			_, err := o.PutEvent(ctx, demo, journey.Event{Customer: customer, Type: kind, ID: id, Attributes: attributes, Received: o.received})
			return err
		}
	}
	enroll := func(ctx context.Context, customer string) error {
		result, err := o.Enroll(ctx, demo, o.enter, enrollRequest(customer, o.received))
		if err != nil {
			return err
		}
		require.NotEqual(o.t, journey.OutcomeError, result.Outcomes[1].Result, "the other customer of %s", customer)
		if result.Outcomes[0].Code == journey.ErrForgotten.Code {
			return journey.ErrForgotten
		}
		return nil
	}
	put := func(ctx context.Context, customer string) error {
		_, err := o.PutCustomer(ctx, demo, change(customer), nil)
		return err
	}
	patch := func(ctx context.Context, customer string) error {
		_, err := o.PatchCustomer(ctx, demo, change(customer), nil)
		return err
	}
	return map[string]orderedCall{
		"put":               {manifest.PutCustomer, false, put},
		"patch":             {manifest.PatchCustomer, true, patch},
		"event that starts": {manifest.PutEvent, false, event("started", "", nil)},
		"event that wakes":  {manifest.PutEvent, true, event("opened", "opened", nil)},
		"event that adds":   {manifest.PutEvent, false, event("seen", "seen", []byte(`{"a":1}`))},
		"event that merges": {manifest.PutEvent, true, event("seen", "seen", []byte(`{"a":1}`))},
		"event without id":  {manifest.PutEvent, false, event("seen", "", []byte(`{"a":1}`))},
		"enroll":            {manifest.EnrollCustomers, false, enroll},
		"enroll known":      {manifest.EnrollCustomers, true, enroll},
	}
}

// run makes a call. The customer is forgotten from before the step begin until
// before the step end, and stored anew then if known says so. A step beyond the last
// one is after the call. It returns the number of steps.
func (o *orders) run(c orderedCall, customer string, begin, end int, known bool) (steps int) {
	o.clock.Store(0)
	if c.known {
		_, err := o.PutCustomer(o.t.Context(), demo, journey.ProfileChange{Customer: customer, Attributes: []byte(`{"c":3}`)}, nil)
		require.NoError(o.t, err)
		_, err = o.Enroll(o.t.Context(), demo, o.enter, journey.EnrollRequest{Customers: []string{customer}})
		require.NoError(o.t, err)
		o.clock.Store(1)
	}
	beginForget, endForget := o.forgetting(customer)
	begun, ended := false, false
	var since []string
	at := func(step int) {
		if !begun && step >= begin {
			begun = true
			beginForget()
		}
		if !ended && step >= end {
			ended = true
			if endForget(); known {
				o.anew(customer)
				since = o.under(customer)
			}
		}
	}
	ctx := context.WithValue(o.t.Context(), beforeStep{}, func(any) {
		steps++
		at(steps)
	})
	if err := c.call(context.WithValue(ctx, underTest{}, true), customer); err != nil {
		require.ErrorIs(o.t, err, journey.ErrForgotten)
		require.True(o.t, begun, "the customer was not forgotten yet")
	}
	at(1000)
	what := fmt.Sprintf("%s, forgotten from before step %d to before step %d of %d", customer, begin, end, steps)
	require.Equal(o.t, since, o.under(customer), what)
	return steps
}

// What was received before its customer was forgotten leaves nothing, in any order of
// the steps of both. It changes nothing of what was stored since. By default, a
// forgetting lasts for up to two steps or until after the call; `make chaos-enroll`
// tries every end.
func TestForget_BarsInEveryOrder(t *testing.T) {
	t.Parallel()

	for name := range (&orders{}).calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			o := newOrders(t)
			c := o.calls()[name]
			steps := o.run(c, "first", 1000, 1000, false)
			require.Greater(t, steps, 1)
			for begin := 1; begin <= steps+1; begin++ {
				for end := begin; end <= steps+1; end++ {
					if *seeds <= defaultSeeds && end > begin+2 && end <= steps {
						continue
					}
					o.run(c, fmt.Sprintf("gone %d %d", begin, end), begin, end, false)
				}
				o.run(c, fmt.Sprintf("back %d", begin), begin, begin, true)
			}
			o.requireCounted()
			o.requireAllowed(c.route)
		})
	}
}

// A worker claims an enrollment, and records its message, while it is being removed.
func TestForget_BarsAnEnrollmentThatAWorkerHolds(t *testing.T) {
	t.Parallel()

	o := newOrders(t)
	sending := o.journey(t, sendingGraph)
	beginForget, endForget := o.forgetting(ada)
	write := func(change func(*progress.Enrollment)) {
		e, err := o.store.Enrollments.Enrollment(t.Context(), demo, sending, ada)
		require.NoError(t, err)
		e = e.NextWrite(o.received)
		change(&e)
		require.NoError(t, o.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{e})[0])
	}
	held := false
	ctx := context.WithValue(context.WithValue(t.Context(), underTest{}, true), beforeStep{}, func(input any) {
		switch input.(type) {
		case *dynamodb.BatchExecuteStatementInput:
			beginForget()
			endForget()
		case *dynamodb.BatchGetItemInput:
			if o.clock.Load() > 0 {
				write(func(e *progress.Enrollment) { e.Attempts, e.LeaseUntil = 1, o.received.Add(time.Minute) })
			}
		case *dynamodb.ExecuteStatementInput:
			held = true
			write(func(e *progress.Enrollment) { e.LeaseUntil = time.Time{} })
		}
	})
	result, err := o.Enroll(ctx, demo, sending, journey.EnrollRequest{Customers: []string{ada}, Received: o.received})
	require.NoError(t, err)
	require.True(t, held)
	require.Equal(t, journey.ErrForgotten.Code, result.Outcomes[0].Code)
	require.Empty(t, o.under(ada))
	o.requireCounted()
	o.requireAllowed(manifest.EnrollCustomers)
	o.requireAllowed(manifest.PutEvent) // it undoes what it started by the same calls
}

// requireAllowed requires that the route's function may do what the calls did.
func (o *orders) requireAllowed(route manifest.Route) {
	for action := range o.used.used {
		require.Contains(o.t, route.Function.Actions, action, route.Function.Name)
	}
}

// requireCounted requires that each enrollment that was inserted, and so counted, is
// still there, and each one that was moved is counted as moved.
func (o *orders) requireCounted() {
	all, moved := 0, map[ident.ID]int64{}
	for _, it := range allItems(o.t, o.table) {
		if id, ok := strings.CutPrefix(textOf(it, "SK"), "E#"); ok {
			all++
			if strings.HasPrefix(textOf(it, "PK"), "T#demo#A#") {
				moved[ident.ID("jrn_"+id)]++
			}
		}
	}
	require.EqualValues(o.t, o.inserted.Load(), all)
	for id, n := range moved {
		c, err := o.store.Analytics.Counters(o.t.Context(), demo, id, analytics.Range{})
		require.NoError(o.t, err)
		require.Equal(o.t, n, c.Forgotten)
	}
}
