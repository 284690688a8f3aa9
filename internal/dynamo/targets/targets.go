// Package targets stores the states of the targets of an installation: one item, with an
// attribute for each target that is not closed.
package targets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/target"
)

// Members of a state.
const (
	sKind   = "k"
	sUntil  = "u"
	sWait   = "wt" // milliseconds
	sProbe  = "p"
	sLeases = "l"
)

// Targets reads and writes the states of targets.
type Targets struct{ Table access.Table }

// Decode returns the states in the item. Its error is of those that are damaged, or of an
// item of a newer format; the others are returned.
func Decode(it item.Item) (target.States, error) {
	states := target.States{}
	r := item.Reader{Item: it}
	if r.CheckFormat(); r.Err != nil {
		return nil, access.WrapDamaged(r.Err)
	}
	var faults []error
	for name, value := range it {
		members, ok := value.(*types.AttributeValueMemberM)
		if !ok {
			continue // the key and the format
		}
		s, err := decodeState(members.Value)
		if err != nil {
			faults = append(faults, fmt.Errorf("the target %q: %w", name, err))
			continue
		}
		states[name] = s
	}
	return states, access.WrapDamaged(errors.Join(faults...))
}

func decodeState(members item.Item) (target.State, error) {
	r := item.Reader{Item: members, Checked: true}
	s := target.State{
		Kind: target.Kind(r.Number(sKind)), Until: r.Time(sUntil), Probe: r.Time(sProbe),
		Wait: time.Duration(r.Number(sWait)) * time.Millisecond,
	}
	for _, end := range r.Texts(sLeases) {
		at, err := time.Parse(leaseForm, end)
		if err != nil {
			return s, errors.New("a lease without an end")
		}
		s.Leases = append(s.Leases, at)
	}
	copy(s.Stamp[:], r.Binary(access.WriteIDAttribute))
	if s.Kind != target.Open && s.Kind != target.Limited && r.Err == nil {
		r.Err = errors.New("of an unknown kind")
	}
	return s, r.Err
}

// leaseForm is the form of the end of a lease, in UTC.
const leaseForm = "2006-01-02T15:04:05.000Z"

func encodeState(s target.State, w access.WriteID) types.AttributeValue {
	members := item.Item{sKind: item.Number(int64(s.Kind)), access.WriteIDAttribute: item.Binary(w[:])}
	members.PutTime(sUntil, s.Until)
	members.PutTime(sProbe, s.Probe)
	members.PutNumber(sWait, s.Wait.Milliseconds())
	var leases []string
	for _, end := range s.Leases {
		leases = append(leases, end.UTC().Format(leaseForm))
	}
	members.PutTexts(sLeases, leases)
	return &types.AttributeValueMemberM{Value: members}
}

// PutTarget implements engine.Table. Stamp tells which write stored a state.
func (s Targets) PutTarget(ctx context.Context, name string, old, next target.State) (target.State, bool, error) {
	w, err := s.Table.NewWriteID()
	if err != nil {
		return old, false, err
	}
	names, values := map[string]string{"#t": name}, item.Item{}
	update := "REMOVE #t"
	if next.Kind != target.Closed {
		update, values[":next"] = "SET #t = :next", encodeState(next, w)
	}
	condition := "attribute_not_exists(#t)"
	if old.Stamp != [16]byte{} {
		condition, names["#w"], values[":old"] = "#t.#w = :old", access.WriteIDAttribute, item.Binary(old.Stamp[:])
	}
	_, err = s.Table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Table.Name, Key: item.TargetsKey(), UpdateExpression: &update, ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if found, refused := access.RefusedItem(err); refused {
		return resolve(found, name, next, w)
	}
	if err != nil {
		return old, false, access.WrapFailed("write a target", err)
	}
	if next.Stamp = w; next.Kind == target.Closed {
		next = target.State{}
	}
	return next, true, nil
}

// resolve returns what a refused write found. After a lost answer that may be its own.
func resolve(found item.Item, name string, next target.State, w access.WriteID) (target.State, bool, error) {
	if len(found) == 0 {
		return target.State{}, next.Kind == target.Closed, nil
	}
	states, err := Decode(found)
	s := states[name]
	if err != nil && s.Kind == target.Closed {
		return s, false, err
	}
	return s, s.Stamp == w || s.Kind == target.Closed && next.Kind == target.Closed, nil
}
