package dynamo

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an enrollment. All of them together stay below 1 KB, the unit
// that a write is paid by, unless Decisions or Event are long.
const (
	eStatus    = "st"
	eGraph     = "gh" // SHA-256, 32 bytes
	eVersion   = "v"
	eEpoch     = "ep"
	eRun       = "run"
	eRev       = "r"
	eWritten   = "t"   // when revision eRev was written
	eRequest   = "rid" // of the request that enrolled: tells an own success from another's
	eEnrolled  = "c"
	eExpires   = "x"
	eNode      = "nd"
	eSince     = "si"
	eReason    = "er"
	ePath      = "p"
	eRetries   = "rt"
	eDelta     = "d"  // what the write of revision eDeltaRev changed in the figures
	eDeltaRev  = "dv" // a later write of other attributes is not counted again
	eDecisions = "dc"
	eEvent     = "ev"
	eAttempts  = "at"
	eLease     = "lu"
	eWoken     = "wk"
	eForgotten = "fg"     // when the customer was, of a nameless one
	eWriteID   = aWriteID // of the call that wrote it last
)

// encodeEnrollment returns e's item; shards is of the journey's part of the
// due index, for an enrollment whose due time is new.
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
	it.putText(eReason, e.ExitReason)
	it.putBinary(ePath, e.Path)
	it.putBinary(eRetries, e.Retries)
	it.putBinary(eDecisions, e.Decisions)
	it.putBinary(eEvent, e.Event)
	it.putNumber(eAttempts, int64(e.Attempts))
	it.putTime(eLease, e.LeaseUntil)
	it.putTime(eWoken, e.WokenAt)
	if len(e.Delta) > 0 {
		it[eDelta] = binary(e.Delta)
		it[eDeltaRev] = number(e.Rev)
	}
	switch {
	case e.Status == journey.Failed:
		it[manifest.DuePartitionKey] = text(duePartition(journey.Partition{Tenant: t, Journey: e.Journey, Failed: true}))
		it.putTime(manifest.DueSortKey, e.Since)
	case !e.Due.IsZero():
		it[manifest.DuePartitionKey] = text(duePartition(journey.Partition{
			Tenant: t, Journey: e.Journey, Epoch: e.Epoch, Shard: shardOf(e, shards),
		}))
		it.putTime(manifest.DueSortKey, e.Due)
	}
	return it, nil
}

// shardOf returns the shard for e's due time. Every shard that ever was is
// still swept: their number only grows.
func shardOf(e journey.Enrollment, shards int) int {
	if e.Due.Equal(e.Place.Due) {
		return e.Place.Shard
	}
	return shard(e.Customer, shards)
}

// decodeEnrollment returns the enrollment in an item of the tenant's. Its
// Delta is nil unless the item's last write changed the figures.
func decodeEnrollment(t journey.Tenant, it item) (journey.Enrollment, error) {
	r := reader{item: it}
	e := journey.Enrollment{
		Journey:    long(strings.TrimPrefix(r.text(manifest.SortKey), "E#")),
		Customer:   strings.TrimPrefix(r.text(manifest.PartitionKey), customerPK(t)),
		Status:     journey.EnrollmentStatus(r.number(eStatus)),
		GraphHash:  hex.EncodeToString(r.binary(eGraph)),
		Version:    int(r.number(eVersion)),
		Epoch:      int(r.number(eEpoch)),
		Run:        int(r.number(eRun)),
		Rev:        r.number(eRev),
		WrittenAt:  r.time(eWritten),
		EnrolledAt: r.time(eEnrolled),
		ExpiresAt:  r.time(eExpires),
		Node:       int(r.number(eNode)),
		Since:      r.time(eSince),
		Due:        r.time(manifest.DueSortKey),
		ExitReason: r.text(eReason),
		Path:       r.binary(ePath),
		Retries:    r.binary(eRetries),
		Decisions:  r.binary(eDecisions),
		Event:      r.binary(eEvent),
		Attempts:   int(r.number(eAttempts)),
		LeaseUntil: r.time(eLease),
		WokenAt:    r.time(eWoken),
	}
	copy(e.RequestID[:], r.binary(eRequest))
	switch {
	case e.Status == journey.Failed:
		e.Due = time.Time{} // its place in the index is that of who failed
	case !e.Due.IsZero():
		e.Place = journey.Place{Shard: r.shard(), Due: e.Due}
	}
	if r.number(eDeltaRev) == e.Rev {
		e.Delta = r.binary(eDelta)
	}
	if r.err == nil && e.Status.String() == "" {
		r.err = fmt.Errorf("dynamo: an enrollment without a status")
	}
	return e, r.err
}

// shard returns the last part of a partition of the due index.
func (r *reader) shard() int {
	partition := r.text(manifest.DuePartitionKey)
	n, err := strconv.Atoi(partition[strings.LastIndexByte(partition, '#')+1:])
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("dynamo: no shard in %q", partition)
	}
	return n
}
