package virtual

import (
	"context"
	"time"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Channel is what messages are sent through.
type Channel struct {
	Takes    time.Duration  // until it answers
	Hangs    bool           // it never answers
	Rate     float64        // ratePerSecond of the settings; 0 for none
	Refuses  int            // messages a second, beyond which it throttles; 0 for none
	Sent     []time.Time    // when each message was sent
	By       map[string]int // how many, by tenant
	Asked    int            // requests
	inSecond int
	second   int64
}

// channels is the World's engine.Provider, .
type channels struct{ *World }

func (c *channels) Timeout() time.Duration { return SendTimeout }

func (c *channels) ChannelTarget(_ ident.Tenant, channel string) engine.Target {
	return engine.Target{Name: "c:" + channel, Rate: c.Channels[channel].Rate}
}

func (c *channels) DecisionTarget(ident.Tenant, string) engine.Target { return engine.Target{} }

func (c *channels) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	panic("no journey of a World asks for decisions")
}

func (c *channels) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	ch := c.Channels[m.Config.Channel]
	if c.throttled(ch, m.Tenant.String()) {
		return progress.Answer{}, &engine.ThrottledError{After: time.Second}
	}
	takes, err := ch.Takes, error(nil)
	if ch.Hangs {
		takes, err = SendTimeout, engine.ErrTimedOut
	}
	if !elapse(ctx, takes) {
		return progress.Answer{}, ctx.Err()
	}
	if err != nil {
		return progress.Answer{}, err
	}
	return progress.Answer{Result: trail.Sent}, nil
}

// throttled counts a request, and reports whether the channel refuses it.
func (c *channels) throttled(ch *Channel, tenant string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch.Asked++
	now := time.Now()
	if now.Unix() != ch.second {
		ch.second, ch.inSecond = now.Unix(), 0
	}
	if ch.Refuses > 0 && ch.inSecond >= ch.Refuses {
		return true
	}
	ch.inSecond++
	if !ch.Hangs {
		ch.Sent = append(ch.Sent, now)
		if ch.By == nil {
			ch.By = map[string]int{}
		}
		ch.By[tenant]++
	}
	return false
}
