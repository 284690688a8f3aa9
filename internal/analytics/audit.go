package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// Audit is the audit of an installation that is under way, or was the last. It
// compares what is counted through Day with what the enrollments say.
//
// It reads the table in segments at a time. When its time is up, what it found
// so far is stored with where each segment stands, so that any run goes on where
// another stopped. Read twice, an enrollment says the same: what was true at the
// end of Day does not change any more. Only somebody who is forgotten meanwhile
// moves, from their own key to a nameless one, and may be met twice or not at
// all. So what differs is looked at in a second pass, and is drift if it differs
// by the same again, unless that pass met somebody of the journey who was
// forgotten since the audit began: the first may not have met them.
type Audit struct {
	Rev      int64 // counts writes, from 1; 0 before the first
	Day      Day
	Began    time.Time
	Pass     int // 1, or 2 to confirm Suspects
	Done     bool
	Segments []Segment
	Recount  *Recount // what was read so far
	Suspects []Difference
}

// Segment is how far an audit got in one segment of the table.
type Segment struct {
	Done   bool
	Cursor []byte // where to go on; nil for the start
}

// Difference is by how much the figures of one graph are wrong.
type Difference struct {
	JourneyKey
	Graph   string // hash
	Missing Graph  // what has to be added to make them right
}

// Recount is what enrollments say.
type Recount struct {
	Figures map[JourneyKey]*Figures       // also of those of which only counters were met
	Wrong   map[JourneyKey]map[string]int // how many enrollments cannot be true, by graph hash; "" is figures that cannot be read
	Moved   map[JourneyKey]bool           // somebody was forgotten since the audit began
}

// NewRecount returns a recount of nothing.
func NewRecount() *Recount {
	return &Recount{
		Figures: map[JourneyKey]*Figures{}, Wrong: map[JourneyKey]map[string]int{}, Moved: map[JourneyKey]bool{},
	}
}

func (r *Recount) of(k JourneyKey) *Figures {
	f := r.Figures[k]
	if f == nil {
		f = &Figures{}
		r.Figures[k] = f
	}
	return f
}

// AddWrong adds n enrollments that cannot be true.
func (r *Recount) AddWrong(k JourneyKey, graph string, n int) {
	if r.Wrong[k] == nil {
		r.Wrong[k] = map[string]int{}
	}
	r.Wrong[k][graph] += n
}

func (r *Recount) merge(o *Recount) {
	for k, f := range o.Figures {
		r.of(k).Merge(f)
	}
	for k, graphs := range o.Wrong {
		for graph, n := range graphs {
			r.AddWrong(k, graph, n)
		}
	}
	for k := range o.Moved {
		r.Moved[k] = true
	}
}

// Scanned is what one page of the table holds.
type Scanned struct {
	Enrollments []ScannedEnrollment
	Counted     []JourneyKey // journeys of which there are counters; may repeat
}

// ScannedEnrollment is an enrollment, or an item of that kind that cannot be
// read.
type ScannedEnrollment struct {
	JourneyKey
	journey.Enrollment
	Forgotten time.Time // when the customer was; zero for whoever has a name
	Err       error
}

// AuditTable is what an audit needs of the table.
type AuditTable interface {
	// Audit returns the audit; the zero Audit when there was none.
	Audit(ctx context.Context) (Audit, error)
	// PutAudit stores the audit if the stored Rev is its own less one, or
	// ErrStale.
	PutAudit(ctx context.Context, a Audit) error
	// Scan returns the next page of a segment and where the page after begins,
	// nil for none.
	Scan(ctx context.Context, segment, of int, cursor []byte) (Scanned, []byte, error)
	// PutRepair stores a repair unless there is one of that graph and day.
	PutRepair(ctx context.Context, k JourneyKey, r Repair) error
}

// progress is what a run has to say of the audit.
type progress struct {
	day  Day
	done bool // in this run
	left int  // segments
}

// audit begins the audit of the newest day that is closed, unless there was one,
// or goes on with it.
func (r *Rollup) audit(ctx context.Context, now time.Time) (progress, error) {
	day := closable(now)
	a, err := r.Table.Audit(ctx)
	if err != nil || a.Day > day || a.Day == day && a.Done {
		return progress{day: a.Day}, err
	}
	if a.Day != day {
		a = Audit{Rev: a.Rev, Day: day, Began: now}
		r.beginPass(&a, nil)
	}
	for {
		before := a.left()
		err := r.read(ctx, &a)
		left := a.left()
		if before > 0 { // stored before it is compared, which may take long or fail
			a.Rev++
			putErr := r.Table.PutAudit(context.WithoutCancel(ctx), a)
			if left > 0 || putErr != nil {
				return progress{day: day, left: left}, errors.Join(err, staleIsFine(putErr))
			}
		}
		differences, err := r.compare(ctx, &a)
		if err != nil {
			return progress{day: day}, err
		}
		if a.Pass == 1 && len(differences) > 0 {
			r.beginPass(&a, differences)
			continue
		}
		return r.finish(ctx, a, now, r.confirmed(ctx, &a, differences))
	}
}

