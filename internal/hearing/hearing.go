package hearing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/message"
)

// Hearing records the events that the function feedback receives.
type Hearing struct {
	Installation string // name of the table, as messages are tagged
	Log          *slog.Logger

	// Record records feedback of a message: journey.Service.Feedback.
	Record func(ctx context.Context, t ident.Tenant, id message.ID, k feedback.Kind) error

	// Suppress makes an address take no more messages of the channel of a message.
	Suppress func(ctx context.Context, t ident.Tenant, id message.ID, r Refusal) error
}

// Refusal is an address that a provider reported as one not to send to.
type Refusal struct {
	Attribute string // of a customer, which has such addresses: "email" or "phone"
	Address   string
	Reason    string // "bounce" or "complaint"
	At        time.Time
}

// Handle records the events of one invocation. After an error, Lambda repeats it; what
// was recorded changes nothing then. Events about messages of others are passed over.
func (h *Hearing) Handle(ctx context.Context, raw []byte) error {
	notices, err := readNotices(raw)
	if err != nil {
		return err
	}
	var failed error
	for _, n := range notices {
		failed = errors.Join(failed, h.hear(ctx, n))
	}
	return failed
}

func (h *Hearing) hear(ctx context.Context, n notice) error {
	t, ok := ident.ParseTenant(n.tenant)
	id, valid := message.ParseID(n.message)
	if n.installation != h.Installation || !ok || !valid {
		h.Log.DebugContext(ctx, "feedback passed over: not of this installation", "event", n.event)
		return nil
	}
	if !n.counts {
		h.Log.InfoContext(ctx, "feedback not counted", "tenant", n.tenant, "message", n.message, "event", n.event)
		return nil
	}
	var err error
	if n.suppress != "" {
		for _, address := range n.addresses {
			err = errors.Join(err, h.Suppress(ctx, t, id, Refusal{n.attribute, address, n.suppress, n.at}))
		}
	}
	if n.test {
		return err
	}
	return errors.Join(err, h.Record(ctx, t, id, n.kind))
}
