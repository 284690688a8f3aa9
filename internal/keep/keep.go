// Package keep reads which parts of a channel's answer a node keeps.
package keep

import (
	"slices"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// Max bounds the paths of a node.
const Max = 64

// Paths are paths into a JSON object, each with at least one name.
type Paths [][]string

// Read reads a list of paths and notes its faults; nil for an empty list.
func Read(v strict.Value) (paths Paths) {
	list, ok := v.List()
	if !ok {
		return nil
	}
	if len(list) > Max {
		v.Fault("must have at most %d paths, has %d", Max, len(list))
		return nil
	}
	for _, item := range list {
		text, ok := item.Text(1, condition.MaxField)
		if !ok {
			continue
		}
		path, fault := condition.ParsePath(text)
		if fault != "" {
			item.Fault("%s", fault)
		}
		paths = append(paths, path)
	}
	return paths
}

// Covers reports whether any of the value at a path is kept.
func (p Paths) Covers(path []string) bool {
	return slices.ContainsFunc(p, func(kept []string) bool {
		n := min(len(kept), len(path))
		return slices.Equal(kept[:n], path[:n])
	})
}

// Reads returns the paths of fields that read answers, step.<id>.answer.<path>, without
// "step". No path comes twice.
func Reads(fields []condition.Field) (paths [][]string) {
	for _, f := range fields {
		known := slices.ContainsFunc(paths, func(p []string) bool { return slices.Equal(p, f.Path) })
		if f.Source == condition.Step && len(f.Path) > 1 && f.Path[1] == "answer" && !known {
			paths = append(paths, f.Path)
		}
	}
	return paths
}
