package journey

import "sync"

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
