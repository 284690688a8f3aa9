package engine

import (
	"context"
	"errors"

	"journeys/internal/journey"
	"journeys/internal/progress"
)

// readProfiles loads the attributes of the runs' customers. A customer whose
// profile cannot be read is passed over.
func (w *worker) readProfiles(ctx context.Context, runs []*run) error {
	customers := make([]string, len(runs))
	for i, r := range runs {
		customers[i] = r.next.Customer
	}
	profiles, err := w.Table.Profiles(ctx, w.pack.Tenant, customers)
	if err != nil {
		return err
	}
	for _, r := range runs {
		p := profiles[r.next.Customer]
		if p.Err != nil {
			w.passOver(ctx, r, p.Err)
			continue
		}
		r.in.Attributes, r.in.HasAttributes, r.profile, r.state = p.Attributes, true, p.Stored, stepping
		r.in.ProfileRev = p.Stored.Rev
		if r.graph.HasUnknownZone(&r.next, p.Attributes) {
			w.counts.unknownZones++
		}
	}
	return nil
}

// readEvents looks for the events that the runs wait for, or that conditions of their
// nodes ask for. At a wait it runs after the wait is written, while an event's handler
// looks for waits after it has written the event: so one of the two always sees the other.
func (w *worker) readEvents(ctx context.Context, runs []*run) error {
	if len(runs) == 0 {
		return nil
	}
	wanted := map[string][]string{}
	for _, r := range runs {
		wanted[r.next.Customer] = r.next.Qualified(r.graph.EventsFor(&r.next))
	}
	events, err := w.Table.LastEvents(ctx, w.pack.Tenant, wanted)
	if err != nil {
		return err
	}
	for _, r := range runs {
		known := events[r.next.Customer]
		if errors.Is(known.Err, journey.ErrNewer) {
			w.passOver(ctx, r, known.Err)
			continue
		}
		if known.Err != nil { // damaged: those events count as not received
			w.unread = append(w.unread, known.Err)
		}
		r.in.Events = map[string][]progress.Received{}
		for i, eventType := range r.graph.EventsFor(&r.next) {
			r.in.Events[eventType] = known.ByType[wanted[r.next.Customer][i]]
		}
		if r.next.Rev == r.stored.Rev {
			r.next = r.stored.NextWrite(w.now())
		}
		r.state = stepping
	}
	return nil
}

// passOver leaves r's customer where it is stored, because something that the run
// needs cannot be read. An attempt that was counted ahead is given back.
func (w *worker) passOver(ctx context.Context, r *run, cause error) {
	w.unread = append(w.unread, cause)
	if r.aheadRev != 0 && r.aheadRev == r.stored.Rev {
		r.next, r.state = r.stored.NextWrite(w.now()), recording
		r.next.Attempts--
		w.write(ctx, []*run{r})
	}
	r.state = done
}
