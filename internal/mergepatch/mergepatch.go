// Package mergepatch applies merge patches (RFC 7396) to JSON text.
package mergepatch

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrTarget means that the target is not JSON. It does not quote the target.
var ErrTarget = errors.New("mergepatch: the target cannot be read")

// Apply applies a merge patch (RFC 7396), which must be an object, to target, an
// object or empty. Values keep their spelling, and the target's names their order.
// It returns ErrTarget if target cannot be read. The time is linear in the input,
// however deep it is.
func Apply(target, patch []byte) ([]byte, error) {
	change, err := readPatchValue(jsontext.NewDecoder(bytes.NewBuffer(patch)))
	if err != nil {
		return nil, fmt.Errorf("mergepatch: read the patch: %w", err)
	}
	var stored *patchValue
	if len(target) > 0 {
		if stored, err = readPatchValue(jsontext.NewDecoder(bytes.NewBuffer(target))); err != nil {
			return nil, ErrTarget // the cause may quote the target
		}
	}
	return stored.merge(change).append(nil)
}

// patchValue is a JSON value whose objects, but not its arrays, are taken apart.
type patchValue struct {
	raw     jsontext.Value // unless it is an object
	names   []string       // in order; includes removed members
	members map[string]*patchValue
}

func readPatchValue(d *jsontext.Decoder) (*patchValue, error) {
	if d.PeekKind() != '{' {
		raw, err := d.ReadValue()
		return &patchValue{raw: slices.Clone(raw)}, err
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	v := &patchValue{members: map[string]*patchValue{}}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		member, err := readPatchValue(d)
		if err != nil {
			return nil, err
		}
		v.set(name, member)
	}
	_, err := d.ReadToken()
	return v, err
}

func (v *patchValue) set(name string, member *patchValue) {
	if _, ok := v.members[name]; !ok {
		v.names = append(v.names, name)
	}
	v.members[name] = member
}

// merge returns v, which may be nil, with patch applied.
func (v *patchValue) merge(patch *patchValue) *patchValue {
	if patch.members == nil {
		return patch
	}
	if v == nil || v.members == nil {
		v = &patchValue{members: map[string]*patchValue{}}
	}
	for _, name := range patch.names {
		change := patch.members[name]
		if change.raw.Kind() == 'n' {
			delete(v.members, name)
			continue
		}
		v.set(name, v.members[name].merge(change))
	}
	return v
}

// append appends v as compact JSON to b.
func (v *patchValue) append(b []byte) ([]byte, error) {
	if v.members == nil {
		return append(b, v.raw...), nil
	}
	var err error
	b = append(b, '{')
	first := true
	for _, name := range v.names {
		member, ok := v.members[name]
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = jsontext.AppendQuote(b, name); err != nil {
			return nil, err
		}
		if b, err = member.append(append(b, ':')); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}
