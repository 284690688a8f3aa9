// Package agree reads what the manifest, the CDK templates and the other files of
// the repository say is deployed, in one form, so that a test can compare them.
// It reads text only. Each source has a file.
package agree

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Deployed maps a subject to its aspects and their values:
//
//	route GET /api/v1/journeys/{id}   function, authorizer
//	function get-journey              memory (MB), timeout (seconds), env (names), schedule, stream
//	table                             keys, indexes, ttl, stream
//
// A value is text in the form that FromManifest writes. An empty value means that
// there is none.
type Deployed map[string]Aspects

// Aspects are the values of one subject by name.
type Aspects map[string]string

// Only returns the subjects of one kind ("route", "function" or "table") with the
// named aspects only, for a comparison with a source that knows no others.
func (d Deployed) Only(kind string, aspects ...string) Deployed {
	only := Deployed{}
	for subject, all := range d {
		if prefix, _, _ := strings.Cut(subject, " "); prefix != kind {
			continue
		}
		only[subject] = maps.Clone(all)
		maps.DeleteFunc(only[subject], func(aspect, _ string) bool { return !slices.Contains(aspects, aspect) })
	}
	return only
}

// Diff returns one line per difference between want and got, in either direction,
// sorted.
func Diff(want, got Deployed) []string {
	var lines []string
	for subject, wanted := range want {
		found, ok := got[subject]
		if !ok {
			lines = append(lines, subject+": missing")
			continue
		}
		lines = append(lines, diffAspects(subject, wanted, found)...)
	}
	for subject := range got {
		if _, ok := want[subject]; !ok {
			lines = append(lines, subject+": not wanted")
		}
	}
	slices.Sort(lines)
	return lines
}

func diffAspects(subject string, want, got Aspects) []string {
	var lines []string
	for aspect, wanted := range want {
		found, ok := got[aspect]
		switch {
		case !ok:
			lines = append(lines, fmt.Sprintf("%s: %s: want %q, nothing found", subject, aspect, wanted))
		case found != wanted:
			lines = append(lines, fmt.Sprintf("%s: %s: want %q, found %q", subject, aspect, wanted, found))
		}
	}
	for aspect, found := range got {
		if _, ok := want[aspect]; !ok {
			lines = append(lines, fmt.Sprintf("%s: %s: not wanted, found %q", subject, aspect, found))
		}
	}
	return lines
}
