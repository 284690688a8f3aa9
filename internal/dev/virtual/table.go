package virtual

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/target"
)

// Sizes of items, in bytes.
const (
	liveSize = 150
	keySize  = 200
	pageSize = 1 << 20 // of a query
)

// table is the World's engine.Table.
type table struct{ *World }

// customerName is the id of a customer.
func customerName(id int32) string { return "c" + strconv.Itoa(int(id)) }

func customerID(name string) int32 {
	id, err := strconv.Atoi(name[1:])
	if err != nil {
		panic(err)
	}
	return int32(id)
}

func (w table) Lives(ctx context.Context, from, to engine.LiveKey) ([]engine.Live, error) {
	w.mu.Lock()
	list := w.lives(from, to)
	size := len(list) * liveSize
	pages := size/pageSize + 1
	w.Count.Queries += pages
	w.Count.ListRRU += max(1, float64((size+4095)/4096))
	w.mu.Unlock()
	if !elapse(ctx, time.Duration(pages)*QueryTime) {
		return nil, ctx.Err()
	}
	return list, nil
}

// lives returns the entries from a key to another, in order.
func (w *World) lives(from, to engine.LiveKey) (list []engine.Live) {
	if !w.sorted {
		slices.SortFunc(w.list, func(a, b *liveJourney) int { return compareKeys(a.live.Key(), b.live.Key()) })
		w.sorted = true
	}
	for _, j := range w.list {
		k := j.live.Key()
		if to != (engine.LiveKey{}) && (compareKeys(k, from) < 0 || compareKeys(k, to) > 0) {
			continue
		}
		list = append(list, j.live)
	}
	return list
}

func compareKeys(a, b engine.LiveKey) int {
	return cmp.Or(cmp.Compare(a.Tenant.String(), b.Tenant.String()), cmp.Compare(a.Journey, b.Journey))
}

func (w table) Due(ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey, limit int) ([]journey.DueKey, *journey.DueKey, error) {
	if !w.elapse(ctx, QueryTime, requestCPU) {
		return nil, nil, ctx.Err()
	}
	page, next := w.due(p, before, after, limit)
	if !w.elapse(ctx, 0, time.Duration(len(page))*keyCPU) {
		return nil, nil, ctx.Err()
	}
	return page, next, nil
}

// due reads a page of the due index.
func (w *World) due(p journey.Partition, before time.Time, after *journey.DueKey, limit int) (page []journey.DueKey, next *journey.DueKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	part := w.partition(p)
	var start key
	switch {
	case after == nil:
		part.visit(w.minute())
	case after.Customer == "":
		start = key{after.At.UnixMilli(), math.MaxInt32}
	default:
		start = key{after.At.UnixMilli(), customerID(after.Customer)}
	}
	keys := w.page(part, before.UnixMilli(), start, limit)
	w.Count.Queries++
	w.Count.DueRRU += max(1, float64((len(keys)*keySize+4095)/4096)) / 2
	page = make([]journey.DueKey, len(keys))
	for i, k := range keys {
		page[i] = journey.DueKey{Customer: customerName(k.id), At: time.UnixMilli(k.at).UTC()}
	}
	if len(page) < limit {
		return page, nil
	}
	return page, &page[len(page)-1]
}

