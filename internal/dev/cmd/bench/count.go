package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/dev/client"
	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/dynamo/conn"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

const (
	countedRecords = 1000
	figureRuns     = 5
)

// measureCount measures counting 1,000 stream records, reading analytics, and
// how long an enrollment takes to show in the analytics.
func measureCount(ctx context.Context, r *rig) ([]row, error) {
	var rows []row
	for _, c := range []struct {
		what            string
		journeys, batch int
		floor           floor
	}{
		{"count 1,000 records of 1 journey, in one batch", 1, 1000, atMost(10)},
		{"count 1,000 records of 1 journey, in batches of 100", 1, 100, floor{}},
		{"count 1,000 records of 100 journeys, in one batch", 100, 1000, floor{}},
	} {
		used, err := r.countRecords(ctx, c.journeys, c.batch)
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			row{what: c.what + ": write units, table and index", measured: used.Write + used.Index, floor: c.floor},
			row{what: c.what + ": requests", measured: float64(used.Requests)},
		)
	}
	reads, err := r.readAnalytics(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, reads...)
	took, err := measureFigure(ctx)
	return append(rows, row{what: "from an enroll call to the figure in analytics", measured: took.Seconds() * 1000, unit: " ms"}), err
}

// countRecords counts the first records of some journeys, in batches of size.
func (r *rig) countRecords(ctx context.Context, journeys, size int) (tap.Usage, error) {
	ctx, _ = capacity.WithMeter(ctx) // requests ask for their consumed capacity only then
	owner, _ := ident.ParseTenant(tenant)
	counter := r.newCounter()
	records := make([]analytics.Record, countedRecords)
	for i := range records {
		records[i] = analytics.Record{
			Number: fmt.Sprintf("%021d", i+1), Tenant: owner, Journey: ident.ID(fmt.Sprintf("jrn_%06d%06d%014d", journeys, size, i%journeys)),
			Write: analytics.Write{Graph: fmt.Sprintf("%064d", 1), Version: 1, At: time.Now(), Delta: sixNodeWrites[i%len(sixNodeWrites)]},
		}
	}
	r.tap.Reset()
	for batch := range slices.Chunk(records, size) {
		if err := counter.Count(ctx, "shardId-00000001542983423423-abcdef01", batch); err != nil {
			return tap.Usage{}, err
		}
	}
	return r.tap.Reset(), nil
}

func (r *rig) newStore() *dynamo.Store {
	return dynamo.New(conn.New(r.config(r.tap.URL), conn.Local), local.Table, rand.Reader)
}

func (r *rig) newCounter() *analytics.Counter {
	return &analytics.Counter{
		Parts: r.newStore().Analytics,
		Now:   time.Now, Log: slog.New(slog.DiscardHandler), Parallel: 16,
	}
}

// readAnalytics measures reading a journey's analytics as its history grows.
func (r *rig) readAnalytics(ctx context.Context) ([]row, error) {
	c := &meter{ctx: ctx, rig: r}
	id := c.id("POST", "/journeys", `{"name":"Figures","definition":`+sixNodes+`}`)
	path := "/journeys/" + id + "/analytics"
	c.do("PUT", "/journeys/"+id, `{"status":"active"}`)
	if c.err != nil {
		return nil, c.err
	}
	owner, _ := ident.ParseTenant(tenant)
	stored, err := r.newStore().Journeys.Journey(ctx, owner, ident.ID(id))
	if err != nil {
		return nil, err
	}
	counter, total := r.newCounter(), 0
	for _, n := range []int{10, 1000, 100_000} {
		var records []analytics.Record
		for ; total < n; total++ {
			for i, delta := range sixNodeWrites {
				records = append(records, analytics.Record{
					Number: fmt.Sprintf("%021d", 3*total+i+1), Tenant: owner, Journey: ident.ID(id),
					Write: analytics.Write{Graph: stored.GraphHash, Version: 1, At: time.Now(), Delta: delta},
				})
			}
		}
		for batch := range slices.Chunk(records, countedRecords) {
			if err := counter.Count(ctx, "shardId-00000001542983423423-abcdef01", batch); err != nil {
				return nil, err
			}
		}
		var shown struct {
			Enrollments struct{ Total, Completed int }
			Steps       []struct{ Completed int }
		}
		if c.read(&shown, c.do("GET", path, "")); c.err != nil {
			return nil, c.err
		}
		if e := shown.Enrollments; e.Total != n || e.Completed != n || len(shown.Steps) != 6 || shown.Steps[5].Completed != n {
			return nil, fmt.Errorf("analytics after %d customers are %+v", n, shown)
		}
		what := "analytics after " + row{}.number(float64(n)) + " customers: "
		c.row(what+"requests", float64(c.used.Requests), atMost(1), "")
		c.row(what+"read units", c.used.Read, atMost(8), "")
	}
	return c.rows, c.err
}

// sixNodeWrites are the deltas of the three writes of a customer who goes through
// all six nodes.
var sixNodeWrites = []trail.Delta{
	{
		trail.DeltaForm, byte(trail.MarkEnrolled), 0, entered | left, byte(trail.Entered), 1, entered,
	},
	{
		trail.DeltaForm, 0, 1, left, byte(trail.Waited), 2, entered | left, byte(trail.True),
		3, entered | left, byte(trail.DecidedEmpty), 4, entered,
	},
	{
		trail.DeltaForm, byte(trail.MarkCompleted), 4, left, byte(trail.Sent), 5, entered | left, byte(trail.Exited),
	},
}

const entered, left = byte(trail.NodeEntered), byte(trail.NodeLeft)

// measureFigure returns the median time from the answer of an enroll call until
// the analytics count the customer.
func measureFigure(ctx context.Context) (time.Duration, error) {
	listener, err := local.Listen(ctx, 0)
	if err != nil {
		return 0, err
	}
	machine, err := local.Start(ctx, local.Options{Root: ".", Listener: listener, Ephemeral: true})
	if err != nil {
		return 0, err
	}
	defer machine.Stop()
	token, err := machine.Issuer.Token(tenant, manifest.Admin, time.Now())
	if err != nil {
		return 0, err
	}
	api := newAPI(machine.URL, token)
	var created struct{ ID string }
	body := json.RawMessage(`{"name":"figures","definition":` + sixNodes + `}`)
	if err := api.Do(ctx, "POST", "/journeys", body, &created); err != nil {
		return 0, err
	}
	path := "/journeys/" + created.ID
	if err := api.Do(ctx, "PUT", path, map[string]string{"status": "active"}, nil); err != nil {
		return 0, err
	}
	var all []time.Duration
	for i := range figureRuns {
		took, err := enrollAndPoll(ctx, api, path, i)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// enrollAndPoll enrolls customer n and returns the time until the analytics count
// more than n customers.
func enrollAndPoll(ctx context.Context, api *client.Client, path string, n int) (time.Duration, error) {
	body := map[string]string{"customerId": customerName(n)}
	if err := api.Do(ctx, "POST", path+"/enroll", body, nil); err != nil {
		return 0, err
	}
	began := time.Now()
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(began) < time.Minute {
		var shown struct{ Enrollments struct{ Total int } }
		if err := api.Do(ctx, "GET", path+"/analytics", nil, &shown); err != nil {
			return 0, err
		}
		if shown.Enrollments.Total > n {
			return time.Since(began), nil
		}
		<-ticker.C
	}
	return 0, errors.New("an enrollment does not show in the analytics after a minute")
}
