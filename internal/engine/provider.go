package engine

import (
	"context"
	"errors"
	"time"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/message"
	"journeys/internal/progress"
)

// Dispatcher invokes Advance on a pack, and Sweep on a segment, asynchronously.
// Either may arrive more than once, late, or never.
type Dispatcher interface {
	Dispatch(ctx context.Context, p Pack) error
	DispatchSweep(ctx context.Context, s Segment) error
}

// Provider makes decisions and sends messages.
type Provider interface {
	// Decide returns a JSON object, or a missing value for no answer, within
	// graph.MaxDecisionTimeout.
	Decide(ctx context.Context, r DecisionRequest) (condition.Value, error)
	// Send sends a message, within Timeout. The result is Sent, with the JSON object
	// that the channel answered if there is one; SkippedNoAddress; or SkippedUncertain for an Uncertain message that its channel could send
	// twice, because it takes no keys or the message is Rekeyed, and that its node
	// does not want resent. Its error is an UncertainError, a
	// ThrottledError, or another error, after which the message was certainly
	// not sent; a RefusedError if no further attempt can send it.
	Send(ctx context.Context, m Message) (progress.Answer, error)
	// Timeout bounds each Send.
	Timeout() time.Duration
	// ChannelTarget returns what a tenant's messages to a channel are sent through.
	ChannelTarget(t ident.Tenant, channel string) Target
	// DecisionTarget returns what answers a tenant's questions to a decision flow.
	DecisionTarget(t ident.Tenant, flow string) Target
}

// Target is a channel or a decision flow as the installation knows it: tenants share it,
// and may call it differently. The zero value is one that answers at once, without a call.
type Target struct {
	Name     string  // unique among channels and decision flows; "" for no call
	Rate     float64 // effects per second in the whole installation; 0 for no limit
	Channel  string  // as catalog.List.Find names it; "" for a decision flow
	Address  string  // the customer's attribute that a channel sends to; "" for none
	Feedback bool    // of a channel that reports what became of its messages
}

var (
	// ErrTimedOut is in the error of an effect whose target did not answer in time.
	ErrTimedOut = errors.New("the target did not answer in time")
	// ErrNotCalled is in the error of an effect that failed before its target was called.
	ErrNotCalled = errors.New("the target was not called")
)

// DecisionRequest asks for the next best action for one customer.
type DecisionRequest struct {
	Key        string // the same for every attempt
	Tenant     ident.Tenant
	Journey    ident.ID
	Customer   string
	NodeID     string
	Config     graph.DecisionConfig
	Attributes condition.Value
	Now        time.Time // for conditions on dates
}

// Message is one message to one customer.
type Message struct {
	Key       string // the same for every attempt, so that a channel that takes keys sends once
	Tenant    ident.Tenant
	Journey   ident.ID
	Customer  string
	NodeID    string
	Config    graph.ActionConfig
	Facts     condition.Facts // fills the payload; has the address
	Uncertain bool            // an earlier attempt may have sent it
	Rekeyed   bool            // that attempt had another key

	ID             message.ID // the same for every attempt
	UnsubscribeURL string     // "" for a message without a topic
	Test           bool       // sent to try the node, and marked as such for the channel
}

// UnfitError means that a message lacks what its channel needs, so that the channel was not
// called. Its text has nothing of the customer.
type UnfitError struct{ Err error }

// Error describes what is wrong.
func (e *UnfitError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UnfitError) Unwrap() error { return e.Err }

// ThrottledError means that the provider wants to be asked later. It does not
// count as an attempt.
type ThrottledError struct{ After time.Duration }

// Error names the time to wait.
func (e *ThrottledError) Error() string {
	return "provider: throttled, retry after " + e.After.String()
}

// RefusedError means that the channel will never take the message as it is: its failed
// attempt is the last.
type RefusedError struct{ Err error }

// Error describes the cause.
func (e *RefusedError) Error() string { return "refused for good: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// UncertainError means that it is unknown whether a message was sent, on a
// channel that takes no key: sending it again may send it twice.
type UncertainError struct{ Err error }

// Error describes the cause.
func (e *UncertainError) Error() string { return "perhaps sent: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Err }
