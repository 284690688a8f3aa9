package journey

import (
	"context"
	"io"
	"time"

	"journeys/internal/digest"
)

// EnrollRequest is one enroll call.
type EnrollRequest struct {
	Customers []string  // 1 to MaxBatch ids; may repeat
	Key       string    // Idempotency-Key; "" for none
	Received  time.Time // by the gateway; zero is not checked against Forgotten
}

// Enrollments is the result of an enroll call.
type Enrollments struct {
	Journey                   Journey   // without Definition
	Outcomes                  []Outcome // in the order of the request; a repeated id is skipped
	Enrolled, Skipped, Errors int       // add up to the ids of the request
}

// Outcome is the result for one customer of an enroll call.
type Outcome struct {
	Result OutcomeResult
	Code   string // reason for an OutcomeError or OutcomeSkipped: stable, kebab-case

	// Of the customer's present run, if OutcomeSkipped; zero for a repeated id.
	Run       int
	EnteredAt time.Time
}

// OutcomeResult is the kind of an Outcome.
type OutcomeResult uint8

// The outcomes.
const (
	OutcomeEnrolled OutcomeResult = iota + 1 // by this request
	OutcomeSkipped                           // enrolled before, and may not enter again now
	OutcomeError                             // may not be enrolled; safe to retry
)

// KeyRecord is the record of an Idempotency-Key, kept for KeyLife.
type KeyRecord struct {
	Key        string    // as sent; only its hash is stored
	Request    [32]byte  // hash of the first request with the key
	RequestID  RequestID // of the enrollments that the request wrote
	ReceivedAt time.Time // when the key was first received; UTC, to the millisecond
	ExpiresAt  time.Time // from then on the record counts as missing
}

// KeyLife is how long an Idempotency-Key is remembered.
const KeyLife = 24 * time.Hour

// Enroll enrolls customers in an active journey. A request that is repeated with
// its Key returns the outcomes of the first one, and retries those that were
// errors.
func (s *Service) Enroll(ctx context.Context, t Tenant, id ID, r EnrollRequest) (Enrollments, error) {
	customers := removeRepeats(r.Customers)
	j, known, err := s.stores.Journeys.JourneyToEnter(ctx, t, id, customers, s.clock())
	if err != nil {
		return Enrollments{}, err
	}
	unique, forgotten := known.split(customers, r.Received)
	key, repeated, err := s.keyRecord(ctx, t, j, r)
	if err != nil {
		return Enrollments{}, err
	}
	var outcomes []Outcome
	switch {
	case j.Status == Active:
		outcomes, err = s.insert(ctx, t, j, unique, Enrollment{RequestID: key.RequestID, EnrolledAt: key.ReceivedAt}, r.Received)
	case repeated:
		outcomes = s.enrolled(ctx, t, id, unique, key)
	default:
		err = &Error{
			Kind: Invalid, Code: "journey-not-active",
			Detail: "Only an active journey takes customers; this one is " + string(j.Status) + ".",
		}
	}
	if err != nil {
		return Enrollments{}, err
	}
	for range forgotten {
		outcomes = append(outcomes, Outcome{Result: OutcomeError, Code: ErrForgotten.Code})
	}
	return tally(j, r.Customers, append(unique, forgotten...), outcomes), nil
}

// keyRecord returns the record of the request's key, and whether that is stored.
// Without a key, it has only a new RequestID.
func (s *Service) keyRecord(ctx context.Context, t Tenant, j Journey, r EnrollRequest) (kept KeyRecord, known bool, err error) {
	if _, err := io.ReadFull(s.entropy, kept.RequestID[:]); err != nil || r.Key == "" {
		return kept, false, err
	}
	now := s.clock()
	record := KeyRecord{
		Key: r.Key, Request: hashIDs(r.Key, r.Customers), RequestID: kept.RequestID,
		ReceivedAt: now, ExpiresAt: now.Add(KeyLife),
	}
	kept, known = record, true
	if j.Status == Active {
		kept, err = s.stores.Enrollments.ReserveKey(ctx, t, j.ID, record, now)
	} else {
		kept, known, err = s.stores.Enrollments.KeyRecord(ctx, t, j.ID, r.Key, now)
	}
	if err != nil {
		return kept, false, err
	}
	if known && kept.Request != record.Request {
		return kept, false, &Error{
			Kind: Mismatch, Code: "idempotency-key-reused",
			Detail: "This Idempotency-Key was already used with other customers. Send a new key with a new request.",
		}
	}
	return kept, known, nil
}

// insert stores the customers at their first blocking node, where Graph.Start
// leaves them, at e.EnrolledAt or later. It reads only that, RequestID and Event of e.
// EnrolledAt is when the call or event was first received, zero if it cannot be repeated:
// customers who entered since start no further run.
func (s *Service) insert(ctx context.Context, t Tenant, j Journey, customers []string, e Enrollment, received time.Time) ([]Outcome, error) {
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return nil, err
	}
	if d.Graph.Entry() < 0 { // a rule that came after the journey was activated
		return nil, &Error{
			Kind: Invalid, Code: "graph-not-whole", Faults: d.Graph.Faults("/definition"),
			Detail: "No customer can enter, because " + d.Graph.EntryFault() + ". Replace the definition.",
		}
	}
	now := later(s.clock(), e.EnrolledAt)
	start := func(i int, at time.Time) Enrollment {
		started, _ := d.Graph.Start(Enrollment{
			Journey: j.ID, Customer: customers[i], GraphHash: j.GraphHash, Version: j.Version, Epoch: j.Epoch,
			RequestID: e.RequestID, Event: e.Event,
			EnrolledAt: at, ExpiresAt: at.AddDate(0, 0, j.MaxDurationDays),
		})
		d.Graph.BeginWait(&started, at)
		return started
	}
	list := make([]Enrollment, len(customers))
	for i := range list {
		list[i] = start(i, now)
	}
	outcomes := s.stores.Enrollments.Insert(ctx, t, j.Shards, list)
	s.enterAgain(ctx, t, reentry{Reentry: j.reentry(), shards: j.Shards, since: e.EnrolledAt, start: start}, list, outcomes)
	if !received.IsZero() {
		s.stores.Enrollments.UndoForgotten(ctx, t, list, outcomes, received, s.clock())
	}
	if due := selectDue(list, outcomes, s.clock()); len(due) > 0 {
		s.nudge(ctx, t, j.ID, due)
	}
	return outcomes, nil
}

// selectDue returns the customers whose outcome is OutcomeEnrolled and who are due.
func selectDue(list []Enrollment, outcomes []Outcome, now time.Time) []string {
	var due []string
	for i, outcome := range outcomes {
		if outcome.Result == OutcomeEnrolled && list[i].Status == Inside && !list[i].Due.After(now) {
			due = append(due, list[i].Customer)
		}
	}
	return due
}

// removeRepeats returns the distinct ids in order of first appearance.
func removeRepeats(ids []string) []string {
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

// tally assigns the outcomes of the unique ids to the ids as sent, and counts
// them.
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
			byID[id] = Outcome{Result: OutcomeSkipped, Code: CodeAlreadyInside}
		case OutcomeSkipped:
			result.Skipped++
		default:
			result.Errors++
		}
	}
	return result
}

// hashIDs hashes ids with key. The key is not stored, so a reader of the table cannot
// guess the ids. HMAC would replace a long key by its hash, which is stored: it names
// the record.
func hashIDs(key string, ids []string) [32]byte {
	return digest.Of(append([]string{key}, ids...)...)
}
