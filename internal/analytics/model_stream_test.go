package analytics_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// streamShard holds the records of a range of customers. A split closes a shard;
// its children are read after its last record.
type streamShard struct {
	id      string
	parent  *streamShard
	records []analytics.Record
	closed  bool
	read    int // acknowledged
	tried   int // delivered, with or without success
	expired int // too old to be delivered again
	history []checkpoint
}

// done reports whether all records of a shard and its ancestors are acknowledged.
func (s *streamShard) done() bool {
	return s == nil || s.read == len(s.records) && s.parent.done()
}

// checkpoint is the number of acknowledged records at some time.
type checkpoint struct {
	read int
	at   time.Time
}

// deliverOne delivers the next batch of a random shard. It returns false if no
// records are left.
func (m *model) deliverOne() bool {
	var ready []*streamShard
	for _, s := range m.shards {
		if s.read < len(s.records) && s.parent.done() {
			ready = append(ready, s)
		}
	}
	if len(ready) == 0 {
		return false
	}
	s := ready[m.r.IntN(len(ready))]
	from := s.read
	if !m.calm && m.r.IntN(6) == 0 { // from an old checkpoint
		m.faults["replay"]++
		from = max(s.expired, from-m.r.IntN(151))
	}
	to := min(len(s.records), from+1+m.r.IntN(120))
	s.tried = max(s.tried, to)
	if m.deliver(s, s.records[from:to]) {
		s.read = max(s.read, to)
	}
	return true
}

// deliver delivers a batch, sometimes bisected after an error. It reports whether
// all of it succeeded.
func (m *model) deliver(s *streamShard, batch []analytics.Record) bool {
	err := m.count(s, batch)
	switch {
	case err == nil:
		return true
	case len(batch) > 1 && m.r.IntN(3) == 0:
		m.faults["bisect"]++
		half := len(batch) / 2
		return m.deliver(s, batch[:half]) && m.deliver(s, batch[half:])
	}
	return false
}

// passTime lets hours or days pass. First, every delivered record is
// acknowledged, since Lambda retries a batch without end. Records older than a day
// are never delivered again, as in the stream. Late writes are dropped: a
// request's signature expires within minutes.
func (m *model) passTime(t *testing.T) {
	t.Helper()
	calm := m.calm
	m.calm, m.late = true, nil
	for _, s := range m.shards {
		if s.tried > s.read {
			require.True(t, m.deliver(s, s.records[s.read:s.tried]))
		}
		s.read = max(s.read, s.tried)
		s.history = append(s.history, checkpoint{s.read, m.now})
	}
	m.calm = calm
	m.now = m.now.Add(time.Duration(1+m.r.IntN(80)) * time.Hour)
	for _, s := range m.shards {
		for len(s.history) > 0 && m.now.Sub(s.history[0].at) > 24*time.Hour {
			s.expired, s.history = s.history[0].read, s.history[1:]
		}
	}
}

// redeliver delivers the acknowledged records that a shard still has.
func (m *model) redeliver() {
	if s := m.shards[m.r.IntN(len(m.shards))]; s.expired < s.read {
		m.faults["replay"]++
		m.deliver(s, s.records[s.expired:s.read])
	}
}

// write appends a record to the shard of its customer.
func (m *model) write(t *testing.T, key journeyKey, w analytics.Write, number int, customer int) {
	t.Helper()
	s := m.shardOf(customer)
	s.records = append(s.records, analytics.Record{
		Number: fmt.Sprintf("%021d", number), Tenant: key.tenant, Journey: key.id, Write: w,
	})
	if m.truth[key] == nil {
		m.truth[key], m.days[key] = &analytics.Figures{}, map[analytics.Day]*analytics.Figures{}
	}
	day := analytics.DayOf(w.At)
	if m.days[key][day] == nil {
		m.days[key][day] = &analytics.Figures{}
	}
	require.NoError(t, m.truth[key].Apply(w))
	require.NoError(t, m.days[key][day].Apply(w))
}

// shardOf returns the open shard of a customer. The bits of the number choose
// the first shard and, after each split, one of its children.
func (m *model) shardOf(customer int) *streamShard {
	s := m.shards[customer%2]
	for depth := 4; s.closed; depth *= 2 {
		var children []*streamShard
		for _, c := range m.shards {
			if c.parent == s {
				children = append(children, c)
			}
		}
		s = children[customer/depth%len(children)]
	}
	return s
}

// split closes a random open shard and opens one or two children.
func (m *model) split() {
	var open []*streamShard
	for _, s := range m.shards {
		if !s.closed {
			open = append(open, s)
		}
	}
	s := open[m.r.IntN(len(open))]
	s.closed = true
	m.faults["split"]++
	for range 1 + m.r.IntN(2) {
		m.open(s)
	}
}

func (m *model) open(parent *streamShard) {
	m.shards = append(m.shards, &streamShard{id: fmt.Sprintf("shardId-%020d-%08x", len(m.shards), m.r.Uint32()), parent: parent})
}

