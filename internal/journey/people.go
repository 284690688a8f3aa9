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

// reasonRemoved is why somebody leaves who was taken out, or forgotten.
const reasonRemoved = "removed"

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

// Partition is one partition of the due index: the failed enrollments of a
// journey, or the active ones of one epoch and shard.
type Partition struct {
	Tenant  Tenant
	Journey ID
	Failed  bool // Epoch and Shard are 0
	Epoch   int
	Shard   int
}

// DueKey is a key in a Partition.
type DueKey struct {
	Customer string
	At       time.Time // when the enrollment is due; when it failed in a failed Partition
}

// Indexed is what a place in the due index stands for.
type Indexed struct {
	DueKey
	Enrollment Enrollment // as it is now; zero when it is gone
	Err        error      // an ErrDamaged when it cannot be read
}

// MaxIndexed is the most that one read of a Partition returns.
const MaxIndexed = 100

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

// retryRepeat is for how long a repeated retry meets its own success: longer
// than clients repeat a call whose answer was lost, and short enough that who
// tries again later is told that there is nothing to try.
const retryRepeat = 10 * time.Minute

// Retry lets a failed customer go on from where they stopped. Who was retried
// within retryRepeat and went on since stays as they are. Who must leave, or was
// taken out, is not told that anything was done for them.
func (s *Service) Retry(ctx context.Context, t Tenant, id ID, customer string) error {
	err := s.rewrite(ctx, t, id, customer, func(j Journey, e Enrollment) (Enrollment, error) {
		now := s.clock()
		switch {
		case e.Epoch < j.Epoch:
			return e, &Error{
				Kind: Conflict, Code: "enrollment-archived",
				Detail: "The journey was archived after this customer entered it, so they cannot go on.",
			}
		case e.wentOn() && now.Sub(e.retriedAt()) < retryRepeat:
			return e, nil
		case e.Status != Failed:
			return e, &Error{
				Kind: Conflict, Code: "enrollment-not-failed",
				Detail: "Only a failed customer can be tried again; this one is " + e.Status.String() + ".",
			}
		}
		return e.NextWrite(now).Retry(now), nil
	})
	if err == nil {
		s.nudge(ctx, t, id, []string{customer})
	}
	return err
}

// Remove takes a customer out of a journey. It does nothing when they were
// taken out before.
func (s *Service) Remove(ctx context.Context, t Tenant, id ID, customer string) error {
	return s.rewrite(ctx, t, id, customer, func(_ Journey, e Enrollment) (Enrollment, error) {
		switch {
		case e.Status == Inside || e.Status == Failed:
			return e.NextWrite(s.clock()).Cancel(reasonRemoved), nil
		case e.Status == Cancelled && e.ExitReason == reasonRemoved:
			return e, nil
		}
		return e, &Error{
			Kind: Conflict, Code: "enrollment-ended",
			Detail: "This customer left the journey before: they are " + e.Status.String() + ".",
		}
	})
}

// rewrite changes an enrollment as change says, which decides anew whenever
// somebody else was faster. An enrollment that change returns as it was is not
// written.
func (s *Service) rewrite(
	ctx context.Context, t Tenant, id ID, customer string, change func(Journey, Enrollment) (Enrollment, error),
) error {
	for attempt := range wakeAttempts {
		j, err := s.stores.Journeys.Journey(ctx, t, id)
		if err != nil {
			return err
		}
		e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
		if err != nil {
			return err
		}
		next, err := change(j, e)
		if err != nil || next.Rev == e.Rev {
			return err
		}
		if err = s.stores.Enrollments.Advance(ctx, t, j.Shards, []Enrollment{next})[0]; !errors.Is(err, ErrLost) {
			return err
		}
		if attempt > 0 && !pause(ctx, attempt) {
			return ctx.Err()
		}
	}
	return errEnrollmentBusy
}

// Forget removes all that is stored of a customer. Their enrollments stay as
// nameless items, so that the figures do.
func (s *Service) Forget(ctx context.Context, t Tenant, customer string) error {
	return s.stores.Customers.Forget(ctx, t, customer, s.clock())
}

// Nameless returns the next write of e, which stays when the customer is
// forgotten: who is inside leaves, and nothing tells who it was. Who left
// before, left when they did: figures are recounted from that.
func (e Enrollment) Nameless(now time.Time) Enrollment {
	inside, written := e.Status == Inside, e.WrittenAt
	e = e.NextWrite(now)
	if inside {
		e = e.Cancel(reasonRemoved)
	} else {
		e.Delta, e.WrittenAt = nil, written
	}
	e.Customer, e.RequestID, e.Decisions, e.Event = "", RequestID{}, nil, nil
	e.Attempts, e.LeaseUntil, e.WokenAt, e.Place = 0, time.Time{}, time.Time{}, Place{}
	return e
}