// beginPass makes a ready to read the whole table: again, when there are
// suspects.
func (r *Rollup) beginPass(a *Audit, suspects []Difference) {
	a.Pass++
	a.Segments = make([]Segment, cmp.Or(r.Segments, defaultSegments))
	a.Recount, a.Suspects = NewRecount(), suspects
}

// staleIsFine takes it that another run is at it.
func staleIsFine(err error) error {
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

// left returns how many segments are left of the pass.
func (a *Audit) left() (n int) {
	for _, s := range a.Segments {
		if !s.Done {
			n++
		}
	}
	return n
}

// read reads what is left of the pass, until time is up.
func (r *Rollup) read(ctx context.Context, a *Audit) error {
	shapes := &shapes{table: r.Table, kept: map[shapeKey]*journey.Shape{}}
	var failed failures
	var running sync.WaitGroup
	slots := make(chan struct{}, r.workers())
	recounts := make(chan *Recount, r.workers())
	for range r.workers() {
		recounts <- NewRecount()
	}
	for i := range a.Segments {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			to := <-recounts // each worker its own
			defer func() { recounts <- to }()
			if err := r.readSegment(ctx, a, i, to, shapes); err != nil {
				failed.add(err)
			}
		})
	}
	running.Wait()
	close(recounts)
	for part := range recounts {
		a.Recount.merge(part)
	}
	return failed.all
}

// readSegment reads a segment to its end, or until time is up. A page counts
// with the cursor behind it.
func (r *Rollup) readSegment(ctx context.Context, a *Audit, number int, to *Recount, shapes *shapes) error {
	s := &a.Segments[number]
	for !s.Done && !nearEnd(ctx) {
		page, next, err := r.Table.Scan(ctx, number, len(a.Segments), s.Cursor)
		if err != nil {
			return err
		}
		for _, k := range page.Counted {
			to.of(k)
		}
		// All that can fail comes before anything is counted: the page comes
		// again when it does.
		for i := range page.Enrollments {
			if e := &page.Enrollments[i]; e.Err == nil {
				if err := shapes.check(ctx, e); err != nil {
					return err
				}
			}
		}
		for i := range page.Enrollments {
			r.recountOne(ctx, a, &page.Enrollments[i], to)
		}
		s.Cursor, s.Done = next, next == nil
	}
	return nil
}

// clocksApart is by how much the clock of whoever forgets may be behind.
const clocksApart = 5 * time.Minute

// recountOne adds what an enrollment says. One that cannot be true says nothing.
func (r *Rollup) recountOne(ctx context.Context, a *Audit, e *ScannedEnrollment, to *Recount) {
	if e.Forgotten.After(a.Began.Add(-clocksApart)) {
		to.Moved[e.JourneyKey] = true
	}
	if e.Err == nil {
		to.of(e.JourneyKey).Recount(e.Enrollment, a.Day)
		return
	}
	to.of(e.JourneyKey)
	to.AddWrong(e.JourneyKey, e.GraphHash, 1)
	r.Log.ErrorContext(ctx, "an enrollment cannot be true",
		"tenant", e.Tenant.String(), "journey", e.JourneyKey.Journey, "graph", e.GraphHash, "version", e.Version,
		"enrolledAt", e.EnrolledAt, "rev", e.Rev, "error", e.Err)
}

var errNoGraph = errors.New("its journey has no such graph that can be read")

// check notes in e what cannot be true of it.
func (s *shapes) check(ctx context.Context, e *ScannedEnrollment) error {
	shape, err := s.get(ctx, e.JourneyKey, e.GraphHash)
	if err != nil {
		return err
	}
	if e.Err = errNoGraph; shape != nil {
		e.Err = shape.Check(e.Enrollment)
	}
	return nil
}

// shapes keeps the shape of every graph that an audit meets: some 50 bytes for
// each node.
type shapes struct {
	table Table
	mu    sync.Mutex
	kept  map[shapeKey]*journey.Shape
}

type shapeKey struct {
	JourneyKey
	hash string
}

