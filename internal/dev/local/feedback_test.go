package local

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlayFeedback_InvokesTheFunctionAsSESDoes(t *testing.T) {
	t.Parallel()

	invoked := ""
	h := playFeedback(func(name string, payload []byte) (string, error) {
		invoked = name + " " + string(payload)
		return "", nil
	})
	for body, status := range map[string]int{
		`{"tenant":"demo","messageId":"m1","kind":"clicked"}`: http.StatusAccepted,
		`{"tenant":"demo","messageId":"m1","kind":"read"}`:    http.StatusBadRequest,
		`{"kind":`: http.StatusBadRequest,
	} {
		invoked = ""
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest(http.MethodPost, FeedbackPath, strings.NewReader(body)))
		require.Equal(t, status, w.Code, body)
		require.Equal(t, status == http.StatusAccepted, strings.HasPrefix(invoked, "feedback ") && strings.Contains(invoked, `"eventType":"Click"`), body)
	}
}
