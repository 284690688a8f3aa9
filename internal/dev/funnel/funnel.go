// Package funnel reads a journey's analytics from the API and draws them for a
// terminal. It knows the API's answer and nothing of how figures come about.
package funnel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"journeys/internal/manifest"
)

// barWidth is in characters.
const barWidth = 30

// Analytics is the API's answer.
type Analytics struct {
	JourneyName, Status string
	AsOf                string // "" when nothing is counted
	Enrollments         struct{ Total, Active, Completed, Expired, Cancelled, Failed int }
	Steps               []Step
}

// Step is one of its steps.
type Step struct {
	NodeID, NodeType                            string
	Version                                     int // of an older graph, else 0
	Entered, Completed, Active, Failed, Dropped int
	Branches                                    *struct{ True, False int }
}

// Read gets a journey's analytics from the API at url, which is without its base
// path.
func Read(ctx context.Context, client *http.Client, url, token, journey string) (a Analytics, err error) {
	path := strings.Replace(manifest.GetJourneyAnalytics.Path, "{id}", journey, 1)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+manifest.BasePath+path, http.NoBody)
	if err != nil {
		return a, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	if response.StatusCode != http.StatusOK {
		return a, fmt.Errorf("the API answered %d: %s", response.StatusCode, text)
	}
	return a, json.Unmarshal(text, &a)
}

// Lines draws a line for each step: how many entered it, as a part of the
// journey's customers, and how many are there or went no further.
func (a Analytics) Lines() []string {
	ids, kinds, whole := 0, 0, 0
	for _, s := range a.Steps {
		ids, kinds, whole = max(ids, len(s.NodeID)), max(kinds, len(s.NodeType)), max(whole, s.Entered)
	}
	var lines []string
	version := 0
	for _, s := range a.Steps {
		if s.Version != version {
			version = s.Version
			lines = append(lines, fmt.Sprintf("  as of version %d:", version))
		}
		line := fmt.Sprintf("  %-*s %-*s %6d %s", ids, s.NodeID, kinds, s.NodeType, s.Entered, Bar(s.Entered, whole))
		if more := s.more(); more != "" {
			line += " " + more
		}
		lines = append(lines, line)
	}
	return lines
}

func (s Step) more() string {
	var parts []string
	if s.Active > 0 {
		parts = append(parts, fmt.Sprintf("%d here", s.Active))
	}
	if gone := s.Dropped + s.Failed; gone > 0 {
		parts = append(parts, fmt.Sprintf("-%d (%.1f %%)", gone, percent(gone, s.Entered)))
	}
	if s.Branches != nil && s.Completed > 0 {
		parts = append(parts, fmt.Sprintf("true %d, false %d", s.Branches.True, s.Branches.False))
	}
	return strings.Join(parts, ", ")
}

// Summary is the journey's figures in two lines.
func (a Analytics) Summary() string {
	asOf := a.AsOf
	if asOf == "" {
		asOf = "nothing is counted yet"
	}
	e := a.Enrollments
	return fmt.Sprintf("%s (%s), as of %s\n%d entered: %d inside, %d completed (%.1f %%), %d expired, %d cancelled, %d failed",
		a.JourneyName, a.Status, asOf, e.Total, e.Active, e.Completed, percent(e.Completed, e.Total), e.Expired, e.Cancelled, e.Failed)
}

// Bar draws a part of a whole.
func Bar(n, whole int) string {
	full := n * barWidth / max(whole, 1)
	return strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
}

func percent(n, whole int) float64 { return 100 * float64(n) / float64(max(whole, 1)) }
