package journey

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/alike"
	"journeys/internal/graph"
	"journeys/internal/strict"
)

// Definition is a graph as JSON and compiled.
type Definition struct {
	Raw   []byte // compact JSON; numbers and strings as the caller wrote them
	Hash  string // random name under which it is stored, in lower-case hex; "" if it is not stored
	Graph *Graph
}

// ReadDefinition compiles a graph and notes every fault of its form. Drafts must
// have the form too; Graph.Faults returns what an active journey also needs.
func ReadDefinition(v strict.Value) (Definition, bool) {
	before := v.FaultCount()
	raw, ok := v.Compact(MaxDefinition)
	if !ok {
		return Definition{}, false
	}
	object, ok := v.Object()
	if !ok {
		return Definition{}, false
	}
	g, _ := graph.Compile(object)
	if v.FaultCount() > before {
		return Definition{}, false
	}
	return Definition{Raw: raw, Graph: &Graph{Graph: *g}}, true
}

// LoadDefinition compiles a stored definition. Rules made after it was stored do not
// make it unreadable: customers stop at a node that breaks one. It returns ErrDamaged if
// raw is not a JSON object with a list of nodes.
func LoadDefinition(raw []byte, hash string) (Definition, error) {
	var faults strict.Faults
	if jsontext.Value(raw).IsValid() {
		if object, ok := strict.At(raw, "", &faults).Object(); ok {
			if g, ok := graph.Compile(object); ok {
				return Definition{Raw: raw, Hash: hash, Graph: &Graph{Graph: *g}}, nil
			}
		}
	}
	return Definition{}, fmt.Errorf("%w: definition %s: %v", ErrDamaged, hash, faults.List())
}

// define gives j a definition and returns the graph that j then has: the present one, to
// whose indexes customers refer, unless the two run differently. The zero graph is none.
func (s *Service) define(j *Journey, d, current Definition) (Definition, error) {
	switch {
	case bytes.Equal(d.Raw, j.Definition):
		return current, nil
	case bytes.Equal(d.Raw, current.Raw):
		j.Definition, j.AppearanceRev = d.Raw, 0
		return current, nil
	case alike.Definitions(d.Raw, current.Raw, graph.NodeType.HasOneWay):
		j.Definition, j.AppearanceRev = d.Raw, j.Rev
		return current, nil
	}
	var name [16]byte
	if _, err := io.ReadFull(s.entropy, name[:]); err != nil {
		return Definition{}, err
	}
	j.GraphHash = hex.EncodeToString(name[:])
	j.GraphPassed = j.Status != Draft && d.Graph.ActivationFaults("", j.MaxDurationDays) == nil
	j.Definition, j.AppearanceRev = d.Raw, 0
	j.Version++
	j.NodeCount = d.Graph.Len()
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
// stale: what is stored under a hash is never changed. The zero value is ready to use.
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
