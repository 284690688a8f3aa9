package dynamo_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// A removal that was accepted while a worker sent a message is carried out by a
// conversion that is written after the worker has died.
func TestGoal_CarriesOutAPendingExit(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.goalJourney(t, sendingGraph, `{"eventType":"bought","windowDays":0}`, "ada")
	p.claim(t, id, "ada")
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	p.now = p.now.Add(time.Minute) // the worker is dead, and its lease has ended
	p.bought(t, "ada", "e1", "")

	at, err := p.Whereabouts(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.NotZero(t, at.ConvertedAt)
	require.Equal(t, progress.Cancelled, at.Status)
	require.Equal(t, progress.ReasonRemoved, at.ExitReason)
	require.Zero(t, at.PendingExit)
	require.EqualValues(t, 1, p.figures(t, id).Conversions)
	require.EqualValues(t, 1, p.figures(t, id).Cancelled)
}

// afterOutcomes is an option of a client that calls f once, after it has read which
// requests enrolled customers.
func afterOutcomes(f func()) func(*dynamodb.Options) {
	var called atomic.Bool
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			watch := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				out middleware.InitializeOutput, metadata middleware.Metadata, err error,
			) {
				out, metadata, err = next.HandleInitialize(ctx, in)
				read, ok := in.Parameters.(*dynamodb.BatchGetItemInput)
				if !ok || err != nil {
					return out, metadata, err
				}
				for _, keys := range read.RequestItems {
					if keys.ProjectionExpression != nil && called.CompareAndSwap(false, true) {
						f()
					}
				}
				return out, metadata, err
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AfterOutcomes", watch), middleware.Before)
		})
	}
}

const readingEventGraph = `{"nodes":[{"id":"in","type":"entry_trigger","config":{"eventType":"filled"}},{"id":"w","type":"wait","config":{"delayHours":500}},
	{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"t":"{{event.long}}"}}},{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"w"},{"source":"w","target":"a"},{"source":"a","target":"out"}]}`

// A repeat of an event starts the next run while the first attempt is between its reads
// and its writes. The first attempt does not delete what the run keeps.
func TestReentry_AttemptsAtTheSameTimeKeepTheProperties(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.reentering(t, readingEventGraph)
	p.enroll(t, id, "", "ada")
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	p.now = p.now.Add(2 * time.Hour)
	event := journey.Event{Customer: "ada", Type: "filled", ID: "e1", Properties: keeping("long", 900)}
	// The first attempt has read that run 1 has ended when the second one runs as a whole.
	slow := p.on(afterOutcomes(func() {
		out, err := p.PutEvent(t.Context(), demo, event)
		require.NoError(t, err)
		require.Len(t, out.Started, 1)
	}))
	_, err := slow.PutEvent(t.Context(), demo, event)
	require.NoError(t, err)
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, 2, e.Run)
	require.Len(t, e.Event, 900)
}

// An event that converts a run and starts the next one converts the run also if its
// first attempt could not write the conversion.
func TestReentry_EventConvertsTheRunBeforeItStartsTheNext(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.reentering(t, strings.Replace(waitingGraph, `"entry_trigger"`, `"entry_trigger","config":{"eventType":"bought"}`, 1))
	_, err := p.Update(t.Context(), demo, id, journey.Change{
		Settings: graph.SettingsChange{"goal": []byte(`{"eventType":"bought","windowDays":30}`)},
	}, nil)
	require.NoError(t, err)
	p.enroll(t, id, "", "ada")
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	p.now = p.now.Add(2 * time.Hour)
	event := journey.Event{Customer: "ada", Type: "bought", ID: "e1"}
	_, err = p.on(refusingUpdates).PutEvent(t.Context(), demo, event)
	require.Error(t, err)
	p.now = p.now.Add(time.Second)
	out, err := p.PutEvent(t.Context(), demo, event)
	require.NoError(t, err)
	require.Len(t, out.Started, 1)
	require.EqualValues(t, 1, p.figures(t, id).Conversions)
}

// refusingUpdates is an option of a client whose PartiQL updates fail.
func refusingUpdates(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		refuse := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			batch, ok := in.Parameters.(*dynamodb.BatchExecuteStatementInput)
			if ok && strings.HasPrefix(*batch.Statements[0].Statement, "UPDATE") {
				return middleware.InitializeOutput{}, middleware.Metadata{}, errProcessDead
			}
			return next.HandleInitialize(ctx, in)
		}
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("RefusingUpdates", refuse), middleware.Before)
	})
}
