package journey

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"journeys/internal/consent"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// Limits of a journey.
const (
	MaxJourneys        = 10_000     // per tenant
	MaxName            = 255        // characters
	MaxDescription     = 2000       // characters
	MaxDefinition      = 256 * 1024 // bytes of compact JSON
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
	ID              ident.ID
	Name            string // 1 to MaxName characters
	Description     string // at most MaxDescription characters
	Status          Status
	Definition      []byte    // as it was last sent, in compact JSON; nil unless it was asked for
	Settings        []byte    // pinned settings, compact JSON; nil for none, or unless Definition was asked for
	EntryCondition  []byte    // compact JSON; nil for none
	MaxDurationDays int       // 1 to MaxDuration
	EntryFrom       time.Time // customers enter from then on; zero for no bound
	EntryUntil      time.Time // customers enter before then; after EntryFrom, zero for no bound
	Reentry         []byte    // graph.Reentry.Raw
	Version         int       // counts what runs, from 1: see alike.Definitions
	GraphHash       string    // name of the stored graph, which the customers of this version follow
	GraphPassed     bool      // the graph was complete by the rules of the time when it became active or was stored after that
	NodeCount       int
	Labels          []graph.Label // of the definition's nodes; set only for Create and Update
	Events          []string      // types of the events that start the journey, sorted
	Shards          int           // of the due index; never shrinks
	Epoch           int           // counts how often its customers had to leave; those of an earlier epoch do
	EpochEmpty      bool          // no customer can be in Epoch: the journey was not active since it began
	Rev             int64         // counts writes, from 1; the ETag
	TextRev         int64         // the Rev that wrote Description, EntryCondition and the authors; 0 if all are empty
	AppearanceRev   int64         // the Rev that wrote a Definition unlike the stored graph; 0 if they are equal
	DefinitionRev   int64         // the Rev that last changed Definition or Settings
	Published       string        // DraftCopy.Tag of the draft that was published last; "" for none
	CreatedAt       time.Time
	UpdatedAt       time.Time // not before CreatedAt
	CreatedBy       Author
	UpdatedBy       Author
	Write           Write // that made this revision; set only for Create and Update

	// Tenant holds the settings of the journey's tenant, for warnings; nil if they were not
	// read or cannot be read.
	Tenant *consent.TenantSettings
}

// Change is a partial update of a journey. Nil fields stay unchanged.
type Change struct {
	Name            *string
	Description     *string
	Status          *Status
	Definition      *Definition
	Entry           *graph.Entry // a nil Raw removes the entry condition
	MaxDurationDays *int
	Reentry         *graph.Reentry
	EntryFrom       *time.Time // the zero time removes it; also below
	EntryUntil      *time.Time
	Settings        graph.SettingsChange
	By              Author // of the change
	Publish         bool   // the history calls the change published instead of edited

	draft *DraftCopy // that it publishes; nil for none
}

// Create stores a new draft. c must have a Name; the defaults are an empty graph,
// no entry condition and DefaultMaxDuration. c.Status must be nil or Draft.
func (s *Service) Create(ctx context.Context, t ident.Tenant, c Change) (Journey, error) {
	j, err := s.draft(ctx, t, c)
	if err != nil {
		return Journey{}, err
	}
	return j, s.stores.Journeys.Create(ctx, t, j)
}

// draft returns a new journey, which is not stored.
func (s *Service) draft(ctx context.Context, t ident.Tenant, c Change) (Journey, error) {
	now := s.clock()
	id, err := ulid.New(ulid.Timestamp(now), s.entropy)
	if err != nil {
		return Journey{}, err
	}
	if c.Definition == nil {
		c.Definition = new(emptyDefinition())
	}
	tenant, err := s.tenantOf(ctx, t, c.Definition.Graph)
	if err != nil {
		return Journey{}, err
	}
	return s.apply(Journey{
		Tenant: tenant, ID: ident.ID("jrn_" + id.String()), Status: Draft, MaxDurationDays: DefaultMaxDuration,
		Shards: FirstShards, EpochEmpty: true, CreatedAt: now, UpdatedAt: now, CreatedBy: c.By,
	}, c, Definition{})
}

