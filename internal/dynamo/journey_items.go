package dynamo

import (
	"encoding/hex"
	"fmt"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of a journey. They are short because a list reads every journey of
// the tenant: at 250 bytes each, 10,000 are 2.5 MB, three requests.
const (
	aName        = "n"
	aStatus      = "st"
	aDays        = "md"
	aReentry     = "re"
	aEntryFrom   = "ef"
	aEntryUntil  = "eu"
	aVersion     = "v"
	aGraph       = "gh" // name of the graph, 16 bytes
	aPassed      = "ok"
	aNodes       = "nc"
	aEvents      = "ev"
	aShards      = "sh"
	aEpoch       = "ep"
	aEpochEmpty  = "ee"
	aRev         = "r" // of a text or an appearance, the journey's that wrote it
	aTextRev     = "tr"
	aAppearance  = "ar"
	aDefined     = "dr" // journey.Journey.DefinitionRev
	aPublished   = "pd" // journey.Journey.Published, 16 bytes
	aCreated     = "c"
	aUpdated     = "u"
	aDefinition  = "df"  // of a graph or an appearance: journey.Journey.GraphText
	aDescription = "de"  // of a text
	aEntry       = "ec"  // of a text
	aCreatedBy   = "cb"  // of a text; see putAuthor
	aUpdatedBy   = "ub"  // of a text
	aCount       = "cnt" // of a journey count
)

// journeyChanges are the attributes that an update writes or removes. Shards is
// not among them: it grows independently of the revision, and a write must not
// shrink it.
var journeyChanges = []string{
	aName, aStatus, aDays, aEntryFrom, aEntryUntil, aReentry, aVersion, aGraph, aPassed, aNodes,
	aEvents, aEpoch, aEpochEmpty, aRev, aTextRev, aAppearance, aDefined, aPublished, access.WriteIDAttribute, aUpdated,
}

// encodeJourney returns the item of j, without its text and Definition.
func encodeJourney(t ident.Tenant, j journey.Journey, w access.WriteID) (item.Item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	published, err := hex.DecodeString(j.Published)
	if err != nil {
		return nil, fmt.Errorf("dynamo: tag of a draft: %w", err)
	}
	it := item.JourneyKey(t, j.ID)
	it.PutText(aName, j.Name)
	it.PutText(aStatus, string(j.Status))
	it.PutNumber(aDays, int64(j.MaxDurationDays))
	it.PutBinary(aReentry, j.Reentry)
	it.PutTime(aEntryFrom, j.EntryFrom)
	it.PutTime(aEntryUntil, j.EntryUntil)
	it.PutNumber(aVersion, int64(j.Version))
	it.PutBinary(aGraph, graph)
	it.PutFlag(aPassed, j.GraphPassed)
	it.PutNumber(aNodes, int64(j.NodeCount))
	it.PutTexts(aEvents, j.Events)
	it.PutNumber(aShards, int64(j.Shards))
	it.PutNumber(aEpoch, int64(j.Epoch))
	it.PutFlag(aEpochEmpty, j.EpochEmpty)
	it.PutNumber(aRev, j.Rev)
	it.PutNumber(aTextRev, j.TextRev)
	it.PutNumber(aAppearance, j.AppearanceRev)
	it.PutNumber(aDefined, j.DefinitionRev)
	it.PutBinary(aPublished, published)
	it.PutBinary(access.WriteIDAttribute, w[:])
	it.PutTime(aCreated, j.CreatedAt)
	it.PutTime(aUpdated, j.UpdatedAt)
	return it, nil
}

func decodeJourney(it item.Item) (journey.Journey, error) {
	r := item.Reader{Item: it}
	j := journey.Journey{
		ID:              item.JourneyID(r.Text(manifest.SortKey)),
		Name:            r.Text(aName),
		Status:          journey.Status(r.Text(aStatus)),
		MaxDurationDays: int(r.Number(aDays)),
		Reentry:         r.Binary(aReentry),
		EntryFrom:       r.Time(aEntryFrom),
		EntryUntil:      r.Time(aEntryUntil),
		Version:         int(r.Number(aVersion)),
		GraphHash:       hex.EncodeToString(r.Binary(aGraph)),
		GraphPassed:     r.Flag(aPassed),
		NodeCount:       int(r.Number(aNodes)),
		Events:          r.Texts(aEvents),
		Shards:          int(r.Number(aShards)),
		Epoch:           int(r.Number(aEpoch)),
		EpochEmpty:      r.Flag(aEpochEmpty),
		Rev:             r.Number(aRev),
		TextRev:         r.Number(aTextRev),
		AppearanceRev:   r.Number(aAppearance),
		DefinitionRev:   r.Number(aDefined),
		Published:       hex.EncodeToString(r.Binary(aPublished)),
		CreatedAt:       r.Time(aCreated),
		UpdatedAt:       r.Time(aUpdated),
	}
	return j, access.WrapDamaged(r.Err)
}

// encodeTombstone returns the item that remains of a deleted journey: what
// draining it needs, and the id of the write that deleted it.
func encodeTombstone(t ident.Tenant, j journey.Journey, w access.WriteID) (item.Item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := item.TombstoneKey(t, j.ID)
	it.PutText(aName, j.Name)
	it.PutNumber(aVersion, int64(j.Version))
	it.PutBinary(aGraph, graph)
	it.PutNumber(aShards, int64(j.Shards))
	it.PutNumber(aEpoch, int64(j.Epoch))
	it.PutBinary(access.WriteIDAttribute, w[:])
	it.PutTime(aUpdated, j.UpdatedAt)
	return it, nil
}

// encodeText returns the item with the texts and authors of j, which its lists and enroll
// calls need not read.
func encodeText(t ident.Tenant, j journey.Journey) item.Item {
	it := item.TextKey(t, j.ID)
	it.PutText(aDescription, j.Description)
	it.PutBinary(aEntry, j.EntryCondition)
	putAuthor(it, aCreatedBy, j.CreatedBy)
	putAuthor(it, aUpdatedBy, j.UpdatedBy)
	it.PutNumber(aRev, j.TextRev)
	return it
}

// addText sets the texts of j from its item, nil for none. It returns false if the item
// is of another revision than j.
func addText(j *journey.Journey, it item.Item) (matches bool, err error) {
	if j.TextRev == 0 || it == nil {
		return j.TextRev == 0, nil
	}
	r := item.Reader{Item: it}
	j.Description, j.EntryCondition = r.Text(aDescription), r.Binary(aEntry)
	j.CreatedBy, j.UpdatedBy = readAuthor(&r, aCreatedBy), readAuthor(&r, aUpdatedBy)
	return r.Number(aRev) == j.TextRev, access.WrapDamaged(r.Err)
}

// encodeAppearance returns the item with j's definition as it was last sent.
func encodeAppearance(t ident.Tenant, j journey.Journey) item.Item {
	it := item.AppearanceKey(t, j.ID, j.Version)
	it.PutBinary(aDefinition, j.GraphText())
	it.PutNumber(aRev, j.AppearanceRev)
	return it
}

// putAuthor stores an author, unless unknown, as a list of the subject and the name, if
// there is one.
func putAuthor(it item.Item, name string, by journey.Author) {
	switch {
	case by == journey.Author{}:
	case by.Name == "":
		it.PutTexts(name, []string{by.Subject})
	default:
		it.PutTexts(name, []string{by.Subject, by.Name})
	}
}

func readAuthor(r *item.Reader, name string) journey.Author {
	list := append(r.Texts(name), "", "")
	return journey.Author{Subject: list[0], Name: list[1]}
}
