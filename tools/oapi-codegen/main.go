// Command oapi-codegen uses a running API with a client that is generated from
// openapi.yaml alone: it creates, simulates, activates, edits and deletes a journey,
// and enrolls and removes customers. Requests and responses have the generated types, so a mismatch
// does not compile.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"time"

	api "journeys/tools/oapi-codegen/generated"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := api.NewClientWithResponses(os.Getenv("JOURNEYS_URL")+"/api/v1",
		api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+os.Getenv("JOURNEYS_TOKEN"))
			return nil
		}))
	must(err)
	u := use{ctx, client}
	id, etag := u.create()
	u.readGraph(id)
	u.simulate(id)
	u.activate(id, etag)
	u.enroll(id)
	u.count(id)
	u.patchCustomer()
	u.edit(id)
	u.find(id)
	u.listAndDelete(id)
	fmt.Printf("client-test: a Go client of oapi-codegen created, simulated, activated and deleted %s, and enrolled customers\n", id)
}

// use calls the API. Its methods panic at the first unexpected answer.
type use struct {
	ctx context.Context
	*api.ClientWithResponses
}

func (u use) create() (id, etag string) {
	graph := graph()
	answer, err := u.CreateJourneyWithResponse(u.ctx, nil, api.JourneyDraft{Name: "Typed in Go", Definition: &graph})
	must(err)
	status(answer, http.StatusCreated)
	created := answer.JSON201
	equal(created.Status, api.StatusDraft)
	equal(answer.HTTPResponse.Header.Get("Location"), "/api/v1/journeys/"+created.Id)
	return created.Id, answer.HTTPResponse.Header.Get("ETag")
}

func (u use) readGraph(id string) {
	answer, err := u.GetJourneyWithResponse(u.ctx, id, nil)
	must(err)
	status(answer, http.StatusOK)
	var types []string
	for _, n := range *answer.JSON200.Definition.Nodes {
		switch n := value(n.ValueByDiscriminator()).(type) {
		case api.EntryTriggerNode:
			position, ok := n.Get("position")
			equal(ok, true)
			equal(position, any(map[string]any{"x": 0.0, "y": 0.0}))
		case api.WaitNode:
			delay := value(n.Config.Delay.ValueByDiscriminator())
			equal(delay, any(api.DelayInHours{Unit: api.DelayInHoursUnitHours, Value: 48}))
		case api.ConditionSplitNode:
			all := value(n.Config.Condition.AsAllCondition()).All
			equal(len(all), 3)
			visits := value(all[0].AsOrderTest())
			equal(visits.Operator.Valid(), true)
			equal(value(visits.Value.AsNumberValue()), 5)
		}
		types = append(types, value(n.Discriminator()))
	}
	equal(types, []string{"entry_trigger", "wait", "condition_split", "nba_decision", "channel_action", "exit", "exit"})
}

func (u use) simulate(id string) {
	attributes, score := map[string]any{"visits": 7, "plan": "free"}, map[string]map[string]any{"offer": {"score": 0.9}}
	answer, err := u.TestJourneyWithResponse(u.ctx, id, api.TestRequest{CustomerAttributes: &attributes, Decisions: &score})
	must(err)
	status(answer, http.StatusOK)
	result := answer.JSON200
	equal(result.Outcome, api.TestResultOutcomeExited)
	equal(*result.ExitReason, "converted")
	equal(result.DurationHours, 48)
	var nodes []string
	for _, step := range result.Trace {
		nodes = append(nodes, step.NodeId)
	}
	equal(nodes, []string{"start", "pause", "split", "offer", "thanks", "converted"})
	seen := value(result.Trace[2].Detail.Condition.AsTracedAll())
	equal(seen.Result, true)
	first := value(seen.All[0].AsTracedTest())
	equal(first.Actual, any(7.0))
	equal(*result.Trace[3].Detail.Decision, map[string]any{"score": 0.9})

	other, err := u.TestJourneyWithResponse(u.ctx, id, api.TestRequest{})
	must(err)
	equal(*other.JSON200.ExitReason, "no_interest")
}

