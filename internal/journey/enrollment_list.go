package journey

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"journeys/internal/cursor"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// EnrollmentFilter selects enrollments of a journey: the active or the failed ones.
type EnrollmentFilter struct {
	Failed bool
	NodeID string // of the current node, with a Result of a node that was left; "" for any
	Result string // name of the result with which the customer left NodeID; "" for any
	Limit  int    // at least 1
	Cursor string // Next of the previous page; "" for the first page

	Version int              // that the customer follows; 0 for any
	action  EnrollmentAction // that the list is for; "" for none
}

// EnrollmentPage is one page of a list of enrollments. It may have fewer than
// Limit enrollments, even none, without being the last page.
type EnrollmentPage struct {
	Enrollments []Whereabouts // without Path
	Damaged     []Damage      // of enrollments that were left out
	Next        string        // cursor of the next page; "" on the last page
}

// maxListReads bounds the reads of the due index for one page.
const maxListReads = 40

// ListEnrollments returns a page of the active or failed enrollments of a journey.
func (s *Service) ListEnrollments(ctx context.Context, t ident.Tenant, id ident.ID, f EnrollmentFilter) (EnrollmentPage, error) {
	r, err := s.find(ctx, t, id, f)
	if err != nil {
		return EnrollmentPage{}, err
	}
	page := EnrollmentPage{Damaged: r.damaged}
	for _, match := range r.matches {
		page.Enrollments = append(page.Enrollments, match.Whereabouts)
	}
	if r.next != nil {
		page.Next = f.cursor(id, *r.next)
	}
	return page, nil
}

// findings are the enrollments that match a filter, from a position on.
type findings struct {
	matches []*match
	damaged []Damage
	start   position
	next    *position // nil at the end of the list
}

// match is an enrollment that matches a filter.
type match struct {
	Whereabouts
	place position // just after it

	// Of the action on it. Without started, the time ran out before.
	started, changed bool
	err              error
}

// find returns the next enrollments that match f, at most f.Limit.
func (s *Service) find(ctx context.Context, t ident.Tenant, id ident.ID, f EnrollmentFilter) (findings, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return findings{}, err
	}
	at, err := s.startPosition(ctx, t, j, f)
	if err != nil {
		return findings{}, err
	}
	r := findings{start: at}
	for range maxListReads {
		n := min(f.Limit-len(r.matches), MaxIndexed)
		if f.NodeID != "" || f.Version > 0 {
			n = MaxIndexed // most of them may not match
		}
		list, next, err := s.stores.Enrollments.ReadPartition(ctx, at.partition, n, at.after)
		if err != nil {
			return findings{}, err
		}
		full, err := s.addMatches(ctx, t, f, at.partition, list, &r)
		if err != nil || full {
			return r, err
		}
		if at.after = next; next == nil {
			var more bool
			if at.partition, more = at.partition.next(j); !more {
				return r, nil
			}
		}
		if len(r.matches) == f.Limit {
			break
		}
	}
	r.next = &at
	return r, nil
}

// addMatches adds the enrollments of list, a part of p, that match f. It returns true if
// another one than f.Limit allows matches, which takes a filter by node or version: the
// next page then starts before it.
func (s *Service) addMatches(
	ctx context.Context, t ident.Tenant, f EnrollmentFilter, p Partition, list []Indexed, r *findings,
) (full bool, err error) {
	for i := range list {
		w, ok, err := s.match(ctx, t, f, list[i])
		if Unreadable(err) {
			r.damaged = append(r.damaged, Damage{p.Journey, err})
		} else if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if len(r.matches) == f.Limit {
			r.next = &position{p, &list[i-1].DueKey}
			return true, nil
		}
		r.matches = append(r.matches, &match{Whereabouts: w, place: position{p, &list[i].DueKey}})
	}
	return false, nil
}

// match reports whether an enrollment matches f now: the index may be out of date.
func (s *Service) match(ctx context.Context, t ident.Tenant, f EnrollmentFilter, at Indexed) (Whereabouts, bool, error) {
	e := at.Enrollment
	if at.Err != nil || e.PendingExit != (progress.ExitRequest{}) || e.Status != f.status() || f.Version > 0 && e.Version != f.Version {
		return Whereabouts{}, false, at.Err
	}
	graph, err := s.graphOf(ctx, t, e)
	if err != nil {
		return Whereabouts{}, false, err
	}
	node := graph.NodeID(e.Node)
	ok := f.NodeID == "" || node == f.NodeID
	if f.Result != "" {
		ok = left(e, graph, f.NodeID, f.Result)
	}
	return Whereabouts{Enrollment: e, NodeID: node}, ok, nil
}

