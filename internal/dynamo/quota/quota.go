// Package quota counts what tenants ask for in a minute, and refuses what is beyond
// their quota.
package quota

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of a count.
const (
	aCount = "n"
	slot   = "w" // prefix of the slots
)

// keep is how long a count outlives its minute, in case the clock of a process is behind.
const keep = time.Hour

// Quota implements journey.Quota. It is safe for concurrent use.
//
// A write must recognize itself when the SDK repeats it after a lost answer, although
// other processes have counted meanwhile. So each process has an attribute of its own in
// the item, a slot, with the id of its last write there: about 30 bytes. Calls that count
// at the same time in one process, which does not happen on Lambda, use several slots.
type Quota struct {
	table     access.Table
	key       func(t ident.Tenant, minute time.Time) item.Item
	perMinute int
	refusal   func(perMinute int, now time.Time) *journey.Error

	mu   sync.Mutex
	free []string // slots that no call uses
}

// New returns a quota that counts a minute in the item with that key. refusal makes the
// error of what is beyond it.
func New(
	table access.Table, key func(t ident.Tenant, minute time.Time) item.Item, perMinute int,
	refusal func(perMinute int, now time.Time) *journey.Error,
) *Quota {
	return &Quota{table: table, key: key, perMinute: perMinute, refusal: refusal}
}

// Take implements journey.Quota.
func (q *Quota) Take(ctx context.Context, t ident.Tenant, n int, now time.Time) error {
	w, err := q.table.NewWriteID()
	if err != nil {
		return err
	}
	mine := q.takeSlot(w)
	minute := now.Truncate(time.Minute)
	_, err = q.table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &q.table.Name, Key: q.key(t, minute),
		UpdateExpression:         aws.String("SET #n = if_not_exists(#n, :none) + :n, #w = :w, #ttl = :ttl"),
		ConditionExpression:      aws.String("(attribute_not_exists(#n) OR #n <= :room) AND (attribute_not_exists(#w) OR #w <> :w)"),
		ExpressionAttributeNames: map[string]string{"#n": aCount, "#w": mine, "#ttl": manifest.TTL},
		ExpressionAttributeValues: item.Item{
			":none": item.Number(0), ":n": item.Number(int64(n)), ":room": item.Number(int64(q.perMinute - n)),
			":w": item.Binary(w[:]), ":ttl": item.Number(minute.Add(time.Minute + keep).Unix()),
		},
	})
	stored, refused := access.RefusedItem(err)
	if err != nil && !refused {
		// The request may still arrive, so no other call may use the slot.
		return access.WrapFailed("count for a quota", err)
	}
	q.freeSlot(mine)
	r := item.Reader{Item: stored}
	if refused && string(r.Binary(mine)) != string(w[:]) {
		return q.refusal(q.perMinute, now)
	}
	return nil
}

// takeSlot returns a free slot, or a new one that is named after w.
func (q *Quota) takeSlot(w access.WriteID) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.free) - 1
	if last < 0 {
		return slot + w.String()[:8]
	}
	name := q.free[last]
	q.free = q.free[:last]
	return name
}

func (q *Quota) freeSlot(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free = append(q.free, name)
}
