// Package heard stores what is reported of messages: an item for each step of a run.
package heard

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

// Attributes of an item. Those that enrollments have too have the same names, so that the
// stream's records of both are read alike.
const (
	hGraph    = "gh"
	hVersion  = "v"
	hRun      = "run"
	hNode     = "nd"
	hRev      = "r"
	hWritten  = "t"
	hDelta    = "d"
	hDeltaRev = "dv"
)

// kindAttribute returns the name of the attribute with the time of a kind.
func kindAttribute(k feedback.Kind) string { return fmt.Sprint("k", int(k)) }

// Attributes returns the names of the attributes that Decode reads, without the key.
func Attributes() []string {
	names := []string{hGraph, hVersion, hRun, hNode, hRev, hWritten}
	for k := range feedback.Kind(feedback.Kinds) {
		names = append(names, kindAttribute(k))
	}
	return names
}

// Heard writes items.
type Heard struct{ access.Table }

// Add adds a kind that is reported at now to what was heard of a step, and returns when
// it was first added: earlier, if it was reported before. The write needs no read: it
// counts the revisions, and a repeat finds the kind there.
func (s Heard) Add(ctx context.Context, t ident.Tenant, step feedback.Step, k feedback.Kind, now time.Time) (time.Time, error) {
	graph, err := hex.DecodeString(step.GraphHash)
	if err != nil {
		return time.Time{}, fmt.Errorf("heard: graph hash: %w", err)
	}
	_, err = s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Name, Key: item.HeardKey(t, step), ConditionExpression: aws.String("attribute_not_exists(#k)"),
		UpdateExpression: aws.String("SET #k = :now, #t = :now, #d = :d, #gh = :gh, #v = :v, #run = :run, #nd = :nd, " +
			"#r = if_not_exists(#r, :zero) + :one, #dv = if_not_exists(#r, :zero) + :one"),
		ExpressionAttributeNames: map[string]string{
			"#k": kindAttribute(k), "#t": hWritten, "#d": hDelta, "#gh": hGraph, "#v": hVersion, "#run": hRun, "#nd": hNode,
			"#r": hRev, "#dv": hDeltaRev,
		},
		ExpressionAttributeValues: item.Item{
			":now": item.Number(now.UnixMilli()), ":d": item.Binary(trail.FeedbackDelta(step.Node, k)), ":gh": item.Binary(graph),
			":v": item.Number(int64(step.Version)), ":run": item.Number(int64(step.Run)), ":nd": item.Number(int64(step.Node)),
			":zero": item.Number(0), ":one": item.Number(1),
		},
	})
	if stored, refused := access.RefusedItem(err); refused {
		r := item.Reader{Item: stored}
		return r.Time(kindAttribute(k)), access.WrapDamaged(r.Err)
	}
	return now, access.WrapFailed("store feedback", err)
}

// Decode returns what an item of the tenant's says.
func Decode(t ident.Tenant, it item.Item) (feedback.Heard, error) {
	r := item.Reader{Item: it}
	pk, sk := r.Text(manifest.PartitionKey), r.Text(manifest.SortKey)
	h := feedback.Heard{
		Step: feedback.Step{
			GraphHash: hex.EncodeToString(r.Binary(hGraph)), Version: int(r.Number(hVersion)),
			Run: int(r.Number(hRun)), Node: int(r.Number(hNode)),
		},
		Rev: r.Number(hRev), WrittenAt: r.Time(hWritten),
	}
	_, h.Journey, _ = item.ParseHeardKey(pk, sk)
	if customer, ok := strings.CutPrefix(pk, item.CustomerPK(t, "")); ok {
		h.Customer = customer
	}
	for k := range h.At {
		h.At[k] = r.Time(kindAttribute(feedback.Kind(k)))
	}
	return h, r.Err
}

// Anonymized returns what remains of an item when its customer is forgotten: enough to
// recount the figures. Times are rounded down to their UTC days. Attributes that cannot be
// read stay as they are, so that audits still report them.
func Anonymized(t ident.Tenant, it item.Item, w access.WriteID) item.Item {
	r := item.Reader{Item: it, Checked: true}
	_, id, _ := item.ParseHeardKey(r.Text(manifest.PartitionKey), r.Text(manifest.SortKey))
	rest := item.AnonymizedHeardKey(t, id, w.String())
	for _, name := range Attributes() {
		if value, ok := it[name]; ok {
			rest[name] = value
		}
	}
	times := []string{hWritten}
	for k := range feedback.Kind(feedback.Kinds) {
		times = append(times, kindAttribute(k))
	}
	for _, name := range times {
		one := item.Reader{Item: rest, Checked: true}
		if at := one.Time(name); one.Err == nil {
			rest.PutTime(name, trail.UTCDay(at))
		}
	}
	return rest
}