// emptyDefinition returns the definition of a journey created without one.
var emptyDefinition = sync.OnceValue(func() Definition {
	var faults strict.Faults
	d, _ := ReadDefinition(strict.At([]byte(`{"nodes":[],"edges":[]}`), "", &faults))
	return d
})

// Get returns the journey with its Definition. It returns ErrNotFound if there is
// none.
func (s *Service) Get(ctx context.Context, t ident.Tenant, id ident.ID) (Journey, error) {
	var shown, settings []byte
	j, err := s.read(ctx, t, id, func(j Journey) (err error) {
		shown, settings, err = s.shown(ctx, t, j)
		return err
	})
	j.Definition, j.Settings = shown, settings
	return j, err
}

// read reads the journey and calls rest, which reads its definition. It starts again if
// a concurrent write has removed what rest was to read.
func (s *Service) read(ctx context.Context, t ident.Tenant, id ident.ID, rest func(Journey) error) (Journey, error) {
	last := int64(0)
	for {
		j, err := s.stores.Journeys.FullJourney(ctx, t, id)
		if err != nil {
			return Journey{}, err
		}
		if err = rest(j); !errors.Is(err, ErrNoDefinition) || j.Rev == last {
			return j, err
		}
		last = j.Rev
	}
}

// shown returns the journey's definition as it was last sent, and its pinned settings.
func (s *Service) shown(ctx context.Context, t ident.Tenant, j Journey) (definition, settings []byte, err error) {
	if j.AppearanceRev > 0 {
		text, err := s.stores.Journeys.Appearance(ctx, t, j)
		definition, settings = SplitGraphText(text)
		return definition, settings, err
	}
	d, err := s.definition(ctx, t, j)
	return d.Raw, d.Settings, err
}

// Update applies c to the journey. match holds the accepted revisions (If-Match),
// nil for any; Update returns ErrStale if none matches. A change without effect
// writes nothing.
func (s *Service) Update(ctx context.Context, t ident.Tenant, id ident.ID, c Change, match []int64) (j Journey, err error) {
	if match != nil {
		return s.updateOnce(ctx, t, id, c, match)
	}
	err = s.retry(ctx, func() error {
		j, err = s.updateOnce(ctx, t, id, c, nil)
		return err
	})
	return j, err
}

func (s *Service) updateOnce(ctx context.Context, t ident.Tenant, id ident.ID, c Change, match []int64) (Journey, error) {
	var graph Definition
	var shown []byte
	old, err := s.read(ctx, t, id, func(j Journey) (err error) {
		if graph, err = s.definition(ctx, t, j); err == nil {
			shown, _, err = s.shown(ctx, t, j)
		}
		return err
	})
	if replaced := c.Definition != nil && old.ID != "" && errors.Is(err, ErrDamaged); err != nil && !replaced {
		return Journey{}, err
	}
	if match != nil && !slices.Contains(match, old.Rev) {
		return Journey{}, ErrStale
	}
	if old.Definition, old.Settings = shown, graph.Settings; graph.Graph != nil {
		old.Labels = graph.labels(shown)
	}
	next, err := s.apply(old, c, graph)
	if err != nil {
		return Journey{}, err
	}
	if next.equals(old) {
		return old, nil
	}
	if next.Status == Active && (old.Status != Active || next.GraphHash != old.GraphHash) {
		if err := s.keepProperties(ctx, t, next); err != nil {
			return Journey{}, err
		}
	}
	next.UpdatedAt = s.clock()
	if next.UpdatedAt.Before(old.UpdatedAt) {
		next.UpdatedAt = old.UpdatedAt
	}
	return next, s.stores.Journeys.Update(ctx, t, old, next)
}

// keepProperties marks the events whose properties j's graph or pinned settings read.
func (s *Service) keepProperties(ctx context.Context, t ident.Tenant, j Journey) error {
	d, err := LoadDefinition(j.GraphText(), "")
	if err != nil {
		return err
	}
	reads := d.Graph.PropertiesRead()
	if len(reads) == 0 {
		return nil
	}
	return s.stores.Events.KeepProperties(ctx, t, reads)
}

