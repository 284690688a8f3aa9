// Package names collects the names that a tenant's callers use: event types, properties
// of events and attributes of customers, with the kinds of their values, for clients that
// complete what is typed. It never keeps a value.
package names

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of the names of one tenant.
const (
	MaxTypes      = 200 // event types
	MaxAttributes = 500 // paths
	MaxProperties = 20  // paths of one event type
	MaxDepth      = 4   // names in a path
)

// The shares of the text in bytes. Together with its key, an item stays below 32 KB.
const (
	maxTypeBytes      = 8 << 10
	maxPropertyBytes  = 9 << 10
	maxAttributeBytes = 14 << 10
)

// Kinds is a set of kinds of values.
type Kinds uint8

// The kinds.
const (
	String Kinds = 1 << iota
	Number
	Boolean
	Date // a string that conditions compare as a date or time
	Array
	Object
	Null
)

var kindNames = []string{"string", "number", "boolean", "date", "array", "object", "null"}

// Names returns the names of the kinds, in the order of the constants.
func (k Kinds) Names() []string {
	var list []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// Paths holds the kinds of values by path, spelled as in a condition.
type Paths map[string]Kinds

// Names are the names of one tenant. They are immutable once they are shared.
type Names struct {
	Types      map[string]Paths `json:"t,omitempty"` // the paths of the properties by event type
	Attributes Paths            `json:"a,omitempty"`
}

// parse returns the names in a text of encode; none for an empty one.
func parse(text []byte) (n Names, err error) {
	if len(text) > 0 {
		err = json.Unmarshal(text, &n)
	}
	return n, err
}

func (n Names) encode() ([]byte, error) { return json.Marshal(n, json.Deterministic(true)) }

func (n Names) empty() bool { return len(n.Types) == 0 && len(n.Attributes) == 0 }

func (n Names) clone() Names {
	c := Names{Types: make(map[string]Paths, len(n.Types)), Attributes: n.Attributes.clone()}
	for name, properties := range n.Types {
		c.Types[name] = properties.clone()
	}
	return c
}

// clone returns a copy, never nil.
func (p Paths) clone() Paths {
	c := make(Paths, len(p))
	maps.Copy(c, p)
	return c
}

// budget is what is left of the bounds of a tenant.
type budget struct {
	types, typeBytes           int
	propertyBytes              int
	attributes, attributeBytes int
}

func newBudget(n Names) budget {
	b := budget{MaxTypes - len(n.Types), maxTypeBytes, maxPropertyBytes, MaxAttributes - len(n.Attributes), maxAttributeBytes}
	for name, properties := range n.Types {
		b.typeBytes -= typeSize(name)
		for path := range properties {
			b.propertyBytes -= pathSize(path)
		}
	}
	for path := range n.Attributes {
		b.attributeBytes -= pathSize(path)
	}
	return b
}

// take takes the size of a name from what is left. It returns false if that is too little.
func take(left *int, size int) bool {
	if size > *left {
		return false
	}
	*left -= size
	return true
}

// typeSize bounds the bytes of an event type in the text, without its properties.
func typeSize(name string) int { return quotedSize(name) + len(`:{},`) }

// pathSize bounds the bytes of a path in the text, with any kinds.
func pathSize(path string) int { return quotedSize(path) + len(`:127,`) }

func quotedSize(text string) int {
	var buffer [256]byte
	quoted, _ := jsontext.AppendQuote(buffer[:0], text) // only invalid UTF-8 fails, which is replaced
	return len(quoted)
}

// add adds what fits, of equal input always the same, and reports whether anything was added.
func (n Names) add(b *budget, found Names) bool {
	added := false
	for _, name := range slices.Sorted(maps.Keys(found.Types)) {
		if _, ok := n.Types[name]; !ok {
			if b.types == 0 || !take(&b.typeBytes, typeSize(name)) {
				continue
			}
			b.types--
			n.Types[name] = Paths{}
			added = true
		}
		room := MaxProperties - len(n.Types[name])
		added = n.Types[name].add(&room, &b.propertyBytes, found.Types[name]) || added
	}
	return n.Attributes.add(&b.attributes, &b.attributeBytes, found.Attributes) || added
}

// add adds new kinds, and new paths while room and bytes are left.
func (p Paths) add(room, bytes *int, found Paths) bool {
	added := false
	for _, path := range slices.Sorted(maps.Keys(found)) {
		known, ok := p[path]
		if !ok {
			if *room <= 0 || !take(bytes, pathSize(path)) {
				continue
			}
			*room--
		}
		p[path] = known | found[path]
		added = added || p[path] != known
	}
	return added
}
