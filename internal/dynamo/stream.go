package dynamo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

// Record decodes a record of the table's stream about an enrollment or feedback, also an
// anonymized one. A write counts only if its image says that the delta belongs to its
// revision, so a write must raise the revision, as RequestExit does not, or remove the
// delta. A deletion does not change the figures.
func Record(r events.DynamoDBEventRecord) analytics.Record {
	record := analytics.Record{Number: r.Change.SequenceNumber}
	keys := item.Reader{Item: streamItem(r.Change.Keys)}
	pk, sk := keys.Text(manifest.PartitionKey), keys.Text(manifest.SortKey)
	var ok bool
	if record.Tenant, record.Journey, ok = item.ParseEnrollmentKey(pk, sk); !ok {
		record.Tenant, record.Journey, ok = item.ParseHeardKey(pk, sk)
	}
	if !ok || !record.Journey.Valid() || keys.Err != nil {
		record.Tenant, record.Journey, record.Err = ident.Tenant{}, "", errors.Join(errRecord, keys.Err)
		return record
	}
	if r.EventName != string(events.DynamoDBOperationTypeRemove) {
		record.Write, record.Err = decodeWrite(streamItem(r.Change.NewImage))
	}
	return record
}

var errRecord = errors.New("dynamo: a stream record that is neither of an enrollment nor of feedback")

// decodeWrite returns the last write of an enrollment or feedback, with a nil Delta if it changed
// no figures.
func decodeWrite(image item.Item) (analytics.Write, error) {
	r := item.Reader{Item: image}
	delta := r.Binary(eDelta)
	if r.Number(eDeltaRev) != r.Number(eRev) || bytes.Equal(delta, trail.Delta{trail.DeltaForm, 0}) {
		delta = nil
	}
	graph := r.Binary(eGraph)
	w := analytics.Write{
		Graph: hex.EncodeToString(graph), Version: int(r.Number(eVersion)), At: r.Time(eWritten), Delta: delta,
	}
	switch {
	case r.Err != nil:
		return w, r.Err
	case r.Number(eRev) < 1 || len(graph) < 16 || w.At.IsZero():
		return w, fmt.Errorf("%w: revision, graph or time is missing", errRecord)
	}
	return w, nil
}

// streamItem converts the types that an enrollment's attributes have. Any other type
// becomes NULL, which no reader accepts.
func streamItem(image map[string]events.DynamoDBAttributeValue) item.Item {
	it := make(item.Item, len(image))
	for name, value := range image {
		switch value.DataType() {
		case events.DataTypeString:
			it[name] = item.Text(value.String())
		case events.DataTypeNumber:
			it[name] = &types.AttributeValueMemberN{Value: value.Number()}
		case events.DataTypeBinary:
			it[name] = item.Binary(value.Binary())
		default:
			it[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return it
}
