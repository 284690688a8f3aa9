package dynamotest

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
)

// turnKey is the key of a function that returns when the next request may be made.
type turnKey struct{}

// InTurns is an option of a client. The requests of calls that Interleave makes wait for
// their turns.
func InTurns(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("InTurns", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			if wait, ok := ctx.Value(turnKey{}).(func()); ok {
				wait()
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	})
}

// Interleave makes two calls and returns how many requests each made. The calls take turns,
// the first one first: turns says how many requests each turn has, at most. Then the one
// whose turn is next runs to its end, and the other one after it. A call waits before its
// next request while it is not its turn.
func Interleave(ctx context.Context, turns []int, first, second func(ctx context.Context)) (requests [2]int) {
	calls := [2]*inTurns{newInTurns(ctx, first), newInTurns(ctx, second)}
	for i, n := range turns {
		calls[i%2].play(n)
	}
	for i := range calls {
		calls[(len(turns)+i)%2].play(-1)
	}
	return [2]int{calls[0].requests, calls[1].requests}
}

// inTurns is a call that makes requests in turns.
type inTurns struct {
	begin       func()
	asks, takes chan bool
	done        chan bool
	begun       bool
	waits       bool // for its turn
	requests    int
}

func newInTurns(ctx context.Context, call func(ctx context.Context)) *inTurns {
	p := &inTurns{asks: make(chan bool), takes: make(chan bool), done: make(chan bool)}
	ctx = context.WithValue(ctx, turnKey{}, func() {
		p.asks <- true
		<-p.takes
	})
	p.begin = func() {
		go func() {
			defer close(p.done)
			call(ctx)
		}()
	}
	return p
}

// play lets the call make n requests, all for -1, and what it does up to the next one.
func (p *inTurns) play(n int) {
	if !p.begun {
		p.begun = true
		p.begin()
	}
	for ; ; n-- {
		if !p.waits {
			select {
			case <-p.asks:
				p.waits = true
			case <-p.done:
				return
			}
		}
		if n == 0 {
			return
		}
		p.waits = false
		p.requests++
		p.takes <- true
	}
}