// checkStatus returns an error if the lifecycle forbids the change of status, or if next
// is active, or has a draft published to it after it left Draft, and its graph is
// incomplete and never was complete. Faults point into
// next.Definition.
func checkStatus(old, next Journey, graph *progress.Graph) error {
	if !old.Status.MayBecome(next.Status) {
		return &Error{
			Kind: Conflict, Code: "status-change-forbidden",
			Detail: "A journey in status " + string(old.Status) + " cannot become " + string(next.Status) +
				". It goes draft, active, paused, active; any status may become archived, and archived may become paused.",
		}
	}
	publishes := next.Published != old.Published && next.Status != Draft
	if next.GraphPassed || next.Status != Active && !publishes {
		return nil
	}
	if shown, err := LoadDefinition(next.Definition, ""); err == nil {
		graph = shown.Graph // the caller knows only this order of nodes
	}
	faults := graph.ActivationFaults("/definition", next.MaxDurationDays)
	if faults == nil {
		return nil
	}
	refused := "the journey cannot be activated"
	if publishes {
		refused = "the draft cannot be published"
	}
	return &Error{
		Kind: Invalid, Code: "graph-not-whole", Faults: faults,
		Detail: "The graph is incomplete, so " + refused + ". Fix what errors lists and try again.",
	}
}

// apply returns the revision that follows j: j with c applied, if the lifecycle allows
// that. graph is j's.
func (s *Service) apply(j Journey, c Change, graph Definition) (Journey, error) {
	if c.draft != nil {
		if err := c.draft.checkLive(j); err != nil {
			return Journey{}, err
		}
	}
	next := j.withFields(c)
	next.Rev++
	if err := checkEntryTimes(next, c); err != nil {
		return Journey{}, err
	}
	if c.Definition != nil || c.Settings != nil {
		err := checkSettings(next.Settings)
		if err != nil {
			return Journey{}, err
		}
		if graph, err = s.define(&next, c.Definition, graph); err != nil {
			return Journey{}, err
		}
	}
	if !bytes.Equal(next.Definition, j.Definition) || !bytes.Equal(next.Settings, j.Settings) {
		next.DefinitionRev = next.Rev
	}
	next.Labels = graph.labels(next.Definition)
	if next.GraphHash != j.GraphHash || c.Entry != nil {
		next.Events = next.startingEvents(graph.Graph)
	}
	next.TextRev = next.textRev(j)
	if next.MaxDurationDays < j.MaxDurationDays && graph.Graph.HasEndlessWait(next.MaxDurationDays) {
		next.GraphPassed = false
	}
	next.Write = next.describeWrite(j, c.Publish)
	err := checkStatus(j, next, graph.Graph)
	next.GraphPassed = next.GraphPassed || next.Status == Active
	return next, err
}

// withFields returns j with c applied, except the definition and its graph.
func (j Journey) withFields(c Change) Journey {
	j.UpdatedBy = c.By
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
	if c.Reentry != nil {
		j.Reentry = c.Reentry.Raw
	}
	if c.EntryFrom != nil {
		j.EntryFrom = *c.EntryFrom
	}
	if c.EntryUntil != nil {
		j.EntryUntil = *c.EntryUntil
	}
	if c.Settings != nil {
		j.Settings = c.Settings.Apply(j.Settings)
	}
	if c.draft != nil {
		j.Settings, j.Published = c.draft.Settings, c.draft.Tag
	}
	if c.Status != nil && *c.Status != j.Status {
		j = j.withStatus(*c.Status)
	}
	return j
}

// withStatus returns j with another status than its own.
func (j Journey) withStatus(next Status) Journey {
	switch {
	case next == Active:
		j.EpochEmpty = false
	case next == Archived && !j.EpochEmpty:
		// Tick reads every shard of each epoch that drains, so an epoch that
		// customers cannot have entered must not become one.
		j.Epoch, j.EpochEmpty = j.Epoch+1, true
	}
	j.Status = next
	return j
}

// Delete removes the journey; its customers leave. match is as for Update.
func (s *Service) Delete(ctx context.Context, t ident.Tenant, id ident.ID, match []int64) error {
	deleteOnce := func() error {
		j, err := s.stores.Journeys.Journey(ctx, t, id)
		if err != nil {
			return err
		}
		if match != nil && !slices.Contains(match, j.Rev) {
			return ErrStale
		}
		j.UpdatedAt = s.clock()
		return s.stores.Journeys.Delete(ctx, t, j)
	}
	if match != nil {
		return deleteOnce()
	}
	return s.retry(ctx, deleteOnce)
}
