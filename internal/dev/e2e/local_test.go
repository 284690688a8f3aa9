package e2e

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// These tests are not parallel: they kill and freeze every process of a function.

const enrollFunction = "enroll-customers"

const manyCustomers = 500 // a call long enough to be interrupted

// startEnroll makes an enroll call of many customers in the background.
func (c caller) startEnroll(path, prefix, key string) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		a, err := c.try("POST", path+"/enroll", `{"customerIds":`+ids(prefix, manyCustomers)+`}`, "Idempotency-Key", key)
		if err != nil {
			a.text = err.Error()
		}
		done <- a
	}()
	return done
}

// A function that is killed during a call loses only the answer: the next call
// works, and the retry counts as the first call would have. Each round kills
// later: once a customer further down the list is enrolled.
func TestLocal_KilledFunctionLosesNothing(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	killed := 0
	const rounds = 4
	for round := range rounds {
		name := fmt.Sprintf("round-%d", round)
		done := c.startEnroll(path, name, name)
		enrollment := fmt.Sprintf("%s/enrollments/%s-%d", path, name, manyCustomers*round/rounds)
		for len(done) == 0 && c.call("GET", enrollment, "").status != 200 {
			runtime.Gosched()
		}
		n := target.machine.Lambda.Kill(enrollFunction)
		killed += n
		if a := <-done; n > 0 {
			require.Contains(t, []int{500, 502, 503, 504}, a.status, "%s: %s", name, a.text)
		}
		c.must(201, "POST", path+"/enroll", `{"customerIds":`+ids(name, manyCustomers)+`}`, "Idempotency-Key", name).counts(t, manyCustomers, 0)
	}
	t.Logf("%d of %d calls were killed", killed, rounds)
	require.Positive(t, killed)
}

// A function that is frozen during a call answers after it thaws. Meanwhile other
// calls of it are answered. A call that had answered just before its process froze
// is no example: the next round makes another.
func TestLocal_FrozenFunctionAnswersLate(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	frozen := false
	for round := 0; round < 20 && !frozen; round++ {
		name := fmt.Sprintf("round-%d", round)
		done := c.startEnroll(path, name, name)
		for len(done) == 0 && target.machine.Lambda.Freeze(enrollFunction) == 0 {
			runtime.Gosched()
		}
		c.must(201, "POST", path+"/enroll", `{"customerId":"other-`+name+`"}`).counts(t, 1, 0)
		frozen = len(done) == 0
		target.machine.Lambda.Thaw(enrollFunction)
		a := <-done
		require.Equal(t, 201, a.status, a.text)
		a.counts(t, manyCustomers, 0)
	}
	require.True(t, frozen, "each call was answered while its function was frozen")
}
