package journey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"journeys/internal/strict"
)

// Limits of a journey.
const (
	MaxJourneys        = 10_000     // of one tenant
	MaxName            = 255        // characters
	MaxDescription     = 2000       // characters
	MaxDefinition      = 256 * 1024 // bytes of the definition as compact JSON
	MaxEntryCondition  = 4 * 1024   // bytes of the entry condition as compact JSON
	MaxDuration        = 365        // days
	DefaultMaxDuration = 30         // days
	MaxBatch           = 1000       // customers of one enroll call
)

// Status is where a journey is in its life.
type Status string

// The statuses.
const (
	Draft    Status = "draft"    // being written; its graph may be unfinished
	Active   Status = "active"   // takes customers and moves them; its graph is whole
	Paused   Status = "paused"   // everybody inside stays where they are
	Archived Status = "archived" // everybody inside leaves
)

// Statuses lists every status.
var Statuses = []Status{Draft, Active, Paused, Archived}

// MayBecome reports whether the lifecycle allows the change from s to next. A
// status may always become itself.
func (s Status) MayBecome(next Status) bool {
	switch {
	case s == next, next == Archived:
		return true
	case next == Active:
		return s == Draft || s == Paused
	case next == Paused:
		return s == Active || s == Archived
	}
	return false
}

// Journey is one journey of one tenant.
type Journey struct {
	ID              ID
	Name            string // 1 to MaxName characters
	Description     string // at most MaxDescription characters
	Status          Status
	Definition      []byte // the graph as compact JSON, as the caller wrote it; nil in a list
	EntryCondition  []byte // compact JSON; nil when there is none
	MaxDurationDays int    // 1 to MaxDuration
	Version         int    // of the definition, from 1
	GraphHash       string // names the definition: lower-case hex SHA-256 of it
	NodeCount       int
	Labels          []Label   // of the definition's nodes; only of a journey that is to be stored, or replaced
	Events          []string  // types of events that start it, sorted
	Shards          int       // of the due index; only grows
	Epoch           int       // counts archivings: who was enrolled in an earlier one leaves
	Rev             int64     // counts writes, from 1; the ETag
	CreatedAt       time.Time // UTC, to the millisecond
	UpdatedAt       time.Time // UTC, to the millisecond; at least CreatedAt
}

// FirstShards is the number of shards of a new journey's part of the due
// index.
const FirstShards = 4

// Filter chooses a page of journeys, newest first.
type Filter struct {
	Status Status // "" for all
	Limit  int
	Offset int
}

// Page is one page of a list.
type Page struct {
	Journeys []Journey // without Definition
	Total    int       // of all that match the filter's status
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

// List returns a page of the tenant's journeys, newest first, without their
// Definitions.
func (s *Service) List(ctx context.Context, t Tenant, f Filter) (Page, error) {
	return s.stores.Journeys.List(ctx, t, f)
}

// updateAttempts bounds the attempts of a change without If-Match that meets
// concurrent ones: with the pauses between them, about ten seconds.
const updateAttempts = 40

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
		if !s.pause(ctx, attempt) {
			break
		}
	}
	return Journey{}, busy(err)
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
		if !s.pause(ctx, attempt) {
			break
		}
	}
	return busy(err)
}

// busy tells a caller without If-Match that others were faster each time.
func busy(err error) error {
	return &Error{
		Kind: Unavailable, Code: "journey-busy", Cause: err,
		Detail: "The journey is being changed by others at the same time. Try again.",
	}
}
