package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-json-experiment/json"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/manifest"
)

// packEvent is the payload of an invocation of advance.
type packEvent struct {
	Tenant    string   `json:"tenant"`
	Journey   ident.ID `json:"journeyId"`
	Customers []string `json:"customers"`
	Solo      bool     `json:"solo,omitzero"`
	Wave      int64    `json:"waveMs,omitzero"`
	At        int64    `json:"at,omitzero"` // ms
}

func (p packEvent) pack() (engine.Pack, error) {
	tenant, ok := ident.ParseTenant(p.Tenant)
	if !ok || !p.Journey.Valid() || len(p.Customers) > engine.PackSize {
		return engine.Pack{}, errors.New("the payload is not a pack of customers")
	}
	pack := engine.Pack{
		Tenant: tenant, Journey: p.Journey, Customers: p.Customers, Solo: p.Solo, Wave: time.Duration(max(p.Wave, 0)) * time.Millisecond,
	}
	if p.At > 0 {
		pack.At = time.UnixMilli(p.At).UTC()
	}
	return pack, nil
}

// segmentEvent is the payload of an invocation of sweep.
type segmentEvent struct {
	From  liveKey `json:"from"`
	To    liveKey `json:"to"`
	Packs int     `json:"packs"`
	Solo  int     `json:"solo"`
}

type liveKey struct {
	Tenant  string   `json:"tenant"`
	Journey ident.ID `json:"journeyId"`
}

func (s segmentEvent) segment() (engine.Segment, error) {
	from, ok := s.From.parse()
	to, alsoOK := s.To.parse()
	if !ok || !alsoOK || s.Packs < 0 || s.Solo < 0 {
		return engine.Segment{}, errors.New("the payload is not a segment of the live journeys")
	}
	return engine.Segment{From: from, To: to, Packs: s.Packs, Solo: s.Solo}, nil
}

func (k liveKey) parse() (engine.LiveKey, bool) {
	tenant, ok := ident.ParseTenant(k.Tenant)
	return engine.LiveKey{Tenant: tenant, Journey: k.Journey}, ok && k.Journey.Valid()
}

// Invoke invokes the named function asynchronously: it returns once Lambda has
// queued the invocation.
type Invoke func(ctx context.Context, name string, payload []byte) error

// NewInvoke builds an Invoke. invoke.New implements it; it is an argument so that
// only functions that invoke others link Lambda's client.
type NewInvoke func(aws.Config) Invoke

// dispatcher invokes advance and sweep.
type dispatcher struct {
	invoke         Invoke
	advance, sweep string // names of the functions
}

func newDispatcher(settings map[string]string, newInvoke NewInvoke) *dispatcher {
	return &dispatcher{newInvoke(awsConfig()), settings[manifest.EnvAdvance], settings[manifest.EnvSweep]}
}

// Dispatch implements engine.Dispatcher.
func (d *dispatcher) Dispatch(ctx context.Context, p engine.Pack) error {
	event := packEvent{Tenant: p.Tenant.String(), Journey: p.Journey, Customers: p.Customers, Solo: p.Solo, Wave: p.Wave.Milliseconds()}
	if !p.At.IsZero() {
		event.At = p.At.UnixMilli()
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode a pack: %w", err)
	}
	return d.invokeSoon(ctx, d.advance, payload)
}

// DispatchSweep implements engine.Dispatcher.
func (d *dispatcher) DispatchSweep(ctx context.Context, s engine.Segment) error {
	payload, err := json.Marshal(segmentEvent{
		liveKey{s.From.Tenant.String(), s.From.Journey}, liveKey{s.To.Tenant.String(), s.To.Journey}, s.Packs, s.Solo,
	})
	if err != nil {
		return fmt.Errorf("encode a segment: %w", err)
	}
	return d.invokeSoon(ctx, d.sweep, payload)
}

// invokeTimeout bounds each invocation, so that a hanging API of Lambda does not use up
// the time of all.
const invokeTimeout = 2 * time.Second

func (d *dispatcher) invokeSoon(ctx context.Context, name string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, invokeTimeout)
	defer cancel()
	return d.invoke(ctx, name, payload)
}

// nudgeTimeout bounds the delay that a nudge adds to an answer.
const nudgeTimeout = 2 * time.Second

// nudge returns a journey.Service.Nudge that dispatches the customers in packs.
// It gives up on the first error: tick will find the rest.
func (d *dispatcher) nudge(log *slog.Logger) func(context.Context, ident.Tenant, ident.ID, []string) {
	return func(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) {
		ctx, cancel := context.WithTimeout(ctx, nudgeTimeout)
		defer cancel()
		for len(customers) > 0 {
			n := min(len(customers), engine.PackSize)
			if err := d.Dispatch(ctx, engine.Pack{Tenant: t, Journey: id, Customers: customers[:n], At: time.Now()}); err != nil {
				log.WarnContext(ctx, "nudge failed: customers left to tick", "journey", id, "error", err)
				return
			}
			customers = customers[n:]
		}
	}
}
