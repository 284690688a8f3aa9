package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

const (
	countedRecords = 1000
	figuresLooked  = 5 // steps of which it is measured when their figures show
)

// measureCount counts 1,000 records as a stream would bring them, and measures
// how long a step's figure takes on a machine of its own.
func measureCount(ctx context.Context, s *stage) ([]row, error) {
	var rows []row
	for _, way := range []struct {
		what            string
		journeys, batch int
		floor           floor
	}{
		{"count 1,000 records of 1 journey, in one batch", 1, 1000, atMost(10)},
		{"count 1,000 records of 1 journey, in batches of 100", 1, 100, floor{}},
		{"count 1,000 records of 100 journeys, in one batch", 100, 1000, floor{}},
	} {
		used, err := s.count(ctx, way.journeys, way.batch)
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			row{what: way.what + ": write units, table and index", measured: used.write + used.index, floor: way.floor},
			row{what: way.what + ": requests", measured: float64(used.requests)},
		)
	}
	reads, err := s.readFigures(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, reads...)
	took, err := measureFigure(ctx)
	return append(rows, row{what: "a step's figure on one machine", measured: took.Seconds() * 1000, unit: " ms"}), err
}

// count counts records of journeys that nobody has counted before.
func (s *stage) count(ctx context.Context, journeys, size int) (used, error) {
	ctx, _ = dynamo.WithMeter(ctx) // makes the table tell the tap what it uses
	owner, _ := journey.ParseTenant(tenant)
	counter := s.counter()
	records := make([]analytics.Record, countedRecords)
	for i := range records {
		records[i] = analytics.Record{
			Number: fmt.Sprintf("%021d", i+1), Tenant: owner, Journey: journey.ID(fmt.Sprintf("jrn_%06d%06d%014d", journeys, size, i%journeys)),
			Write: analytics.Write{Graph: fmt.Sprintf("%064d", 1), Version: 1, At: time.Now(), Delta: sixNodeWrites[i%len(sixNodeWrites)]},
		}
	}
	s.tap.reset()
	for batch := range slices.Chunk(records, size) {
		if err := counter.Count(ctx, "shardId-00000001542983423423-abcdef01", batch); err != nil {
			return used{}, err
		}
	}
	return s.tap.reset(), nil
}

func (s *stage) counter() *analytics.Counter {
	return &analytics.Counter{
		Parts: dynamo.New(dynamo.NewClient(s.config(s.tap.URL), dynamo.Local), local.Table, rand.Reader).Analytics,
		Now:   time.Now, Log: slog.New(slog.DiscardHandler), Parallel: 16,
	}
}

// readFigures reads a journey's figures when more and more customers are
// counted.
func (s *stage) readFigures(ctx context.Context) ([]row, error) {
	c := &counted{ctx: ctx, stage: s}
	id := c.id("POST", "/journeys", `{"name":"Figures","definition":`+sixNodes+`}`)
	path := "/journeys/" + id + "/analytics"
	c.do("PUT", "/journeys/"+id, `{"status":"active"}`)
	if c.err != nil {
		return nil, c.err
	}
	hash := sha256.Sum256([]byte(compactSixNodes()))
	owner, _ := journey.ParseTenant(tenant)
	counter, total := s.counter(), 0
	for _, n := range []int{10, 1000, 100_000} {
		var records []analytics.Record
		for ; total < n; total++ {
			for i, delta := range sixNodeWrites {
				records = append(records, analytics.Record{
					Number: fmt.Sprintf("%021d", 3*total+i+1), Tenant: owner, Journey: journey.ID(id),
					Write: analytics.Write{Graph: hex.EncodeToString(hash[:]), Version: 1, At: time.Now(), Delta: delta},
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
		if err := json.Unmarshal(c.do("GET", path, ""), &shown); c.err != nil || err != nil {
			return nil, errors.Join(c.err, err)
		}
		if e := shown.Enrollments; e.Total != n || e.Completed != n || len(shown.Steps) != 6 || shown.Steps[5].Completed != n {
			return nil, fmt.Errorf("the figures after %d customers are %+v", n, shown)
		}
		what := "analytics after " + row{}.number(float64(n)) + " customers: "
		c.row(what+"requests", float64(c.used.requests), atMost(1), "")
		c.row(what+"read units", c.used.read, atMost(8), "")
	}
	return c.rows, c.err
}

// compactSixNodes is the definition as it is stored, which names it.
func compactSixNodes() string {
	var text bytes.Buffer
	_ = json.Compact(&text, []byte(sixNodes)) // it is JSON
	return text.String()
}

// sixNodeWrites are the three writes of a customer's way through six nodes.
var sixNodeWrites = []journey.Delta{
	{byte(journey.MarkEnrolled), 0, entered | completed, 1, entered},
	{0, 1, completed, 2, entered | completed | byte(journey.NodeTrue), 3, entered | completed, 4, entered},
	{byte(journey.MarkCompleted), 4, completed, 5, entered | completed},
}

const entered, completed = byte(journey.NodeEntered), byte(journey.NodeCompleted)

// measureFigure returns the median time from a call that enrolls somebody until
// the analytics show them.
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
	c := &figureCaller{stage: &stage{token: token, client: http.DefaultClient}, base: machine.URL}
	var all []time.Duration
	for i := range figuresLooked {
		took, err := c.enrollAndLook(ctx, i)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// figureCaller enrolls customers and looks for them in the figures.
type figureCaller struct {
	*stage
	base    string
	journey string
}

func (c *figureCaller) enrollAndLook(ctx context.Context, n int) (time.Duration, error) {
	if c.journey == "" {
		text, err := c.call(ctx, "POST", c.base, "/journeys", `{"name":"figures","definition":`+sixNodes+`}`)
		if err != nil {
			return 0, err
		}
		var made struct{ ID string }
		if err := json.Unmarshal(text, &made); err != nil {
			return 0, err
		}
		c.journey = "/journeys/" + made.ID
		if _, err := c.call(ctx, "PUT", c.base, c.journey, `{"status":"active"}`); err != nil {
			return 0, err
		}
	}
	if _, err := c.call(ctx, "POST", c.base, c.journey+"/enroll", fmt.Sprintf(`{"customerId":"customer-%d"}`, n)); err != nil {
		return 0, err
	}
	began := time.Now()
	look := time.NewTicker(25 * time.Millisecond)
	defer look.Stop()
	for time.Since(began) < time.Minute {
		text, err := c.call(ctx, "GET", c.base, c.journey+"/analytics", "")
		if err != nil {
			return 0, err
		}
		var shown struct{ Enrollments struct{ Total int } }
		if err := json.Unmarshal(text, &shown); err != nil {
			return 0, err
		}
		if shown.Enrollments.Total > n {
			return time.Since(began), nil
		}
		<-look.C
	}
	return 0, errors.New("an enrollment never shows in the figures")
}
