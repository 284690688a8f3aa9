package main

import (
	"net/http"

	api "journeys/tools/oapi-codegen/generated"
)

// edit makes a draft beside the active journey, publishes it, and finds it among the
// versions and in the history.
func (u use) edit(id string) {
	zone := "Europe/Vienna"
	draft, err := u.PutDraftWithResponse(u.ctx, id, nil, api.DraftChange{Timezone: &zone})
	must(err)
	status(draft, http.StatusCreated)
	equal(len(*draft.JSON201.Definition.Nodes), 7)
	tag := draft.HTTPResponse.Header.Get("ETag")

	for range 2 { // a repeat after a lost answer
		published, err := u.PublishDraftWithResponse(u.ctx, id, &api.PublishDraftParams{IfMatch: tag}, api.DraftPublication{})
		must(err)
		status(published, http.StatusOK)
		equal(published.JSON200.Version, 2)
		equal(published.JSON200.Timezone, zone)
	}
	none, err := u.GetDraftWithResponse(u.ctx, id, nil)
	must(err)
	equal(none.ApplicationproblemJSON404.Code, "no-draft")

	versions, err := u.ListVersionsWithResponse(u.ctx, id, nil)
	must(err)
	equal(versions.JSON200.Data[0].Version, 2)
	first, err := u.GetVersionWithResponse(u.ctx, id, 1)
	must(err)
	equal(first.JSON200.Timezone, "UTC")
	history, err := u.ListHistoryWithResponse(u.ctx, id, nil)
	must(err)
	equal(history.JSON200.Data[0].Actions, []api.HistoryEntryActions{"published"})
	equal(history.JSON200.Data[0].Fields, []string{"timezone"})
}

// find reads what an editor offers, and the journeys of a customer.
func (u use) find(id string) {
	settings, err := u.GetSettingsWithResponse(u.ctx)
	must(err)
	equal(string(settings.JSON200.Caller.Role), "admin")
	names, err := u.GetNamesWithResponse(u.ctx)
	must(err)
	found := false
	for _, attribute := range names.JSON200.Attributes {
		found = found || attribute.Path == "plan"
	}
	equal(found, true)
	theirs, err := u.ListCustomerEnrollmentsWithResponse(u.ctx, "c-2", nil)
	must(err)
	equal(theirs.JSON200.Data[0].JourneyId, id)

	var remove api.EnrollmentAction
	must(remove.FromRemoveAction(api.RemoveAction{Action: api.RemoveActionActionRemove, Where: api.PresentEnrollments{Status: api.PresentEnrollmentsStatusActive}}))
	removed := 0
	for range 2 { // the second call finds none
		done, err := u.ActOnEnrollmentsWithResponse(u.ctx, id, remove)
		must(err)
		status(done, http.StatusOK)
		removed += done.JSON200.Done
	}
	equal(removed, 2)
}
