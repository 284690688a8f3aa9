package dynamo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of the audit. What it found so far may be more than an item can
// hold: it stands in pieces of its own, written before the head that names them.
const (
	auditPK = "AUDIT"
	auditSK = "A" // the head; pieces are A#<write id>#<number>

	uPieces = "n"
	uText   = "x"

	pieceSize = 350 << 10
	pieceLife = 4 * 24 * time.Hour // after the day's end: two and more for an audit
)

// auditText is an Audit as it is stored: JSON, with figures packed.
type auditText struct {
	Day      analytics.Day `json:"day"`
	Began    int64         `json:"began"` // in milliseconds since 1970
	Pass     int           `json:"pass"`
	Done     bool          `json:"done,omitzero"`
	Segments []segmentText `json:"segments,omitzero"`
	Figures  []graphsText  `json:"figures,omitzero"`
	Suspects []graphsText  `json:"suspects,omitzero"`
}

type segmentText struct {
	Done   bool   `json:"done,omitzero"`
	Cursor []byte `json:"cursor,omitzero"`
}

// graphsText is of one journey.
type graphsText struct {
	Tenant  string      `json:"t"`
	Journey journey.ID  `json:"j"`
	Graphs  []countText `json:"g,omitzero"`
	Moved   bool        `json:"m,omitzero"`
}

type countText struct {
	Hash    string `json:"h"`
	Version int    `json:"v,omitzero"`
	Counts  []byte `json:"c,omitzero"`
	Wrong   int    `json:"w,omitzero"`
}

func encodeAudit(a analytics.Audit) auditText {
	text := auditText{Day: a.Day, Began: a.Began.UnixMilli(), Pass: a.Pass, Done: a.Done}
	for _, s := range a.Segments {
		text.Segments = append(text.Segments, segmentText(s))
	}
	for _, d := range a.Suspects {
		text.Suspects = append(text.Suspects, graphsText{Tenant: d.Tenant.String(), Journey: d.Journey, Graphs: []countText{{
			Hash: d.Graph, Version: d.Missing.Version, Counts: packCounts(d.Missing.Totals, 0, d.Missing.Steps),
		}}})
	}
	if a.Recount == nil {
		return text
	}
	for k, f := range a.Recount.Figures {
		row := graphsText{Tenant: k.Tenant.String(), Journey: k.Journey, Moved: a.Recount.Moved[k]}
		for hash, g := range f.Graphs {
			row.Graphs = append(row.Graphs, countText{
				Hash: hash, Version: g.Version, Counts: packCounts(g.Totals, 0, g.Steps),
			})
		}
		for hash, n := range a.Recount.Wrong[k] {
			row.Graphs = append(row.Graphs, countText{Hash: hash, Wrong: n})
		}
		text.Figures = append(text.Figures, row)
	}
	return text
}

func (text auditText) decode() (analytics.Audit, error) {
	a := analytics.Audit{
		Day: text.Day, Began: time.UnixMilli(text.Began).UTC(), Pass: text.Pass, Done: text.Done,
		Recount: analytics.NewRecount(),
	}
	for _, s := range text.Segments {
		a.Segments = append(a.Segments, analytics.Segment(s))
	}
	for _, row := range text.Figures {
		k, err := row.key()
		if err != nil {
			return a, err
		}
		a.Recount.Figures[k] = &analytics.Figures{}
		if row.Moved {
			a.Recount.Moved[k] = true
		}
		for _, c := range row.Graphs {
			if c.Wrong > 0 {
				a.Recount.AddWrong(k, c.Hash, c.Wrong)
				continue
			}
			g, err := c.graph()
			if err != nil {
				return a, err
			}
			*a.Recount.Figures[k].Graph(c.Hash, c.Version) = g
		}
	}
	for _, row := range text.Suspects {
		k, err := row.key()
		if err != nil {
			return a, err
		}
		for _, c := range row.Graphs {
			g, err := c.graph()
			if err != nil {
				return a, err
			}
			a.Suspects = append(a.Suspects, analytics.Difference{JourneyKey: k, Graph: c.Hash, Missing: g})
		}
	}
	return a, nil
}