// get returns a graph's shape, nil when there is no such graph that can be read.
func (s *shapes) get(ctx context.Context, k JourneyKey, hash string) (*journey.Shape, error) {
	key := shapeKey{k, hash}
	s.mu.Lock()
	shape, ok := s.kept[key]
	s.mu.Unlock()
	if ok {
		return shape, nil
	}
	raw, err := s.table.Definition(ctx, k.Tenant, k.Journey, hash)
	switch {
	case errors.Is(err, journey.ErrDamaged):
	case err != nil:
		return nil, err
	default:
		if d, err := journey.LoadDefinition(raw, hash); err == nil {
			found := d.Graph.Shape()
			shape = &found
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[key] = shape
	return shape, nil
}

// compare returns what is wrong in the figures of journeys. Where enrollments
// are wrong, nothing is known of their graph's figures. Figures that cannot be
// read are told, and keep no other journey from being audited.
func (r *Rollup) compare(ctx context.Context, a *Audit) ([]Difference, error) {
	var mu sync.Mutex
	var list []Difference
	var failed failures
	var running sync.WaitGroup
	slots := make(chan struct{}, r.workers())
	for k, f := range a.Recount.Figures {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			c, err := readCounters(ctx, r.Table, k.Tenant, k.Journey, Range{})
			if err == nil && c.beyond(a.Day) {
				err = errBeyond
			}
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, ErrUnreadable) {
				a.Recount.Wrong[k] = map[string]int{"": 1}
				r.Log.ErrorContext(ctx, "a journey's figures cannot be read",
					"tenant", k.Tenant.String(), "journey", k.Journey, "error", err)
				return
			}
			if err != nil {
				failed.add(err)
				return
			}
			counted := c.before(a.Day)
			list = append(list, differences(k, &counted, f, a.Recount.Wrong[k])...)
		})
	}
	running.Wait()
	slices.SortFunc(list, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Tenant.String(), b.Tenant.String()), cmp.Compare(a.Journey, b.Journey), cmp.Compare(a.Graph, b.Graph))
	})
	return list, failed.all
}

var errBeyond = errors.New("analytics: the audit is overtaken by a fold of a later day; the next one begins anew")

// beyond reports whether a total has counts of a later day.
func (c *Counters) beyond(day Day) bool {
	for _, t := range c.Totals {
		if t.Through > day {
			return true
		}
	}
	return false
}

// before returns what was counted through a day before the audit of that day
// repaired anything, which a run may have done that did not come to its end.
func (c *Counters) before(day Day) Figures {
	f := c.through(day)
	for i := range c.Repairs {
		if r := &c.Repairs[i]; r.Day == day {
			r.Counts.takeFrom(f.Graph(r.Graph, 0))
		}
	}
	return f
}

// differences returns for each graph what is missing in what was counted.
func differences(k JourneyKey, counted, recounted *Figures, wrong map[string]int) []Difference {
	hashes := map[string]bool{}
	for hash := range counted.Graphs {
		hashes[hash] = true
	}
	for hash := range recounted.Graphs {
		hashes[hash] = true
	}
	var list []Difference
	for hash := range hashes {
		missing := Graph{Version: max(counted.Graph(hash, 0).Version, recounted.Graph(hash, 0).Version)}
		recounted.Graph(hash, 0).addTo(&missing)
		counted.Graph(hash, 0).takeFrom(&missing)
		if !missing.zero() && wrong[hash] == 0 {
			list = append(list, Difference{k, hash, missing})
		}
	}
	return list
}

// takeFrom subtracts g from another.
func (g *Graph) takeFrom(from *Graph) {
	minus := Graph{Steps: make([]Step, len(g.Steps))}
	minus.Totals = Totals{-g.Enrolled, -g.Completed, -g.Expired, -g.Cancelled, -g.Failed}
	for i, s := range g.Steps {
		minus.Steps[i] = Step{-s.Entered, -s.Completed, -s.Failed, -s.Dropped, -s.True, -s.False}
	}
	minus.addTo(from)
}

// confirmed returns the differences that were found in both passes, of journeys
// that nobody was forgotten from meanwhile.
func (r *Rollup) confirmed(ctx context.Context, a *Audit, differences []Difference) []Difference {
	return slices.DeleteFunc(differences, func(d Difference) bool {
		if a.Recount.Moved[d.JourneyKey] {
			r.Log.WarnContext(ctx, "not judged: a customer was forgotten since the audit began",
				"tenant", d.Tenant.String(), "journey", d.Journey, "graph", d.Graph, "through", string(a.Day))
			return true
		}
		return !slices.ContainsFunc(a.Suspects, func(s Difference) bool {
			return s.JourneyKey == d.JourneyKey && s.Graph == d.Graph && s.Missing.Totals == d.Missing.Totals &&
				slices.Equal(trimmed(s.Missing.Steps), trimmed(d.Missing.Steps))
		})
	})
}

