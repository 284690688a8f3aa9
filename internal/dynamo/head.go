package dynamo

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/journey"
)

// cLabels is the attribute for the labels of a graph's nodes; see packLabels. The head
// has those of the journey's present graph, a total those of an earlier one.
const cLabels = "l"

// headChange returns the change of the journey's head for the change from old to next;
// nil for none. The head is a copy of what a report needs of the journey, beside the
// figures, so that one query reads both. A draft has none.
func (s *table) headChange(t journey.Tenant, old, next journey.Journey) (*types.TransactWriteItem, error) {
	same := next.Name == old.Name && next.Status == old.Status && next.GraphHash == old.GraphHash
	if next.Status == journey.Draft || same {
		return nil, nil
	}
	graph, err := graphText(next.GraphHash)
	if err != nil {
		return nil, err
	}
	it := headKey(t, next.ID)
	it.putText(aName, next.Name)
	it.putText(aStatus, string(next.Status))
	it.putText(aGraph, graph)
	it.putBinary(cLabels, packLabels(next.Labels))
	return &types.TransactWriteItem{Put: &types.Put{TableName: &s.name, Item: it}}, nil
}

// keepLabels copies the labels of a graph that the journey is about to leave to that
// graph's total. It does nothing if there is no total: nothing was folded yet. It
// raises the total's revision, so that a fold that read it before is refused.
func (s *table) keepLabels(ctx context.Context, t journey.Tenant, old journey.Journey) error {
	packed := packLabels(old.Labels)
	graph, err := graphText(old.GraphHash)
	if err != nil || packed == nil {
		return err
	}
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: totalKey(analytics.JourneyKey{Tenant: t, Journey: old.ID}, graph),
		UpdateExpression: aws.String("SET #l = :l ADD #r :one"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames:  map[string]string{"#l": cLabels, "#r": cRev},
		ExpressionAttributeValues: item{":l": binary(packed), ":one": number(1)},
	})
	return wrapUnlessRefused("keep the labels of a graph", err)
}

// decodeHead returns the head; nil if it cannot be read, so that the report reads the
// journey instead.
func decodeHead(it item) *analytics.Head {
	r := reader{item: it}
	graph, err := graphHash(r.text(aGraph))
	head := analytics.Head{
		Name: r.text(aName), Status: journey.Status(r.text(aStatus)), Graph: graph, Labels: unpackLabels(r.binary(cLabels)),
	}
	if r.err != nil || err != nil {
		return nil
	}
	return &head
}

// labelTypes are the node types by their stored number. Append, never renumber.
var labelTypes = []journey.NodeType{
	journey.EntryTrigger, journey.Wait, journey.ConditionSplit, journey.NBADecision, journey.ChannelAction, journey.Exit,
}

// packLabels returns for each label a byte with the node's index, one with the number
// of its type, one with the length of its id, and the id. An id has the characters of
// base64url, so that four take three bytes.
func packLabels(labels []journey.Label) []byte {
	var packed []byte
	for _, l := range labels {
		if l.ID != "" && !journey.IsWord(l.ID, 255) {
			return nil // stored under another rule for ids; the definition has the labels
		}
		packed = append(packed, byte(l.Node), byte(slices.Index(labelTypes, l.Type)), byte(len(l.ID)))
		packed, _ = base64.RawURLEncoding.AppendDecode(packed, []byte(l.ID+padding(len(l.ID))))
	}
	return packed
}

// padding completes an id to a multiple of four characters.
func padding(length int) string { return strings.Repeat("A", (4-length%4)%4) }

// unpackLabels returns the labels; nil if there are none or they cannot be read.
func unpackLabels(packed []byte) []journey.Label {
	var labels []journey.Label
	for len(packed) > 0 {
		if len(packed) < 3 {
			return nil
		}
		node, kind, length := int(packed[0]), int(packed[1]), int(packed[2])
		size := (length + 3) / 4 * 3
		if packed = packed[3:]; kind >= len(labelTypes) || size > len(packed) {
			return nil
		}
		id := base64.RawURLEncoding.EncodeToString(packed[:size])
		labels = append(labels, journey.Label{Node: node, ID: id[:length], Type: labelTypes[kind]})
		packed = packed[size:]
	}
	return labels
}
