package journey

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/strict"
)

// Definition is a graph as JSON and compiled.
type Definition struct {
	Raw   []byte // compact JSON; numbers and strings as the caller wrote them
	Hash  string // lower-case hex SHA-256 of Raw
	Graph *Graph
}

// ReadDefinition compiles a graph and notes every fault of its form. Drafts must
// have the form too; Graph.Faults returns what an active journey also needs.
func ReadDefinition(v strict.Value) (Definition, bool) {
	before := v.FaultCount()
	raw, ok := compactJSON(v, MaxDefinition)
	if !ok {
		return Definition{}, false
	}
	object, ok := v.Object()
	if !ok {
		return Definition{}, false
	}
	g := &Graph{index: map[string]int{}, entry: -1}
	if nodes, ok := object.Take("nodes"); ok {
		g.readNodes(nodes)
	}
	if edges, ok := object.Take("edges"); ok {
		g.readEdges(edges)
	}
	if v.FaultCount() > before {
		return Definition{}, false
	}
	g.connect()
	sum := sha256.Sum256(raw)
	return Definition{Raw: raw, Hash: hex.EncodeToString(sum[:]), Graph: g}, true
}

// compactJSON returns v without white space between its tokens. It notes a fault
// if the result has more than limit bytes.
func compactJSON(v strict.Value, limit int) ([]byte, bool) {
	value := jsontext.Value(bytes.Clone(v.Raw()))
	if err := value.Compact(); err != nil {
		v.Fault("must be an object")
		return nil, false
	}
	if len(value) > limit {
		v.Fault("must have at most %d bytes as compact JSON, has %d", limit, len(value))
		return nil, false
	}
	return value, true
}

// LoadDefinition compiles a stored definition. It returns ErrDamaged if raw does
// not have the form of one. It trusts that hash belongs to raw.
func LoadDefinition(raw []byte, hash string) (Definition, error) {
	var faults strict.Faults
	d, ok := ReadDefinition(strict.At(raw, "/definition", &faults))
	if !ok {
		return Definition{}, fmt.Errorf("%w: definition %s: %v", ErrDamaged, hash, faults.List())
	}
	d.Hash = hash
	return d, nil
}

// maxCached bounds the cached definitions: 16 of the largest take 4 MB, and their
// graphs about as much again.
const maxCached = 16

type definitionKey struct {
	tenant Tenant
	id     ID
	hash   string
}

// Definitions caches compiled definitions, up to maxCached. Entries never go
// stale: a hash always names the same definition. The zero value is ready to use.
// It is safe for concurrent use.
type Definitions struct {
	mu    sync.Mutex
	kept  map[definitionKey]Definition
	order []definitionKey // oldest insertion first
}

// Get returns a journey's definition by hash. It calls read for the text if the
// definition is not cached. It returns read's error, or ErrDamaged if the text
// cannot be compiled.
func (c *Definitions) Get(t Tenant, id ID, hash string, read func() ([]byte, error)) (Definition, error) {
	key := definitionKey{t, id, hash}
	c.mu.Lock()
	d, ok := c.kept[key]
	c.mu.Unlock()
	if ok {
		return d, nil
	}
	raw, err := read()
	if err != nil {
		return Definition{}, err
	}
	if d, err = LoadDefinition(raw, hash); err != nil {
		return Definition{}, err
	}
	c.put(key, d)
	return d, nil
}

func (c *Definitions) put(key definitionKey, d Definition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[definitionKey]Definition{}
	}
	if _, ok := c.kept[key]; ok {
		return
	}
	if len(c.order) == maxCached {
		delete(c.kept, c.order[0])
		c.order = c.order[1:]
	}
	c.kept[key] = d
	c.order = append(c.order, key)
}
