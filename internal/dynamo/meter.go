package dynamo

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// Meter counts what calls that were made with its context cost. It may be
// used by several goroutines; the zero value is ready.
type Meter struct {
	mu    sync.Mutex
	usage Usage
}

// Usage is what was used. Units are of answers that came: the table tells
// nothing of what was lost or refused.
type Usage struct {
	Calls      int // operations; what is more in Requests are retries
	Requests   int
	ReadUnits  float64
	WriteUnits float64 // of the table
	IndexUnits float64 // writes of the index
	LastError  string  // of the last attempt that failed; "" for none
}

// Usage returns what was counted so far.
func (m *Meter) Usage() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usage
}

type meterKey struct{}

// WithMeter returns a context whose calls are counted, and their meter.
func WithMeter(ctx context.Context) (context.Context, *Meter) {
	m := &Meter{}
	return context.WithValue(ctx, meterKey{}, m), m
}

func meterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}

// addMeter counts a call's units around its retries, and its attempts inside.
func addMeter(stack *middleware.Stack) error {
	units := middleware.InitializeMiddlewareFunc("MeterUnits", meterUnits)
	if err := stack.Initialize.Add(units, middleware.After); err != nil {
		return err
	}
	attempts := middleware.FinalizeMiddlewareFunc("MeterAttempts", meterAttempt)
	return stack.Finalize.Insert(attempts, "Retry", middleware.After)
}

func meterUnits(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	m := meterOf(ctx)
	if m == nil {
		return next.HandleInitialize(ctx, in)
	}
	askCapacity(in.Parameters)
	out, metadata, err := next.HandleInitialize(ctx, in)
	m.called(consumed(out.Result))
	return out, metadata, err
}

func meterAttempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleFinalize(ctx, in)
	if m := meterOf(ctx); m != nil {
		m.attempted(err)
	}
	return out, metadata, err
}

// askCapacity makes the table tell what an operation used.
func askCapacity(input any) {
	const all = types.ReturnConsumedCapacityIndexes
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.PutItemInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.UpdateItemInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.BatchWriteItemInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.DeleteItemInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.QueryInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.BatchGetItemInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.BatchExecuteStatementInput:
		in.ReturnConsumedCapacity = all
	case *dynamodb.TransactWriteItemsInput:
		in.ReturnConsumedCapacity = all
	}
}

// consumed returns what an answer says was used, and whether by reads.
func consumed(output any) (list []types.ConsumedCapacity, read bool) {
	switch out := output.(type) {
	case *dynamodb.GetItemOutput:
		return one(out.ConsumedCapacity), true
	case *dynamodb.QueryOutput:
		return one(out.ConsumedCapacity), true
	case *dynamodb.BatchGetItemOutput:
		return out.ConsumedCapacity, true
	case *dynamodb.PutItemOutput:
		return one(out.ConsumedCapacity), false
	case *dynamodb.UpdateItemOutput:
		return one(out.ConsumedCapacity), false
	case *dynamodb.BatchWriteItemOutput:
		return out.ConsumedCapacity, false
	case *dynamodb.DeleteItemOutput:
		return one(out.ConsumedCapacity), false
	case *dynamodb.BatchExecuteStatementOutput:
		return out.ConsumedCapacity, false
	case *dynamodb.TransactWriteItemsOutput:
		return out.ConsumedCapacity, false
	}
	return nil, false
}

func one(c *types.ConsumedCapacity) []types.ConsumedCapacity {
	if c == nil {
		return nil
	}
	return []types.ConsumedCapacity{*c}
}

func (m *Meter) attempted(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Requests++
	if err != nil {
		m.usage.LastError = err.Error()
	}
}

func (m *Meter) called(list []types.ConsumedCapacity, read bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Calls++
	for _, c := range list {
		index := 0.0
		for _, i := range c.GlobalSecondaryIndexes {
			index += units(i.CapacityUnits)
		}
		if read {
			m.usage.ReadUnits += units(c.CapacityUnits)
			continue
		}
		m.usage.IndexUnits += index
		m.usage.WriteUnits += units(c.CapacityUnits) - index
	}
}

func units(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}
