package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/ident"
	"journeys/internal/journey"
)

// tailTime is the part of a sweep's time, before the last requests, in which it reads no
// more and dispatches what it has read.
const tailTime = 5 * time.Second

// maxErrors is how many failed reads and calls of one sweep are logged.
const maxErrors = 20

// sweeper is one invocation of Tick or Sweep that reads the shards of its journeys and
// dispatches their due customers. Engine.Parallel goroutines do that, each one request at
// a time. The tenants take turns, in which each reads a page or dispatches a pack.
//
// Each tenant may take an equal part of the workers' time. What some do not need the others
// share, once the first are done, and so on. A tenant that may dispatch no more is not
// read either. One whose packs take longer than others' waits for more turns between them.
type sweeper struct {
	*Engine
	segment Segment
	began   time.Time
	lives   []*sweptLive

	mu     sync.Mutex // guards the rest, and what the shares have
	wake   *sync.Cond // signaled when a goroutine has done something
	shares []*share
	turn   int           // of shares
	busy   int           // goroutines that are doing something
	budget time.Duration // of workers, that no share may take yet
	failed int           // scans
	counts struct{ due, packs, solo, stuck, undelivered, errors int }
	oldest time.Duration // that a customer of an active journey is late who is not stuck
}

func newSweeper(e *Engine, lives []Live, segment Segment, costs map[ident.Tenant]time.Duration, began time.Time) *sweeper {
	s := &sweeper{Engine: e, segment: segment, began: began, budget: capacity(segment.Packs)}
	s.wake = sync.NewCond(&s.mu)
	for _, l := range lives {
		s.lives = append(s.lives, &sweptLive{Live: l, occupied: l.Epoch, waiting: make([][]string, maxHalving+1)})
	}
	s.shares = s.newShares(s.lives, costs)
	return s
}

func (s *sweeper) run(ctx context.Context, function string) {
	var workers sync.WaitGroup
	for range s.Parallel {
		workers.Go(func() { s.work(ctx) })
	}
	workers.Wait()
	s.dispatchSolo(ctx)
	s.growShards(ctx)
	s.finishDrains(ctx)
	s.report(ctx, function)
}

// work reads and dispatches until nothing is left, or time is nearly up.
func (s *sweeper) work(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		share, pack, scan := s.next(ctx)
		switch {
		case pack != nil:
			s.mu.Unlock()
			pack.At = s.now()
			err := s.Dispatcher.Dispatch(ctx, *pack)
			s.mu.Lock()
			s.dispatched(ctx, *pack, err)
		case scan != nil:
			s.mu.Unlock()
			page, err := scan.read(ctx, s.Table, s.began)
			s.mu.Lock()
			s.wasRead(ctx, share, scan, page, err)
		default:
			return
		}
		s.busy--
		s.wake.Broadcast()
	}
}

// next waits for something to do and takes it. Both are nil if nothing is left.
func (s *sweeper) next(ctx context.Context) (*share, *Pack, *scan) {
	for !nearEnd(ctx) {
		waits, reading := false, false
		for range s.shares {
			h := s.shares[s.turn]
			s.turn = (s.turn + 1) % len(s.shares)
			reading = reading || h.reading > 0
			if h.passes() {
				waits = true
				continue
			}
			pack, scan := h.next(fits(ctx, tailTime))
			if pack != nil || scan != nil {
				s.busy++
				return h, pack, scan
			}
			if h.done() {
				s.budget += h.allowed
				h.allowed = 0
			}
		}
		switch {
		case waits && !reading: // for nothing but turns
		case s.busy > 0:
			s.wake.Wait()
		case !s.allot():
			return nil, nil, nil
		}
	}
	return nil, nil, nil
}

// allot divides the budget among the tenants that need more. Where the parts are too small
// for a pack, those whose turn it is in this minute get a pack each. It reports whether one
// got something.
func (s *sweeper) allot() bool {
	var needy []*share
	for _, h := range s.shares {
		if !h.done() {
			needy = append(needy, h)
		}
	}
	for i, h := range needy {
		if s.budget > 0 {
			h.allowed += takePart(&s.budget, len(needy)-i)
		}
	}
	if slices.ContainsFunc(needy, (*share).mayGoOn) {
		return true
	}
	for _, h := range needy {
		s.budget += h.allowed
		h.allowed = 0
	}
	for _, h := range needy {
		need := h.need()
		if rest := s.budget; rest < need { // too little for a pack: it is one in some minutes
			s.budget = 0
			if s.Jitter()*float64(need) < float64(rest) {
				h.allowed = need
			}
			break
		}
		h.allowed = need
		s.budget -= need
	}
	return slices.ContainsFunc(needy, (*share).mayGoOn)
}

// dispatched counts a pack.
func (s *sweeper) dispatched(ctx context.Context, p Pack, err error) {
	s.counts.packs++
	if err != nil {
		s.counts.undelivered += len(p.Customers)
		s.logError(ctx, "pack not dispatched", p.Journey, -1, err)
	}
}

// wasRead puts the customers of a page into packs, and a shard that has another page at
// the end of its tenant's queue.
func (s *sweeper) wasRead(ctx context.Context, h *share, scan *scan, page []journey.DueKey, err error) {
	h.reading--
	if err != nil {
		s.failed++
		scan.occupy()
		s.logError(ctx, "shard scan stopped", scan.partition.Journey, scan.partition.Shard, err)
		return
	}
	s.counts.due += len(page)
	if !scan.drain {
		scan.live.due += len(page)
	}
	if !scan.empty {
		scan.occupy()
	}
	behind := scan.pages > 1 || scan.next != nil
	for _, key := range page {
		late := scan.late(key, s.began)
		if late >= StuckAfter {
			s.counts.stuck++
		} else {
			s.oldest = max(s.oldest, late)
		}
		o, ok := overdue{scan.live, key.Customer, late, behind}, true
		if late >= SoloAfter {
			o, ok = h.addSolo(o)
		}
		if ok {
			h.add(o)
		}
	}
	if scan.next != nil {
		h.scans = append(h.scans, scan)
	}
}

// dispatchSolo dispatches the longest overdue customers in packs of one, tenants in turn.
func (s *sweeper) dispatchSolo(ctx context.Context) {
	var packs []Pack
	for _, h := range s.shares {
		for _, o := range h.solo.list {
			packs = append(packs, Pack{Tenant: h.tenant, Journey: o.live.Journey, Customers: []string{o.customer}, Solo: true, Wave: h.wave, At: s.now()})
		}
	}
	packs = inTurn(packs, func(p Pack) string { return p.Tenant.String() })
	for i, err := range s.each(ctx, len(packs), func(i int) error { return s.Dispatcher.Dispatch(ctx, packs[i]) }) {
		s.counts.solo++
		s.dispatched(ctx, packs[i], err)
	}
}

// each calls do for 0 to n-1, Engine.Parallel at a time, and returns the errors. When time
// is nearly up, the error of those that are left is context.DeadlineExceeded.
func (e *Engine) each(ctx context.Context, n int, do func(i int) error) []error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(e.Parallel)
	for i := range n {
		group.Go(func() error {
			if errs[i] = context.DeadlineExceeded; !nearEnd(ctx) {
				errs[i] = do(i)
			}
			return nil
		})
	}
	_ = group.Wait() // each error is in errs
	return errs
}
