package dynamo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics/tally"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

const mailThenWait = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"push"}},` +
	`{"id":"w","type":"wait","config":{"delayHours":500}},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"mail"},` +
	`{"source":"mail","target":"w"},{"source":"w","target":"out"}]}`

// crowd is a journey with 250 customers of two versions at two nodes.
type crowd struct {
	*fixture
	id  ident.ID
	all []member
}

// member is one of a crowd, before any action.
type member struct {
	customer string
	version  int
	node     string
	failed   bool
}

func newCrowd(t *testing.T) crowd {
	t.Helper()
	c := crowd{fixture: newFixture(t)}
	c.id = c.journey(t, mailThenWait, customers(0, 125)...)
	second := definitionOf(t, strings.Replace(mailThenWait, "500", "400", 1))
	_, err := c.Update(t.Context(), demo, c.id, journey.Change{Definition: &second}, nil)
	require.NoError(t, err)
	_, err = c.Enroll(t.Context(), demo, c.id, journey.EnrollRequest{Customers: customers(125, 125)})
	require.NoError(t, err)
	first := definitionOf(t, mailThenWait)
	stored := map[string]progress.Enrollment{}
	for some := range slices.Chunk(customers(0, 250), engine.PackSize) {
		loaded, err := c.store.Engine.Load(t.Context(), demo, c.id, some)
		require.NoError(t, err)
		for _, e := range loaded.Enrollments {
			stored[e.Customer] = e
		}
	}
	var moved, failed []progress.Enrollment
	for i, customer := range customers(0, 250) {
		m, e := member{customer, 1 + i/125, "mail", i%5 != 0}, stored[customer]
		if i%2 == 1 {
			m.node = "w"
			e, _ = first.Graph.Step(e.NextWrite(c.now), progress.Input{Now: c.now, Answer: progress.Answer{Result: trail.Sent}})
			moved = append(moved, e)
		}
		if m.failed {
			failed = append(failed, e.NextWrite(c.now).Fail("send_failed"))
		}
		c.all = append(c.all, m)
	}
	for _, list := range [][]progress.Enrollment{moved, failed} {
		for _, err := range c.store.Engine.Advance(t.Context(), demo, 4, list) {
			require.NoError(t, err)
		}
	}
	return c
}

// matching returns the customers that a filter is meant for, sorted.
func (c crowd) matching(r journey.EnrollmentFilter) []string {
	var list []string
	for _, m := range c.all {
		if m.failed == r.Failed && (r.NodeID == "" || m.node == r.NodeID) && (r.Version == 0 || m.version == r.Version) {
			list = append(list, m.customer)
		}
	}
	slices.Sort(list)
	return list
}

// actOnAll makes the calls from the first to the last, each twice, and starts again until
// a round has nothing to do. It returns how many customers the calls acted on.
func actOnAll(ctx context.Context, s *journey.Service, id ident.ID, a journey.EnrollmentAction, r journey.EnrollmentFilter) (done int, err error) {
	matched := 0
	for calls := range 1000 {
		page, err := s.ActOnEnrollments(ctx, demo, id, a, r)
		var known *journey.Error
		switch done, matched = done+page.Done, matched+matches(page); {
		case errors.As(err, &known) && known.Kind == journey.Unavailable:
			continue
		case err != nil:
			return done, err
		case calls%2 == 0: // the response is lost
			continue
		}
		if r.Cursor = page.Next; r.Cursor == "" {
			if matched == 0 {
				return done, nil
			}
			matched = 0
		}
	}
	return done, errors.New("there is always something left to do")
}

// matches returns how many customers matched.
func matches(a journey.Actions) int { return a.Done + a.Skipped + len(a.Failed) }

func (c crowd) enrollment(t *testing.T, customer string) progress.Enrollment {
	t.Helper()
	e, err := c.store.Enrollments.Enrollment(t.Context(), demo, c.id, customer)
	require.NoError(t, err)
	return e
}

// Each page is called twice, under lost responses, throttling, a second caller and calls
// for single customers.
func TestActions_ActOnEachCustomerOnce(t *testing.T) {
	t.Parallel()

	for name, faults := range map[string]*dynamotest.Faults{
		"lost responses": {LoseFirst: true, ForgetTokens: true},
		"throttling":     {Seed: 7, Throttle: 0.2, Statements: 0.2, Unread: 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := newCrowd(t)
			services := []*journey.Service{c.on(faults.Install), c.on(faults.Install)}
			var mu sync.Mutex
			nudged := map[string]int{}
			for _, s := range services {
				s.Nudge = func(_ context.Context, _ ident.Tenant, _ ident.ID, customers []string) {
					mu.Lock()
					defer mu.Unlock()
					for _, customer := range customers {
						nudged[customer]++
					}
				}
			}
			want := tally.Totals{Enrolled: 250, Failed: 200}
			require.Equal(t, want, c.figures(t, c.id))

			retry := journey.EnrollmentFilter{Failed: true, NodeID: "w", Version: 2}
			require.Equal(t, len(c.matching(retry)), c.actTogether(t, services, journey.ActionRetry, retry))
			for _, customer := range c.matching(retry) {
				e := c.enrollment(t, customer)
				require.Equal(t, progress.Inside, e.Status)
				require.Len(t, e.Retries.Decode(e.EnrolledAt), 1)
				require.Equal(t, 1, nudged[customer])
			}
			want.Failed -= int64(len(c.matching(retry)))
			require.Equal(t, want, c.figures(t, c.id))

			remove := journey.EnrollmentFilter{Failed: true, NodeID: "mail"}
			leaving := c.matching(remove)
			var single sync.WaitGroup
			errs := make([]error, 10)
			for i, customer := range leaving[len(leaving)-len(errs):] {
				single.Go(func() { errs[i] = c.Remove(t.Context(), demo, c.id, customer) })
			}
			done := c.actTogether(t, services, journey.ActionRemove, remove)
			single.Wait()
			require.Equal(t, make([]error, 10), errs)
			require.LessOrEqual(t, done, len(leaving))
			require.GreaterOrEqual(t, done, len(leaving)-len(errs))
			want.Failed, want.Cancelled = want.Failed-int64(len(leaving)), int64(len(leaving))
			require.Equal(t, want, c.figures(t, c.id))

			for _, failed := range []bool{true, false} {
				c.actTogether(t, services[:1], journey.ActionRemove, journey.EnrollmentFilter{Failed: failed})
			}
			require.Equal(t, tally.Totals{Enrolled: 250, Cancelled: 250}, c.figures(t, c.id))
			require.Len(t, nudged, len(c.matching(retry)), "only retries are announced")
		})
	}
}

// actTogether lets the services act at the same time, and returns how many customers they
// acted on.
func (c crowd) actTogether(t *testing.T, services []*journey.Service, a journey.EnrollmentAction, r journey.EnrollmentFilter) int {
	t.Helper()
	var running sync.WaitGroup
	done, errs := make([]int, len(services)), make([]error, len(services))
	for i, s := range services {
		running.Go(func() { done[i], errs[i] = actOnAll(t.Context(), s, c.id, a, r) })
	}
	running.Wait()
	total := 0
	for i := range services {
		require.NoError(t, errs[i])
		total += done[i]
	}
	return total
}

// The context of a call ends in the middle of a page. The next call continues where the
// first one stopped.
func TestActions_ContinueWhereTheTimeRanOut(t *testing.T) {
	t.Parallel()

	c := newCrowd(t)
	r := journey.EnrollmentFilter{Failed: true}
	ctx, end := context.WithTimeout(t.Context(), 5*time.Second) // too short to start anything
	_, err := c.ActOnEnrollments(ctx, demo, c.id, journey.ActionRemove, r)
	end()
	require.ErrorIs(t, err, context.DeadlineExceeded)

	ctx, end = context.WithCancel(t.Context())
	part, err := c.on(atWrites(func(number int64) error {
		if number == 40 {
			end()
		}
		return nil
	})).ActOnEnrollments(ctx, demo, c.id, journey.ActionRemove, r)
	require.NoError(t, err)
	require.NotEmpty(t, part.Next)
	require.GreaterOrEqual(t, part.Done, 30)
	require.Less(t, matches(part), 60)

	r.Cursor = part.Next
	done := part.Done
	for {
		page, err := c.ActOnEnrollments(t.Context(), demo, c.id, journey.ActionRemove, r)
		require.NoError(t, err)
		done += page.Done
		if r.Cursor = page.Next; r.Cursor == "" {
			break
		}
	}
	rest, err := actOnAll(t.Context(), c.Service, c.id, journey.ActionRemove, r)
	require.NoError(t, err)
	require.LessOrEqual(t, rest, len(part.Failed), "only what failed is left")
	require.LessOrEqual(t, done+rest, 200)
	require.Equal(t, tally.Totals{Enrolled: 250, Cancelled: 200}, c.figures(t, c.id))
}

// atWrites is an option of a client that calls f before each batch of writes, with their
// number from 1 on. The batch fails with its error.
func atWrites(f func(number int64) error) func(*dynamodb.Options) {
	var made atomic.Int64
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AtWrites", func(
				ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
			) (middleware.InitializeOutput, middleware.Metadata, error) {
				if _, ok := in.Parameters.(*dynamodb.BatchExecuteStatementInput); ok {
					if err := f(made.Add(1)); err != nil {
						return middleware.InitializeOutput{}, middleware.Metadata{}, err
					}
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
		})
	}
}

func TestActions_SkipWhatChangedAndReportWhatFailed(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, mailThenWait, customers(0, 6)...)
	p.fail(t, id, customers(0, 3)...)
	p.damage(t, id, "customer-2", "st", garbage)
	claimed, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "customer-3")
	require.NoError(t, err)
	claimed = claimed.NextWrite(p.now)
	claimed.Attempts, claimed.LeaseUntil = 1, p.now.Add(20*time.Second)
	require.NoError(t, p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{claimed})[0])
	active := journey.EnrollmentFilter{}

	// A worker that sends a message records the exit after it.
	page, err := p.ActOnEnrollments(t.Context(), demo, id, journey.ActionRemove, active)
	require.NoError(t, err)
	require.Equal(t, journey.Actions{Done: 3}, page)
	page, err = p.ActOnEnrollments(t.Context(), demo, id, journey.ActionRemove, active)
	require.NoError(t, err)
	require.Equal(t, journey.Actions{}, page)
	pending, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "customer-3")
	require.NoError(t, err)
	require.Equal(t, progress.ReasonRemoved, pending.PendingExit.Reason)

	// No customer can be retried in an archived journey.
	archived := journey.Archived
	_, err = p.Update(t.Context(), demo, id, journey.Change{Status: &archived}, nil)
	require.NoError(t, err)
	failed := journey.EnrollmentFilter{Failed: true}
	page, err = p.ActOnEnrollments(t.Context(), demo, id, journey.ActionRetry, failed)
	require.NoError(t, err)
	require.Equal(t, 2, page.Skipped)
	require.Equal(t, 2, matches(page))
	require.Len(t, page.Damaged, 1)
	requireDamage(t, page.Damaged)

	// Without writes, all fail, and none is lost.
	page, err = p.on(atWrites(func(int64) error { return &types.ThrottlingException{} })).ActOnEnrollments(t.Context(), demo, id, journey.ActionRemove, failed)
	require.NoError(t, err)
	require.Len(t, page.Failed, 2)
	require.Equal(t, "table-throttled", journey.Code(page.Failed[0].Err))
	page, err = p.ActOnEnrollments(t.Context(), demo, id, journey.ActionRemove, failed)
	require.NoError(t, err)
	require.Equal(t, 2, page.Done)
}

func TestActions_CursorBelongsToOneRequest(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph, customers(0, 120)...)
	act := func(tenant ident.Tenant, a journey.EnrollmentAction, f journey.EnrollmentFilter) (journey.Actions, error) {
		return p.ActOnEnrollments(t.Context(), tenant, id, a, f)
	}
	first, err := act(demo, journey.ActionRemove, journey.EnrollmentFilter{})
	require.NoError(t, err)
	require.Equal(t, 100, first.Done)
	require.NotEmpty(t, first.Next)
	for action, filters := range map[journey.EnrollmentAction][]journey.EnrollmentFilter{
		journey.ActionRetry: {{}}, journey.ActionRemove: {{Failed: true}, {NodeID: "w"}, {Version: 1}},
	} {
		for _, f := range filters {
			f.Cursor = first.Next
			_, err := act(demo, action, f)
			var refused *journey.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "/cursor", refused.Faults[0].Pointer)
		}
	}
	_, err = p.ListEnrollments(t.Context(), demo, id, journey.EnrollmentFilter{Limit: 1, Cursor: first.Next})
	require.Error(t, err)
	_, err = act(other, journey.ActionRemove, journey.EnrollmentFilter{Cursor: first.Next})
	require.ErrorIs(t, err, journey.ErrNotFound)
	last, err := act(demo, journey.ActionRemove, journey.EnrollmentFilter{Cursor: first.Next})
	require.NoError(t, err)
	require.Equal(t, journey.Actions{Done: 20}, last)
}
