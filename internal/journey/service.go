package journey

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"journeys/internal/strict"
)

// Service is what callers do with journeys. Use NewService.
type Service struct {
	stores      Stores
	now         func() time.Time
	entropy     io.Reader
	definitions Definitions

	// Nudge is told of customers who have something due at once; nil for
	// nobody. Without it, tick finds them within a minute.
	Nudge func(ctx context.Context, t Tenant, id ID, customers []string)
}

// NewService returns a service on stores. now is the clock; entropy gives random
// bytes and must be safe for concurrent use.
func NewService(stores Stores, now func() time.Time, entropy io.Reader) *Service {
	return &Service{stores: stores, now: now, entropy: entropy}
}

// Change is what a caller wants of a journey. What is nil stays as it is.
type Change struct {
	Name            *string
	Description     *string
	Status          *Status
	Definition      *Definition
	Entry           *Entry // without Raw: none
	MaxDurationDays *int
}

// Create stores a new draft. The change must have a Name; the defaults are an
// empty graph, no entry condition and DefaultMaxDuration.
func (s *Service) Create(ctx context.Context, t Tenant, c Change) (Journey, error) {
	now := s.clock()
	id, err := ulid.New(ulid.Timestamp(now), s.entropy)
	if err != nil {
		return Journey{}, err
	}
	definition := emptyDefinition()
	if c.Definition != nil {
		definition = *c.Definition
	}
	j := Journey{
		ID: ID("jrn_" + id.String()), Status: Draft, MaxDurationDays: DefaultMaxDuration,
		Definition: definition.Raw, GraphHash: definition.Hash,
		Version: 1, Rev: 1, Shards: FirstShards, CreatedAt: now, UpdatedAt: now,
	}
	j = j.apply(c, definition.Graph)
	return j, s.stores.Journeys.Create(ctx, t, j)
}

// emptyDefinition is the seed's default.
var emptyDefinition = sync.OnceValue(func() Definition {
	var faults strict.Faults
	d, _ := ReadDefinition(strict.At([]byte(`{"nodes":[],"edges":[]}`), "", &faults))
	return d
})

// apply returns the journey as c wants it; graph is that of its definition
// then. It does not look at the lifecycle.
func (j Journey) apply(c Change, graph *Graph) Journey {
	if c.Name != nil {
		j.Name = *c.Name
	}
	if c.Description != nil {
		j.Description = *c.Description
	}
	if c.MaxDurationDays != nil {
		j.MaxDurationDays = *c.MaxDurationDays
	}
	if c.Entry != nil {
		j.EntryCondition = c.Entry.Raw
	}
	if c.Definition != nil && c.Definition.Hash != j.GraphHash {
		j.Definition, j.GraphHash = c.Definition.Raw, c.Definition.Hash
		j.Version++
	}
	if c.Status != nil && *c.Status != j.Status {
		j.Status = *c.Status
		if j.Status == Archived {
			j.Epoch++
		}
	}
	j.NodeCount, j.Labels = graph.Len(), graph.Labels()
	j.Events = j.startingEvents(graph)
	return j
}

// startingEvents returns the types of events that start the journey.
func (j Journey) startingEvents(graph *Graph) []string {
	var events []string
	entry, _ := j.entry()
	for _, event := range []string{entry.Event, graph.Event()} {
		if event != "" && !slices.Contains(events, event) {
			events = append(events, event)
		}
	}
	slices.Sort(events)
	return events
}

// entry reads the stored entry condition, which was checked when it was saved.
// ErrDamaged when it cannot be read: it must not count as none, which lets
// everybody in.
func (j Journey) entry() (Entry, error) {
	if j.EntryCondition == nil {
		return Entry{}, nil
	}
	var faults strict.Faults
	e, ok := ReadEntryCondition(strict.At(j.EntryCondition, "/entryCondition", &faults))
	if !ok {
		return Entry{}, fmt.Errorf("%w: entry condition: %v", ErrDamaged, faults.List())
	}
	return e, nil
}

