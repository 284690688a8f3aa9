package journey

import (
	"cmp"
	"context"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"journeys/internal/cursor"
	"journeys/internal/ident"
)

// Sort is an order of journeys. Equal ones are in the order of their ids, which is that
// of their creation, or in the reverse one if the order is descending.
type Sort string

// The orders. SortNewest is the default.
const (
	SortNewest        Sort = "-created"
	SortOldest        Sort = "created"
	SortUpdated       Sort = "updated"
	SortLatestUpdated Sort = "-updated"
	SortName          Sort = "name" // ignores case, by code point
	SortNameBackward  Sort = "-name"
)

// Sorts lists every order.
var Sorts = []Sort{SortNewest, SortOldest, SortUpdated, SortLatestUpdated, SortName, SortNameBackward}

// Descending reports whether the order is descending.
func (s Sort) Descending() bool { return s == "" || s[0] == '-' }

// Filter selects a page of journeys.
type Filter struct {
	Status Status // "" for any
	Query  string // the name contains it, ignoring case; "" for any
	Sort   Sort   // "" for SortNewest
	Limit  int
	Offset int
	After  Place // the page has what follows it; zero for the start of the list
	Brief  bool  // neither Description, EntryCondition nor Page.Total is needed
}

// Page is one page of a list of journeys.
type Page struct {
	Journeys []Journey // without Definition
	Total    int       // journeys that match the filter, on all pages
}

// Place is the place of a journey in an order.
type Place struct {
	value string // by which journeys are ordered before their ids; "" in the order of creation
	ID    ident.ID
}

// Place returns the place of j in f's order.
func (f Filter) Place(j Journey) Place {
	p := Place{ID: j.ID}
	switch f.Sort {
	case SortUpdated, SortLatestUpdated:
		p.value = string(binary.BigEndian.AppendUint64(nil, uint64(j.UpdatedAt.UnixMilli())))
	case SortName, SortNameBackward:
		p.value = strings.ToLower(j.Name)
	case SortNewest, SortOldest:
	}
	return p
}

// Compare returns -1, 0 or 1 as a is before, at or after b in f's order.
func (f Filter) Compare(a, b Place) int {
	order := cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.ID, b.ID))
	if f.Sort.Descending() {
		return -order
	}
	return order
}

// OfIDs reports whether the list has every journey of the status, in the order of the ids
// or its reverse.
func (f Filter) OfIDs() bool {
	return f.Query == "" && (f.Sort == "" || f.Sort == SortNewest || f.Sort == SortOldest)
}

// Matches returns a function that reports whether a journey matches Status and Query.
func (f Filter) Matches() func(Journey) bool {
	query := foldCase(f.Query)
	return func(j Journey) bool {
		return (f.Status == "" || j.Status == f.Status) && (query == "" || strings.Contains(foldCase(j.Name), query))
	}
}

// foldCase returns a text that is equal for texts that differ only in case (Unicode's
// simple case folding).
func foldCase(text string) string {
	return strings.Map(func(r rune) rune {
		first := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			first = min(first, next)
		}
		return first
	}, text)
}

// List returns a page of the tenant's journeys.
func (s *Service) List(ctx context.Context, t ident.Tenant, f Filter) (Page, error) {
	return s.stores.Journeys.List(ctx, t, f)
}

// ListFrom returns the page of the tenant's journeys at a cursor, "" for the first page,
// and the cursor of the next page, "" for none. The journeys are Brief. A journey that is
// created or changed between two pages makes no other one appear twice or be left out.
func (s *Service) ListFrom(ctx context.Context, t ident.Tenant, f Filter, from string) (list []Journey, next string, err error) {
	if from != "" {
		var ok bool
		if f.After, ok = f.place(from); !ok {
			return nil, "", cursorError("/query/cursor")
		}
	}
	limit := f.Limit
	f.Limit, f.Brief = limit+1, true
	page, err := s.List(ctx, t, f)
	if err != nil || len(page.Journeys) <= limit {
		return page.Journeys, "", err
	}
	return page.Journeys[:limit], f.cursor(f.Place(page.Journeys[limit-1])), nil
}

// list identifies the list that a cursor belongs to.
func (f Filter) list() []string {
	return []string{"journeys", string(f.Status), string(cmp.Or(f.Sort, SortNewest)), f.Query}
}

// cursor encodes a place. The text has no tenant.
func (f Filter) cursor(at Place) string {
	return cursor.Cursor{Text: string(at.ID) + at.value}.Encode(f.list()...)
}

// place decodes a cursor. It returns false for one of another list.
func (f Filter) place(encoded string) (at Place, ok bool) {
	c, ok := cursor.Decode(encoded, f.list()...)
	const id = len("jrn_") + ulid.EncodedSize
	if !ok || len(c.Text) < id {
		return at, false
	}
	at = Place{c.Text[id:], ident.ID(c.Text[:id])}
	return at, at.ID.Valid() && f.hasValue(at.value)
}

// hasValue reports whether a Place in f's order may have the value.
func (f Filter) hasValue(value string) bool {
	switch f.Sort {
	case SortUpdated, SortLatestUpdated:
		return len(value) == 8
	case SortName, SortNameBackward:
		return utf8.ValidString(value)
	case SortNewest, SortOldest:
	}
	return value == ""
}
