package dynamo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/memory"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an enrollment. All of them together stay below 1 KB, the unit in
// which writes are paid, unless eDecisions or eEvent is long.
const (
	eStatus    = "st"
	eGraph     = "gh" // name of the graph, 16 bytes
	eVersion   = "v"
	eEpoch     = "ep"
	eRun       = "run"
	eRev       = "r"
	eWritten   = "t"   // when revision eRev was written
	eRequest   = "rid" // of the request that enrolled, so that a retry recognizes its own
	eEnrolled  = "c"
	eExpires   = "x"
	eNode      = "nd"
	eSince     = "si"
	eReason    = "er"
	ePath      = "p"
	eRetries   = "rt"
	eLeft      = "lf"
	eFailed    = "fl"
	eConverted = "cv" // when the conversion was recorded
	ePassed    = "cn" // number of steps of ePath before the conversion
	eDelta     = "d"  // change of the figures by the write of revision eDeltaRev
	eDeltaRev  = "dv" // so that a later write of other attributes is not counted again
	eDecisions = "dc"
	eEvent     = "ev"
	eStepEvent = "se"
	eHeard     = "he"
	eAttempts  = "at"
	eLease     = "lu"
	eWoken     = "wk"
	eOnProfile = "op"     // ProfileRev; absent without OnProfile
	ePending   = "px"     // reason of an exit that was requested during a lease
	eWriteID   = aWriteID // of the call that wrote it last
)

// Attributes of an Idempotency-Key's record.
const (
	kRequest   = "q"
	kRequestID = "rid"
	kExpires   = "x" // of every reserved item, in milliseconds; the table deletes it days later
)

