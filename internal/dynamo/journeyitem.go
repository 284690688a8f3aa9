package dynamo

import (
	"encoding/hex"
	"fmt"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of a journey. They are short because a list reads every journey
// of the tenant: at 250 bytes each, 10,000 are 2.5 MB, three requests.
const (
	aName        = "n"
	aDescription = "de"
	aStatus      = "st"
	aEntry       = "ec"
	aDays        = "md"
	aVersion     = "v"
	aGraph       = "gh" // SHA-256, 32 bytes
	aNodes       = "nc"
	aEvents      = "ev"
	aShards      = "sh"
	aEpoch       = "ep"
	aRev         = "r"
	aWriteID     = "w" // of the call that wrote the item
	aCreated     = "c"
	aUpdated     = "u"
	aDefinition  = "df"  // of a definition's item
	aCount       = "cnt" // of the tenant's counter
)

// mutable is what an update writes or removes. Shards is not among them: it
// grows beside the journey's revision, and a write must not shrink it.
var mutable = []string{
	aName, aDescription, aStatus, aEntry, aDays, aVersion, aGraph, aNodes,
	aEvents, aEpoch, aRev, aWriteID, aUpdated,
}

// encodeJourney returns the item of j, without its Definition.
func encodeJourney(t journey.Tenant, j journey.Journey, w writeID) (item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := journeyKey(t, j.ID)
	it.putText(aName, j.Name)
	it.putText(aDescription, j.Description)
	it.putText(aStatus, string(j.Status))
	it.putBinary(aEntry, j.EntryCondition)
	it.putNumber(aDays, int64(j.MaxDurationDays))
	it.putNumber(aVersion, int64(j.Version))
	it.putBinary(aGraph, graph)
	it.putNumber(aNodes, int64(j.NodeCount))
	it.putTexts(aEvents, j.Events)
	it.putNumber(aShards, int64(j.Shards))
	it.putNumber(aEpoch, int64(j.Epoch))
	it.putNumber(aRev, j.Rev)
	it.putBinary(aWriteID, w[:])
	it.putTime(aCreated, j.CreatedAt)
	it.putTime(aUpdated, j.UpdatedAt)
	return it, nil
}

func decodeJourney(it item) (journey.Journey, error) {
	r := reader{item: it}
	j := journey.Journey{
		ID:              long(r.text(manifest.SortKey)),
		Name:            r.text(aName),
		Description:     r.text(aDescription),
		Status:          journey.Status(r.text(aStatus)),
		EntryCondition:  r.binary(aEntry),
		MaxDurationDays: int(r.number(aDays)),
		Version:         int(r.number(aVersion)),
		GraphHash:       hex.EncodeToString(r.binary(aGraph)),
		NodeCount:       int(r.number(aNodes)),
		Events:          r.texts(aEvents),
		Shards:          int(r.number(aShards)),
		Epoch:           int(r.number(aEpoch)),
		Rev:             r.number(aRev),
		CreatedAt:       r.time(aCreated),
		UpdatedAt:       r.time(aUpdated),
	}
	return j, damaged(r.err)
}

// tombstone is what stays of a deleted journey: what letting its customers
// leave needs, and who deleted it.
func tombstone(t journey.Tenant, j journey.Journey, w writeID) (item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := tombstoneKey(t, j.ID)
	it.putText(aName, j.Name)
	it.putNumber(aVersion, int64(j.Version))
	it.putBinary(aGraph, graph)
	it.putNumber(aShards, int64(j.Shards))
	it.putNumber(aEpoch, int64(j.Epoch))
	it.putBinary(aWriteID, w[:])
	it.putTime(aUpdated, j.UpdatedAt)
	return it, nil
}
