package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// calendar runs the API and the engine under a virtual clock, and keeps the messages.
type calendar struct {
	*logged
	journey  ident.ID
	messages map[string][]string // by customer: when, node and payload
}

func (c *calendar) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	_, payload, err := m.Config.Fill("email", &m.Facts)
	if err != nil {
		return progress.Answer{}, err
	}
	var texts struct{ Text, Title string }
	if err := json.Unmarshal(payload, &texts); err != nil {
		return progress.Answer{}, err
	}
	c.messages[m.Customer] = append(c.messages[m.Customer], fmt.Sprint(c.now.UTC().Format("2006-01-02T15:04Z "), m.NodeID, ": ", texts.Text, texts.Title))
	return progress.Answer{Result: trail.Sent}, nil
}

// newCalendar returns a world with an active journey of examples/.
func newCalendar(t *testing.T, example string) *calendar {
	t.Helper()
	c := &calendar{logged: newLogged(t), messages: map[string][]string{}}
	body, err := os.ReadFile("../../examples/" + example + "/journey.json")
	require.NoError(t, err)
	var created struct{ ID ident.ID }
	require.NoError(t, json.Unmarshal([]byte(c.call(201, "POST", "/journeys", string(body))), &created))
	c.journey = created.ID
	c.call(200, "PUT", "/journeys/"+string(c.journey), `{"status":"active"}`)
	return c
}

// tick runs the engine once.
func (c *calendar) tick() {
	c.t.Helper()
	e := &engine.Engine{
		Table: c.store.Engine, Dispatcher: c, Provider: c, Parallel: 1, Workers: 25, Now: func() time.Time { return c.now },
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
	require.NoError(c.t, e.Tick(c.t.Context()))
	for _, pack := range c.queue {
		require.NoError(c.t, e.Advance(c.t.Context(), pack))
	}
	c.queue = nil
}

func (c *calendar) where(customer string) journey.Whereabouts {
	c.t.Helper()
	at, err := c.Whereabouts(c.t.Context(), demo, c.journey, customer)
	require.NoError(c.t, err)
	return at
}

// moveTo moves the clock to a time, and stops whenever a wait of the customers ends.
func (c *calendar) moveTo(end time.Time, customers []string) {
	c.t.Helper()
	for {
		next := end
		for _, customer := range customers {
			if at := c.where(customer); at.Status == progress.Inside && at.Due.Before(next) {
				next = at.Due
			}
		}
		if !next.Before(end) {
			c.now = end
			return
		}
		c.now = next
		c.tick()
	}
}

// The customers of the birthday example are enrolled on the first of each quarter for three
// years. Each year is a run, with a message on the day at 9:00 where the customer lives.
func TestReentry_BirthdayComesEachYear(t *testing.T) {
	t.Parallel()

	c := newCalendar(t, "birthday")
	all := []string{"anna", "bob", "dan"}
	c.call(200, "PUT", "/customers/anna", `{"attributes":{"email":"anna@example.com","birthDate":"1990-04-17","points":40,"timezone":"Asia/Tokyo"}}`)
	c.call(200, "PUT", "/customers/bob", `{"attributes":{"email":"bob@example.com","birthDate":"1996-02-29","timezone":"Europe/London"}}`)
	c.call(200, "PUT", "/customers/dan", `{"attributes":{"email":"dan@example.com"}}`)

	for quarter := time.Date(2027, 1, 1, 3, 0, 0, 0, time.UTC); quarter.Year() < 2030; quarter = quarter.AddDate(0, 3, 0) {
		c.now = quarter
		c.enroll(t, c.journey, "", all...)
		c.tick()
		if quarter.Equal(time.Date(2028, 4, 1, 3, 0, 0, 0, time.UTC)) {
			c.moveTo(time.Date(2028, 4, 20, 12, 0, 0, 0, time.UTC), all)
			_, err := c.PutEvent(t.Context(), demo, journey.Event{Customer: "anna", Type: "points_redeemed"})
			require.NoError(t, err)
			c.tick()
		}
		c.moveTo(quarter.AddDate(0, 3, 0), all)
	}

	require.Equal(t, []string{
		"2027-04-17T00:00Z congratulate: We have credited 100 points. You now have 140.",
		"2027-05-01T00:00Z remind: Your 140 points are waiting",
		"2028-04-17T00:00Z congratulate: We have credited 100 points. You now have 240.",
		"2029-04-17T00:00Z congratulate: We have credited 100 points. You now have 340.",
		"2029-05-01T00:00Z remind: Your 340 points are waiting",
	}, c.messages["anna"])
	require.Equal(t, []string{
		"2027-02-28T09:00Z congratulate: We have credited 100 points. You now have 100.",
		"2027-03-14T09:00Z remind: Your 100 points are waiting",
		"2028-02-29T09:00Z congratulate: We have credited 100 points. You now have 200.",
		"2028-03-14T09:00Z remind: Your 200 points are waiting",
		"2029-02-28T09:00Z congratulate: We have credited 100 points. You now have 300.",
		"2029-03-14T09:00Z remind: Your 300 points are waiting",
	}, c.messages["bob"])
	require.Empty(t, c.messages["dan"])

	nextBirthdays := map[string]string{"anna": "2030-04-17T00:00:00Z", "bob": "2030-02-28T09:00:00Z"}
	reasons := map[string][]string{"anna": {"not_redeemed", "redeemed", "not_redeemed"}, "bob": {"not_redeemed", "not_redeemed", "not_redeemed"}}
	for customer, next := range nextBirthdays {
		at := c.where(customer)
		require.Equal(t, progress.Inside, at.Status)
		require.Equal(t, next, at.Due.UTC().Format(time.RFC3339), "the fourth run waits")
		require.Equal(t, 4, at.Run)
		var ended []string
		for _, run := range at.Runs {
			require.Equal(t, progress.Completed, run.Status)
			ended = append(ended, run.ExitReason)
		}
		require.Equal(t, reasons[customer], ended)
	}
	require.Contains(t, c.audit(t), `"Drift":0,"WrongItems":0`)
}
