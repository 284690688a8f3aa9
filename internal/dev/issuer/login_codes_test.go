package issuer_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However often a code is presented, and by whatever requests, it yields tokens at most
// once, and only to the first request.
func TestCode_WorksAtMostOnce(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	wrong := [][]string{{}, {"code_verifier", "wrong"}, {"client_id", "other"}, {"redirect_uri", callback + "x"}}
	rapid.Check(t, func(r *rapid.T) {
		code := b.code(t, authorization(), choice())
		attempts := rapid.SliceOfN(rapid.IntRange(0, len(wrong)-1), 1, 5).Draw(r, "attempts")
		var issued answer
		for n, attempt := range attempts {
			status, a := b.token(t, exchange(code, wrong[attempt]...))
			if n == 0 && attempt == 0 {
				require.Equal(r, http.StatusOK, status)
				issued = a
				continue
			}
			require.Equal(r, http.StatusBadRequest, status)
			require.Equal(r, "invalid_grant", a.Error)
			require.Empty(r, a.Access)
		}
		if issued.Refresh == "" {
			return
		}
		status, _ := b.token(t, renewal(issued.Refresh))
		if len(attempts) == 1 {
			require.Equal(r, http.StatusOK, status)
		} else {
			require.Equal(r, http.StatusBadRequest, status, "a code that came twice ends its session")
		}
	})
}

func TestCode_WorksForOneOfConcurrentRequests(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	code := b.code(t, authorization(), choice())
	var granted atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if status, _ := b.token(t, exchange(code)); status == http.StatusOK {
				granted.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, granted.Load())
}
