package funnel_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/client"
	"journeys/internal/dev/funnel"
	"journeys/internal/manifest"
)

func TestFunnel_DrawsWhatTheAPIAnswers(t *testing.T) {
	t.Parallel()

	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/journeys/jrn_1/analytics" || r.Header.Get("Authorization") != "Bearer token" {
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"journeyName":"Welcome","status":"active","asOf":"2026-11-24T16:03:07.412Z",
			"enrollments":{"total":10,"active":3,"completed":5,"expired":1,"cancelled":0,"failed":1},"conversions":4,"conversionRate":0.4,"steps":[
			{"nodeId":"in","nodeType":"entry_trigger","entered":9,"completed":9,"active":0,"failed":0,"dropped":0,"converted":4,"results":{"entered":9}},
			{"nodeId":"rich","nodeType":"condition_split","entered":6,"completed":3,"active":1,"failed":1,"dropped":1,"converted":1,"results":{"false":2,"true":1},"branches":{"true":1,"false":2},"branchesConverted":{"true":1,"false":0}},
			{"nodeId":"mail","nodeType":"channel_action","entered":2,"completed":2,"active":0,"failed":0,"dropped":0,"results":{"skipped_no_address":2}},
			{"nodeId":"in","nodeType":"entry_trigger","version":1,"entered":1,"completed":0,"active":1,"failed":0,"dropped":0,"results":{}}]}`))
	}))
	defer api.Close()
	c := &client.Client{Base: api.URL + manifest.BasePath, Token: client.Fixed("token")}
	a, err := funnel.Read(t.Context(), c, "jrn_1")
	require.NoError(t, err)
	require.Equal(t, "Welcome (active), as of 2026-11-24T16:03:07.412Z\n"+
		"10 entered: 3 inside, 5 completed (50.0 %), 1 expired, 0 cancelled, 1 failed\n4 converted (40.0 %)", a.Summary())
	require.Equal(t, `
  in   entry_trigger        9 ############################## 4 converted (44.4 %)
  rich condition_split      6 ####################.......... 1 here, -2 (33.3 %), false 2, true 1, 1 converted (33.3 %)
  mail channel_action       2 ######........................ skipped_no_address 2
  as of version 1:
  in   entry_trigger        1 ###........................... 1 here`, "\n"+strings.Join(a.Lines(), "\n"))

	_, err = funnel.Read(t.Context(), c, "jrn_2")
	require.ErrorContains(t, err, "404")
	require.Contains(t, funnel.Analytics{}.Summary(), "nothing counted yet")
}