// Get returns the journey with its Definition.
func (s *Service) Get(ctx context.Context, t Tenant, id ID) (Journey, error) {
	j, _, err := s.load(ctx, t, id)
	return j, err
}

// load returns the journey with its Definition, and its graph.
func (s *Service) load(ctx context.Context, t Tenant, id ID) (Journey, *Graph, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return Journey{}, nil, err
	}
	d, err := s.definition(ctx, t, j)
	j.Definition = d.Raw
	return j, d.Graph, err
}

// definition returns the journey's definition.
func (s *Service) definition(ctx context.Context, t Tenant, j Journey) (Definition, error) {
	return s.definitions.Get(t, j.ID, j.GraphHash, func() ([]byte, error) {
		return s.stores.Journeys.Definition(ctx, t, j.ID, j.GraphHash)
	})
}

// List returns a page of the tenant's journeys, newest first, without their
// Definitions.
func (s *Service) List(ctx context.Context, t Tenant, f Filter) (Page, error) {
	return s.stores.Journeys.List(ctx, t, f)
}

// A change without If-Match that meets another is tried again so often, after
// pauses of up to 10 ms that double to 640: about ten seconds in all.
const (
	updateAttempts = 40
	firstPause     = 10 * time.Millisecond
	longestPause   = 640 * time.Millisecond
)

// pause waits at random, so that those who met do not meet again; false when
// ctx ends first.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(rand.N(min(firstPause<<min(attempt, 10), longestPause)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Update changes the journey. match holds the revisions for which the caller
// wants it (If-Match), nil for any. A change that changes nothing writes
// nothing.
func (s *Service) Update(ctx context.Context, t Tenant, id ID, c Change, match []int64) (Journey, error) {
	var err error
	for attempt := range updateAttempts {
		var j Journey
		j, err = s.updateOnce(ctx, t, id, c, match)
		if match != nil || !errors.Is(err, ErrStale) {
			return j, err
		}
		if !pause(ctx, attempt) {
			break
		}
	}
	return Journey{}, busy(err)
}

// busy tells a caller without If-Match that others were faster each time.
func busy(err error) error {
	return &Error{
		Kind: Unavailable, Code: "journey-busy", Cause: err,
		Detail: "The journey is being changed by others at the same time. Try again.",
	}
}

func (s *Service) updateOnce(ctx context.Context, t Tenant, id ID, c Change, match []int64) (Journey, error) {
	old, graph, err := s.load(ctx, t, id)
	if err != nil {
		return Journey{}, err
	}
	if match != nil && !slices.Contains(match, old.Rev) {
		return Journey{}, ErrStale
	}
	if c.Definition != nil {
		old.Labels = graph.Labels()
		graph = c.Definition.Graph
	}
	next := old.apply(c, graph)
	if err := checkLife(old, next, graph); err != nil {
		return Journey{}, err
	}
	if next.same(old) {
		return old, nil
	}
	next.Rev++
	next.UpdatedAt = s.clock()
	if next.UpdatedAt.Before(old.UpdatedAt) {
		next.UpdatedAt = old.UpdatedAt
	}
	return next, s.stores.Journeys.Update(ctx, t, old, next)
}

// checkLife reports what the lifecycle forbids, and what an active journey's
// graph lacks.
func checkLife(old, next Journey, graph *Graph) error {
	if !old.Status.MayBecome(next.Status) {
		return &Error{
			Kind: Conflict, Code: "status-change-forbidden",
			Detail: "A journey in status " + string(old.Status) + " cannot become " + string(next.Status) +
				". It goes draft, active, paused, active; any status may become archived, and archived may become paused.",
		}
	}
	if next.Status != Active || (old.Status == Active && old.GraphHash == next.GraphHash) {
		return nil
	}
	if faults := graph.Faults("/definition"); faults != nil {
		return &Error{
			Kind: Invalid, Code: "graph-not-whole", Faults: faults,
			Detail: "The graph is not whole, so the journey cannot be active. Mend what errors names and try again.",
		}
	}
	return nil
}

