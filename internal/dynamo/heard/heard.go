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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/messages"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
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

// Add adds a kind that is reported at now to what was heard of the step of a message, and
// returns when it was first added: earlier, if it was reported before. It returns
// journey.ErrNoMessage, and writes nothing, if nothing is stored of the step and the message
// names its customer no more: Forget anonymizes what was heard after that.
func (s Heard) Add(
	ctx context.Context, t ident.Tenant, id message.ID, step feedback.Step, k feedback.Kind, now time.Time,
) (time.Time, error) {
	for attempt := 0; ; attempt++ {
		it, err := s.Get(ctx, item.HeardKey(t, step))
		if err != nil {
			return time.Time{}, access.WrapFailed("read feedback", err)
		}
		if it != nil {
			r := item.Reader{Item: it}
			if at := r.Time(kindAttribute(k)); r.Err != nil || !at.IsZero() {
				return at, access.WrapDamaged(r.Err)
			}
		}
		add, err := s.adding(t, step, k, now)
		if err != nil {
			return time.Time{}, err
		}
		var done bool
		if it == nil {
			done, err = s.create(ctx, t, id, add)
		} else {
			done, err = s.update(ctx, add)
		}
		if done || err != nil {
			return now, err
		}
		if attempt == access.MaxConflicts || !backoff.Pause(ctx, attempt) {
			return time.Time{}, access.WrapUnavailable(conn.Throttled, fmt.Errorf("store feedback: written by others, %d times", attempt+1))
		}
	}
}

// create creates an item while its message names the customer. It returns false if there is
// one already.
func (s Heard) create(ctx context.Context, t ident.Tenant, id message.ID, add types.Update) (bool, error) {
	w, err := s.NewWriteID()
	if err != nil {
		return false, err
	}
	add.ConditionExpression = aws.String("attribute_not_exists(#r)")
	refused, err := s.Transact(ctx, w, []types.TransactWriteItem{
		{ConditionCheck: messages.Messages{Table: s.Table}.Named(t, id)}, {Update: &add},
	})
	if len(refused) > 0 && access.ConditionFailed(refused[0]) {
		return false, journey.ErrNoMessage
	}
	return len(refused) == 0, access.WrapFailed("store feedback", err)
}

// update adds to an item that is stored. It returns false if that is gone, or has the kind.
func (s Heard) update(ctx context.Context, add types.Update) (bool, error) {
	_, err := s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: add.TableName, Key: add.Key, ConditionExpression: aws.String("attribute_exists(#r) AND attribute_not_exists(#k)"),
		UpdateExpression: add.UpdateExpression, ExpressionAttributeNames: add.ExpressionAttributeNames,
		ExpressionAttributeValues: add.ExpressionAttributeValues,
	})
	if _, refused := access.RefusedItem(err); refused || access.IsConflict(err) {
		return false, nil
	}
	return err == nil, access.WrapFailed("store feedback", err)
}

// adding returns the update that adds a kind.
func (s Heard) adding(t ident.Tenant, step feedback.Step, k feedback.Kind, now time.Time) (types.Update, error) {
	graph, err := hex.DecodeString(step.GraphHash)
	if err != nil {
		return types.Update{}, fmt.Errorf("heard: graph hash: %w", err)
	}
	return types.Update{
		TableName: &s.Name, Key: item.HeardKey(t, step),
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
	}, nil
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
