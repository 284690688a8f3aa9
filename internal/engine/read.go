package engine

import (
	"context"
	"errors"
	"time"

	"journeys/internal/journey"
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
		r.in.Attributes, r.in.HasAttributes, r.state = p.Attributes, true, stepping
	}
	return nil
}

// readEvents looks for the events that the runs wait for. It runs after the wait
// is written, while an event's handler looks for waits after it has written the
// event: so one of the two always sees the other.
func (w *worker) readEvents(ctx context.Context, runs []*run) error {
	if len(runs) == 0 {
		return nil
	}
	awaited := map[string]string{}
	for _, r := range runs {
		awaited[r.stored.Customer] = r.graph.Awaits(r.stored.Node)[0].Type
	}
	events, err := w.Table.LastEvents(ctx, w.pack.Tenant, awaited)
	if err != nil {
		return err
	}
	now := w.now()
	for _, r := range runs {
		event := events[r.stored.Customer]
		if errors.Is(event.Err, journey.ErrNewer) {
			w.passOver(ctx, r, event.Err)
			continue
		}
		if event.Err != nil { // damaged: the wait ends by its time
			w.unread = append(w.unread, event.Err)
			event.At = time.Time{}
		}
		r.in.EventAt = event.At
		r.state = done
		if r.in.EventAt.After(r.stored.Since) || !r.stored.Due.After(now) {
			if r.next.Rev == r.stored.Rev {
				r.next = r.stored.NextWrite(now)
			}
			r.state = stepping
		}
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
