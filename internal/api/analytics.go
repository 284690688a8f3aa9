package api

import (
	"math"
	"net/http"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/api/web"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

type analyticsBody struct {
	JourneyID       ident.ID        `json:"journeyId"`
	JourneyName     string          `json:"journeyName"`
	Status          journey.Status  `json:"status"`
	AsOf            *web.Timestamp  `json:"asOf"` // null if nothing is counted
	Enrollments     enrollmentsBody `json:"enrollments"`
	CompletionRate  float64         `json:"completionRate"`
	Conversions     int64           `json:"conversions"`
	ConversionRate  float64         `json:"conversionRate"`
	Steps           []stepBody      `json:"steps"`
	Edges           []edgeBody      `json:"edges"`
	VersionsLeftOut []int           `json:"versionsLeftOut,omitzero"` // older versions whose steps exceed analytics.MaxSteps
	Series          []dayBody       `json:"series,omitzero"`
}

type enrollmentsBody struct {
	Total     int64 `json:"total"`
	Active    int64 `json:"active"`
	Completed int64 `json:"completed"`
	Expired   int64 `json:"expired"`
	Cancelled int64 `json:"cancelled"`
	Failed    int64 `json:"failed"`
}

type stepBody struct {
	NodeID            string           `json:"nodeId"`
	NodeType          graph.NodeType   `json:"nodeType"`
	Label             string           `json:"label,omitzero"`
	Version           int              `json:"version,omitzero"` // absent for the current graph
	Entered           int64            `json:"entered"`
	Completed         int64            `json:"completed"`
	Active            int64            `json:"active"`
	Failed            int64            `json:"failed"`
	Dropped           int64            `json:"dropped"`
	CompletionRate    float64          `json:"completionRate"`
	Converted         int64            `json:"converted"`
	Results           map[string]int64 `json:"results"`
	Branches          map[string]int64 `json:"branches,omitzero"` // by name; nil unless several ways lead out
	BranchesConverted map[string]int64 `json:"branchesConverted,omitzero"`
	Feedback          *feedbackBody    `json:"feedback,omitzero"` // nil unless something was reported
}

type feedbackBody struct {
	Delivered    int64 `json:"delivered"`
	Bounced      int64 `json:"bounced"`
	Complained   int64 `json:"complained"`
	Opened       int64 `json:"opened"`
	Clicked      int64 `json:"clicked"`
	Unsubscribed int64 `json:"unsubscribed"`
}

func newFeedbackBody(f tally.Feedback) *feedbackBody {
	if f == (tally.Feedback{}) {
		return nil
	}
	return &feedbackBody{
		Delivered: f[feedback.Delivered], Bounced: f[feedback.Bounced], Complained: f[feedback.Complained],
		Opened: f[feedback.Opened], Clicked: f[feedback.Clicked], Unsubscribed: f[feedback.Unsubscribed],
	}
}

type edgeBody struct {
	Source       string `json:"source"`
	Target       string `json:"target"`
	SourceHandle string `json:"sourceHandle,omitzero"` // absent unless several ways lead out
	Version      int    `json:"version,omitzero"`      // as of stepBody
	Passed       int64  `json:"passed"`
}

type dayBody struct {
	Date      string `json:"date"`
	Enrolled  int64  `json:"enrolled"`
	Completed int64  `json:"completed"`
	Expired   int64  `json:"expired"`
	Cancelled int64  `json:"cancelled"`
	Failed    int64  `json:"failed"`
}

func getJourneyAnalytics(a *API, w http.ResponseWriter, r *request) error {
	days := r.queryRange()
	known := r.IfNoneMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	report, err := a.Analytics.Report(r.Context(), r.tenant, r.id, days)
	if err != nil {
		return err
	}
	return web.WriteTagged(w, known, newAnalyticsBody(r.id, report))
}

func newAnalyticsBody(id ident.ID, report analytics.Report) analyticsBody {
	e := report.Enrollments
	body := analyticsBody{
		JourneyID: id, JourneyName: report.Name, Status: report.Status, AsOf: web.TimestampOrNil(report.AsOf),
		VersionsLeftOut: report.LeftOut,
		Enrollments:     newEnrollmentsBody(e),
		CompletionRate:  rate(e.Completed, e.Enrolled), Conversions: e.Conversions,
		ConversionRate: rate(e.Conversions, e.Enrolled), Steps: []stepBody{}, Edges: []edgeBody{},
	}
	for _, s := range report.Steps {
		body.Steps = append(body.Steps, newStepBody(s))
	}
	for _, e := range report.Edges {
		body.Edges = append(body.Edges, edgeBody{e.Source, e.Target, e.Handle, e.Version, e.Passed})
	}
	for _, d := range report.Series {
		body.Series = append(body.Series, dayBody{
			string(d.Day), d.Enrolled, d.Completed, d.Expired, d.Cancelled, d.Failed,
		})
	}
	return body
}

func newEnrollmentsBody(t tally.Totals) enrollmentsBody {
	return enrollmentsBody{t.Enrolled, t.Active(), t.Completed, t.Expired, t.Cancelled, t.Failed}
}

func newStepBody(s analytics.NodeReport) stepBody {
	step := stepBody{
		NodeID: s.NodeID, NodeType: s.NodeType, Label: s.Label, Version: s.Version,
		Entered: s.Entered, Completed: s.Completed(), Active: s.Active(), Failed: s.Failed, Dropped: s.Dropped,
		CompletionRate: rate(s.Completed(), s.Entered), Converted: s.Converted.Sum(), Results: byName(s.Results, s.Ways),
		Feedback: newFeedbackBody(s.Feedback),
	}
	if s.Ways == nil {
		return step
	}
	converted := byName(s.Converted, s.Ways)
	step.Branches, step.BranchesConverted = map[string]int64{}, map[string]int64{}
	for _, way := range s.Ways {
		step.Branches[way], step.BranchesConverted[way] = step.Results[way], converted[way]
	}
	return step
}

// byName returns counts by the names of the results.
func byName(results tally.Results, ways []string) map[string]int64 {
	counts := map[string]int64{}
	for _, c := range results {
		counts[c.Result.Name(ways)] += c.Count
	}
	return counts
}

// rate returns part/whole with four decimals, and 0 if whole is 0.
func rate(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*10_000) / 10_000
}

