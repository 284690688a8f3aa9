package journey

import (
	"context"
	"io"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/digest"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// EnrollRequest is one enroll call.
type EnrollRequest struct {
	Customers  []string  // 1 to MaxBatch ids; may repeat
	Properties [][]byte  // for each of Customers as of an event that starts the run: a compact JSON object, nil for none; nil for ids only
	Key        string    // Idempotency-Key; "" for none
	Received   time.Time // by the gateway; zero is not checked against Forgotten
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

// The codes of an OutcomeSkipped. That of a customer who is twice in one request is "".
const (
	CodeInside     = "already-inside" // the customer is in the journey, perhaps failed
	CodeEntered    = "entered-before" // and left, but may not enter again, or entered since the call was first received
	CodeTooSoon    = "too-soon"       // after the last entry
	CodeMaxReached = "max-reached"    // the customer had all the runs that Reentry allows
)

// SkippedCode returns the code for a customer whose enrollment has that status.
func SkippedCode(s progress.EnrollmentStatus) string {
	if s.Left() {
		return CodeEntered
	}
	return CodeInside
}

// KeyRecord is the record of an Idempotency-Key, kept for KeyLife.
type KeyRecord struct {
	Key        string          // as sent; only its hash is stored
	Request    [32]byte        // hash of the first request with the key
	RequestID  ident.RequestID // of the enrollments that the request wrote; zero for CreateOnce
	Created    ident.ID        // journey that the request created; "" for Enroll
	ReceivedAt time.Time       // when the key was first received; UTC, to the millisecond
	ExpiresAt  time.Time       // from then on the record counts as missing
}

// KeyLife is how long an Idempotency-Key is remembered.
const KeyLife = 24 * time.Hour

// Enroll enrolls customers in an active journey. A request that is repeated with
// its Key returns the outcomes of the first one, and retries those that were
// errors.
func (s *Service) Enroll(ctx context.Context, t ident.Tenant, id ident.ID, r EnrollRequest) (Enrollments, error) {
	customers := removeRepeats(r.Customers)
	j, known, err := s.stores.Journeys.JourneyToEnter(ctx, t, id, customers, s.clock())
	if err != nil {
		return Enrollments{}, err
	}
	unique, forgotten := known.split(customers, r.Received)
	now := s.clock()
	refused := j.refuse(now)
	if refused == nil {
		if err := s.admit(ctx, t, j.ID, r.Key, len(customers), now); err != nil {
			return Enrollments{}, err
		}
	}
	key, repeated, err := s.keyRecord(ctx, t, j, r, now, refused == nil)
	if err != nil {
		return Enrollments{}, err
	}
	var outcomes []Outcome
	switch {
	case refused == nil:
		entrants, faulty := r.entrants(unique)
		if faulty != nil {
			return Enrollments{}, faulty
		}
		at := now
		if key.ReceivedAt.After(now) {
			// Not the time of the call that stored the key: UndoForgotten tells them apart by it.
			at = key.ReceivedAt.Add(time.Millisecond)
		}
		outcomes, err = s.insert(ctx, t, j, entrants, key.RequestID, key.ReceivedAt, at, r.Received)
	case repeated:
		outcomes = s.enrolled(ctx, t, j, unique, key, refused.Code)
	default:
		err = refused
	}
	if err != nil {
		return Enrollments{}, err
	}
	for range forgotten {
		outcomes = append(outcomes, Outcome{Result: OutcomeError, Code: ErrForgotten.Code})
	}
	return tally(j, r.Customers, append(unique, forgotten...), outcomes), nil
}

// keyRecord returns the record of the request's key, and whether that is stored. A new
// one is stored only if the journey is open. Without a key, it has only a new RequestID.
func (s *Service) keyRecord(
	ctx context.Context, t ident.Tenant, j Journey, r EnrollRequest, now time.Time, open bool,
) (kept KeyRecord, known bool, err error) {
	if _, err := io.ReadFull(s.entropy, kept.RequestID[:]); err != nil || r.Key == "" {
		return kept, false, err
	}
	record := KeyRecord{
		Key: r.Key, Request: r.hash(), RequestID: kept.RequestID, ReceivedAt: now, ExpiresAt: now.Add(KeyLife),
	}
	kept, known = record, true
	if open {
		kept, err = s.stores.Enrollments.ReserveKey(ctx, t, j.ID, record, now)
	} else {
		kept, known, err = s.stores.Enrollments.KeyRecord(ctx, t, j.ID, r.Key, now)
	}
	if err != nil {
		return kept, false, err
	}
	if known && kept.Request != record.Request {
		return kept, false, keyReused("other customers or properties")
	}
	return kept, known, nil
}

func keyReused(other string) *Error {
	return &Error{
		Kind: Mismatch, Code: "idempotency-key-reused",
		Detail: "This Idempotency-Key was already used with " + other + ". Send a new key with a new request.",
	}
}

// entrant is a customer who is about to enter a journey.
type entrant struct {
	customer string
	event    condition.Value // properties of the starting event; missing for none
}

// entrants returns the customers with their properties: of a repeated one, the first.
func (r EnrollRequest) entrants(customers []string) ([]entrant, error) {
	properties := make(map[string][]byte, len(r.Properties))
	for i, raw := range slices.Backward(r.Properties) {
		properties[r.Customers[i]] = raw
	}
	list := make([]entrant, len(customers))
	for i, customer := range customers {
		list[i].customer = customer
		if raw := properties[customer]; len(raw) > 0 {
			var err error
			if list[i].event, err = condition.ParseValue(raw); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// insert stores the customers at their first blocking node, where Graph.Start
// leaves them, as enrolled at now. since, not after now, is when the call or event was
// first received, zero if it cannot be repeated: customers who entered since start no
// further run.
func (s *Service) insert(
	ctx context.Context, t ident.Tenant, j Journey, customers []entrant, request ident.RequestID, since, now, received time.Time,
) ([]Outcome, error) {
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
	start := func(i int, at time.Time) progress.Enrollment {
		started, _ := d.Graph.Start(progress.Enrollment{
			Journey: j.ID, Customer: customers[i].customer, GraphHash: j.GraphHash, Version: j.Version, Epoch: j.Epoch,
			RequestID: request, Event: d.Graph.EncodeEvent(customers[i].event),
			EnrolledAt: at, ExpiresAt: at.AddDate(0, 0, j.MaxDurationDays),
		})
		d.Graph.BeginWait(&started, at)
		return started
	}
	list := make([]progress.Enrollment, len(customers))
	for i := range list {
		list[i] = start(i, now)
	}
	outcomes := s.stores.Enrollments.Insert(ctx, t, j.Shards, list)
	s.enterAgain(ctx, t, reentry{Reentry: j.reentry(), shards: j.Shards, since: since, start: start}, list, outcomes)
	if !received.IsZero() {
		s.stores.Enrollments.UndoForgotten(ctx, t, list, outcomes, received, s.clock())
	}
	if due := selectDue(list, outcomes, s.clock()); len(due) > 0 {
		s.nudge(ctx, t, j.ID, due)
	}
	s.growCrowded(ctx, t, j, outcomes)
	return outcomes, nil
}

// selectDue returns the customers whose outcome is OutcomeEnrolled and who are due.
func selectDue(list []progress.Enrollment, outcomes []Outcome, now time.Time) []string {
	var due []string
	for i, outcome := range outcomes {
		if outcome.Result == OutcomeEnrolled && list[i].Status == progress.Inside && !list[i].Due.After(now) {
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
			byID[id] = Outcome{Result: OutcomeSkipped}
		case OutcomeSkipped:
			result.Skipped++
		default:
			result.Errors++
		}
	}
	return result
}

// hash hashes what is enrolled, with Key. The key is not stored, so a reader of the table
// cannot guess the ids. HMAC would replace a long key by its hash, which is stored: it
// names the record.
func (r EnrollRequest) hash() [32]byte {
	parts := append([]string{r.Key}, r.Customers...)
	if r.Properties != nil {
		parts = append(parts, "") // no id is empty
	}
	for _, raw := range r.Properties {
		parts = append(parts, string(strict.Canonical(raw)))
	}
	return digest.Of(parts...)
}
