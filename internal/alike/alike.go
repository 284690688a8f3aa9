// Package alike compares definitions of journeys by what moves customers. It knows no
// rules of a graph.
package alike

import (
	"slices"
	"strconv"
	"strings"

	"journeys/internal/strict"
)

// Definitions reports whether two definitions move customers alike: the same nodes by
// id with type and config, and the same edges by source, target and, where several ways
// lead out, handle. All else is appearance: the order of nodes, edges and names, null in
// a config but not in a payload or a value to set, and the fields that an editor adds. hasOneWay says of a type of nodes, and the
// number of edges that leave one, whether a single way leads out.
func Definitions[Type ~string](a, b []byte, hasOneWay func(kind Type, edges int) bool) bool {
	x, okX := Running(a, hasOneWay)
	y, okY := Running(b, hasOneWay)
	return okX && okY && slices.Equal(x, y)
}

// Running returns what Definitions compares of a definition, sorted. It returns false if raw
// is not a definition.
func Running[Type ~string](raw []byte, hasOneWay func(Type, int) bool) ([]string, bool) {
	var faults strict.Faults
	var parts []string
	definition, ok := strict.At(raw, "", &faults).Object()
	if !ok {
		return nil, false
	}
	edges, leaving := objectsOf(definition, "edges"), map[string]int{}
	for _, edge := range edges {
		leaving[canonical(edge, "source")]++
	}
	single := map[string]bool{} // by id: only one way leads out
	for _, node := range objectsOf(definition, "nodes") {
		id, kind := canonical(node, "id"), canonical(node, "type")
		single[id] = hasOneWay(Type(strings.Trim(kind, `"`)), leaving[id])
		parts = append(parts, "node "+id+kind+canonicalConfig(node))
	}
	for _, edge := range edges {
		source, handle := canonical(edge, "source"), ""
		if !single[source] {
			handle = canonical(edge, "sourceHandle")
		}
		parts = append(parts, "edge "+source+canonical(edge, "target")+handle)
	}
	slices.Sort(parts)
	return parts, faults.Empty()
}

// objectsOf returns the objects in the list called name.
func objectsOf(o *strict.Object, name string) []*strict.Object {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	list, _ := v.List()
	var objects []*strict.Object
	for _, item := range list {
		if object, ok := item.Object(); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// canonical returns the member called name in canonical form; an absent one is null.
func canonical(o *strict.Object, name string) string {
	if v, ok := o.Take(name); ok {
		return string(strict.Canonical(v.Raw()))
	}
	return "null"
}

// canonicalConfig returns a node's config in canonical form, without null members that
// are as if they were absent.
func canonicalConfig(node *strict.Object) string {
	v, ok := node.Take("config")
	if !ok || v.IsNull() {
		return ""
	}
	if !v.IsObject() {
		return canonical(node, "config")
	}
	config, _ := v.Object()
	config.DropNulls()
	text := ""
	for _, name := range slices.Sorted(slices.Values(config.Names())) {
		value, _ := config.Take(name)
		if name == "payload" || name == "set" {
			text += strconv.Quote(name) + canonical(config, name)
		} else {
			text += strconv.Quote(name) + withoutNulls(value)
		}
	}
	return text
}

// withoutNulls returns a value in canonical form, its objects without null members.
func withoutNulls(v strict.Value) string {
	var parts []string
	switch v.Raw()[0] {
	case '{':
		object, _ := v.Object()
		object.DropNulls()
		for _, name := range slices.Sorted(slices.Values(object.Names())) {
			member, _ := object.Take(name)
			parts = append(parts, strconv.Quote(name)+":"+withoutNulls(member))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case '[':
		list, _ := v.List()
		for _, item := range list {
			parts = append(parts, withoutNulls(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return string(strict.Canonical(v.Raw()))
}
