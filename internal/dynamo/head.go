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

// What a report needs beside the figures stands beside them, so that one query
// reads all of it: a copy of what the journey is called and has, and what the
// nodes of its graph are called. A draft has none of it. What the nodes of an
// earlier graph are called stands in the total of that graph.
const (
	headSK  = "J"
	cLabels = "l" // see packLabels
)

func headKey(t journey.Tenant, id journey.ID) item { return key(figuresPK(t, id), headSK) }

// headChange returns what the change from old to next does to the journey's head;
// nil for nothing.
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

// keepLabels gives the total of a graph that a journey is about to leave what its
// nodes are called. Without a total it does nothing: nothing is folded yet. The
// total's revision goes up, so that a fold that read it before does not write it.
func (s *table) keepLabels(ctx context.Context, t journey.Tenant, old journey.Journey) error {
	graph, err := graphText(old.GraphHash)
	if err != nil {
		return err
	}
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: totalKey(t, old.ID, graph),
		UpdateExpression: aws.String("SET #l = :l ADD #r :one"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames:  map[string]string{"#l": cLabels, "#r": cRev},
		ExpressionAttributeValues: item{":l": binary(packLabels(old.Labels)), ":one": number(1)},
	})
	return unlessRefused("keep the labels of a graph", err)
}

// decodeHead returns the head; nil when it cannot be read, as when there is none.
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

// labelTypes are the node types by the number that stands for each. Append,
// never renumber.
var labelTypes = []journey.NodeType{
	journey.EntryTrigger, journey.Wait, journey.ConditionSplit, journey.NBADecision, journey.ChannelAction, journey.Exit,
}

// packLabels returns for each label the node's index, the number of its type and
// the length of its id, a byte each, and the id. The letters of an id are those
// of base64url, so that four of them take three bytes.
func packLabels(labels []journey.Label) []byte {
	var packed []byte
	for _, l := range labels {
		packed = append(packed, byte(l.Node), byte(slices.Index(labelTypes, l.Type)), byte(len(l.ID)))
		packed, _ = base64.RawURLEncoding.AppendDecode(packed, []byte(l.ID+padding(len(l.ID))))
	}
	return packed
}

// padding fills an id up to a length that base64 knows.
func padding(length int) string { return strings.Repeat("A", (4-length%4)%4) }

// unpackLabels returns the labels; nil when there are none, or they cannot be read.
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
