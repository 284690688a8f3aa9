package engine

import (
	"context"
	"time"

	"journeys/internal/message"
)

// noteTimeout bounds the write of records. It is shorter than a lease, within which a
// record must be stored.
const noteTimeout = 5 * time.Second

// noteMessages gives the claimed messages their ids. Before they are sent, it stores what
// the ids stand for, of those with a topic and of those that their channel reports on.
// Forget cannot miss such a record, because it leaves a customer whose message is claimed.
// A claim whose record cannot be stored is given back.
func (w *worker) noteMessages(ctx context.Context, runs []*run) {
	var noted []*run
	var records []message.Record
	for _, r := range runs {
		e := &r.stored
		r.message = message.NewID(w.pack.Tenant, e.Journey, e.Customer, e.Run, e.Node, e.RequestID)
		topic := r.graph.Action(e.Node).Topic
		if topic == "" && !r.target.Feedback {
			continue
		}
		var err error
		if r.url = ""; topic != "" && w.UnsubscribeURL != nil {
			r.url, err = w.UnsubscribeURL(ctx, w.pack.Tenant, r.message)
		}
		if err != nil {
			w.Log.ErrorContext(ctx, "message not sent: no unsubscribe token", "journey", w.pack.Journey, "error", err)
			w.hold(r, w.now().Add(firstBackOff))
			continue
		}
		noted = append(noted, r)
		records = append(records, message.Record{
			ID: r.message, Channel: r.target.Channel, Topic: topic, Customer: e.Customer, Journey: e.Journey,
			GraphHash: e.GraphHash, Version: e.Version, Run: e.Run, Node: e.Node, ExpiresAt: message.Expiry(topic, w.now()),
		})
	}
	if len(records) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	if err := w.Table.PutMessages(ctx, w.pack.Tenant, records); err != nil {
		w.Log.WarnContext(ctx, "messages not sent: records not stored", "journey", w.pack.Journey, "messages", len(records), "error", err)
		for _, r := range noted {
			w.hold(r, w.now().Add(firstBackOff))
		}
	}
}
