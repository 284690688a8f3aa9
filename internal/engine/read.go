package engine

import "context"

// readProfiles loads the attributes of the runs' customers. A customer whose
// profile is damaged is passed over.
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
			w.unread = append(w.unread, p.Err)
			r.state = done
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
		awaited[r.stored.Customer] = r.graph.AwaitedEvent(r.stored.Node)
	}
	events, err := w.Table.LastEvents(ctx, w.pack.Tenant, awaited)
	unread, err := splitUnread(err)
	if err != nil {
		return err
	}
	w.unread = append(w.unread, unread...)
	now := w.now()
	for _, r := range runs {
		r.in.EventAt = events[r.stored.Customer]
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
