package e2e

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// These tests are not parallel: what they do to a function, they do to every
// call of it.

const enrollFunction = "enroll-customers"

const many = 500 // customers: enough to do something to the call meanwhile

// start makes an enroll call of many customers in the background.
func (c client) start(path, prefix, key string) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		a, err := c.try("POST", path+"/enroll", `{"customerIds":`+ids(prefix, many)+`}`, "Idempotency-Key", key)
		if err != nil {
			a.text = err.Error()
		}
		done <- a
	}()
	return done
}

// A function that is killed in the middle of a call costs its caller an
// answer, and nothing else: the next call works, and the retry counts as the
// first call would have. Each round kills at another moment: when one of the
// customers, further and further down the list, is seen to be enrolled.
func TestLocalAKilledFunctionLosesNothing(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	killed := 0
	const rounds = 4
	for round := range rounds {
		name := fmt.Sprintf("round-%d", round)
		done := c.start(path, name, name)
		sign := fmt.Sprintf("%s/enrollments/%s-%d", path, name, many*round/rounds)
		for len(done) == 0 && c.call("GET", sign, "").status != 200 {
			runtime.Gosched()
		}
		n := target.machine.Lambda.Kill(enrollFunction)
		killed += n
		if a := <-done; n > 0 {
			require.Contains(t, []int{500, 502, 503, 504}, a.status, "%s: %s", name, a.text)
		}
		c.must(201, "POST", path+"/enroll", `{"customerIds":`+ids(name, many)+`}`, "Idempotency-Key", name).counts(t, many, 0)
	}
	t.Logf("%d of %d calls were killed", killed, rounds)
	require.Positive(t, killed)
}

// A function that is frozen in the middle of a call answers late, and other
// calls of it are answered meanwhile.
func TestLocalAFrozenFunctionAnswersLate(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	done := c.start(path, "frozen", "frozen")
	for target.machine.Lambda.Freeze(enrollFunction) == 0 {
		require.Empty(t, done, "the call ended before it was frozen")
		runtime.Gosched()
	}
	c.must(201, "POST", path+"/enroll", `{"customerId":"other"}`).counts(t, 1, 0)
	require.Empty(t, done, "a frozen function answered")
	target.machine.Lambda.Thaw(enrollFunction)
	a := <-done
	require.Equal(t, 201, a.status, a.text)
	a.counts(t, many, 0)
}
