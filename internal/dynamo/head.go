package dynamo

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/journey"
)

// What a report needs beside the figures stands beside them, so that one query
// reads all of it: a copy of what the journey is called and has, and what the
// nodes of each of its graphs are called. A draft has none of it.
const (
	headSK  = "J"
	cLabels = "l" // see packLabels
)

// headChanges returns what the change from old to next does to the journey's
// head and labels.
func (s *Store) headChanges(t journey.Tenant, old, next journey.Journey) ([]types.TransactWriteItem, error) {
	if next.Status == journey.Draft {
		return nil, nil
	}
	var changes []types.TransactWriteItem
	put := func(it item) {
		changes = append(changes, types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: it}})
	}
	graph, err := graphText(next.GraphHash)
	if err != nil {
		return nil, err
	}
	fresh := old.Status == journey.Draft
	if fresh || next.Name != old.Name || next.Status != old.Status || next.GraphHash != old.GraphHash {
		it := headKey(t, next.ID)
		it.putText(aName, next.Name)
		it.putText(aStatus, string(next.Status))
		it.putText(aGraph, graph)
		put(it)
	}
	if fresh || next.GraphHash != old.GraphHash {
		it := key(figuresPK(t, next.ID), "N#"+graph)
		it.putBinary(cLabels, packLabels(next.Labels))
		put(it)
	}
	return changes, nil
}

func headKey(t journey.Tenant, id journey.ID) item { return key(figuresPK(t, id), headSK) }

func decodeHead(it item) (analytics.Head, error) {
	r := reader{item: it}
	graph, err := graphHash(r.text(aGraph))
	return analytics.Head{Name: r.text(aName), Status: journey.Status(r.text(aStatus)), Graph: graph}, errors.Join(r.err, err)
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

var errLabels = errors.New("dynamo: labels that cannot be read")

func unpackLabels(packed []byte) ([]journey.Label, error) {
	var labels []journey.Label
	for len(packed) >= 3 {
		node, kind, length := int(packed[0]), int(packed[1]), int(packed[2])
		size := (length + 3) / 4 * 3
		if packed = packed[3:]; kind >= len(labelTypes) || size > len(packed) {
			return nil, errLabels
		}
		id := base64.RawURLEncoding.EncodeToString(packed[:size])
		labels = append(labels, journey.Label{Node: node, ID: id[:length], Type: labelTypes[kind]})
		packed = packed[size:]
	}
	if len(packed) > 0 {
		return nil, errLabels
	}
	return labels, nil
}
