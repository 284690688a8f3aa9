package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/progress"
)

// What callers do to start further runs.
const (
	rounds       = 3                // the last after the faults, when all have left
	roundCalled  = 14               // customers of an enroll call, in each round
	roundEvents  = 5                // that start a run
	roundClosers = 2                // that end one
	roundFor     = 10 * time.Second // at most, until a round begins
)

// reentry is what callers do to start further runs.
type reentry struct {
	called  [rounds][]string           // customers of each enroll call
	events  [rounds][]*sentEvent       // that end or start runs
	entered map[string]map[string]bool // by call and customer: whether the call enrolled them
}

// drawReentry draws the events of all rounds. A customer gets too few of each type for any
// to be forgotten.
func (w *world) drawReentry() {
	w.again = &reentry{entered: map[string]map[string]bool{}}
	customers := w.cohorts[toReenter].customers
	for round := range rounds {
		var events []*sentEvent
		drawn := w.r.Perm(len(customers))
		for _, i := range drawn[:roundCalled] {
			w.again.called[round] = append(w.again.called[round], customers[i])
		}
		drawn = drawn[roundCalled-roundEvents:] // two of them are called and cause an event
		for _, i := range drawn[:roundClosers] {
			events = append(events, w.newEvent(customers[i], []string{closing, closingOwn}[w.r.IntN(2)]))
		}
		for _, i := range drawn[roundClosers-1:][:roundEvents] {
			events = append(events, w.newEvent(customers[i], starting))
		}
		w.r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		w.again.events[round] = events
	}
}

// reenter starts further runs in the rounds before the last, and repeats what it does while
// the runs are under way.
func (w *world) reenter(t *testing.T) {
	for round := range rounds - 1 {
		w.awaitLeft(t)
		w.begin(t, round)
	}
}

// begin starts further runs by a call and by events at once, and repeats both.
func (w *world) begin(t *testing.T, round int) {
	var both sync.WaitGroup
	both.Go(func() {
		w.enrollAgain(t, round)
		w.enrollAgain(t, max(round-1, 0))
	})
	both.Go(func() {
		for _, e := range w.again.events[round] {
			w.send(t, e)
		}
		for _, e := range w.again.events[max(round-1, 0)] {
			w.sendAgain(t, e)
		}
	})
	both.Wait()
}

// awaitLeft waits until most of those who may enter again have left, for roundFor at most.
func (w *world) awaitLeft(t *testing.T) {
	limit := time.Now().Add(roundFor)
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for time.Now().Before(limit) {
		<-ticker.C
		inside := 0
		_, list := w.load(t, w.cohorts[toReenter])
		for _, e := range list {
			if e.Status == progress.Inside {
				inside++
			}
		}
		if inside < perJourney/3 {
			return
		}
	}
}

// repeat repeats every call and event that may have started a run, once all have left, and
// so could enter again.
func (w *world) repeat(t *testing.T) {
	t.Helper()
	for round := range rounds {
		w.enrollAgain(t, round)
		for _, e := range w.again.events[round] {
			w.sendAgain(t, e)
		}
	}
}

// enrollAgain repeats the enroll call of a round until it has no errors, and notes which
// customers it enrolled: all of those that it had enrolled when it was made before.
func (w *world) enrollAgain(t *testing.T, round int) {
	c, key := w.cohorts[toReenter], fmt.Sprint("again-", round)
	ids, err := json.Marshal(w.again.called[round])
	require.NoError(t, err)
	var answer struct {
		Errors  int
		Results []struct{ CustomerID, Outcome string }
	}
	for tries := 0; tries == 0 || answer.Errors > 0; tries++ {
		require.Less(t, tries, 100, "the call has errors again and again")
		text := w.call(t, "POST", c.path()+"/enroll?details=true", `{"customerIds":`+string(ids)+`}`, "Idempotency-Key", key)
		answer.Results = nil
		require.NoError(t, json.Unmarshal(text, &answer))
	}
	before := w.again.entered[key]
	w.again.entered[key] = map[string]bool{}
	for _, r := range answer.Results {
		entered := r.Outcome == "enrolled"
		if before[r.CustomerID] && !entered {
			t.Errorf("the call %s enrolled %s, and its repeat answers %s", key, r.CustomerID, r.Outcome)
		}
		w.again.entered[key][r.CustomerID] = entered
	}
}

// runs returns all runs of a cohort's customers, by customer, in their order.
func (w *world) runs(t *testing.T, c *cohort) map[string][]progress.Enrollment {
	t.Helper()
	_, latest := w.load(t, c)
	all := map[string][]progress.Enrollment{}
	for customer, e := range latest {
		if e.Run > 1 {
			runs, err := w.store.Enrollments.EarlierRuns(t.Context(), w.tenant, c.id, customer)
			require.NoError(t, err)
			all[customer] = runs
		}
		all[customer] = append(all[customer], e)
	}
	return all
}

// requireRuns checks that a customer's runs follow each other, that each has a call or event
// of its own, that all of those that started one are there, and that callers see them.
func (w *world) requireRuns(t *testing.T, c *cohort, customer string, runs []progress.Enrollment) {
	t.Helper()
	requests := map[ident.RequestID]int{}
	for i, e := range runs {
		require.Equal(t, i+1, e.Run, customer)
		requests[e.RequestID] = e.Run
		if i > 0 {
			require.False(t, e.EnrolledAt.Before(runs[i-1].LeftAt), "run %d of %s began before the end of the one before", e.Run, customer)
		}
	}
	require.Len(t, requests, len(runs), "a call or event started two runs of %s", customer)
	w.kinds[laterRuns] += len(runs) - 1
	if w.again == nil || c != w.cohorts[toReenter] {
		require.Len(t, runs, 1, customer)
		return
	}
	least := 1
	for _, entered := range w.again.entered {
		if entered[customer] {
			least++
		}
	}
	most := least
	for _, e := range slices.Concat(w.again.events[:]...) {
		switch {
		case e.customer != customer || e.kind != starting:
		case e.started:
			least, most = least+1, most+1
		case e.unsure:
			most++
		}
	}
	require.GreaterOrEqual(t, len(runs), least, "runs of %s", customer)
	require.LessOrEqual(t, len(runs), most, "runs of %s", customer)
	w.requireListed(t, c, customer, runs)
}

// requireListed checks that callers see the earlier runs of a customer.
func (w *world) requireListed(t *testing.T, c *cohort, customer string, runs []progress.Enrollment) {
	t.Helper()
	type listed struct {
		Run                int
		Status, ExitReason string
	}
	var shown struct{ Runs []listed }
	require.NoError(t, json.Unmarshal(w.call(t, "GET", c.path()+"/enrollments/"+customer, ""), &shown))
	var expected []listed
	for _, e := range runs[:len(runs)-1] {
		expected = append(expected, listed{e.Run, e.Status.String(), e.ExitReason})
	}
	require.Equal(t, expected, shown.Runs, "earlier runs of %s", customer)
}