func (u use) activate(id, etag string) {
	early := u.enrolled(id, &api.EnrollCustomersParams{}, one("c-1"))
	equal(early.ApplicationproblemJSON400.Code, "journey-not-active")

	active := api.StatusActive
	answer, err := u.UpdateJourneyWithResponse(u.ctx, id, &api.UpdateJourneyParams{IfMatch: &etag}, api.JourneyChange{Status: &active})
	must(err)
	status(answer, http.StatusOK)
	equal(answer.JSON200.Status, api.StatusActive)
	stale, err := u.UpdateJourneyWithResponse(u.ctx, id, &api.UpdateJourneyParams{IfMatch: &etag}, api.JourneyChange{Status: &active})
	must(err)
	equal(stale.ApplicationproblemJSON412.Code, "stale-revision")
}

func (u use) enroll(id string) {
	first := u.enrolled(id, nil, one("c-1"))
	equal(first.JSON201.Enrolled, 1)
	key, details := "key-1", true
	params := &api.EnrollCustomersParams{IdempotencyKey: &key, Details: &details}
	for range 2 { // a retry returns the outcomes of the first call
		several := u.enrolled(id, params, api.EnrollSeveral{CustomerIds: []string{"c-1", "c-2"}})
		equal([]int{several.JSON201.Enrolled, several.JSON201.Skipped}, []int{1, 1})
		equal((*several.JSON201.Results)[1], api.EnrollOutcome{CustomerId: "c-2", Outcome: api.EnrollOutcomeOutcomeEnrolled})
	}
	reused := u.enrolled(id, params, one("c-3"))
	equal(reused.ApplicationproblemJSON422.Code, "idempotency-key-reused")
	found, err := u.GetEnrollmentWithResponse(u.ctx, id, "c-2")
	must(err)
	equal(found.JSON200.Path[0].NodeId, "start")
}

func (u use) count(id string) {
	answer, err := u.GetJourneyAnalyticsWithResponse(u.ctx, id, nil)
	must(err)
	status(answer, http.StatusOK)
	for _, step := range answer.JSON200.Steps {
		if step.NodeType == api.NodeTypeConditionSplit {
			equal(*step.Branches, map[string]int{"true": 0, "false": 0})
		}
	}
	equal(answer.JSON200.Edges[0].Source, "start")
	limit := 100
	all, err := u.ListAnalyticsWithResponse(u.ctx, &api.ListAnalyticsParams{Limit: &limit})
	must(err)
	found := false
	for _, j := range all.JSON200.Data {
		found = found || j.Id == id && j.Status == api.StatusActive
	}
	equal(found, true)
}

func (u use) patchCustomer() {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	answer, err := u.PatchCustomerWithResponse(u.ctx, "c-1", nil, api.CustomerPatch{Attributes: map[string]any{"plan": "pro"}, AsOf: &now})
	must(err)
	status(answer, http.StatusOK)
	equal(answer.JSON200.Attributes, api.Attributes{"plan": "pro"})
	equal(answer.JSON200.AsOf.Equal(now), true)
}

func (u use) listAndDelete(id string) {
	active, limit := api.StatusActive, 200
	list, err := u.ListJourneysWithResponse(u.ctx, &api.ListJourneysParams{Status: &active, Limit: &limit})
	must(err)
	found := false
	for _, j := range list.JSON200.Data {
		found = found || j.Id == id && j.NodeCount == 7
	}
	equal(found, true)
	gone, err := u.DeleteJourneyWithResponse(u.ctx, id, nil)
	must(err)
	status(gone, http.StatusNoContent)
	missing, err := u.GetJourneyWithResponse(u.ctx, id, nil)
	must(err)
	equal(missing.ApplicationproblemJSON404.Code, "journey-not-found")
}

func (u use) enrolled(id string, params *api.EnrollCustomersParams, customers any) *api.EnrollCustomersResponse {
	var body api.EnrollRequest
	switch c := customers.(type) {
	case api.EnrollOne:
		must(body.FromEnrollOne(c))
	case api.EnrollSeveral:
		must(body.FromEnrollSeveral(c))
	}
	answer, err := u.EnrollCustomersWithResponse(u.ctx, id, params, body)
	must(err)
	return answer
}

func one(id string) api.EnrollOne { return api.EnrollOne{CustomerId: id} }

func status(answer interface{ StatusCode() int }, want int) { equal(answer.StatusCode(), want) }

func equal[T any](got, want T) {
	if !reflect.DeepEqual(got, want) {
		panic(fmt.Sprintf("got %v, want %v", got, want))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func value[T any](v T, err error) T {
	must(err)
	return v
}
