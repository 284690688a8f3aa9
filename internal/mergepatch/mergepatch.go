// Package mergepatch applies JSON merge patches (RFC 7396). It knows no attributes
// and no profiles.
package mergepatch

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrTarget means that the target cannot be read. It does not quote the target.
var ErrTarget = errors.New("mergepatch: the target cannot be read")

// Apply applies patch, which must be an object, to target, an object or empty. Values
// keep their spelling, and the target's names their order. The time is linear in the
// input, however deep it is.
func Apply(target, patch []byte) ([]byte, error) {
	change, err := readValue(jsontext.NewDecoder(bytes.NewBuffer(patch)))
	if err != nil {
		return nil, fmt.Errorf("mergepatch: read the patch: %w", err)
	}
	var stored *value
	if len(target) > 0 {
		if stored, err = readValue(jsontext.NewDecoder(bytes.NewBuffer(target))); err != nil {
			return nil, ErrTarget
		}
	}
	return stored.merge(change).append(nil)
}

// value is a JSON value whose objects, but not its arrays, are taken apart.
type value struct {
	raw     jsontext.Value // unless it is an object
	names   []string       // in order; includes removed members
	members map[string]*value
}

func readValue(d *jsontext.Decoder) (*value, error) {
	if d.PeekKind() != '{' {
		raw, err := d.ReadValue()
		return &value{raw: slices.Clone(raw)}, err
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	v := &value{members: map[string]*value{}}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		member, err := readValue(d)
		if err != nil {
			return nil, err
		}
		v.set(name, member)
	}
	_, err := d.ReadToken()
	return v, err
}

func (v *value) set(name string, member *value) {
	if _, ok := v.members[name]; !ok {
		v.names = append(v.names, name)
	}
	v.members[name] = member
}

// merge returns v, which may be nil, with patch applied.
func (v *value) merge(patch *value) *value {
	if patch.members == nil {
		return patch
	}
	if v == nil || v.members == nil {
		v = &value{members: map[string]*value{}}
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
func (v *value) append(b []byte) ([]byte, error) {
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
