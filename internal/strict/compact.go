package strict

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Compact returns v without white space between its tokens. It notes a fault if
// the result has more than limit bytes.
func (v Value) Compact(limit int) ([]byte, bool) {
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
