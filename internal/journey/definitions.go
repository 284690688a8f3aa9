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

// Definition is a graph in the two forms that are needed.
type Definition struct {
	Raw   []byte // compact JSON, as the caller wrote it
	Hash  string // lower-case hex SHA-256 of Raw
	Graph *Graph
}

// ReadDefinition reads a graph. It checks the form, which a draft must have
// too, and notes every fault at its place; Graph.Faults tells what an active
// one still lacks.
func ReadDefinition(v strict.Value) (Definition, bool) {
	before := v.FaultCount()
	raw, ok := compact(v, MaxDefinition)
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

// compact returns a value without white space between its tokens, numbers and
// strings as they are written. One of more than max bytes is a fault, found
// before anything is made of it.
func compact(v strict.Value, max int) ([]byte, bool) {
	value := jsontext.Value(bytes.Clone(v.Raw()))
	if err := value.Compact(); err != nil {
		v.Fault("must be an object")
		return nil, false
	}
	if len(value) > max {
		v.Fault("must have at most %d bytes as compact JSON, has %d", max, len(value))
		return nil, false
	}
	return value, true
}

// LoadDefinition reads what was checked before it was stored.
func LoadDefinition(raw []byte, hash string) (Definition, error) {
	var faults strict.Faults
	d, ok := ReadDefinition(strict.At(raw, "/definition", &faults))
	if !ok {
		return Definition{}, fmt.Errorf("%w: definition %s: %v", ErrDamaged, hash, faults.List())
	}
	d.Hash = hash
	return d, nil
}

// maxCached bounds the definitions kept in memory: 16 of the largest are 4 MB,
// and their graphs about as much again.
const maxCached = 16

type definitionKey struct {
	tenant Tenant
	id     ID
	hash   string
}

// Definitions keeps the definitions used last, compiled: a hash never names
// another definition. The zero value is ready, and safe for concurrent use.
type Definitions struct {
	mu    sync.Mutex
	kept  map[definitionKey]Definition
	order []definitionKey // oldest first
}

// Get returns the definition called hash of a journey. If it is not kept, read
// gets its text. Its errors are read's, or tell that what was stored cannot be
// read.
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
