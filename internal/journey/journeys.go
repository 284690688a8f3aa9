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
	MaxJourneys        = 10_000     // per tenant
	MaxName            = 255        // characters
	MaxDescription     = 2000       // characters
	MaxDefinition      = 256 * 1024 // bytes of compact JSON
	MaxEntryCondition  = 4 * 1024   // bytes of compact JSON
	MaxDuration        = 365        // days
	DefaultMaxDuration = 30         // days
	MaxBatch           = 1000       // customers per enroll call
)

// Status is a journey's state in its lifecycle.
type Status string

// The statuses.
const (
	Draft    Status = "draft"    // being edited; the graph may be incomplete
	Active   Status = "active"   // enrolls and moves customers; the graph is complete
	Paused   Status = "paused"   // customers stay where they are
	Archived Status = "archived" // customers leave
)

// Statuses lists every status.
var Statuses = []Status{Draft, Active, Paused, Archived}

// MayBecome reports whether the lifecycle allows a change from s to next. Every
// status may become itself.
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

// Journey is a journey of a tenant. Times are UTC, to the millisecond.
type Journey struct {
	ID              ID
	Name            string // 1 to MaxName characters
	Description     string // at most MaxDescription characters
	Status          Status
	Definition      []byte // the caller's graph as compact JSON; nil in a Page
	EntryCondition  []byte // compact JSON; nil for none
	MaxDurationDays int    // 1 to MaxDuration
	Version         int    // of the definition, from 1
	GraphHash       string // lower-case hex SHA-256 of the definition
	NodeCount       int
	Labels          []Label  // of the definition's nodes; set only for Create and Update
	Events          []string // types of the events that start the journey, sorted
	Shards          int      // of the due index; never shrinks
	Epoch           int      // counts archivings; customers of an earlier epoch leave
	Rev             int64    // counts writes, from 1; the ETag
	CreatedAt       time.Time
	UpdatedAt       time.Time // not before CreatedAt
}

// FirstShards is the number of due-index shards of a new journey.
const FirstShards = 4

// Filter selects a page of journeys, newest first.
type Filter struct {
	Status Status // "" for any
	Limit  int
	Offset int
}

// Page is one page of a list of journeys.
type Page struct {
	Journeys []Journey // without Definition
	Total    int       // journeys with the filter's status, on all pages
}

// Change is a partial update of a journey. Nil fields stay unchanged.
type Change struct {
	Name            *string
	Description     *string
	Status          *Status
	Definition      *Definition
	Entry           *Entry // a nil Raw removes the entry condition
	MaxDurationDays *int
}

// Create stores a new draft. c must have a Name; the defaults are an empty graph,
// no entry condition and DefaultMaxDuration. c.Status must be nil or Draft.
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

// emptyDefinition returns the definition of a journey created without one.
var emptyDefinition = sync.OnceValue(func() Definition {
	var faults strict.Faults
	d, _ := ReadDefinition(strict.At([]byte(`{"nodes":[],"edges":[]}`), "", &faults))
	return d
})

// Get returns the journey with its Definition. It returns ErrNotFound if there is
// none.
func (s *Service) Get(ctx context.Context, t Tenant, id ID) (Journey, error) {
	j, _, err := s.load(ctx, t, id)
	return j, err
}

// load returns the journey with its Definition, and the compiled graph.
func (s *Service) load(ctx context.Context, t Tenant, id ID) (Journey, *Graph, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return Journey{}, nil, err
	}
	d, err := s.definition(ctx, t, j)
	j.Definition = d.Raw
	return j, d.Graph, err
}

// List returns a page of the tenant's journeys, newest first.
func (s *Service) List(ctx context.Context, t Tenant, f Filter) (Page, error) {
	return s.stores.Journeys.List(ctx, t, f)
}

// updateAttempts bounds the attempts at a change without If-Match under concurrent
// writes. With the pauses between them they take about ten seconds.
const updateAttempts = 40

// Update applies c to the journey. match holds the accepted revisions (If-Match),
// nil for any; Update returns ErrStale if none matches. A change without effect
// writes nothing.
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
	return Journey{}, busyError(err)
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
	if err := checkStatus(old, next, graph); err != nil {
		return Journey{}, err
	}
	if next.equals(old) {
		return old, nil
	}
	next.Rev++
	next.UpdatedAt = s.clock()
	if next.UpdatedAt.Before(old.UpdatedAt) {
		next.UpdatedAt = old.UpdatedAt
	}
	return next, s.stores.Journeys.Update(ctx, t, old, next)
}

// checkStatus returns an error if the lifecycle forbids the change of status, or
// if next is active and its graph is new and incomplete.
func checkStatus(old, next Journey, graph *Graph) error {
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
			Detail: "The graph is incomplete, so the journey cannot be activated. Fix what errors lists and try again.",
		}
	}
	return nil
}

// apply returns j with c applied. graph is the graph of the resulting definition.
// It does not check the lifecycle.
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

// startingEvents returns the types of the events that start the journey, sorted.
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

// entry reads the stored entry condition. It returns ErrDamaged if that fails: a
// missing condition would admit every customer.
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

// equals reports whether j and old have the same content, so that no write is
// needed.
func (j Journey) equals(old Journey) bool {
	return j.Name == old.Name && j.Description == old.Description && j.Status == old.Status &&
		j.GraphHash == old.GraphHash && j.MaxDurationDays == old.MaxDurationDays &&
		bytes.Equal(j.EntryCondition, old.EntryCondition)
}

// Delete removes the journey; its customers leave. match is as for Update.
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
	return busyError(err)
}

// busyError returns the error of a change without If-Match that met a concurrent
// one at every attempt.
func busyError(err error) error {
	return &Error{
		Kind: Unavailable, Code: "journey-busy", Cause: err,
		Detail: "The journey is being changed by another request. Try again.",
	}
}
