package dynamo

import (
	"encoding/hex"
	"fmt"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of a journey. They are short because a list reads every journey of
// the tenant: at 250 bytes each, 10,000 are 2.5 MB, three requests.
const (
	aName        = "n"
	aStatus      = "st"
	aDays        = "md"
	aVersion     = "v"
	aGraph       = "gh" // name of the graph, 16 bytes
	aPassed      = "ok"
	aNodes       = "nc"
	aEvents      = "ev"
	aShards      = "sh"
	aEpoch       = "ep"
	aRev         = "r" // of a text or an appearance, the journey's that wrote it
	aTextRev     = "tr"
	aAppearance  = "ar"
	aWriteID     = "w" // of the call that wrote the item
	aCreated     = "c"
	aUpdated     = "u"
	aDefinition  = "df"  // of a graph or an appearance
	aDescription = "de"  // of a text
	aEntry       = "ec"  // of a text
	aCount       = "cnt" // of a journey count and a forgotten count
)

// journeyChanges are the attributes that an update writes or removes. Shards is
// not among them: it grows independently of the revision, and a write must not
// shrink it.
var journeyChanges = []string{
	aName, aStatus, aDays, aVersion, aGraph, aPassed, aNodes,
	aEvents, aEpoch, aRev, aTextRev, aAppearance, aWriteID, aUpdated,
}

// encodeJourney returns the item of j, without its text and Definition.
func encodeJourney(t journey.Tenant, j journey.Journey, w writeID) (item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := journeyKey(t, j.ID)
	it.putText(aName, j.Name)
	it.putText(aStatus, string(j.Status))
	it.putNumber(aDays, int64(j.MaxDurationDays))
	it.putNumber(aVersion, int64(j.Version))
	it.putBinary(aGraph, graph)
	it.putFlag(aPassed, j.GraphPassed)
	it.putNumber(aNodes, int64(j.NodeCount))
	it.putTexts(aEvents, j.Events)
	it.putNumber(aShards, int64(j.Shards))
	it.putNumber(aEpoch, int64(j.Epoch))
	it.putNumber(aRev, j.Rev)
	it.putNumber(aTextRev, j.TextRev)
	it.putNumber(aAppearance, j.AppearanceRev)
	it.putBinary(aWriteID, w[:])
	it.putTime(aCreated, j.CreatedAt)
	it.putTime(aUpdated, j.UpdatedAt)
	return it, nil
}

func decodeJourney(it item) (journey.Journey, error) {
	r := reader{item: it}
	j := journey.Journey{
		ID:              journeyID(r.text(manifest.SortKey)),
		Name:            r.text(aName),
		Status:          journey.Status(r.text(aStatus)),
		MaxDurationDays: int(r.number(aDays)),
		Version:         int(r.number(aVersion)),
		GraphHash:       hex.EncodeToString(r.binary(aGraph)),
		GraphPassed:     r.flag(aPassed),
		NodeCount:       int(r.number(aNodes)),
		Events:          r.texts(aEvents),
		Shards:          int(r.number(aShards)),
		Epoch:           int(r.number(aEpoch)),
		Rev:             r.number(aRev),
		TextRev:         r.number(aTextRev),
		AppearanceRev:   r.number(aAppearance),
		CreatedAt:       r.time(aCreated),
		UpdatedAt:       r.time(aUpdated),
	}
	return j, wrapDamaged(r.err)
}

// encodeTombstone returns the item that remains of a deleted journey: what
// draining it needs, and the id of the write that deleted it.
func encodeTombstone(t journey.Tenant, j journey.Journey, w writeID) (item, error) {
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

// encodeText returns the item with the texts of j, which its lists and enroll calls need
// not read.
func encodeText(t journey.Tenant, j journey.Journey) item {
	it := textKey(t, j.ID)
	it.putText(aDescription, j.Description)
	it.putBinary(aEntry, j.EntryCondition)
	it.putNumber(aRev, j.TextRev)
	return it
}

// addText sets the texts of j from its item, nil for none. It returns false if the item
// is of another revision than j.
func addText(j *journey.Journey, it item) (matches bool, err error) {
	if j.TextRev == 0 || it == nil {
		return j.TextRev == 0, nil
	}
	r := reader{item: it}
	j.Description, j.EntryCondition = r.text(aDescription), r.binary(aEntry)
	return r.number(aRev) == j.TextRev, wrapDamaged(r.err)
}

// encodeAppearance returns the item with j's definition as it was last sent.
func encodeAppearance(t journey.Tenant, j journey.Journey) item {
	it := appearanceKey(t, j.ID, j.Version)
	it.putBinary(aDefinition, j.Definition)
	it.putNumber(aRev, j.AppearanceRev)
	return it
}
