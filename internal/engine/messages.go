package engine

import (
	"context"
	"time"

	"journeys/internal/graph"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/trail"
)

// noteTimeout bounds the write of records. It is shorter than a lease, within which a
// record must be stored.
const noteTimeout = 5 * time.Second

// noteMessages gives the claimed messages their ids. Before they are sent, it stores what
// the ids stand for, of those with a topic and of those that their channel reports on.
// Forget cannot miss such a record, because it leaves a customer whose message is claimed.
// A claim that was written too late is given back, and so is one whose record cannot be
// stored, or not while it certainly lasts.
func (w *worker) noteMessages(ctx context.Context, runs []*run) {
	var noted []*run
	var records []message.Record
	for _, r := range runs {
		if w.claimedLate(r) {
			w.hold(r, w.now().Add(time.Second))
			continue
		}
		e := &r.stored
		r.message = message.NewID(w.pack.Tenant, e.Journey, e.Customer, e.Run, e.Node, e.RequestID)
		topic := r.graph.Action(e.Node).Topic
		if r.url = ""; topic == "" && !r.target.Feedback {
			continue
		}
		if w.now().Add(noteTimeout).After(e.LeaseUntil) { // then Forget may not leave the customer any more
			w.hold(r, w.now().Add(firstBackOff))
			continue
		}
		record, err := w.record(ctx, r)
		if err != nil {
			w.Log.ErrorContext(ctx, "message not sent: no key", "journey", w.pack.Journey, "error", err)
			w.hold(r, w.now().Add(firstBackOff))
			continue
		}
		noted, records = append(noted, r), append(records, record)
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

// record returns what the id of r's message stands for. It also sets r.url if the message
// has a topic.
func (w *worker) record(ctx context.Context, r *run) (message.Record, error) {
	e, action := &r.stored, r.graph.Action(r.stored.Node)
	topic := action.Topic
	record := message.Record{
		ID: r.message, Channel: r.target.Channel, Named: action.Channel, Topic: topic, Customer: e.Customer, Journey: e.Journey,
		GraphHash: e.GraphHash, Version: e.Version, Run: e.Run, Node: e.Node, ExpiresAt: message.Expiry(topic, w.now()),
	}
	if topic == "" {
		return record, nil
	}
	k, err := w.Key.Key(ctx)
	if err != nil {
		return record, err
	}
	r.url = w.PublicURL + manifest.UnsubscribePath(message.Token(k, w.pack.Tenant, r.message))
	if address := r.target.Address; address != "" {
		record.Address = k.Address(w.pack.Tenant, address, graph.AddressIn(r.in.Attributes, address))
	}
	return record, nil
}

// noteChannels remembers through which channels messages were sent.
func (w *worker) noteChannels(messages []*run) {
	for _, r := range messages {
		if r.target.Feedback && r.hasAnswer && r.in.Answer.Result == trail.Sent {
			w.sent[r.target.Channel] = true
		}
	}
}

// tellChannels tells Sent the channels, if there is time.
func (w *worker) tellChannels(ctx context.Context) {
	if w.Sent == nil {
		return
	}
	for channel := range w.sent {
		if !nearEnd(ctx) {
			w.Sent(ctx, channel)
		}
	}
}