func trimmed(steps []Step) []Step {
	for len(steps) > 0 && steps[len(steps)-1] == (Step{}) {
		steps = steps[:len(steps)-1]
	}
	return steps
}

// finish tells of drift, repairs it, and ends the audit. All is told before
// anything is done: a run that dies on the way may be followed by one that tells
// of it again, or by one that finds it repaired.
func (r *Rollup) finish(ctx context.Context, a Audit, now time.Time, drift []Difference) (progress, error) {
	wrong, figures := 0, 0
	for _, graphs := range a.Recount.Wrong {
		for _, n := range graphs {
			wrong += n
		}
	}
	for _, d := range drift {
		figures += r.tell(ctx, a.Day, d, a.Recount)
	}
	attrs := emf.Attrs(now, r.Installation,
		count("Audits", 1), count("Drift", figures), count("WrongItems", wrong))
	r.Log.LogAttrs(ctx, slog.LevelInfo, "audit", append(attrs,
		slog.String("through", string(a.Day)), slog.Int("journeys", len(a.Recount.Figures)), slog.Int("pass", a.Pass))...)
	for _, d := range drift {
		r.Log.WarnContext(ctx, "figures repaired", "tenant", d.Tenant.String(), "journey", d.Journey,
			"graph", d.Graph, "through", string(a.Day))
		err := r.Table.PutRepair(ctx, d.JourneyKey, Repair{Graph: d.Graph, Day: a.Day, Counts: d.Missing, Made: now})
		if err != nil {
			return progress{day: a.Day}, err
		}
	}
	a = Audit{Rev: a.Rev + 1, Day: a.Day, Pass: a.Pass, Done: true}
	return progress{day: a.Day, done: true}, staleIsFine(r.Table.PutAudit(ctx, a))
}

// tell logs every figure that is wrong, and returns how many they are.
func (r *Rollup) tell(ctx context.Context, day Day, d Difference, recount *Recount) int {
	g := recount.of(d.JourneyKey).Graph(d.Graph, 0)
	n := 0
	line := func(node int, figure string, missing, recounted int64) {
		if missing == 0 {
			return
		}
		n++
		attrs := []any{
			"tenant", d.Tenant.String(), "journey", d.Journey, "graph", d.Graph, "version", d.Missing.Version,
			"through", string(day), "figure", figure, "counted", recounted - missing, "recounted", recounted,
		}
		if node >= 0 {
			attrs = append(attrs, "node", r.nodeID(ctx, d, node))
		}
		r.Log.ErrorContext(ctx, "drift", attrs...)
	}
	for _, t := range totalFigures {
		line(-1, t.name, t.of(&d.Missing.Totals), t.of(&g.Totals))
	}
	for i := range d.Missing.Steps {
		recounted := g.step(i)
		for _, s := range stepFigures {
			line(i, s.name, s.of(&d.Missing.Steps[i]), s.of(&recounted))
		}
	}
	return n
}

// nodeID returns the id of a node for the log, or its index.
func (r *Rollup) nodeID(ctx context.Context, d Difference, node int) string {
	definition, err := r.definitions.Get(d.Tenant, d.Journey, d.Graph, func() ([]byte, error) {
		return r.Table.Definition(ctx, d.Tenant, d.Journey, d.Graph)
	})
	if err != nil || node >= definition.Graph.Len() {
		return fmt.Sprintf("index %d", node)
	}
	return definition.Graph.NodeID(node)
}

var totalFigures = []struct {
	name string
	of   func(*Totals) int64
}{
	{"enrolled", func(t *Totals) int64 { return t.Enrolled }},
	{"completed", func(t *Totals) int64 { return t.Completed }},
	{"expired", func(t *Totals) int64 { return t.Expired }},
	{"cancelled", func(t *Totals) int64 { return t.Cancelled }},
	{"failed", func(t *Totals) int64 { return t.Failed }},
}

var stepFigures = []struct {
	name string
	of   func(*Step) int64
}{
	{"entered", func(s *Step) int64 { return s.Entered }},
	{"completed", func(s *Step) int64 { return s.Completed }},
	{"failed", func(s *Step) int64 { return s.Failed }},
	{"dropped", func(s *Step) int64 { return s.Dropped }},
	{"true", func(s *Step) int64 { return s.True }},
	{"false", func(s *Step) int64 { return s.False }},
}