// left reports whether e left a node with that result.
func left(e progress.Enrollment, g *progress.Graph, node, result string) bool {
	i, ok := g.Index(node)
	return ok && slices.ContainsFunc(e.Path.Visits(e.EnrolledAt), func(v trail.Visit) bool {
		return v.Node == i && v.Result.Name(g.Node(i).Ways) == result
	})
}

// position is where a page starts.
type position struct {
	partition Partition
	after     *DueKey // nil for the start of the partition
}

// startPosition returns where the page of f starts.
func (s *Service) startPosition(ctx context.Context, t ident.Tenant, j Journey, f EnrollmentFilter) (position, error) {
	first := Partition{Tenant: t, Journey: j.ID, Failed: f.Failed}
	if !f.Failed {
		from, err := s.stores.Enrollments.DrainFrom(ctx, t, j.ID)
		if err != nil {
			return position{}, err
		}
		if first.Epoch = min(from, j.Epoch); from < 0 {
			first.Epoch = j.Epoch
		}
	}
	if f.Cursor == "" {
		return position{partition: first}, nil
	}
	at, ok := f.position(j)
	if !ok {
		return position{}, cursorError(f.action.cursorPointer())
	}
	at.partition.Tenant, at.partition.Journey = t, j.ID
	if at.partition.Epoch < first.Epoch { // that epoch has drained since
		return position{partition: first}, nil
	}
	return at, nil
}

// next returns the partition after p in a list; false after the last one.
func (p Partition) next(j Journey) (Partition, bool) {
	switch {
	case p.Failed:
		return p, false
	case p.Shard+1 < j.Shards:
		p.Shard++
		return p, true
	}
	p.Epoch, p.Shard = p.Epoch+1, 0
	return p, p.Epoch <= j.Epoch
}

// cursorError returns the error of a cursor that belongs to another list.
func cursorError(pointer string) *Error {
	return &Error{
		Kind: Invalid, Code: "invalid-request",
		Detail: "The request is not valid; each entry of errors says where and why.",
		Faults: []strict.Fault{{Pointer: pointer, Detail: "is not a nextCursor of this list; leave it out to begin at the start"}},
	}
}

// status is the status of the enrollments of the list.
func (f EnrollmentFilter) status() progress.EnrollmentStatus {
	if f.Failed {
		return progress.Failed
	}
	return progress.Inside
}

// list identifies the list that a cursor belongs to.
func (f EnrollmentFilter) list(id ident.ID) []string {
	return []string{string(id), f.status().String(), f.NodeID, f.Result, string(f.action), strconv.Itoa(f.Version)}
}

// cursor encodes a position. The text has no tenant and no journey, so a forged
// cursor cannot leave the caller's journey.
func (f EnrollmentFilter) cursor(id ident.ID, at position) string {
	c := cursor.Cursor{Numbers: []int64{int64(at.partition.Epoch), int64(at.partition.Shard)}}
	if at.after != nil {
		c.Numbers, c.Text = append(c.Numbers, at.after.At.UnixMilli()), at.after.Customer
	}
	return c.Encode(f.list(id)...)
}

// position decodes f.Cursor. It returns false for a cursor of another list.
func (f EnrollmentFilter) position(j Journey) (at position, ok bool) {
	c, ok := cursor.Decode(f.Cursor, f.list(j.ID)...)
	if n := c.Numbers; !ok || len(n) < 2 || n[0] > int64(j.Epoch) || n[1] >= int64(max(j.Shards, 1)) {
		return at, false
	}
	at.partition = Partition{Failed: f.Failed, Epoch: int(c.Numbers[0]), Shard: int(c.Numbers[1])}
	if len(c.Numbers) == 2 {
		return at, c.Text == ""
	}
	at.after = &DueKey{Customer: c.Text, At: time.UnixMilli(c.Numbers[2]).UTC()}
	n := utf8.RuneCountInString(c.Text)
	return at, n >= 1 && n <= 128 && utf8.ValidString(c.Text) && !strings.ContainsFunc(c.Text, unicode.IsControl)
}