// queryRange reads from and to. It returns the zero Range if both are absent or
// either is wrong.
func (r *request) queryRange() analytics.Range {
	if !r.Query.Has("from") && !r.Query.Has("to") {
		return analytics.Range{}
	}
	days := analytics.Range{From: r.queryDay("from", "to"), To: r.queryDay("to", "from")}
	switch {
	case days.From == "" || days.To == "":
		return analytics.Range{}
	case days.To < days.From:
		r.Faults.Add(web.QueryPlace+"to", "must not be before from")
	case days.To.Time().Sub(days.From.Time()) >= analytics.MaxDays*24*time.Hour:
		r.Faults.Add(web.QueryPlace+"to", "must be less than %d days after from", analytics.MaxDays)
	}
	return days
}

// queryDay reads a date. It returns "" after noting a fault.
func (r *request) queryDay(name, other string) analytics.Day {
	if !r.Query.Has(name) {
		r.Faults.Add(web.QueryPlace+name, "is required when %s is given", other)
		return ""
	}
	day := analytics.Day(r.Query.Get(name))
	if analytics.DayOf(day.Time()) != day || day < firstDay || day > lastDay {
		r.Faults.Add(web.QueryPlace+name, "must be a date from %s to %s", firstDay, lastDay)
		return ""
	}
	return day
}

// The bounds of from and to.
const (
	firstDay analytics.Day = "1970-01-01"
	lastDay  analytics.Day = "9000-12-31"
)
