// Package recent keeps the values that were computed last.
package recent

import "sync"

// Values keeps values that never go stale, the first ones until there are too many. The
// zero value is ready to use. It is safe for concurrent use.
type Values[K comparable, V any] struct {
	mu    sync.Mutex
	kept  map[K]V
	order []K // oldest first
}

// Get returns the value of key. If it is not kept, Get calls compute, keeps what that
// returns without an error, and keeps no more than limit values.
func (v *Values[K, V]) Get(key K, limit int, compute func() (V, error)) (V, error) {
	v.mu.Lock()
	value, ok := v.kept[key]
	v.mu.Unlock()
	if ok {
		return value, nil
	}
	value, err := compute()
	if err == nil {
		v.put(key, limit, value)
	}
	return value, err
}

func (v *Values[K, V]) put(key K, limit int, value V) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept == nil {
		v.kept = map[K]V{}
	}
	if _, ok := v.kept[key]; ok {
		return
	}
	if len(v.order) == limit {
		delete(v.kept, v.order[0])
		v.order = v.order[1:]
	}
	v.kept[key] = value
	v.order = append(v.order, key)
}
