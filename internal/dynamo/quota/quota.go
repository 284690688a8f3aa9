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

// Enrollments implements journey.Quota. It is safe for concurrent use.
//
// A write must recognize itself when the SDK repeats it after a lost answer, although
// other processes have counted meanwhile. So each process has an attribute of its own in
// the item, a slot, with the id of its last write there: about 30 bytes. Calls that count
// at the same time in one process, which does not happen on Lambda, use several slots.
type Enrollments struct {
	table     access.Table
	perMinute int

	mu   sync.Mutex
	free []string // slots that no call uses
}

// NewEnrollments returns a quota of enrollments a minute, at least journey.MaxBatch.
func NewEnrollments(table access.Table, perMinute int) *Enrollments {
	return &Enrollments{table: table, perMinute: perMinute}
}

// Take implements journey.Quota.
func (e *Enrollments) Take(ctx context.Context, t ident.Tenant, n int, now time.Time) error {
	w, err := e.table.NewWriteID()
	if err != nil {
		return err
	}
	mine := e.takeSlot(w)
	minute := now.Truncate(time.Minute)
	_, err = e.table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &e.table.Name, Key: item.QuotaKey(t, minute),
		UpdateExpression:         aws.String("SET #n = if_not_exists(#n, :none) + :n, #w = :w, #ttl = :ttl"),
		ConditionExpression:      aws.String("(attribute_not_exists(#n) OR #n <= :room) AND (attribute_not_exists(#w) OR #w <> :w)"),
		ExpressionAttributeNames: map[string]string{"#n": aCount, "#w": mine, "#ttl": manifest.TTL},
		ExpressionAttributeValues: item.Item{
			":none": item.Number(0), ":n": item.Number(int64(n)), ":room": item.Number(int64(e.perMinute - n)),
			":w": item.Binary(w[:]), ":ttl": item.Number(minute.Add(time.Minute + keep).Unix()),
		},
	})
	stored, refused := access.RefusedItem(err)
	if err != nil && !refused {
		// The request may still arrive, so no other call may use the slot.
		return access.WrapFailed("count enrollments", err)
	}
	e.freeSlot(mine)
	r := item.Reader{Item: stored}
	if refused && string(r.Binary(mine)) != string(w[:]) {
		return journey.EnrollmentRateError(e.perMinute, now)
	}
	return nil
}

// takeSlot returns a free slot, or a new one that is named after w.
func (e *Enrollments) takeSlot(w access.WriteID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := len(e.free) - 1
	if last < 0 {
		return slot + w.String()[:8]
	}
	name := e.free[last]
	e.free = e.free[:last]
	return name
}

func (e *Enrollments) freeSlot(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, name)
}
