package journey

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"journeys/internal/strict"
)

// EnrollmentFilter chooses enrollments of a journey: who is inside, or who
// failed.
type EnrollmentFilter struct {
	Failed bool
	NodeID string // "" for all
	Limit  int    // at least 1
	Cursor string // of the page before; "" for the first
}

// EnrollmentPage is a part of a list. It may hold fewer than the filter's
// Limit, and nobody, and still not be the last.
type EnrollmentPage struct {
	Enrollments []Whereabouts // without Path
	Damaged     []Damage      // who was met and is left out
	Next        string        // the cursor of the next page; "" for none
}

// listReads bounds how many reads of the index one page takes.
const listReads = 40

// ListEnrollments returns a page of those who are inside, or who failed.
func (s *Service) ListEnrollments(ctx context.Context, t Tenant, id ID, f EnrollmentFilter) (EnrollmentPage, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return EnrollmentPage{}, err
	}
	at, err := s.begin(ctx, t, j, f)
	if err != nil {
		return EnrollmentPage{}, err
	}
	var page EnrollmentPage
	for range listReads {
		n := min(f.Limit-len(page.Enrollments), MaxIndexed)
		if f.NodeID != "" {
			n = MaxIndexed // most of them may be at other nodes
		}
		list, next, err := s.stores.Enrollments.ReadPartition(ctx, at.partition, n, at.after)
		if err != nil {
			return EnrollmentPage{}, err
		}
		for i := range list {
			w, ok, err := s.listed(ctx, t, f, list[i])
			if errors.Is(err, ErrDamaged) {
				page.Damaged = append(page.Damaged, Damage{id, err})
			} else if err != nil {
				return EnrollmentPage{}, err
			}
			if !ok {
				continue
			}
			if len(page.Enrollments) == f.Limit { // only with a node: more were read than fit
				page.Next = f.cursor(id, position{at.partition, &list[i-1].DueKey})
				return page, nil
			}
			page.Enrollments = append(page.Enrollments, w)
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

// listed tells whether an enrollment is still what the filter asks for: the
// index shows what was true a moment ago.
func (s *Service) listed(ctx context.Context, t Tenant, f EnrollmentFilter, at Indexed) (Whereabouts, bool, error) {
	e := at.Enrollment
	if at.Err != nil || e.Status != Inside && e.Status != Failed || f.Failed != (e.Status == Failed) {
		return Whereabouts{}, false, at.Err
	}
	graph, err := s.graphOf(ctx, t, e)
	if err != nil {
		return Whereabouts{}, false, err
	}
	node := graph.NodeID(e.Node)
	return Whereabouts{Enrollment: e, NodeID: node}, f.NodeID == "" || node == f.NodeID, nil
}

// position is where a list goes on.
type position struct {
	partition Partition
	after     *DueKey // nil: from the partition's start
}

// begin returns where the page begins.
func (s *Service) begin(ctx context.Context, t Tenant, j Journey, f EnrollmentFilter) (position, error) {
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
	if at.partition.Epoch < first.Epoch { // nobody is left there
		return position{partition: first}, nil
	}
	return at, nil
}

// next returns the partition that a list reads after p.
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

// boundTo names the list that a cursor belongs to.
func (f EnrollmentFilter) boundTo(id ID) []byte {
	status := Inside
	if f.Failed {
		status = Failed
	}
	sum := sha256.Sum256([]byte(string(id) + " " + status.String() + " " + f.NodeID))
	return sum[:8]
}

// cursor writes a position as text. It names a place of the list that it is
// bound to and no key: whoever changes it stays in their own journey.
func (f EnrollmentFilter) cursor(id ID, at position) string {
	text := f.boundTo(id)
	text = binary.AppendUvarint(text, uint64(at.partition.Epoch))
	text = binary.AppendUvarint(text, uint64(at.partition.Shard))
	if at.after != nil {
		text = binary.AppendUvarint(text, uint64(at.after.At.UnixMilli()))
		text = append(text, at.after.Customer...)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// position reads a cursor; false for one that is not of this list.
func (f EnrollmentFilter) position(j Journey) (at position, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(f.Cursor)
	if err != nil {
		return at, false
	}
	rest, ok := strings.CutPrefix(string(text), string(f.boundTo(j.ID)))
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