// walk writes the ways of customers through graphs of up to 256 nodes, over three
// days.
func (m *model) walk(t *testing.T) {
	t.Helper()
	m.open(nil)
	m.open(nil)
	tenant, _ := ident.ParseTenant("demo")
	other, _ := ident.ParseTenant("other")
	var keys []journeyKey
	for i := range 2 + m.r.IntN(4) {
		keys = append(keys, journeyKey{[]ident.Tenant{tenant, other}[m.r.IntN(2)], ident.ID(fmt.Sprintf("jrn_%026d", i))})
	}
	type customer struct {
		journeyKey
		e     progress.Enrollment
		nodes int
		heard map[feedbackKey]bool
	}
	var inside, everyone []*customer
	for i := range 40 + m.r.IntN(40) {
		version := 1 + m.r.IntN(2)
		inside = append(inside, &customer{keys[m.r.IntN(len(keys))], progress.Enrollment{
			GraphHash: fmt.Sprintf("%032x", version), Version: version, Customer: fmt.Sprint(i),
		}, []int{0, 12, 250}[version], map[feedbackKey]bool{}})
	}
	everyone = slices.Clone(inside)
	at, number := t0, 0
	write := func(c *customer, w analytics.Write) {
		number += 1 + m.r.IntN(1000)
		var customerNumber int
		_, err := fmt.Sscan(c.e.Customer, &customerNumber)
		require.NoError(t, err)
		m.write(t, c.journeyKey, w, number, customerNumber)
	}
	for len(inside) > 0 {
		if c := everyone[m.r.IntN(len(everyone))]; c.e.Rev > 0 && m.r.IntN(3) == 0 { // also of those who left
			key := feedbackKey{c.e.Node, feedback.Kind(m.r.IntN(feedback.Kinds))}
			if visits := c.e.Path.Visits(t0); len(visits) > 0 && m.r.IntN(2) == 0 {
				key.node = visits[m.r.IntN(len(visits))].Node
			}
			if !c.heard[key] {
				c.heard[key] = true
				m.faults["feedback"]++
				write(c, analytics.Write{Graph: c.e.GraphHash, Version: c.e.Version, At: at, Delta: trail.FeedbackDelta(key.node, key.kind)})
			}
		}
		i := m.r.IntN(len(inside))
		c := inside[i]
		at = at.Add(time.Duration(m.r.IntN(20)) * time.Minute)
		w := analytics.Write{Graph: c.e.GraphHash, Version: c.e.Version, At: at, Delta: trail.Delta{trail.DeltaForm, 0}}
		c.e.Rev++
		converts := c.e.ConvertedAt.IsZero() && m.r.IntN(10) == 0
		if converts || c.e.Status == progress.Completed {
			convert(m.r, &c.e, &w.Delta, at)
		}
		switch {
		case c.e.Rev == 1:
			w.Delta = append(trail.Delta{trail.DeltaForm, w.Delta[1] | byte(trail.MarkEnrolled), 0, byte(trail.NodeEntered)}, w.Delta[2:]...)
		case c.e.Status == progress.Completed:
			m.faults["converted after leaving"]++
			inside = append(inside[:i], inside[i+1:]...)
		case converts && m.r.IntN(2) == 0: // nothing else happens
		case !step(m.r, &c.e, &w.Delta, c.nodes):
			if c.e.ConvertedAt.IsZero() && m.r.IntN(3) == 0 {
				c.e.Status = progress.Completed // it converts later
			} else {
				inside = append(inside[:i], inside[i+1:]...)
			}
		}
		write(c, w)
		if m.r.IntN(60) == 0 && len(m.shards) < 12 {
			m.split()
		}
	}
}

// feedbackKey is a kind of feedback of one step.
type feedbackKey struct {
	node int
	kind feedback.Kind
}

// convert records a conversion after some of the nodes that an enrollment left.
func convert(r *rand.Rand, e *progress.Enrollment, d *trail.Delta, at time.Time) {
	e.ConvertedAt = at
	(*d)[1] |= byte(trail.MarkConverted)
	visits := e.Path.Visits(t0)
	for _, v := range visits[:r.IntN(len(visits)+1)] {
		*d = append(*d, byte(v.Node), byte(trail.NodeConverted), byte(v.Result))
	}
}

// step moves an enrollment by up to three nodes, or retries a failed one. It
// returns false if the enrollment left the journey.
func step(r *rand.Rand, e *progress.Enrollment, d *trail.Delta, nodes int) bool {
	mark := func(own trail.Mark, node trail.Mark) {
		(*d)[1] |= byte(own)
		*d = append(*d, byte(e.Node), byte(node))
	}
	leave := func(own trail.Mark, result trail.Result) {
		mark(own, trail.NodeLeft)
		*d = append(*d, byte(result))
		e.Path = e.Path.Append(e.Node, 0, result)
	}
	if e.Status == progress.Failed {
		e.Status = progress.Inside
		mark(trail.MarkRetried, trail.NodeRetried)
		return true
	}
	switch r.IntN(12) {
	case 0:
		mark(trail.MarkExpired, trail.NodeDropped)
		return false
	case 1:
		e.Status = progress.Failed
		mark(trail.MarkFailed, trail.NodeFailed)
		return true
	}
	for range 1 + r.IntN(3) {
		if e.Node == nodes-1 {
			leave(trail.MarkCompleted, trail.Exited)
			return false
		}
		leave(0, trail.Entered+trail.Result(r.IntN(int(trail.SkippedUncertain))))
		e.Node = min(e.Node+1+r.IntN(90), nodes-1)
		mark(0, trail.NodeEntered)
	}
	return true
}
