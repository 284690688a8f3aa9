// Package capacity adds up the usage of the table: requests, retries and capacity units.
package capacity

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// Meter adds up the usage of calls made with its context. It is safe for concurrent
// use. The zero value is ready to use.
type Meter struct {
	mu    sync.Mutex
	usage Usage
}

// Usage is the usage of the table. Units are those of successful responses: DynamoDB
// does not report the units of lost and refused ones.
type Usage struct {
	Calls      int // operations; Requests beyond these are retries
	Requests   int
	ReadUnits  float64
	WriteUnits float64 // of the table
	IndexUnits float64 // writes of the index
	LastError  string  // of the last failed attempt; "" for none
}

// Usage returns the usage so far.
func (m *Meter) Usage() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usage
}

type meterKey struct{}

// WithMeter returns a context whose calls of the table are metered, and the meter.
func WithMeter(ctx context.Context) (context.Context, *Meter) {
	m := &Meter{}
	return context.WithValue(ctx, meterKey{}, m), m
}

func meterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}

// Install adds a middleware that meters units outside of the SDK's retries, and attempts inside them.
func Install(stack *middleware.Stack) error {
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
	requestUsage(in.Parameters)
	out, metadata, err := next.HandleInitialize(ctx, in)
	m.addCall(consumed(out.Result))
	return out, metadata, err
}

func meterAttempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleFinalize(ctx, in)
	if m := meterOf(ctx); m != nil {
		m.addAttempt(err)
	}
	return out, metadata, err
}

// requestUsage asks the table to report the units of an operation.
func requestUsage(input any) {
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

// consumed returns the capacity that a response reports, and whether reads used it.
func consumed(output any) (list []types.ConsumedCapacity, read bool) {
	switch out := output.(type) {
	case *dynamodb.GetItemOutput:
		return single(out.ConsumedCapacity), true
	case *dynamodb.QueryOutput:
		return single(out.ConsumedCapacity), true
	case *dynamodb.BatchGetItemOutput:
		return out.ConsumedCapacity, true
	case *dynamodb.PutItemOutput:
		return single(out.ConsumedCapacity), false
	case *dynamodb.UpdateItemOutput:
		return single(out.ConsumedCapacity), false
	case *dynamodb.BatchWriteItemOutput:
		return out.ConsumedCapacity, false
	case *dynamodb.DeleteItemOutput:
		return single(out.ConsumedCapacity), false
	case *dynamodb.BatchExecuteStatementOutput:
		return out.ConsumedCapacity, false
	case *dynamodb.TransactWriteItemsOutput:
		return out.ConsumedCapacity, false
	}
	return nil, false
}

func single(c *types.ConsumedCapacity) []types.ConsumedCapacity {
	if c == nil {
		return nil
	}
	return []types.ConsumedCapacity{*c}
}

func (m *Meter) addAttempt(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Requests++
	if err != nil {
		m.usage.LastError = err.Error()
	}
}

func (m *Meter) addCall(list []types.ConsumedCapacity, read bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Calls++
	for _, c := range list {
		index := 0.0
		for _, i := range c.GlobalSecondaryIndexes {
			index += floatOf(i.CapacityUnits)
		}
		if read {
			m.usage.ReadUnits += floatOf(c.CapacityUnits)
			continue
		}
		m.usage.IndexUnits += index
		m.usage.WriteUnits += floatOf(c.CapacityUnits) - index
	}
}

func floatOf(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}