// encodeEnrollment returns e's item. shards is the number of shards of the
// journey's part of the due index, for an enrollment whose due time is new.
func encodeEnrollment(t journey.Tenant, shards int, e journey.Enrollment) (item, error) {
	graph, err := hex.DecodeString(e.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := enrollmentKey(t, e.Journey, e.Customer)
	it.putNumber(eStatus, int64(e.Status))
	it.putBinary(eGraph, graph)
	it.putNumber(eVersion, int64(e.Version))
	it.putNumber(eEpoch, int64(e.Epoch))
	it.putNumber(eRun, int64(e.Run))
	it.putNumber(eRev, e.Rev)
	it.putTime(eWritten, e.WrittenAt)
	it[eRequest] = binary(e.RequestID[:])
	it.putTime(eEnrolled, e.EnrolledAt)
	it.putTime(eExpires, e.ExpiresAt)
	it.putNumber(eNode, int64(e.Node))
	it.putTime(eSince, e.Since)
	it.putTime(eLeft, e.LeftAt)
	it.putTime(eFailed, e.FailedAt)
	it.putTime(eConverted, e.ConvertedAt)
	it.putNumber(ePassed, int64(e.ConvertedSteps))
	it.putText(eReason, e.ExitReason)
	it.putBinary(ePath, e.Path)
	it.putBinary(eRetries, e.Retries)
	it.putBinary(eDecisions, e.Decisions)
	it.putBinary(eEvent, e.Event)
	it.putBinary(eStepEvent, e.StepEvents)
	it.putBinary(eHeard, memory.Stamp(e.Heard))
	it.putNumber(eAttempts, int64(e.Attempts))
	it.putTime(eLease, e.LeaseUntil)
	it.putBinary(eWoken, memory.Stamp(e.Woken))
	if e.OnProfile {
		it[eOnProfile] = number(e.ProfileRev)
	}
	if len(e.Delta) > 0 {
		it[eDelta] = binary(e.Delta)
		it[eDeltaRev] = number(e.Rev)
	}
	it.putDue(t, shards, e)
	return it, nil
}

// putDue stores e's place in the due index, if it has one.
func (it item) putDue(t journey.Tenant, shards int, e journey.Enrollment) {
	p := journey.Partition{Tenant: t, Journey: e.Journey}
	switch {
	case e.Status == journey.Failed:
		p.Failed = true
		it.putTime(manifest.DueSortKey, e.Since)
	case !e.Due.IsZero():
		p.Epoch, p.Shard = e.Epoch, dueShardOf(e, shards)
		it.putTime(manifest.DueSortKey, e.Due)
	default:
		return
	}
	it[manifest.DuePartitionKey] = text(duePK(p))
}

// dueShardOf returns the shard for e's due time. A due time that has not changed
// stays in its shard: the number of shards only grows, so it is still swept.
func dueShardOf(e journey.Enrollment, shards int) int {
	if e.Due.Equal(e.Place.Due) {
		return e.Place.Shard
	}
	return dueShard(e.Customer, shards)
}

// decodeEnrollment returns the enrollment in an item of the tenant's. Its Delta is
// nil unless the item's last write changed the figures.
func decodeEnrollment(t journey.Tenant, it item) (journey.Enrollment, error) {
	r := reader{item: it}
	e := journey.Enrollment{
		Journey:     enrollmentJourney(r.text(manifest.SortKey)),
		Customer:    customerOf(t, r.text(manifest.PartitionKey)),
		Status:      journey.EnrollmentStatus(r.number(eStatus)),
		GraphHash:   hex.EncodeToString(r.binary(eGraph)),
		Version:     int(r.number(eVersion)),
		Epoch:       int(r.number(eEpoch)),
		Run:         int(r.number(eRun)),
		Rev:         r.number(eRev),
		WrittenAt:   r.time(eWritten),
		EnrolledAt:  r.time(eEnrolled),
		ExpiresAt:   r.time(eExpires),
		Node:        int(r.number(eNode)),
		Since:       r.time(eSince),
		Due:         r.time(manifest.DueSortKey),
		LeftAt:      r.time(eLeft),
		FailedAt:    r.time(eFailed),
		ConvertedAt: r.time(eConverted),
		ExitReason:  r.text(eReason),
		Path:        r.binary(ePath),
		Retries:     r.binary(eRetries),
		Decisions:   r.binary(eDecisions),
		Event:       r.binary(eEvent),
		StepEvents:  r.binary(eStepEvent),
		Attempts:    int(r.number(eAttempts)),
		LeaseUntil:  r.time(eLease),
		OnProfile:   it[eOnProfile] != nil,
		ProfileRev:  r.number(eOnProfile),
		PendingExit: r.text(ePending),

		ConvertedSteps: int(r.number(ePassed)),
	}
	copy(e.RequestID[:], r.binary(eRequest))
	e.Heard, e.Woken = memory.ReadStamp(r.binary(eHeard)), memory.ReadStamp(r.binary(eWoken))
	switch {
	case e.Status == journey.Failed:
		e.Due = time.Time{} // its place in the index lists it as failed
	case !e.Due.IsZero():
		e.Place = journey.Place{Shard: r.dueShard(), Due: e.Due}
	}
	if r.number(eDeltaRev) == e.Rev {
		e.Delta = r.binary(eDelta)
	}
	if r.err == nil && e.Status.String() == "" {
		r.err = errors.New("dynamo: an enrollment without a status")
	}
	return e, r.err
}

func (r *reader) dueShard() int {
	n, err := parseDueShard(r.text(manifest.DuePartitionKey))
	if err != nil && r.err == nil {
		r.err = err
	}
	return n
}

// Enrollment implements journey.EnrollmentStore.
func (s Enrollments) Enrollment(ctx context.Context, t journey.Tenant, id journey.ID, customer string) (journey.Enrollment, error) {
	it, err := s.get(ctx, enrollmentKey(t, id, customer))
	if err != nil {
		return journey.Enrollment{}, wrapFailed("read an enrollment", err)
	}
	if it == nil {
		return journey.Enrollment{}, journey.ErrNotEnrolled
	}
	e, err := decodeEnrollment(t, it)
	return e, wrapDamaged(err)
}

// Load implements engine.Table.
func (s Engine) Load(ctx context.Context, t journey.Tenant, id journey.ID, customers []string) (*engine.Live, []journey.Enrollment, error) {
	keys := []map[string]types.AttributeValue{liveKey(t, id)}
	for _, customer := range customers {
		keys = append(keys, enrollmentKey(t, id, customer))
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, nil, wrapFailed("read enrollments", err)
	}
	var live *engine.Live
	var list []journey.Enrollment
	var unread engine.Unread
	for _, it := range items {
		r := reader{item: it}
		if r.text(manifest.PartitionKey) == livePK {
			l, err := decodeLive(it)
			if err != nil {
				unread = append(unread, err)
				continue
			}
			live = &l
			continue
		}
		e, err := decodeEnrollment(t, it)
		if err != nil {
			unread = append(unread, wrapDamaged(err))
			continue
		}
		list = append(list, e)
	}
	return live, list, unread.Err()
}

// ReserveKey implements journey.EnrollmentStore. It needs no write id: if a retry
// finds the record that this call stored, it returns the same record.
func (s Enrollments) ReserveKey(
	ctx context.Context, t journey.Tenant, id journey.ID, r journey.KeyRecord, now time.Time,
) (journey.KeyRecord, error) {
	it := idempotencyKey(t, id, r.Key)
	it[kRequest] = binary(r.Request[:])
	it[kRequestID] = binary(r.RequestID[:])
	stored, err := s.reserve(ctx, it, r.ExpiresAt, now)
	if err != nil {
		return r, wrapFailed("reserve an Idempotency-Key", err)
	}
	if stored != nil {
		return decodeKeyRecord(r.Key, stored)
	}
	return r, nil
}

// KeyRecord implements journey.EnrollmentStore.
func (s Enrollments) KeyRecord(
	ctx context.Context, t journey.Tenant, id journey.ID, name string, now time.Time,
) (journey.KeyRecord, bool, error) {
	it, err := s.get(ctx, idempotencyKey(t, id, name))
	if err != nil {
		return journey.KeyRecord{}, false, wrapFailed("read an Idempotency-Key", err)
	}
	if it == nil {
		return journey.KeyRecord{}, false, nil
	}
	r, err := decodeKeyRecord(name, it)
	if err != nil || now.After(r.ExpiresAt) {
		return journey.KeyRecord{}, false, err
	}
	return r, true, nil
}

func decodeKeyRecord(name string, it item) (journey.KeyRecord, error) {
	stored := reader{item: it}
	r := journey.KeyRecord{Key: name, ExpiresAt: stored.time(kExpires)}
	copy(r.Request[:], stored.binary(kRequest))
	copy(r.RequestID[:], stored.binary(kRequestID))
	return r, stored.err
}