func (row graphsText) key() (analytics.JourneyKey, error) {
	tenant, ok := journey.ParseTenant(row.Tenant)
	if !ok {
		return analytics.JourneyKey{}, errors.New("dynamo: an audit of nobody")
	}
	return analytics.JourneyKey{Tenant: tenant, Journey: row.Journey}, nil
}

func (c countText) graph() (g analytics.Graph, err error) {
	g.Version = c.Version
	g.Totals, _, g.Steps, err = unpackCounts(c.Counts)
	return g, err
}

// Audit implements analytics.AuditTable.
func (s Analytics) Audit(ctx context.Context) (analytics.Audit, error) {
	head, err := s.get(ctx, key(auditPK, auditSK))
	if err != nil || head == nil {
		return analytics.Audit{}, failed("read the audit", err)
	}
	r := reader{item: head}
	rev, pieces, written := r.number(cRev), int(r.number(uPieces)), r.binary(aWriteID)
	var joined []byte
	for i := range pieces {
		piece, err := s.get(ctx, pieceKey(written, i))
		if err != nil {
			return analytics.Audit{}, failed("read the audit", err)
		}
		if piece == nil { // it outlived its time: begin anew
			return analytics.Audit{Rev: rev}, nil
		}
		p := reader{item: piece}
		joined = append(joined, p.binary(uText)...)
	}
	var text auditText
	if err := errors.Join(r.err, json.Unmarshal(joined, &text)); err != nil {
		return analytics.Audit{}, fmt.Errorf("dynamo: read the audit: %w", err)
	}
	a, err := text.decode()
	a.Rev = rev
	return a, err
}

func pieceKey(written []byte, i int) item {
	return key(auditPK, fmt.Sprintf("%s#%s#%d", auditSK, hex.EncodeToString(written), i))
}

// PutAudit implements analytics.AuditTable.
func (s Analytics) PutAudit(ctx context.Context, a analytics.Audit) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	joined, err := json.Marshal(encodeAudit(a))
	if err != nil {
		return fmt.Errorf("dynamo: encode the audit: %w", err)
	}
	pieces := 0
	for piece := range slices.Chunk(joined, pieceSize) {
		it := pieceKey(w[:], pieces)
		it.putBinary(uText, piece)
		it.putNumber(manifest.TTL, a.Day.End().Add(pieceLife).Unix())
		if _, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it}); err != nil {
			return failed("store the audit", err)
		}
		pieces++
	}
	head := key(auditPK, auditSK)
	head.putNumber(cRev, a.Rev)
	head.putNumber(uPieces, int64(pieces))
	head.putBinary(aWriteID, w[:])
	out, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: head, ReturnValues: types.ReturnValueAllOld,
		ConditionExpression:                 aws.String("attribute_not_exists(PK) OR #r = :r"),
		ExpressionAttributeNames:            map[string]string{"#r": cRev},
		ExpressionAttributeValues:           item{":r": number(a.Rev - 1)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if w.wrote(refused.Item) {
			return nil
		}
		return analytics.ErrStale
	}
	if err != nil {
		return failed("store the audit", err)
	}
	return s.deletePieces(ctx, out.Attributes)
}

// deletePieces removes what an earlier head named: where a segment stands is
// the key of a customer, who may be forgotten. What stays behind when this is
// cut short has its time to live.
func (s *table) deletePieces(ctx context.Context, head item) error {
	r := reader{item: head}
	for i := range int(r.number(uPieces)) {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.name, Key: pieceKey(r.binary(aWriteID), i),
		})
		if err != nil {
			return failed("remove what is left of an audit", err)
		}
	}
	return r.err
}
