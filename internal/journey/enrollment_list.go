package journey

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return EnrollmentPage{}, err
	}
	at, err := s.startPosition(ctx, t, j, f)
	if err != nil {
		return EnrollmentPage{}, err
	}
	var page EnrollmentPage
	for range maxListReads {
		n := min(f.Limit-len(page.Enrollments), MaxIndexed)
		if f.NodeID != "" {
			n = MaxIndexed // most of them may not match
		}
		list, next, err := s.stores.Enrollments.ReadPartition(ctx, at.partition, n, at.after)
		if err != nil {
			return EnrollmentPage{}, err
		}
		used, err := s.addMatches(ctx, t, id, f, list, &page)
		if err != nil {
			return EnrollmentPage{}, err
		}
		if used < len(list) {
			page.Next = f.cursor(id, position{at.partition, &list[used-1].DueKey})
			return page, nil
		}
		if at.after = next; next == nil {
			var more bool
			if at.partition, more = at.partition.next(j); !more {
				return page, nil
			}
		}
		if len(page.Enrollments) == f.Limit {
			break
		}
	}
	page.Next = f.cursor(id, at)
	return page, nil
}

// addMatches adds the enrollments of list that match f to page. It returns how many
// elements it used: fewer than all if another match exceeds the limit, which
// takes a filter by node.
func (s *Service) addMatches(
	ctx context.Context, t ident.Tenant, id ident.ID, f EnrollmentFilter, list []Indexed, page *EnrollmentPage,
) (used int, err error) {
	for i := range list {
		w, ok, err := s.match(ctx, t, f, list[i])
		if Unreadable(err) {
			page.Damaged = append(page.Damaged, Damage{id, err})
		} else if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		if len(page.Enrollments) == f.Limit {
			return i, nil
		}
		page.Enrollments = append(page.Enrollments, w)
	}
	return len(list), nil
}

// match reports whether an enrollment matches f now: the index may be out of date.
func (s *Service) match(ctx context.Context, t ident.Tenant, f EnrollmentFilter, at Indexed) (Whereabouts, bool, error) {
	e := at.Enrollment
	if at.Err != nil || e.PendingExit != (progress.ExitRequest{}) || e.Status != progress.Inside && e.Status != progress.Failed || f.Failed != (e.Status == progress.Failed) {
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
		return position{}, errCursor
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

var errCursor = &Error{
	Kind: Invalid, Code: "invalid-request",
	Detail: "The request is not valid; each entry of errors says where and why.",
	Faults: []strict.Fault{{Pointer: "/query/cursor", Detail: "is no nextCursor of this list; begin without it"}},
}

// listHash identifies the list that a cursor belongs to.
func (f EnrollmentFilter) listHash(id ident.ID) []byte {
	status := progress.Inside
	if f.Failed {
		status = progress.Failed
	}
	sum := sha256.Sum256([]byte(string(id) + " " + status.String() + " " + f.NodeID + " " + f.Result))
	return sum[:8]
}

// cursor encodes a position. The text has no tenant and no journey, so a forged
// cursor cannot leave the caller's journey.
func (f EnrollmentFilter) cursor(id ident.ID, at position) string {
	text := f.listHash(id)
	text = binary.AppendUvarint(text, uint64(at.partition.Epoch))
	text = binary.AppendUvarint(text, uint64(at.partition.Shard))
	if at.after != nil {
		text = binary.AppendUvarint(text, uint64(at.after.At.UnixMilli()))
		text = append(text, at.after.Customer...)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// position decodes f.Cursor. It returns false for a cursor of another list.
func (f EnrollmentFilter) position(j Journey) (at position, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(f.Cursor)
	if err != nil {
		return at, false
	}
	rest, ok := strings.CutPrefix(string(text), string(f.listHash(j.ID)))
	number := func(below int) int {
		n, size := binary.Uvarint([]byte(rest))
		if size <= 0 || n >= uint64(below) {
			ok = false
			return 0
		}
		rest = rest[size:]
		return int(n)
	}
	at.partition = Partition{Failed: f.Failed, Epoch: number(j.Epoch + 1), Shard: number(max(j.Shards, 1))}
	if !ok || rest == "" {
		return at, ok
	}
	since := time.UnixMilli(int64(number(1 << 52))).UTC()
	at.after = &DueKey{Customer: rest, At: since}
	n := utf8.RuneCountInString(rest)
	return at, ok && n >= 1 && n <= 128 && utf8.ValidString(rest) && !strings.ContainsFunc(rest, unicode.IsControl)
}
