package names

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"journeys/internal/ident"
)

// Record is the stored form of the names of a tenant.
type Record struct {
	Text []byte // nil if nothing is stored
	Rev  int64  // 0 if nothing is stored
}

// Store stores a Record for each tenant.
type Store interface {
	// Names returns the record of a tenant, the zero Record for none. It may be out of date.
	Names(ctx context.Context, t ident.Tenant) (Record, error)
	// PutNames stores r if the stored revision is r.Rev-1, and returns what is then
	// stored: r, or the record that another writer, or an earlier attempt, left.
	PutNames(ctx context.Context, t ident.Tenant, r Record) (Record, error)
}

// Bounds of a Collector.
const (
	maxTenants = 100
	maxWrites  = 3 // attempts of one call, against other writers
	retryAfter = 10 * time.Second
)

// Collector stores the names that it has not seen yet. It remembers what is stored of
// maxTenants tenants. Create it with NewCollector and set Timeout before the first call.
// It is safe for concurrent use.
type Collector struct {
	store Store
	now   func() time.Time
	log   *slog.Logger

	// Timeout bounds the requests of one call of Collect; zero is no bound.
	Timeout time.Duration

	mu      sync.Mutex
	tenants map[ident.Tenant]*memory
	logged  bool // an error of a call
}

// memory is what a Collector knows of a tenant.
type memory struct {
	mu sync.Mutex
	stored
	loaded bool      // stored was read
	busy   bool      // a call makes requests; only that call changes stored and loaded
	retry  time.Time // no requests before
}

// stored is what is stored of a tenant. Its maps are immutable.
type stored struct {
	rev   int64
	names Names
	left  budget
}

var errUnreadable = errors.New("names: the stored names cannot be read")

func newStored(r Record) (stored, error) {
	n, err := parse(r.Text)
	if err != nil {
		return stored{}, errUnreadable // the cause may quote names
	}
	return stored{r.Rev, n, newBudget(n)}, nil
}

// NewCollector returns a collector on a store. now is the clock.
func NewCollector(store Store, now func() time.Time, log *slog.Logger) *Collector {
	return &Collector{store: store, now: now, log: log, tenants: map[ident.Tenant]*memory{}}
}

// Read returns the names that are stored of a tenant. It may miss the newest ones.
func (c *Collector) Read(ctx context.Context, t ident.Tenant) (Names, error) {
	s, err := c.load(ctx, t)
	return s.names, err
}

func (c *Collector) load(ctx context.Context, t ident.Tenant) (stored, error) {
	record, err := c.store.Names(ctx, t)
	if err != nil {
		return stored{}, err
	}
	return newStored(record)
}

// Collect stores the new names in samples, as far as there is room for them. It makes no
// request for names that are known to be stored, one write for new ones, and one read
// before the first write of a tenant. An error is only logged, the first one: the names
// are stored when they come again, but for retryAfter no request is made for the tenant.
func (c *Collector) Collect(ctx context.Context, t ident.Tenant, samples []Sample) {
	m := c.memoryOf(t)
	known := m.known()
	found := find(known.names, known.left, samples)
	if found.empty() || !m.begin(c.now()) {
		return
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	var retry time.Time
	if err := c.save(ctx, t, m, found); err != nil {
		retry = c.now().Add(retryAfter)
		c.logFirst(ctx, t, err)
	}
	m.end(retry)
}

// memoryOf returns the memory of a tenant. It forgets any other tenant if there are too many.
func (c *Collector) memoryOf(t ident.Tenant) *memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.tenants[t]; ok {
		return m
	}
	for other := range c.tenants {
		if len(c.tenants) < maxTenants {
			break
		}
		delete(c.tenants, other)
	}
	m := &memory{stored: stored{left: newBudget(Names{})}}
	c.tenants[t] = m
	return m
}

func (m *memory) known() stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stored
}

func (m *memory) learn(s stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stored, m.loaded = s, true
}

// begin reports whether the call may make requests. Then it calls end.
func (m *memory) begin(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy || now.Before(m.retry) {
		return false
	}
	m.busy = true
	return true
}

func (m *memory) end(retry time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy, m.retry = false, retry
}

// save adds found to what is stored. When another writer was first, it adds to what that
// one stored.
func (c *Collector) save(ctx context.Context, t ident.Tenant, m *memory, found Names) error {
	if !m.loaded {
		s, err := c.load(ctx, t)
		if err != nil {
			return err
		}
		m.learn(s)
	}
	for range maxWrites {
		next, left := m.names.clone(), m.left
		if !next.add(&left, found) {
			return nil
		}
		text, err := next.encode()
		if err != nil {
			return err
		}
		record, err := c.store.PutNames(ctx, t, Record{text, m.rev + 1})
		if err != nil {
			return err
		}
		s, err := newStored(record)
		if err != nil {
			return err
		}
		m.learn(s)
	}
	return nil
}

func (c *Collector) logFirst(ctx context.Context, t ident.Tenant, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.logged {
		c.logged = true
		c.log.LogAttrs(ctx, slog.LevelWarn, "names not stored", slog.String("tenant", t.String()), slog.String("error", err.Error()))
	}
}
