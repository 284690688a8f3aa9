package journey

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/alike"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/recent"
	"journeys/internal/strict"
)

// Definition is a graph as JSON and compiled.
type Definition struct {
	Raw      []byte // compact JSON; numbers and strings as the caller wrote them
	Settings []byte // pinned settings, compact JSON; nil for none
	Hash     string // random name under which it is stored, in lower-case hex; "" if it is not stored
	Graph    *progress.Graph
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
	g, _ := graph.Compile(object, nil)
	if v.FaultCount() > before {
		return Definition{}, false
	}
	return Definition{Raw: raw, Graph: &progress.Graph{Graph: *g}}, true
}

// GraphText returns what is stored under GraphHash: the definition and, on a second
// line, the pinned settings if there are any.
func (j Journey) GraphText() []byte {
	if j.Settings == nil {
		return j.Definition
	}
	return slices.Concat(j.Definition, []byte{'\n'}, j.Settings)
}

// SplitGraphText returns the parts of a GraphText.
func SplitGraphText(text []byte) (definition, settings []byte) {
	definition, settings, _ = bytes.Cut(text, []byte{'\n'})
	return definition, settings
}

// LoadDefinition compiles a Journey.GraphText. Rules made after it was stored do not make
// it unreadable: customers stop at a node that breaks one. It returns ErrDamaged if the
// definition is not a JSON object with a list of nodes, or the settings are not an object.
func LoadDefinition(text []byte, hash string) (Definition, error) {
	d := Definition{Hash: hash}
	d.Raw, d.Settings = SplitGraphText(text)
	var faults strict.Faults
	definition, ok := loadObject(d.Raw, &faults)
	var settings *strict.Object
	if ok && d.Settings != nil {
		settings, ok = loadObject(d.Settings, &faults)
	}
	if ok {
		if g, ok := graph.Compile(definition, settings); ok {
			d.Graph = &progress.Graph{Graph: *g}
			return d, nil
		}
	}
	return Definition{}, fmt.Errorf("%w: definition %s: %v", ErrDamaged, hash, faults.List())
}

// with returns d with pinned settings, or an Invalid error.
func (d Definition) with(settings []byte) (Definition, error) {
	if err := checkSettings(settings); err != nil {
		return Definition{}, err
	}
	return LoadDefinition(Journey{Definition: d.Raw, Settings: settings}.GraphText(), d.Hash)
}

// labels returns the labels of the graph with the texts of the definition as it came last.
func (d Definition) labels(shown []byte) []graph.Label {
	labels := d.Graph.Labels()
	if bytes.Equal(shown, d.Raw) {
		return labels
	}
	last, err := LoadDefinition(shown, "")
	if err != nil {
		return labels
	}
	texts := map[string]string{}
	for _, l := range last.Graph.Labels() {
		texts[l.ID] = l.Text
	}
	for i := range labels {
		labels[i].Text = texts[labels[i].ID]
	}
	return labels
}

// checkSettings returns an Invalid error if the pinned settings are too long together.
func checkSettings(settings []byte) error {
	if faults := graph.SettingsFaults(settings); faults != nil {
		return invalidRequest(faults...)
	}
	return nil
}

func loadObject(text []byte, faults *strict.Faults) (*strict.Object, bool) {
	if !jsontext.Value(text).IsValid() {
		return nil, false
	}
	return strict.At(text, "", faults).Object()
}

// define gives j, which has its settings already, the definition that was sent, nil for
// its own. It returns the graph that j then has: the present one, to whose indexes
// customers refer, unless the two run differently. The zero graph is none.
func (s *Service) define(j *Journey, sent *Definition, current Definition) (Definition, error) {
	raw := j.Definition
	if sent != nil {
		raw = sent.Raw
	}
	if bytes.Equal(strict.Canonical(j.Settings), strict.Canonical(current.Settings)) {
		j.Settings = current.Settings
		switch {
		case bytes.Equal(raw, j.Definition):
			return current, nil
		case bytes.Equal(raw, current.Raw):
			j.Definition, j.AppearanceRev = raw, 0
			return current, nil
		case alike.Definitions(raw, current.Raw, graph.NodeType.HasOneWay):
			j.Definition, j.AppearanceRev = raw, j.Rev
			return current, nil
		}
	}
	var name [16]byte
	if _, err := io.ReadFull(s.entropy, name[:]); err != nil {
		return Definition{}, err
	}
	j.GraphHash = hex.EncodeToString(name[:])
	j.Definition, j.AppearanceRev = raw, 0
	d, err := LoadDefinition(j.GraphText(), j.GraphHash)
	if err != nil {
		return Definition{}, err
	}
	j.GraphPassed = j.Status != Draft && d.Graph.ActivationFaults("", j.MaxDurationDays) == nil
	j.Version++
	j.NodeCount = d.Graph.Len()
	return d, nil
}

// maxCached bounds the cached definitions: 16 of the largest take 4 MB, and their
// graphs about as much again.
const maxCached = 16

type definitionKey struct {
	tenant ident.Tenant
	id     ident.ID
	hash   string
}

// Definitions caches compiled definitions, up to maxCached. Entries never go
// stale: what is stored under a hash is never changed. The zero value is ready to use.
// It is safe for concurrent use.
type Definitions struct {
	kept recent.Values[definitionKey, Definition]
}

// Get returns a journey's definition by hash. It calls read for the text if the
// definition is not cached. It returns read's error, or ErrDamaged if the text
// cannot be compiled.
func (c *Definitions) Get(t ident.Tenant, id ident.ID, hash string, read func() ([]byte, error)) (Definition, error) {
	return c.kept.Get(definitionKey{t, id, hash}, maxCached, func() (Definition, error) {
		raw, err := read()
		if err != nil {
			return Definition{}, err
		}
		return LoadDefinition(raw, hash)
	})
}
