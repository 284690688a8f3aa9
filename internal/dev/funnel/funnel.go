// Package funnel reads a journey's analytics from the API and draws them for a
// terminal.
package funnel

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"journeys/internal/dev/client"
	"journeys/internal/manifest"
)

// barWidth is in characters.
const barWidth = 30

// Analytics is the answer of GET /journeys/{id}/analytics.
type Analytics struct {
	JourneyName, Status string
	AsOf                string // "" if nothing has been counted
	Enrollments         struct{ Total, Active, Completed, Expired, Cancelled, Failed int }
	Conversions         int
	Steps               []Step
}

// Step holds the counts of one node.
type Step struct {
	NodeID, NodeType                            string
	Version                                     int // of an older graph, else 0
	Entered, Completed, Active, Failed, Dropped int
	Converted                                   int            // runs that passed the node before they converted
	Results                                     map[string]int // customers that left, by result
}

// Read gets the analytics of a journey.
func Read(ctx context.Context, c *client.Client, journey string) (Analytics, error) {
	var a Analytics
	path := strings.Replace(manifest.GetJourneyAnalytics.Path, "{id}", journey, 1)
	err := c.Do(ctx, http.MethodGet, path, nil, &a)
	return a, err
}

// Lines returns one line per step: how many customers entered it, a bar that
// compares them with the fullest step, and how many are there or went no
// further.
func (a Analytics) Lines() []string {
	ids, kinds, most := 0, 0, 0
	for _, s := range a.Steps {
		ids, kinds, most = max(ids, len(s.NodeID)), max(kinds, len(s.NodeType)), max(most, s.Entered)
	}
	var lines []string
	version := 0
	for _, s := range a.Steps {
		if s.Version != version {
			version = s.Version
			lines = append(lines, fmt.Sprintf("  as of version %d:", version))
		}
		line := fmt.Sprintf("  %-*s %-*s %6d %s", ids, s.NodeID, kinds, s.NodeType, s.Entered, Bar(s.Entered, most))
		if details := s.details(); details != "" {
			line += " " + details
		}
		lines = append(lines, line)
	}
	return lines
}

// details returns what the bar does not show, "" if there is nothing.
func (s Step) details() string {
	var parts []string
	if s.Active > 0 {
		parts = append(parts, fmt.Sprintf("%d here", s.Active))
	}
	if lost := s.Dropped + s.Failed; lost > 0 {
		parts = append(parts, fmt.Sprintf("-%d (%.1f %%)", lost, percent(lost, s.Entered)))
	}
	parts = append(parts, s.results()...)
	if s.Converted > 0 {
		parts = append(parts, fmt.Sprintf("%d converted (%.1f %%)", s.Converted, percent(s.Converted, s.Completed)))
	}
	return strings.Join(parts, ", ")
}

// results returns the results, most frequent first. It is empty for a single result
// that the node's type implies.
func (s Step) results() (list []string) {
	names := slices.SortedFunc(maps.Keys(s.Results), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Results[b], s.Results[a]), cmp.Compare(a, b))
	})
	if len(names) == 1 && slices.Contains([]string{"entered", "waited", "decided", "sent", "exited"}, names[0]) {
		return nil
	}
	for _, name := range names {
		list = append(list, fmt.Sprintf("%s %d", name, s.Results[name]))
	}
	return list
}

// Summary returns the journey's name, status and totals in two lines, and its conversions
// in a third if there are any.
func (a Analytics) Summary() string {
	asOf := a.AsOf
	if asOf == "" {
		asOf = "nothing counted yet"
	}
	e := a.Enrollments
	summary := fmt.Sprintf("%s (%s), as of %s\n%d entered: %d inside, %d completed (%.1f %%), %d expired, %d cancelled, %d failed",
		a.JourneyName, a.Status, asOf, e.Total, e.Active, e.Completed, percent(e.Completed, e.Total), e.Expired, e.Cancelled, e.Failed)
	if a.Conversions > 0 {
		summary += fmt.Sprintf("\n%d converted (%.1f %%)", a.Conversions, percent(a.Conversions, e.Total))
	}
	return summary
}

// Bar draws n of total.
func Bar(n, total int) string {
	full := n * barWidth / max(total, 1)
	return strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
}

func percent(n, total int) float64 { return 100 * float64(n) / float64(max(total, 1)) }
