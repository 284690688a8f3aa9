package dynamo

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Record returns what a record of the table's stream tells of an enrollment, or
// of the nameless item that stands for a forgotten customer's. A write counts
// only when the image says that the delta belongs to its revision, so every
// write of such an item must raise the revision. What was deleted changes no
// figures.
func Record(r events.DynamoDBEventRecord) analytics.Record {
	record := analytics.Record{Number: r.Change.SequenceNumber}
	keys := streamItem(r.Change.Keys)
	if record.Tenant, record.Journey, record.Err = enrolled(keys); record.Err != nil {
		return record
	}
	if r.EventName != string(events.DynamoDBOperationTypeRemove) {
		record.Write, record.Err = decodeWrite(streamItem(r.Change.NewImage))
	}
	return record
}

var errRecord = errors.New("dynamo: the record is of no enrollment")

// enrolled returns the tenant and the journey in an enrollment's key.
func enrolled(keys item) (journey.Tenant, journey.ID, error) {
	r := reader{item: keys}
	parts := strings.SplitN(r.text(manifest.PartitionKey), "#", 4)
	id, ok := strings.CutPrefix(r.text(manifest.SortKey), "E#")
	if r.err != nil || !ok || len(parts) < 4 || parts[0] != "T" || parts[2] != "C" && parts[2] != "A" {
		return journey.Tenant{}, "", errors.Join(errRecord, r.err)
	}
	tenant, ok := journey.ParseTenant(parts[1])
	if !ok || !long(id).Valid() {
		return journey.Tenant{}, "", errRecord
	}
	return tenant, long(id), nil
}

// decodeWrite returns what the last write of an enrollment changed, with no
// Delta when that is nothing.
func decodeWrite(image item) (analytics.Write, error) {
	r := reader{item: image}
	delta := r.binary(eDelta)
	if r.number(eDeltaRev) != r.number(eRev) || len(delta) == 1 && delta[0] == 0 {
		delta = nil
	}
	graph := r.binary(eGraph)
	w := analytics.Write{
		Graph: hex.EncodeToString(graph), Version: int(r.number(eVersion)), At: r.time(eWritten), Delta: delta,
	}
	switch {
	case r.err != nil:
		return w, r.err
	case r.number(eRev) < 1 || len(graph) != 32 || w.At.IsZero():
		return w, fmt.Errorf("%w: revision, graph or time is missing", errRecord)
	}
	return w, nil
}

// streamItem takes over the types that enrollments have; a value of another
// type is as one that nobody can read.
func streamItem(image map[string]events.DynamoDBAttributeValue) item {
	it := make(item, len(image))
	for name, value := range image {
		switch value.DataType() {
		case events.DataTypeString:
			it[name] = text(value.String())
		case events.DataTypeNumber:
			it[name] = &types.AttributeValueMemberN{Value: value.Number()}
		case events.DataTypeBinary:
			it[name] = binary(value.Binary())
		default:
			it[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return it
}
