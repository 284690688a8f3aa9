package e2e

import (
	"maps"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/feedback"
)

// requireFigures waits until the journey's figures are those of the walk.
func (r *run) requireFigures() {
	want := r.figures()
	require.EventuallyWithT(r.t, func(collect *assert.CollectT) {
		a := r.must(200, "GET", r.path+"/analytics", "")
		got := map[string]any{}
		for _, s := range a.body["steps"].([]any) {
			step := s.(map[string]any)
			if step["entered"] != 0.0 {
				maps.DeleteFunc(step, func(_ string, value any) bool { return value == 0.0 })
				got[step["nodeId"].(string)] = step
			}
		}
		assert.Equal(collect, want, got, r.name)
		total, conversions := float64(min(len(want), 1)), 0.0
		if r.expected.Conversion != nil {
			conversions = 1.0
		}
		enrollments := a.body["enrollments"].(map[string]any)
		assert.Equal(collect, []any{total, total}, []any{enrollments["total"], enrollments[r.status()]}, r.name)
		assert.Equal(collect, []any{conversions, conversions}, []any{a.body["conversions"], a.body["conversionRate"]}, r.name)
	}, 2*time.Minute, 50*time.Millisecond)
}

// figures returns the steps in the analytics of one customer who goes like the walk,
// without counts of 0.
func (r *run) figures() map[string]any {
	all := map[string]any{}
	for i, v := range r.expected.Trace {
		if v.Result == notEntered {
			return all
		}
		step := map[string]any{"nodeId": v.NodeID, "nodeType": v.nodeType, "entered": 1.0, "results": map[string]any{}}
		passed := 0.0
		if v.exitedFromAnywhere() {
			step["dropped"] = 1.0
		} else {
			step["completed"], step["completionRate"], step["results"] = 1.0, 1.0, map[string]any{v.Result: 1.0}
			if r.passedBeforeConversion(i) {
				passed = 1.0
				step["converted"] = passed
			}
		}
		for _, node := range r.example.journey.Definition.Nodes {
			if node.ID == v.NodeID && node.Data.Label != "" {
				step["label"] = node.Data.Label
			}
		}
		all[v.NodeID] = step
		for _, f := range r.test.Feedback {
			if f.Step == v.NodeID && v.Sent != nil {
				counts := map[string]any{}
				for _, kind := range feedback.Names() {
					counts[kind] = 0.0
				}
				counts[f.Is] = 1.0
				step["feedback"] = counts
			}
		}
		branches, converted := map[string]any{}, map[string]any{}
		for _, edge := range r.example.journey.Definition.Edges {
			if edge.Source != v.NodeID || edge.SourceHandle == "" {
				continue
			}
			branches[edge.SourceHandle], converted[edge.SourceHandle] = 0.0, 0.0
			if edge.SourceHandle == v.Result {
				branches[edge.SourceHandle], converted[edge.SourceHandle] = 1.0, passed
			}
		}
		if len(branches) > 0 {
			step["branches"], step["branchesConverted"] = branches, converted
		}
	}
	return all
}

// passedBeforeConversion reports whether the customer had passed the node of a visit when
// the conversion came. An event that ends a wait converts first.
func (r *run) passedBeforeConversion(i int) bool {
	if r.expected.Conversion == nil {
		return false
	}
	trace, left := r.expected.Trace, r.expected.Trace[i].At
	if i+1 < len(trace) {
		left = trace[i+1].At
	}
	return r.parse(left).Before(r.parse(r.expected.Conversion.At))
}
