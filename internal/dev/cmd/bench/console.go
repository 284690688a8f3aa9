package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// consoleTenant has no journeys but those of measureConsole.
const consoleTenant = "console"

// measureConsole counts the requests and units of the calls behind a console, to warm
// functions. It follows measureEngine, whose idle ticks visit all active journeys.
func measureConsole(ctx context.Context, r *rig) ([]row, error) {
	c := &meter{ctx: ctx, rig: r}
	c.lists()
	token, err := r.issuer.Token(consoleTenant, manifest.Admin, time.Now())
	if err != nil {
		return nil, err
	}
	other := *r
	other.api = newAPI(r.gateway.URL, token)
	c.rig = &other
	c.creations()
	c.drafts()
	c.names()
	paths := c.journeys(pageJourneys)
	c.pageAnalytics(paths[0])
	c.memberships(paths)
	c.actions(paths[0])
	return c.rows, c.err
}

// lists measures the first page of lists of the 10,000 journeys that measureCalls stores.
func (c *meter) lists() {
	const all, texts = 404, 200 // read units
	for _, sort := range journey.Sorts {
		c.do("GET", "/journeys?limit=200&sort="+string(sort), "")
		c.reads("list of 10,000, sort="+string(sort), 4, all+texts)
	}
	c.do("GET", "/journeys?limit=200&q=NNN", "")
	c.reads("list of 10,000, q in every name", 4, all+texts)
	c.do("GET", "/journeys?limit=200&q=other", "")
	c.reads("list of 10,000, q in no name", 2, all)
}

// creations measures creating a journey with an Idempotency-Key, and repeating that.
func (c *meter) creations() {
	const body = `{"name":"Once","definition":` + welcomeGraph + `}`
	c.do("POST", "/journeys", body)
	plain := c.used
	c.do("POST", "/journeys", body, "Idempotency-Key", "first")
	c.row("create with a key: requests more than without", float64(c.used.Requests-plain.Requests), atMost(0), "")
	c.row("create with a key: read and write units more than without", c.used.Read+c.used.Write-plain.Read-plain.Write, atMost(2), "")
	c.do("POST", "/journeys", body, "Idempotency-Key", "first")
	c.writes("create repeated with its key", 3, 3, 0)
}

// drafts measures a draft's life beside an active journey, then the versions and the
// history that it leaves. The graph has less than 1 KB, so that all items of a draft do.
func (c *meter) drafts() {
	path := "/journeys/" + c.id("POST", "/journeys", `{"name":"Edited","definition":`+welcomeGraph+`}`)
	c.do("PUT", path, `{"status":"active"}`)
	draft := path + "/draft"
	edited := func(hours int) string {
		return `{"definition":` + strings.Replace(welcomeGraph, "48", fmt.Sprint(hours), 1) + `}`
	}
	c.call("PUT", draft, edited(1))
	c.writes("create a draft, of a graph that the process has not read", 4, 4, 4)
	c.do("DELETE", draft, "")
	c.do("PUT", draft, edited(2))
	c.writes("create a draft", 3, 3, 4)
	c.do("GET", draft, "")
	c.do("GET", draft, "")
	c.reads("get a draft", 2, 3)
	c.do("PUT", draft, edited(3))
	c.writes("change a draft", 3, 3, 4)
	tag := c.call("PUT", draft, edited(3)).Header.Get("ETag")
	c.writes("put a draft that is stored already", 2, 3, 0)
	c.do("POST", draft+"/publish", "", "If-Match", tag)
	c.writes("publish a draft, of a graph that the process has not read", 5, 4, 12)
	c.do("POST", draft+"/publish", "", "If-Match", tag)
	c.writes("publish a draft that is published already", 3, 4, 0)
	tag = c.call("PUT", draft, edited(4)).Header.Get("ETag")
	c.do("POST", draft+"/publish", "", "If-Match", tag)
	c.writes("publish a draft", 4, 3, 12)
	c.do("POST", draft+"/publish", "", "If-Match", tag)
	c.do("PUT", draft, edited(5))
	c.do("DELETE", draft, "")
	c.writes("delete a draft beside a journey", 3, 2, 2)
	c.do("DELETE", draft, "")
	c.writes("delete a draft that is not there", 2, 2, 0)
	c.do("GET", path+"/versions", "")
	c.reads("list 3 versions", 3, 3)
	c.do("GET", path+"/versions/2", "")
	c.reads("get a version", 4, 4)
	c.do("GET", path+"/history", "")
	c.reads("list 4 entries of a history", 2, 2)
}

// names measures collecting names, reading them, and reading the settings.
func (c *meter) names() {
	put := func(attributes string) { c.do("PUT", "/customers/named", `{"attributes":`+attributes+`}`) }
	put(`{"plan":"a"}`)
	put(`{"plan":"b"}`)
	known := c.used
	c.row("put a customer with known names: requests", float64(known.Requests), atMost(3), "")
	c.row("put a customer with known names: read and write units", known.Read+known.Write, atMost(2.5), "")
	put(`{"plan":"b","points":1}`)
	c.row("put a customer with a new name: requests more", float64(c.used.Requests-known.Requests), atMost(1), "")
	c.row("put a customer with a new name: read and write units more", c.used.Read+c.used.Write-known.Read-known.Write, atMost(1), "")
	put(`{"plan":"c","points":2}`)
	c.row("put a customer with the same names again: requests more", float64(c.used.Requests-known.Requests), atMost(0), "")
	c.do("GET", "/names", "")
	c.reads("get the names", 1, 4)
	c.do("GET", "/settings", "")
	c.reads("get the settings", 2, 2)
}
