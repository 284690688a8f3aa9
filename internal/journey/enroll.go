package journey

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"time"
)

// EnrollRequest is one enroll call.
type EnrollRequest struct {
	Customers []string // 1 to MaxBatch ids, as sent
	Key       string   // Idempotency-Key, "" for none
}

// Enrollments is what became of an enroll call.
type Enrollments struct {
	Journey                   Journey   // without Definition
	Outcomes                  []Outcome // in the order sent; a repeat is skipped
	Enrolled, Skipped, Errors int       // add up to the ids sent
}

// Outcome is what became of one customer of an enroll call.
type Outcome struct {
	Result OutcomeResult
	Code   string // why, for OutcomeError: stable, kebab-case
}

// OutcomeResult is the kind of an Outcome.
type OutcomeResult uint8

// The outcomes.
const (
	OutcomeEnrolled OutcomeResult = iota + 1 // by this request
	OutcomeSkipped                           // was enrolled before by another
	OutcomeError                             // not known to be enrolled; safe to send again
)

// KeyRecord is what is kept about an Idempotency-Key for KeyLife.
type KeyRecord struct {
	Key       string    // as the caller sent it; only its hash is stored
	Request   [32]byte  // hash of the request that came with it
	RequestID RequestID // stands in the enrollments that the request made
	ExpiresAt time.Time // after it the record counts as gone
}

// KeyLife is how long an Idempotency-Key is remembered.
const KeyLife = 24 * time.Hour

// Enroll enrolls customers in an active journey. A request that comes again
// with its Key gives the counts of the first, whatever became of that one's
// answer; what ended in errors then is tried again.
func (s *Service) Enroll(ctx context.Context, t Tenant, id ID, r EnrollRequest) (Enrollments, error) {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil {
		return Enrollments{}, err
	}
	distinct := distinct(r.Customers)
	request, known, err := s.requestID(ctx, t, j, r)
	if err != nil {
		return Enrollments{}, err
	}
	var outcomes []Outcome
	switch {
	case j.Status == Active:
		outcomes, err = s.insert(ctx, t, j, distinct, Enrollment{RequestID: request})
	case known:
		outcomes = s.stores.Enrollments.Enrolled(ctx, t, id, distinct, request)
	default:
		err = &Error{
			Kind: Invalid, Code: "journey-not-active",
			Detail: "Only an active journey takes customers; this one is " + string(j.Status) + ".",
		}
	}
	if err != nil {
		return Enrollments{}, err
	}
	return tally(j, r.Customers, distinct, outcomes), nil
}

// requestID returns what the request's enrollments are marked with: new bytes,
// or, for a key that is known, those of the request that came with it first.
func (s *Service) requestID(ctx context.Context, t Tenant, j Journey, r EnrollRequest) (id RequestID, known bool, err error) {
	if _, err := io.ReadFull(s.entropy, id[:]); err != nil {
		return id, false, err
	}
	if r.Key == "" {
		return id, false, nil
	}
	now := s.clock()
	record := KeyRecord{Key: r.Key, Request: hashIDs(r.Key, r.Customers), RequestID: id, ExpiresAt: now.Add(KeyLife)}
	kept, known := record, true
	if j.Status == Active {
		kept, err = s.stores.Enrollments.ReserveKey(ctx, t, j.ID, record, now)
	} else {
		kept, known, err = s.stores.Enrollments.KeyRecord(ctx, t, j.ID, r.Key, now)
	}
	if err != nil {
		return id, false, err
	}
	if known && kept.Request != record.Request {
		return id, false, &Error{
			Kind: Mismatch, Code: "idempotency-key-reused",
			Detail: "This Idempotency-Key came with other customers before. Send a new key with a new request.",
		}
	}
	return kept.RequestID, known, nil
}

// insert stores everybody in the state in which the step function leaves them
// at their first blocking node. Only RequestID and Event of e are read.
func (s *Service) insert(ctx context.Context, t Tenant, j Journey, customers []string, e Enrollment) ([]Outcome, error) {
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return nil, err
	}
	now := s.clock()
	first, _ := d.Graph.Start(Enrollment{
		Journey: j.ID, GraphHash: j.GraphHash, Version: j.Version, Epoch: j.Epoch,
		RequestID: e.RequestID, Event: e.Event,
		EnrolledAt: now, ExpiresAt: now.AddDate(0, 0, j.MaxDurationDays),
	})
	d.Graph.BeginWait(&first, now)
	list := make([]Enrollment, len(customers))
	for i, customer := range customers {
		list[i] = first
		list[i].Customer = customer
	}
	outcomes := s.stores.Enrollments.Insert(ctx, t, j.Shards, list)
	if first.Status == Inside && !first.Due.After(now) {
		s.nudge(ctx, t, j.ID, enrolled(customers, outcomes))
	}
	return outcomes, nil
}

func enrolled(customers []string, outcomes []Outcome) []string {
	var list []string
	for i, outcome := range outcomes {
		if outcome.Result == OutcomeEnrolled {
			list = append(list, customers[i])
		}
	}
	return list
}

// distinct returns ids without repeats, in order.
func distinct(ids []string) []string {
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

// tally spreads the outcomes of the distinct ids over the ids as they were
// sent, and counts.
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

// hashIDs names a list of ids; each is written with its length, so that no
// two lists are written alike. The key, which is stored nowhere, keeps whoever
// has the table from guessing the ids. It is no HMAC's, which would take a hash
// for a long key: that hash names the record.
func hashIDs(key string, ids []string) [32]byte {
	text := appendSized(nil, key)
	for _, id := range ids {
		text = appendSized(text, id)
	}
	return sha256.Sum256(text)
}

func appendSized(text []byte, s string) []byte {
	return append(binary.AppendUvarint(text, uint64(len(s))), s...)
}
