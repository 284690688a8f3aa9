package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"journeys/internal/ident"
	"journeys/internal/progress"
)

const (
	pageJourneys    = 100 // of a page of GET /analytics
	pageMemberships = 25  // of a page of a customer's journeys
	pageActions     = 100 // customers of one call
)

// journeys creates and activates n journeys and returns their paths.
func (c *meter) journeys(n int) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = "/journeys/" + c.id("POST", "/journeys", fmt.Sprintf(`{"name":"Page %d","definition":%s}`, i, welcomeGraph))
		c.do("PUT", paths[i], `{"status":"active"}`)
	}
	return paths
}

// pageAnalytics measures the figures of a page of active journeys, and those of one.
func (c *meter) pageAnalytics(path string) {
	const page = "/analytics?status=active&limit=100"
	tag := c.call("GET", page, "").Header.Get("ETag")
	c.reads("analytics of a page of 100 active journeys", pageJourneys+3, pageJourneys+4)
	c.do("GET", page, "", "If-None-Match", tag)
	c.reads("analytics of a page of 100 active journeys, 304", pageJourneys+3, pageJourneys+4)
	tag = c.call("GET", path+"/analytics", "").Header.Get("ETag")
	c.reads("analytics of one journey with its edges", 1, 8)
	c.do("GET", path+"/analytics", "", "If-None-Match", tag)
	c.reads("analytics of one journey, 304", 1, 8)
}

// memberships measures a page of the journeys of a customer who is in some of paths.
func (c *meter) memberships(paths []string) {
	for _, path := range paths[:pageMemberships+5] {
		c.do("POST", path+"/enroll", `{"customerId":"member"}`)
	}
	var list struct{ Data []json.RawMessage }
	c.read(&list, c.do("GET", fmt.Sprintf("/customers/member/enrollments?limit=%d", pageMemberships), ""))
	if c.err == nil && len(list.Data) != pageMemberships {
		c.err = fmt.Errorf("a page of a customer's journeys has %d", len(list.Data))
	}
	c.reads(fmt.Sprintf("list %d journeys of a customer", pageMemberships), 2, 1.25*pageMemberships)
}

// actions measures removing and retrying 100 customers, who have failed.
func (c *meter) actions(path string) {
	for _, action := range []struct {
		name  string
		units float64 // of writing a customer, with the index
	}{{"remove", 2}, {"retry", 3}} { // advance moves those who are retried
		ids := make([]string, pageActions)
		for i := range ids {
			ids[i] = fmt.Sprintf("%s-%d", action.name, i)
		}
		c.do("POST", path+"/enroll", `{"customerIds":["`+strings.Join(ids, `","`)+`"]}`)
		c.fail(path, ids)
		answer := c.do("POST", path+"/enrollments/actions", `{"action":"`+action.name+`","where":{"status":"failed"}}`)
		var did struct{ Done int }
		c.read(&did, answer)
		if c.err == nil && did.Done != len(ids) {
			c.err = fmt.Errorf("%s: %s", action.name, answer)
		}
		what := action.name + " 100 customers in one call, each: "
		c.row(what+"requests", float64(c.used.Requests)/pageActions, atMost(3.1), "")
		c.row(what+"read units", c.used.Read/pageActions, atMost(3.1), "")
		c.row(what+"write units, table and index", (c.used.Write+c.used.Index)/pageActions, atMost(action.units), "")
	}
}

// fail stores that customers inside a journey have failed.
func (c *meter) fail(path string, ids []string) {
	if c.err != nil {
		return
	}
	owner, _ := ident.ParseTenant(consoleTenant)
	store, id := c.newStore(), ident.ID(strings.TrimPrefix(path, "/journeys/"))
	j, err := store.Journeys.Journey(c.ctx, owner, id)
	if err != nil {
		c.err = err
		return
	}
	for _, customer := range ids {
		e, err := store.Enrollments.Enrollment(c.ctx, owner, id, customer)
		if err == nil {
			err = store.Enrollments.Advance(c.ctx, owner, j.Shards, []progress.Enrollment{e.NextWrite(time.Now()).Fail("send_failed")})[0]
		}
		if err != nil {
			c.err = fmt.Errorf("fail %s: %w", customer, err)
			return
		}
	}
}
