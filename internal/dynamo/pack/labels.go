package pack

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"journeys/internal/graph"
	"journeys/internal/strict"
)

// LabelTypes are the node types by their stored number. Append, never renumber. There
// are at most 64.
var LabelTypes = []graph.NodeType{
	graph.EntryTrigger, graph.Wait, graph.ConditionSplit, graph.NBADecision, graph.ChannelAction, graph.Exit,
	graph.MultiSplit, graph.RandomSplit, graph.UpdateCustomer,
}

// named is the bit in the number of a label's type for ways that do not follow from it.
const named = 128

// texted is the bit in the number of a label's type for a text.
const texted = 64

const maxText = graph.MaxLabel * utf8.UTFMax // bytes

// Labels returns for each label a byte with the node's index, one with the number
// of its type, and its id. With the bit named, the number of ways and their names follow.
// Then each way has a byte with the index of the node to which it leads, the node's own
// index for none. With the bit texted, the length of the text in bytes (unsigned varint)
// and the text follow.
func Labels(labels []graph.Label) []byte {
	var packed []byte
	for _, l := range labels {
		if slices.ContainsFunc(append([]string{l.ID}, l.Ways...), unpackable) || !hasPackableEdges(l) {
			return nil // stored under another rule; the definition has the labels
		}
		kind := byte(slices.Index(LabelTypes, l.Type))
		ways := l.Ways
		if slices.Equal(ways, waysOf(l.Type)) {
			ways = nil
		} else {
			kind |= named
		}
		if l.Text != "" {
			kind |= texted
		}
		packed = appendID(append(packed, byte(l.Node), kind), l.ID)
		if kind&named != 0 {
			packed = append(packed, byte(len(ways)))
		}
		for _, way := range ways {
			packed = appendID(packed, way)
		}
		for _, next := range l.Next {
			if next < 0 {
				next = l.Node
			}
			packed = append(packed, byte(next))
		}
		if l.Text != "" {
			packed = append(binary.AppendUvarint(packed, uint64(len(l.Text))), l.Text...)
		}
	}
	return packed
}

// waysOf returns the ways of a node as they follow from its type.
func waysOf(kind graph.NodeType) []string {
	if kind == graph.ConditionSplit {
		return []string{"true", "false"}
	}
	return nil
}

// countWays returns the number of ways out of a node of the type, given the names of
// several ways.
func countWays(kind graph.NodeType, names []string) int {
	switch {
	case len(names) > 0:
		return len(names)
	case kind == graph.Exit, !kind.HasOneWay(1):
		return 0
	}
	return 1
}

// hasPackableEdges reports whether the label has the ways of its type, none of which leads
// back to the node, as a draft's may.
func hasPackableEdges(l graph.Label) bool {
	return len(l.Next) == countWays(l.Type, l.Ways) && !slices.Contains(l.Next, l.Node)
}

func unpackable(id string) bool { return id != "" && !strict.IsWord(id, 255) }

// appendID appends a byte with the length of an id, and the id. An id has the
// characters of base64url, so that four take three bytes.
func appendID(packed []byte, id string) []byte {
	packed = append(packed, byte(len(id)))
	packed, _ = base64.RawURLEncoding.AppendDecode(packed, []byte(id+padding(len(id))))
	return packed
}

// padding completes an id to a multiple of four characters.
func padding(length int) string { return strings.Repeat("A", (4-length%4)%4) }

// ReadLabels returns the labels; nil if there are none or they cannot be read.
func ReadLabels(packed []byte) []graph.Label {
	var labels []graph.Label
	r := labelReader{rest: packed}
	for len(r.rest) > 0 && !r.failed {
		labels = append(labels, r.label())
	}
	if r.failed {
		return nil
	}
	return labels
}

// labelReader reads labels. After a failure it reads zero values.
type labelReader struct {
	rest   []byte
	failed bool
}

func (r *labelReader) take(n int) []byte {
	if r.failed = r.failed || n > len(r.rest); r.failed {
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *labelReader) label() graph.Label {
	l := graph.Label{Node: int(r.take(1)[0])}
	kind := r.take(1)[0]
	l.ID = r.id()
	number := int(kind &^ (named | texted))
	if number >= len(LabelTypes) {
		r.failed = true
		return graph.Label{}
	}
	l.Type = LabelTypes[number]
	if l.Ways = waysOf(l.Type); kind&named != 0 {
		l.Ways = r.ways()
	}
	for _, next := range r.take(countWays(l.Type, l.Ways)) {
		if l.Next = append(l.Next, int(next)); int(next) == l.Node {
			l.Next[len(l.Next)-1] = -1
		}
	}
	if kind&texted != 0 {
		l.Text = r.text()
	}
	return l
}

func (r *labelReader) ways() []string {
	count := int(r.take(1)[0])
	r.failed = r.failed || count < 2 || count > graph.MaxWays
	var ways []string
	for range count {
		if !r.failed {
			ways = append(ways, r.id())
		}
	}
	return ways
}

func (r *labelReader) text() string {
	length, size := binary.Uvarint(r.rest)
	if r.failed = r.failed || size <= 0 || length == 0 || length > maxText; r.failed {
		return ""
	}
	r.rest = r.rest[size:]
	text := r.take(int(length))
	r.failed = r.failed || !utf8.Valid(text)
	return string(text)
}

func (r *labelReader) id() string {
	length := int(r.take(1)[0])
	return base64.RawURLEncoding.EncodeToString(r.take((length + 3) / 4 * 3))[:length]
}
