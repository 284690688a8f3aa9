package dynamo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/memory"
	"journeys/internal/dynamo/targets"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/target"
)

// Attributes of an enrollment. All of them together stay below 1 KB, the unit in
// which writes are paid, for all but very long paths.
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
	eSteps     = "se"
	eApart     = "ka" // what the run keeps is an item of its own
	eHeard     = "he"
	eEndedBy   = "eb"
	eAttempts  = "at"
	eLease     = "lu"
	eInLine    = "il" // 1
	eWoken     = "wk"
	eOnProfile = "op" // ProfileRev; absent without OnProfile
	ePending   = "px" // exit that was requested during a lease: see memory.ExitText
	eListens   = "ls"
	eGoalUntil = "gu"
	eConvert   = "pc"                    // stamp of an event that converted the run during a lease
	eWriteID   = access.WriteIDAttribute // of the call that wrote it last
)

// Attributes of an Idempotency-Key's record.
const (
	kRequest   = "q"
	kRequestID = "rid"
	kReceived  = "u"
	kCreated   = "j" // id of the journey that was created
)

// encodeEnrollment returns e's item. shards is the number of shards of the
// journey's part of the due index, for an enrollment whose due time is new.
func encodeEnrollment(t ident.Tenant, shards int, e progress.Enrollment) (item.Item, error) {
	graph, err := hex.DecodeString(e.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := item.EnrollmentKey(t, e.Journey, e.Customer)
	it.PutNumber(eStatus, int64(e.Status))
	it.PutBinary(eGraph, graph)
	it.PutNumber(eVersion, int64(e.Version))
	it.PutNumber(eEpoch, int64(e.Epoch))
	it.PutNumber(eRun, int64(e.Run))
	it.PutNumber(eRev, e.Rev)
	it.PutTime(eWritten, e.WrittenAt)
	it[eRequest] = item.Binary(e.RequestID[:])
	it.PutTime(eEnrolled, e.EnrolledAt)
	it.PutTime(eExpires, e.ExpiresAt)
	it.PutNumber(eNode, int64(e.Node))
	it.PutTime(eSince, e.Since)
	it.PutTime(eLeft, e.LeftAt)
	it.PutTime(eFailed, e.FailedAt)
	it.PutTime(eConverted, e.ConvertedAt)
	it.PutTime(eGoalUntil, e.GoalUntil)
	it.PutNumber(ePassed, int64(e.ConvertedSteps))
	it.PutText(eReason, e.ExitReason)
	it.PutBinary(ePath, e.Path)
	it.PutBinary(eRetries, e.Retries)
	putKept(it, &e)
	it.PutBinary(eHeard, memory.Stamp(e.Heard))
	it.PutBinary(eEndedBy, memory.Stamp(e.EndedBy))
	it.PutBinary(eListens, e.Listens)
	it.PutNumber(eAttempts, int64(e.Attempts))
	it.PutTime(eLease, e.LeaseUntil)
	if e.InLine {
		it[eInLine] = item.Number(1)
	}
	it.PutBinary(eWoken, memory.Stamp(e.Woken))
	if e.OnProfile {
		it[eOnProfile] = item.Number(e.ProfileRev)
	}
	if len(e.Delta) > 0 {
		it[eDelta] = item.Binary(e.Delta)
		it[eDeltaRev] = item.Number(e.Rev)
	}
	putDue(it, t, shards, e)
	return it, nil
}

// putDue stores e's place in the due index, if it has one.
func putDue(it item.Item, t ident.Tenant, shards int, e progress.Enrollment) {
	p := journey.Partition{Tenant: t, Journey: e.Journey}
	switch {
	case e.Status == progress.Failed:
		p.Failed = true
		it.PutTime(manifest.DueSortKey, e.Since)
	case !e.Due.IsZero():
		p.Epoch, p.Shard = e.Epoch, dueShardOf(e, shards)
		it.PutTime(manifest.DueSortKey, e.Due)
	default:
		return
	}
	it[manifest.DuePartitionKey] = item.Text(item.DuePK(p))
}

// dueShardOf returns the shard for e's due time. A due time that has not changed
// stays in its shard: the number of shards only grows, so it is still swept.
func dueShardOf(e progress.Enrollment, shards int) int {
	if e.Due.Equal(e.Place.Due) {
		return e.Place.Shard
	}
	return item.DueShard(e.Customer, shards)
}

// decodeEnrollment returns the enrollment in an item of the tenant's. Its Delta is
// nil unless the item's last write changed the figures.
func decodeEnrollment(t ident.Tenant, it item.Item) (progress.Enrollment, error) {
	r := item.Reader{Item: it}
	e := progress.Enrollment{
		Journey:     item.EnrollmentJourney(r.Text(manifest.SortKey)),
		Customer:    item.CustomerOf(t, r.Text(manifest.PartitionKey)),
		Status:      progress.EnrollmentStatus(r.Number(eStatus)),
		GraphHash:   hex.EncodeToString(r.Binary(eGraph)),
		Version:     int(r.Number(eVersion)),
		Epoch:       int(r.Number(eEpoch)),
		Run:         int(r.Number(eRun)),
		Rev:         r.Number(eRev),
		WrittenAt:   r.Time(eWritten),
		EnrolledAt:  r.Time(eEnrolled),
		ExpiresAt:   r.Time(eExpires),
		Node:        int(r.Number(eNode)),
		Since:       r.Time(eSince),
		Due:         r.Time(manifest.DueSortKey),
		LeftAt:      r.Time(eLeft),
		FailedAt:    r.Time(eFailed),
		ConvertedAt: r.Time(eConverted),
		GoalUntil:   r.Time(eGoalUntil),
		ExitReason:  r.Text(eReason),
		Path:        r.Binary(ePath),
		Retries:     r.Binary(eRetries),
		Decisions:   r.Binary(eDecisions),
		Event:       r.Binary(eEvent),
		Steps:       r.Binary(eSteps),
		Attempts:    int(r.Number(eAttempts)),
		LeaseUntil:  r.Time(eLease),
		InLine:      it[eInLine] != nil,
		OnProfile:   it[eOnProfile] != nil,
		ProfileRev:  r.Number(eOnProfile),
		PendingExit: memory.ReadExit(r.Text(ePending)),
		Listens:     r.Binary(eListens),

		ConvertedSteps: int(r.Number(ePassed)),
	}
	copy(e.RequestID[:], r.Binary(eRequest))
	e.Heard, e.Woken = memory.ReadStamp(r.Binary(eHeard)), memory.ReadStamp(r.Binary(eWoken))
	e.PendingConversion, e.EndedBy = memory.ReadStamp(r.Binary(eConvert)), memory.ReadStamp(r.Binary(eEndedBy))
	switch {
	case e.Status == progress.Failed:
		e.Due = time.Time{} // its place in the index lists it as failed
	case !e.Due.IsZero():
		e.Place = progress.Place{Shard: dueShard(&r), Due: e.Due}
	}
	if r.Number(eDeltaRev) == e.Rev {
		e.Delta = r.Binary(eDelta)
	}
	if r.Err == nil && e.Status.String() == "" {
		r.Err = errors.New("dynamo: an enrollment without a status")
	}
	return e, r.Err
}

func dueShard(r *item.Reader) int {
	n, err := item.ParseDueShard(r.Text(manifest.DuePartitionKey))
	if err != nil && r.Err == nil {
		r.Err = err
	}
	return n
}

// Enrollment implements journey.EnrollmentStore.
func (s Enrollments) Enrollment(ctx context.Context, t ident.Tenant, id ident.ID, customer string) (progress.Enrollment, error) {
	it, err := s.Get(ctx, item.EnrollmentKey(t, id, customer))
	if err != nil {
		return progress.Enrollment{}, access.WrapFailed("read an enrollment", err)
	}
	if it == nil {
		return progress.Enrollment{}, journey.ErrNotEnrolled
	}
	if err := s.addKept(ctx, []item.Item{it}); err != nil {
		return progress.Enrollment{}, access.WrapFailed("read what a run keeps", err)
	}
	e, err := decodeEnrollment(t, it)
	return e, access.WrapDamaged(err)
}

// Load implements engine.Table.
func (s Engine) Load(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) (engine.Loaded, error) {
	keys := []map[string]types.AttributeValue{item.LiveKey(t, id), item.TargetsKey()}
	for _, customer := range customers {
		keys = append(keys, item.EnrollmentKey(t, id, customer))
	}
	items, err := s.BatchGet(ctx, keys)
	if err == nil {
		err = s.addKept(ctx, items)
	}
	if err != nil {
		return engine.Loaded{}, access.WrapFailed("read enrollments", err)
	}
	loaded := engine.Loaded{Targets: target.States{}}
	var unread engine.Unread
	for _, it := range items {
		if err := load(&loaded, t, it); err != nil {
			unread = append(unread, err)
		}
	}
	return loaded, unread.Err()
}

// load adds an item to what Load returns.
func load(loaded *engine.Loaded, t ident.Tenant, it item.Item) error {
	switch item.PartitionOf(it) {
	case item.LivePK:
		l, err := decodeLive(it)
		if err == nil {
			loaded.Live = &l
		}
		return err
	case item.TargetsPK:
		states, err := targets.Decode(it)
		loaded.Targets = states
		return err
	}
	e, err := decodeEnrollment(t, it)
	if err == nil {
		loaded.Enrollments = append(loaded.Enrollments, e)
	}
	return access.WrapDamaged(err)
}

// ReserveKey implements journey.EnrollmentStore. It needs no write id: if a retry
// finds the record that this call stored, it returns the same record.
func (s Enrollments) ReserveKey(
	ctx context.Context, t ident.Tenant, id ident.ID, r journey.KeyRecord, now time.Time,
) (journey.KeyRecord, error) {
	stored, err := s.Reserve(ctx, encodeKeyRecord(item.IdempotencyKey(t, id, r.Key), r), r.ExpiresAt, now)
	if err != nil {
		return r, access.WrapFailed("reserve an Idempotency-Key", err)
	}
	if stored != nil {
		return decodeKeyRecord(r.Key, stored)
	}
	return r, nil
}

// KeyRecord implements journey.EnrollmentStore.
func (s Enrollments) KeyRecord(
	ctx context.Context, t ident.Tenant, id ident.ID, name string, now time.Time,
) (journey.KeyRecord, bool, error) {
	it, err := s.Get(ctx, item.IdempotencyKey(t, id, name))
	if err != nil {
		return journey.KeyRecord{}, false, access.WrapFailed("read an Idempotency-Key", err)
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

// encodeKeyRecord completes the item with that key, but for when it expires.
func encodeKeyRecord(it item.Item, r journey.KeyRecord) item.Item {
	it[kRequest] = item.Binary(r.Request[:])
	it[kRequestID] = item.Binary(r.RequestID[:])
	it.PutText(kCreated, string(r.Created))
	it.PutTime(kReceived, r.ReceivedAt)
	return it
}

func decodeKeyRecord(name string, it item.Item) (journey.KeyRecord, error) {
	stored := item.Reader{Item: it}
	r := journey.KeyRecord{
		Key: name, Created: ident.ID(stored.Text(kCreated)),
		ReceivedAt: stored.Time(kReceived), ExpiresAt: stored.Time(access.ExpiresAttribute),
	}
	copy(r.Request[:], stored.Binary(kRequest))
	copy(r.RequestID[:], stored.Binary(kRequestID))
	return r, stored.Err
}
