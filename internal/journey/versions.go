package journey

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"journeys/internal/alike"
	"journeys/internal/cursor"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/strict"
)

// Bounds of a page of versions and of history entries.
const (
	DefaultRecords = 50
	MaxRecords     = 100
)

// HistoryDays is how long an entry of a journey's history is kept.
const HistoryDays = 400

// Version is what is kept of a version of a journey. A version that another replaced
// while the journey was a draft is not kept.
type Version struct {
	Number     int
	CreatedAt  time.Time
	CreatedBy  Author
	NodeCount  int
	GraphHash  string
	Sum        []byte // as of Journey.RunSum
	SameAs     int    // the lowest earlier version that runs alike; 0 for none
	Current    bool
	Definition []byte // as it came last under this version; nil in lists
	Settings   []byte // nil in lists, and for none
}

// VersionPage is one page of a journey's versions, the newest first.
type VersionPage struct {
	Versions []Version
	Next     string // cursor of the next page; "" on the last one
}

// Action is what a write did to a journey.
type Action string

// The actions.
const (
	ActionCreated   Action = "created"
	ActionEdited    Action = "edited"
	ActionPublished Action = "published" // as edited, from a draft
	ActionActivated Action = "activated"
	ActionPaused    Action = "paused"
	ActionArchived  Action = "archived"
)

// statusActions are the actions of a change to a status.
var statusActions = map[Status]Action{Active: ActionActivated, Paused: ActionPaused, Archived: ActionArchived}

// Write describes one write of a journey, for its history.
type Write struct {
	Actions []Action // at least one
	Fields  []string // names of the changed fields without status; none for ActionCreated
}

// HistoryEntry is a write of a journey. It is kept for HistoryDays.
type HistoryEntry struct {
	Rev     int64 // that the write gave to the journey
	At      time.Time
	By      Author
	Version int // after the write
	Write
}

// HistoryPage is one page of a journey's history, the newest write first.
type HistoryPage struct {
	Entries []HistoryEntry
	Next    string // cursor of the next page; "" on the last one
}

// VersionStore reads the versions and the history of journeys, which JourneyStore writes
// in the transactions of Create and Update. Reads are strongly consistent.
type VersionStore interface {
	// Versions returns the versions of a journey up to a number, the newest first,
	// without SameAs, Current, Definition and Settings.
	Versions(ctx context.Context, t ident.Tenant, id ident.ID, upTo int) ([]Version, error)
	// VersionText returns the Journey.GraphText that came last under a version. It
	// returns ErrNoDefinition if there is none.
	VersionText(ctx context.Context, t ident.Tenant, id ident.ID, v Version) ([]byte, error)
	// History returns up to limit entries with a Rev of at most upTo that have not
	// expired at now, the newest first.
	History(ctx context.Context, t ident.Tenant, id ident.ID, upTo int64, limit int, now time.Time) ([]HistoryEntry, error)
}

// Versions returns a page of a journey's versions. from is Next of the previous page,
// "" for the first one.
func (s *Service) Versions(ctx context.Context, t ident.Tenant, id ident.ID, from string, limit int) (VersionPage, error) {
	upTo, err := readRecordCursor(from, "versions", id, maxVersion)
	if err != nil {
		return VersionPage{}, err
	}
	list, err := s.versions(ctx, t, id, int(upTo))
	if err != nil || len(list) <= limit {
		return VersionPage{Versions: list}, err
	}
	return VersionPage{list[:limit], recordCursor("versions", id, int64(list[limit].Number))}, nil
}

// Version returns a version with its Definition. It returns ErrNotFound if there is no
// such journey, ErrNoVersion if the version is not kept.
func (s *Service) Version(ctx context.Context, t ident.Tenant, id ident.ID, number int) (Version, error) {
	for again := false; ; again = true {
		list, err := s.versions(ctx, t, id, min(number, maxVersion))
		if err != nil {
			return Version{}, err
		}
		if len(list) == 0 || list[0].Number != number {
			return Version{}, ErrNoVersion
		}
		text, err := s.stores.Versions.VersionText(ctx, t, id, list[0])
		if errors.Is(err, ErrNoDefinition) && !again {
			continue // a draft was replaced between the two reads
		}
		v := list[0]
		v.Definition, v.Settings = SplitGraphText(text)
		return v, err
	}
}

// versions returns all versions up to a number.
func (s *Service) versions(ctx context.Context, t ident.Tenant, id ident.ID, upTo int) ([]Version, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return nil, err
	}
	list, err := s.stores.Versions.Versions(ctx, t, id, upTo)
	if err != nil {
		return nil, err
	}
	lowest := map[string]int{}
	for i := len(list) - 1; i >= 0; i-- {
		v := &list[i]
		v.SameAs = lowest[string(v.Sum)]
		if v.SameAs == 0 {
			lowest[string(v.Sum)] = v.Number
		}
		// A version after j's is newer than the read of j.
		v.Current = i == 0 && v.Number >= j.Version
	}
	return list, nil
}

// History returns a page of a journey's history. from and limit are as for Versions.
func (s *Service) History(ctx context.Context, t ident.Tenant, id ident.ID, from string, limit int) (HistoryPage, error) {
	upTo, err := readRecordCursor(from, "history", id, maxRev)
	if err != nil {
		return HistoryPage{}, err
	}
	if _, err := s.stores.Journeys.Journey(ctx, t, id); err != nil {
		return HistoryPage{}, err
	}
	list, err := s.stores.Versions.History(ctx, t, id, upTo, limit+1, s.clock())
	if err != nil || len(list) <= limit {
		return HistoryPage{Entries: list}, err
	}
	return HistoryPage{list[:limit], recordCursor("history", id, list[limit].Rev)}, nil
}

// The greatest numbers that the keys of the records have room for.
const (
	maxVersion = 999_999_999
	maxRev     = 1<<63 - 1
)

// recordCursor returns the cursor of a page that begins with a record of that number, in
// the list of a journey with that name.
func recordCursor(name string, id ident.ID, number int64) string {
	return cursor.Cursor{Numbers: []int64{number}}.Encode(name, string(id))
}

// readRecordCursor is the inverse of recordCursor. It returns highest for "".
func readRecordCursor(encoded, name string, id ident.ID, highest int64) (int64, error) {
	if encoded == "" {
		return highest, nil
	}
	c, ok := cursor.Decode(encoded, name, string(id))
	if !ok || len(c.Numbers) != 1 || c.Numbers[0] < 1 || c.Numbers[0] > highest {
		return 0, cursorError("/query/cursor")
	}
	return c.Numbers[0], nil
}

// RunSum returns 16 bytes that journeys whose present version runs alike have in common,
// by the rules of the code that computes them.
func (j Journey) RunSum() []byte {
	parts, _ := alike.Running(j.Definition, graph.NodeType.HasOneWay)
	sum := sha256.New()
	for _, part := range append(parts, string(strict.Canonical(j.Settings))) {
		sum.Write(binary.AppendUvarint(nil, uint64(len(part))))
		sum.Write([]byte(part))
	}
	return sum.Sum(nil)[:16]
}
