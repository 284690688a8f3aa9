// Package drift reads what the manifest, the CDK stack and the files beside it
// say is deployed, in one form, so that a test can hold them together. One file
// per source. It reads text only and knows nothing of AWS, of CDK or of the
// functions' code.
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
// A value is text in the form that FromManifest gives it; an empty one says
// that there is none.
type Deployed map[string]Aspects

// Aspects are the values of one subject by their names.
type Aspects map[string]string

// Only returns the subjects of one kind ("route", "function" or "table") with
// those of their aspects that are named, for a comparison with a source that
// knows no more.
func (d Deployed) Only(kind string, aspects ...string) Deployed {
	only := Deployed{}
	for subject, all := range d {
		if word, _, _ := strings.Cut(subject, " "); word != kind {
			continue
		}
		only[subject] = maps.Clone(all)
		maps.DeleteFunc(only[subject], func(aspect, _ string) bool { return !slices.Contains(aspects, aspect) })
	}
	return only
}

// Diff returns one line for each difference between what is wanted and what
// was found, in either direction, sorted. It is empty if there is none.
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