func (w table) GrowShards(ctx context.Context, l engine.Live, shards int) error {
	if !elapse(ctx, WriteTime) {
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Count.WRU += 4
	if j := w.byID[l.Journey]; j.live.Shards == l.Shards {
		j.live.Shards = shards
	}
	return nil
}

func (w table) Drained(ctx context.Context, l engine.Live, from int) error {
	if !elapse(ctx, WriteTime) {
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Count.WRU++
	if j := w.byID[l.Journey]; j.live.DrainFrom == l.DrainFrom {
		j.live.DrainFrom, j.live.Ended = from, j.live.Ended[from-l.DrainFrom:]
	}
	return nil
}

func (w table) Definition(ctx context.Context, _ ident.Tenant, id ident.ID, _ string) ([]byte, error) {
	if !elapse(ctx, QueryTime) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Count.LoadRRU++
	return w.byID[id].graph.Raw, nil
}

func (w table) Load(ctx context.Context, _ ident.Tenant, id ident.ID, customers []string) (engine.Loaded, error) {
	if !elapse(ctx, QueryTime) {
		return engine.Loaded{}, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Count.LoadRRU += float64(2 + len(customers))
	w.Count.Loads++
	j := w.byID[id]
	list := make([]progress.Enrollment, 0, len(customers))
	for _, name := range customers {
		id := customerID(name)
		c := &w.customers[id]
		if kept := w.kept[id]; kept != nil {
			list = append(list, *kept)
		} else if c.due != 0 {
			list = append(list, j.start(name, time.UnixMilli(c.first).UTC(), w.partitions[c.in].of.Epoch))
		}
	}
	live := j.live
	return engine.Loaded{Live: &live, Enrollments: list, Targets: w.targets.Targets()}, nil
}

func (w table) PutTarget(ctx context.Context, name string, old, next target.State) (target.State, bool, error) {
	if !elapse(ctx, WriteTime) {
		return old, false, ctx.Err()
	}
	w.mu.Lock()
	w.Count.WRU++
	w.mu.Unlock()
	return w.targets.PutTarget(ctx, name, old, next)
}

func (w table) PutMessages(ctx context.Context, t ident.Tenant, records []message.Record) error {
	if !elapse(ctx, WriteTime) {
		return ctx.Err()
	}
	w.mu.Lock()
	w.Count.WRU += len(records)
	w.mu.Unlock()
	return w.targets.PutMessages(ctx, t, records)
}

func (w table) PutLine(ctx context.Context, name string, old, next target.Line) (target.Line, bool, error) {
	if !elapse(ctx, WriteTime) {
		return old, false, ctx.Err()
	}
	w.mu.Lock()
	w.Count.WRU++
	w.mu.Unlock()
	return w.targets.PutLine(ctx, name, old, next)
}

func (w table) Lines(ctx context.Context) (map[string]target.Line, error) {
	if !elapse(ctx, QueryTime) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	w.Count.Queries++
	w.mu.Unlock()
	return w.targets.Lines(ctx)
}

func (w table) Costs(ctx context.Context) (map[ident.Tenant]time.Duration, error) {
	if !elapse(ctx, QueryTime) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	w.Count.Queries++
	w.mu.Unlock()
	return w.targets.Costs(ctx)
}

func (w table) PutCost(ctx context.Context, t ident.Tenant, wave time.Duration, expires time.Time) error {
	if !elapse(ctx, WriteTime) {
		return ctx.Err()
	}
	w.mu.Lock()
	w.Count.WRU++
	w.Count.Costs++
	w.mu.Unlock()
	return w.targets.PutCost(ctx, t, wave, expires)
}

// start returns the enrollment of a customer whose wait ends at due.
func (j *liveJourney) start(name string, due time.Time, epoch int) progress.Enrollment {
	e, _ := j.graph.Graph.Start(progress.Enrollment{
		Journey: j.live.Journey, Customer: name, GraphHash: j.graph.Hash, Version: 1, Epoch: epoch,
		EnrolledAt: due.Add(-wait), ExpiresAt: due.AddDate(1, 0, 0),
	})
	return e
}

func (w table) Profiles(ctx context.Context, _ ident.Tenant, customers []string) (map[string]engine.Profile, error) {
	if !elapse(ctx, QueryTime) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Count.LoadRRU += float64(len(customers))
	return nil, nil
}

func (w table) LastEvents(context.Context, ident.Tenant, map[string][]string) (map[string]engine.LastEvents, error) {
	return nil, nil
}

func (w table) Advance(ctx context.Context, _ ident.Tenant, shards int, list []progress.Enrollment) []error {
	errs := make([]error, len(list))
	if !elapse(ctx, WriteTime) {
		for i := range errs {
			errs[i] = ctx.Err()
		}
		return errs
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range list {
		errs[i] = w.write(e, shards)
	}
	return errs
}

// write stores e if the stored revision is the one before.
func (w *World) write(e progress.Enrollment, shards int) error {
	id := customerID(e.Customer)
	c := &w.customers[id]
	kept, rev := w.kept[id], int64(1)
	if kept != nil {
		rev = kept.Rev
	}
	w.Count.WRU++
	if rev != e.Rev-1 || kept == nil && c.due == 0 {
		w.Count.Lost++
		return journey.ErrLost
	}
	due := int64(0)
	if !e.Due.IsZero() {
		due = e.Due.UnixMilli()
	}
	w.Count.WRU += w.place(id, due, shards, e.Epoch)
	if e.Status == progress.Inside {
		w.kept[id] = &e
		return nil
	}
	delete(w.kept, id)
	w.left(c, e.Status)
	return nil
}

// left records that a customer has left.
func (w *World) left(c *customer, status progress.EnrollmentStatus) {
	l := w.journeys[c.journey].live
	if status == progress.Failed {
		w.Count.Failed++
	} else {
		w.Count.Left++
	}
	w.Late[l.Tenant.String()].add(time.Since(time.UnixMilli(c.first)), w.minute())
	c.first = 0
}

func (w table) AdvanceWithProfile(
	ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, _ journey.Profile, _ int64,
) error {
	return errors.New("no journey of a World updates customers")
}