// same reports whether next is what is stored already.
func (j Journey) same(old Journey) bool {
	return j.Name == old.Name && j.Description == old.Description && j.Status == old.Status &&
		j.GraphHash == old.GraphHash && j.MaxDurationDays == old.MaxDurationDays &&
		bytes.Equal(j.EntryCondition, old.EntryCondition)
}

// Delete removes the journey; the customers inside leave. match is as for
// Update.
func (s *Service) Delete(ctx context.Context, t Tenant, id ID, match []int64) error {
	var err error
	for attempt := range updateAttempts {
		var j Journey
		if j, err = s.stores.Journeys.Journey(ctx, t, id); err != nil {
			return err
		}
		if match != nil && !slices.Contains(match, j.Rev) {
			return ErrStale
		}
		j.UpdatedAt = s.clock()
		if err = s.stores.Journeys.Delete(ctx, t, j); match != nil || !errors.Is(err, ErrStale) {
			return err
		}
		if !pause(ctx, attempt) {
			break
		}
	}
	return busy(err)
}

// Test simulates a customer's way. It writes nothing and sends nothing.
func (s *Service) Test(ctx context.Context, t Tenant, id ID, r TestRequest) (Simulation, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return Simulation{}, err
	}
	entry, err := j.entry()
	if err != nil {
		return Simulation{}, err
	}
	walk := simulation{request: r, maxDays: j.MaxDurationDays, entry: entry.Condition}
	version := 0
	if r.Definition != nil {
		walk.graph = r.Definition.Graph
	} else {
		d, err := s.definition(ctx, t, j)
		if err != nil {
			return Simulation{}, err
		}
		walk.graph, version = d.Graph, j.Version
	}
	if r.Now.IsZero() {
		walk.request.Now = s.clock()
	}
	if err := walk.unknownDecisions(); err != nil {
		return Simulation{}, err
	}
	result := walk.run()
	result.Journey, result.Version = j, version
	return result, nil
}

// EnrollRequest is one enroll call.
type EnrollRequest struct {
	Customers []string // 1 to MaxBatch ids, as sent
	Key       string   // Idempotency-Key, "" for none
}

// Enrollments is what became of an enroll call.
type Enrollments struct {
	Journey                   Journey   // without Definition
	Outcomes                  []Outcome // in the order sent; a repeat is skipped
	Enrolled, Skipped, Errors int       // add up to the ids sent
}

// Enroll enrolls customers in an active journey. A request that comes again
// with its Key gives the counts of the first, whatever became of that one's
// answer; what ended in errors then is tried again.
func (s *Service) Enroll(ctx context.Context, t Tenant, id ID, r EnrollRequest) (Enrollments, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return Enrollments{}, err
	}
	distinct := distinct(r.Customers)
	request, known, err := s.requestID(ctx, t, j, r)
	if err != nil {
		return Enrollments{}, err
	}
	var outcomes []Outcome
	switch {
	case j.Status == Active:
		outcomes, err = s.insert(ctx, t, j, distinct, Enrollment{RequestID: request})
	case known:
		outcomes = s.stores.Enrollments.Enrolled(ctx, t, id, distinct, request)
	default:
		err = &Error{
			Kind: Invalid, Code: "journey-not-active",
			Detail: "Only an active journey takes customers; this one is " + string(j.Status) + ".",
		}
	}
	if err != nil {
		return Enrollments{}, err
	}
	return tally(j, r.Customers, distinct, outcomes), nil
}

