package dynamotest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Faults makes requests of clients fail, each kind with a probability between 0 and 1.
// The zero value does nothing. It is safe for concurrent use.
type Faults struct {
	Seed       uint64
	LoseFirst  bool    // loses the response to every call's first attempt
	Lose       float64 // loses a response, after the request succeeded
	Throttle   float64 // throttles an attempt
	Statements float64 // throttles a statement of a batch
	Unread     float64 // leaves a key of a batch read unprocessed
	Conflict   float64 // cancels a transaction with a conflict
	Delay      float64 // delays an attempt by up to MaxDelay
	MaxDelay   time.Duration
	// ForgetTokens makes the table treat every repeated transaction as a new one, as
	// it does ten minutes after the first.
	ForgetTokens bool

	mu     sync.Mutex
	random *rand.Rand
	done   FaultCounts
}

// FaultCounts counts faults by kind.
type FaultCounts struct{ Lost, Throttled, Statements, Unread, Conflicts, Delayed int }

// Counts returns the faults so far.
func (f *Faults) Counts() FaultCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// Install is an option of a client: it adds the faults to its requests.
func (f *Faults) Install(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		parts := middleware.InitializeMiddlewareFunc("FaultParts", f.parts)
		if err := stack.Initialize.Add(parts, middleware.After); err != nil {
			return err
		}
		attempts := middleware.FinalizeMiddlewareFunc("FaultAttempts", f.attempt)
		return stack.Finalize.Add(attempts, middleware.After)
	})
}

// hit decides at random whether a fault happens, and counts it.
func (f *Faults) hit(chance float64, count *int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if chance == 0 || f.source().Float64() >= chance {
		return false
	}
	*count++
	return true
}

func (f *Faults) number(below int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.source().Int64N(below)
}

// source returns the seeded random numbers. The caller holds mu.
func (f *Faults) source() *rand.Rand {
	if f.random == nil {
		f.random = rand.New(rand.NewPCG(f.Seed, 0))
	}
	return f.random
}

func (f *Faults) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	if f.hit(f.Throttle, &f.done.Throttled) {
		return out, metadata, &types.ThrottlingException{Message: aws.String("throttled by the test")}
	}
	if awsmiddleware.GetOperationName(ctx) == "TransactWriteItems" && f.hit(f.Conflict, &f.done.Conflicts) {
		return out, metadata, &types.TransactionCanceledException{
			CancellationReasons: []types.CancellationReason{{Code: aws.String("TransactionConflict")}},
		}
	}
	if f.hit(f.Delay, &f.done.Delayed) {
		select {
		case <-time.After(time.Duration(f.number(int64(f.MaxDelay)))):
		case <-ctx.Done():
		}
	}
	if f.ForgetTokens {
		if err := f.newToken(in.Request.(*smithyhttp.Request)); err != nil {
			return out, metadata, err
		}
	}
	out, metadata, err = next.HandleFinalize(ctx, in)
	chance := f.Lose
	if first, _ := middleware.GetStackValue(ctx, firstAttempt{}).(*bool); f.LoseFirst && *first {
		*first, chance = false, 1
	}
	if f.hit(chance, &f.done.Lost) {
		return middleware.FinalizeOutput{}, metadata, &smithyhttp.RequestSendError{
			Err: fmt.Errorf("the response was lost by the test: %w", syscall.ECONNRESET),
		}
	}
	return out, metadata, err
}

// firstAttempt is the stack key of a *bool: the call has made no attempt yet.
type firstAttempt struct{}

// newToken gives every attempt of a transaction another token.
func (f *Faults) newToken(r *smithyhttp.Request) error {
	body, err := io.ReadAll(r.GetStream())
	if err != nil {
		return err
	}
	mark := []byte(`"ClientRequestToken":"`)
	if at := bytes.Index(body, mark); at >= 0 {
		copy(body[at+len(mark):], fmt.Sprintf("%016x", f.number(1<<62)))
	}
	replaced, err := r.SetStream(bytes.NewReader(body))
	if err != nil {
		return err
	}
	*r = *replaced
	return nil
}

// parts withholds parts of a batch from the table and reports them as throttled.
func (f *Faults) parts(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	first := true
	ctx = middleware.WithStackValue(ctx, firstAttempt{}, &first)
	switch input := in.Parameters.(type) {
	case *dynamodb.BatchExecuteStatementInput:
		return f.statements(ctx, input, next)
	case *dynamodb.BatchGetItemInput:
		return f.keys(ctx, input, next)
	}
	return next.HandleInitialize(ctx, in)
}

func (f *Faults) statements(
	ctx context.Context, input *dynamodb.BatchExecuteStatementInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	changed := *input
	changed.Statements = nil
	held := make([]bool, len(input.Statements))
	for i, statement := range input.Statements {
		// DynamoDB refuses an empty batch, so the first is always sent.
		held[i] = i > 0 && f.hit(f.Statements, &f.done.Statements)
		if !held[i] {
			changed.Statements = append(changed.Statements, statement)
		}
	}
	out, metadata, err := next.HandleInitialize(ctx, middleware.InitializeInput{Parameters: &changed})
	answer, ok := out.Result.(*dynamodb.BatchExecuteStatementOutput)
	if err != nil || !ok {
		return out, metadata, err
	}
	answered := answer.Responses
	answer.Responses = nil
	for i := range held {
		if !held[i] {
			answer.Responses, answered = append(answer.Responses, answered[0]), answered[1:]
			continue
		}
		answer.Responses = append(answer.Responses, types.BatchStatementResponse{
			Error: &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumThrottlingError},
		})
	}
	return out, metadata, nil
}

func (f *Faults) keys(
	ctx context.Context, input *dynamodb.BatchGetItemInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	changed := *input
	changed.RequestItems = map[string]types.KeysAndAttributes{}
	unread := map[string]types.KeysAndAttributes{}
	for table, wanted := range input.RequestItems {
		asked, left := wanted, wanted
		asked.Keys, left.Keys = nil, nil
		for i, key := range wanted.Keys {
			if i > 0 && f.hit(f.Unread, &f.done.Unread) {
				left.Keys = append(left.Keys, key)
				continue
			}
			asked.Keys = append(asked.Keys, key)
		}
		changed.RequestItems[table] = asked
		if len(left.Keys) > 0 {
			unread[table] = left
		}
	}
	out, metadata, err := next.HandleInitialize(ctx, middleware.InitializeInput{Parameters: &changed})
	if answer, ok := out.Result.(*dynamodb.BatchGetItemOutput); ok && err == nil && len(unread) > 0 {
		answer.UnprocessedKeys = unread
	}
	return out, metadata, err
}
