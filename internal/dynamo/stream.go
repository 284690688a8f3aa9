package dynamo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

// Record decodes a record of the table's stream about an enrollment, also an
// anonymized one. A write counts only if its image says that the delta belongs to its
// revision, so a write must raise the revision, as RequestExit does not, or remove the
// delta. A deletion does not change the figures.
func Record(r events.DynamoDBEventRecord) analytics.Record {
	record := analytics.Record{Number: r.Change.SequenceNumber}
	keys := reader{item: streamItem(r.Change.Keys)}
	var ok bool
	record.Tenant, record.Journey, ok = parseEnrollmentKey(keys.text(manifest.PartitionKey), keys.text(manifest.SortKey))
	if !ok || !record.Journey.Valid() || keys.err != nil {
		record.Tenant, record.Journey, record.Err = journey.Tenant{}, "", errors.Join(errRecord, keys.err)
		return record
	}
	if r.EventName != string(events.DynamoDBOperationTypeRemove) {
		record.Write, record.Err = decodeWrite(streamItem(r.Change.NewImage))
	}
	return record
}

var errRecord = errors.New("dynamo: a stream record that is not of an enrollment")

// decodeWrite returns the last write of an enrollment, with a nil Delta if it changed
// no figures.
func decodeWrite(image item) (analytics.Write, error) {
	r := reader{item: image}
	delta := r.binary(eDelta)
	if r.number(eDeltaRev) != r.number(eRev) || bytes.Equal(delta, trail.Delta{trail.DeltaForm, 0}) {
		delta = nil
	}
	graph := r.binary(eGraph)
	w := analytics.Write{
		Graph: hex.EncodeToString(graph), Version: int(r.number(eVersion)), At: r.time(eWritten), Delta: delta,
	}
	switch {
	case r.err != nil:
		return w, r.err
	case r.number(eRev) < 1 || len(graph) < 16 || w.At.IsZero():
		return w, fmt.Errorf("%w: revision, graph or time is missing", errRecord)
	}
	return w, nil
}

// streamItem converts the types that an enrollment's attributes have. Any other type
// becomes NULL, which no reader accepts.
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