// requestID returns what the request's enrollments are marked with: new bytes,
// or, for a key that is known, those of the request that came with it first.
func (s *Service) requestID(ctx context.Context, t Tenant, j Journey, r EnrollRequest) (id RequestID, known bool, err error) {
	if _, err := io.ReadFull(s.entropy, id[:]); err != nil {
		return id, false, err
	}
	if r.Key == "" {
		return id, false, nil
	}
	now := s.clock()
	record := KeyRecord{Key: r.Key, Request: hashIDs(r.Key, r.Customers), RequestID: id, ExpiresAt: now.Add(KeyLife)}
	kept, known := record, true
	if j.Status == Active {
		kept, err = s.stores.Enrollments.ReserveKey(ctx, t, j.ID, record, now)
	} else {
		kept, known, err = s.stores.Enrollments.KeyRecord(ctx, t, j.ID, r.Key, now)
	}
	if err != nil {
		return id, false, err
	}
	if known && kept.Request != record.Request {
		return id, false, &Error{
			Kind: Mismatch, Code: "idempotency-key-reused",
			Detail: "This Idempotency-Key came with other customers before. Send a new key with a new request.",
		}
	}
	return kept.RequestID, known, nil
}

// insert stores everybody in the state in which the step function leaves them
// at their first blocking node. Only RequestID and Event of e are read.
func (s *Service) insert(ctx context.Context, t Tenant, j Journey, customers []string, e Enrollment) ([]Outcome, error) {
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return nil, err
	}
	now := s.clock()
	first, _ := d.Graph.Start(Enrollment{
		Journey: j.ID, GraphHash: j.GraphHash, Version: j.Version, Epoch: j.Epoch,
		RequestID: e.RequestID, Event: e.Event,
		EnrolledAt: now, ExpiresAt: now.AddDate(0, 0, j.MaxDurationDays),
	})
	d.Graph.BeginWait(&first, now)
	list := make([]Enrollment, len(customers))
	for i, customer := range customers {
		list[i] = first
		list[i].Customer = customer
	}
	outcomes := s.stores.Enrollments.Insert(ctx, t, j.Shards, list)
	if first.Status == Inside && !first.Due.After(now) {
		s.nudge(ctx, t, j.ID, enrolled(customers, outcomes))
	}
	return outcomes, nil
}

func (s *Service) nudge(ctx context.Context, t Tenant, id ID, customers []string) {
	if s.Nudge != nil && len(customers) > 0 {
		s.Nudge(ctx, t, id, customers)
	}
}

func enrolled(customers []string, outcomes []Outcome) []string {
	var list []string
	for i, outcome := range outcomes {
		if outcome.Result == OutcomeEnrolled {
			list = append(list, customers[i])
		}
	}
	return list
}

// distinct returns ids without repeats, in order.
func distinct(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	var unique []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			unique = append(unique, id)
		}
	}
	return unique
}

// tally spreads the outcomes of the distinct ids over the ids as they were
// sent, and counts.
func tally(j Journey, sent, unique []string, outcomes []Outcome) Enrollments {
	byID := make(map[string]Outcome, len(unique))
	for i, id := range unique {
		byID[id] = outcomes[i]
	}
	result := Enrollments{Journey: j, Outcomes: make([]Outcome, len(sent))}
	for i, id := range sent {
		outcome := byID[id]
		result.Outcomes[i] = outcome
		switch outcome.Result {
		case OutcomeEnrolled:
			result.Enrolled++
			byID[id] = Outcome{Result: OutcomeSkipped}
		case OutcomeSkipped:
			result.Skipped++
		default:
			result.Errors++
		}
	}
	return result
}

// hashIDs names a list of ids; each is written with its length, so that no
// two lists are written alike. The key, which is stored nowhere, keeps whoever
// has the table from guessing the ids. It is no HMAC's, which would take a hash
// for a long key: that hash names the record.
func hashIDs(key string, ids []string) [32]byte {
	text := appendSized(nil, key)
	for _, id := range ids {
		text = appendSized(text, id)
	}
	return sha256.Sum256(text)
}

func appendSized(text []byte, s string) []byte {
	return append(binary.AppendUvarint(text, uint64(len(s))), s...)
}

// clock returns the present in UTC, to the millisecond.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
