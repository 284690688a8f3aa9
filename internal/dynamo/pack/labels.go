package pack

import (
	"encoding/base64"
	"slices"
	"strings"

	"journeys/internal/graph"
	"journeys/internal/strict"
)

// LabelTypes are the node types by their stored number. Append, never renumber.
var LabelTypes = []graph.NodeType{
	graph.EntryTrigger, graph.Wait, graph.ConditionSplit, graph.NBADecision, graph.ChannelAction, graph.Exit,
	graph.UpdateCustomer,
}

// Labels returns for each label a byte with the node's index, one with the number
// of its type, one with the length of its id, and the id. An id has the characters of
// base64url, so that four take three bytes.
func Labels(labels []graph.Label) []byte {
	var packed []byte
	for _, l := range labels {
		if l.ID != "" && !strict.IsWord(l.ID, 255) {
			return nil // stored under another rule for ids; the definition has the labels
		}
		packed = append(packed, byte(l.Node), byte(slices.Index(LabelTypes, l.Type)), byte(len(l.ID)))
		packed, _ = base64.RawURLEncoding.AppendDecode(packed, []byte(l.ID+padding(len(l.ID))))
	}
	return packed
}

// padding completes an id to a multiple of four characters.
func padding(length int) string { return strings.Repeat("A", (4-length%4)%4) }

// ReadLabels returns the labels; nil if there are none or they cannot be read.
func ReadLabels(packed []byte) []graph.Label {
	var labels []graph.Label
	for len(packed) > 0 {
		if len(packed) < 3 {
			return nil
		}
		node, kind, length := int(packed[0]), int(packed[1]), int(packed[2])
		size := (length + 3) / 4 * 3
		if packed = packed[3:]; kind >= len(LabelTypes) || size > len(packed) {
			return nil
		}
		id := base64.RawURLEncoding.EncodeToString(packed[:size])
		labels = append(labels, graph.Label{Node: node, ID: id[:length], Type: LabelTypes[kind]})
		packed = packed[size:]
	}
	return labels
}
