package api_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"journeys/internal/apigw"
	"journeys/internal/manifest"
)

// event is a call as the gateway passes it on, received at a time.
func (s *server) event(route manifest.Route, path, body string, received time.Time) events.APIGatewayV2HTTPResponse {
	s.t.Helper()
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: route.Key(), RawPath: manifest.BasePath + path, Body: body,
		Headers: map[string]string{"content-type": "application/json"},
	}
	event.RequestContext.HTTP.Method = route.Method
	event.RequestContext.TimeEpoch = received.UnixMilli()
	event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		Lambda: caller(manifest.Admin).Authorizer(),
	}
	answer, err := apigw.Handler(s.handler, slog.New(slog.DiscardHandler))(s.t.Context(), event)
	require.NoError(s.t, err)
	return answer
}

// The gateway's time of receipt decides, not when the function runs. A time that no
// gateway can mean, as SAM CLI's, counts as now.
func TestCustomers_ForgottenAfterTheCallWasReceived(t *testing.T) {
	t.Parallel()

	store := &memoryStore{}
	s := newServer(t, store)
	journey := s.create(`{"name":"n","definition":` + wholeGraph + `}`)
	require.Equal(t, 200, s.event(manifest.UpdateJourney, "/journeys/"+journey, `{"status":"active"}`, start).StatusCode)
	require.Equal(t, 204, s.event(manifest.DeleteCustomer, "/customers/ada", "", start.Add(-time.Minute)).StatusCode)
	for received, barred := range map[time.Time]bool{
		start.Add(-time.Millisecond): true, start.Add(-14 * time.Minute): true,
		start: false, start.Add(time.Second): false, time.Unix(start.Unix()/1000, 0): false, time.UnixMilli(0): false,
	} {
		want, accepted := 200, 202
		if barred {
			want, accepted = 409, 409
		}
		put := s.event(manifest.PutCustomer, "/customers/ada", `{"attributes":{}}`, received)
		require.Equal(t, want, put.StatusCode, "%s: %s", received, put.Body)
		patch := s.event(manifest.PatchCustomer, "/customers/ada", `{"attributes":{}}`, received)
		require.Equal(t, want, patch.StatusCode, "%s: %s", received, patch.Body)
		event := s.event(manifest.PutEvent, "/events", `{"customerId":"ada","eventType":"e"}`, received)
		require.Equal(t, accepted, event.StatusCode, "%s: %s", received, event.Body)
		merged := s.event(manifest.PutCustomers, "/customers", `{"customers":[{"customerId":"ada","attributes":{}},{"customerId":"bob","attributes":{}}]}`, received)
		enrolled := s.event(manifest.EnrollCustomers, "/journeys/"+journey+"/enroll", `{"customerIds":["bob","ada"]}`, received)
		if barred {
			require.Contains(t, put.Body, `"code":"customer-forgotten"`)
			require.Contains(t, event.Body, `"code":"customer-forgotten"`)
			require.JSONEq(t, `{"results":[{"customerId":"ada","outcome":"error","code":"customer-forgotten"},{"customerId":"bob","outcome":"stored"}]}`, merged.Body)
			require.Contains(t, enrolled.Body, `"enrolled":1,"skipped":0,"errors":1,"total":2`)
			continue
		}
		require.NotContains(t, merged.Body, "error")
		require.Contains(t, enrolled.Body, `"enrolled":2,"skipped":0,"errors":0,"total":2`)
	}
}
