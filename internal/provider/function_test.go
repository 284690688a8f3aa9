package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/trail"
)

// invoking returns a provider whose only channel and flow is the function, on a
// Lambda at address.
func invoking(t *testing.T, function, address string) *Provider {
	t.Helper()
	target := fmt.Sprintf(`{"*": {"type": "lambda", "function": %q}}`, function)
	settings, err := ParseSettings([]byte(`{"channels": ` + target + `, "decisions": ` + target + `}`))
	require.NoError(t, err)
	return New(settings, at(start), Network{AWS: aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(address),
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", "token"),
	}})
}

// lambdaAnswer is an answer of Lambda's.
type lambdaAnswer struct {
	status  int
	failed  bool   // the function failed, which Lambda answers with 200
	after   string // Retry-After
	body    string
	hangsUp bool
}

func (a lambdaAnswer) handler(t *testing.T) http.HandlerFunc {
	if a.hangsUp {
		return hangUp(t)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		if a.failed {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		if a.after != "" {
			w.Header().Set("Retry-After", a.after)
		}
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.body)
	}
}

func TestFunction_GetsTheMessage(t *testing.T) {
	t.Parallel()

	for function, path := range map[string]string{
		"points":      "points",
		"points:live": "points%3Alive",
		"arn:aws:lambda:eu-west-1:111122223333:function:points:7": "arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Apoints%3A7",
	} {
		address, requests := serve(t, status(http.StatusOK))
		result, err := invoking(t, function, address).Send(t.Context(), newMessage(t,
			graph.ActionConfig{Channel: "sms", TemplateID: "t", Payload: readPayload(t, `{"a":1}`)}))
		require.NoError(t, err)
		require.Equal(t, trail.Sent, result.Result)
		r := <-requests
		require.Equal(t, "/2015-03-31/functions/"+path+"/invocations", r.path)
		require.Equal(t, "RequestResponse", r.header.Get("X-Amz-Invocation-Type"))
		require.Contains(t, r.header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/")
		require.Equal(t, `{"idempotencyKey":"key-1","messageId":"`+messageID.String()+`","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+
			`","nodeId":"n1","channel":"sms","templateId":"t","payload":{"a":1},"address":"+4312345","at":"2026-11-23T10:00:00.000Z"}`, r.body)
	}
}

// No outcome is uncertain: the next attempt has the same key.
func TestFunction_SendsByItsAnswer(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		answer    lambdaAnswer
		wantErr   string
		throttled time.Duration
	}{
		"an answer":                        {answer: lambdaAnswer{status: 200, body: `{"points":7}`}},
		"an answer of null":                {answer: lambdaAnswer{status: 200, body: `null`}},
		"an answer that is not JSON":       {answer: lambdaAnswer{status: 200, body: `<`}},
		"an answer of 6 MB":                {answer: lambdaAnswer{status: 200, body: `"` + strings.Repeat("x", 6<<20) + `"`}},
		"a function that threw":            {lambdaAnswer{status: 200, failed: true, body: `{"errorMessage":"` + private + `","errorType":"KeyError"}`}, "the function failed: KeyError", 0},
		"a function that ran out of time":  {lambdaAnswer{status: 200, failed: true, body: `{"errorType":"Sandbox.Timedout","errorMessage":"x"}`}, "the function failed: Sandbox.Timedout", 0},
		"a function with its own type":     {lambdaAnswer{status: 200, failed: true, body: `{"errorType":"` + private + `"}`}, "the function failed: without a code", 0},
		"a function without a report":      {lambdaAnswer{status: 200, failed: true}, "the function failed: without a code", 0},
		"no such function":                 {lambdaAnswer{status: 404, body: jsonError("ResourceNotFoundException")}, "the service answered 404 ResourceNotFoundException", 0},
		"no permission":                    {lambdaAnswer{status: 403, body: jsonError("AccessDeniedException")}, "the service answered 403 AccessDeniedException", 0},
		"a message that is too long":       {lambdaAnswer{status: 413, body: jsonError("RequestTooLargeException")}, "the service answered 413 RequestTooLargeException", 0},
		"a function that is being updated": {lambdaAnswer{status: 409, body: jsonError("ResourceConflictException")}, "the service answered 409 ResourceConflictException", 0},
		"a fault of Lambda":                {lambdaAnswer{status: 500, body: jsonError("ServiceException")}, "the service answered 500 ServiceException", 0},
		"a connection that ends":           {lambdaAnswer{hangsUp: true}, "the connection broke, or the answer is not HTTP", 0},
		"no concurrency left":              {answer: lambdaAnswer{status: 429, body: jsonError("TooManyRequestsException")}, throttled: 30 * time.Second},
		"no concurrency left, with a time": {answer: lambdaAnswer{status: 429, after: "7", body: jsonError("TooManyRequestsException")}, throttled: 7 * time.Second},
		"throttled while it started":       {answer: lambdaAnswer{status: 502, body: jsonError("EC2ThrottledException")}, throttled: 30 * time.Second},
		"unavailable":                      {answer: lambdaAnswer{status: 503}, throttled: 30 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, requests := serve(t, test.answer.handler(t))
			result, err := invoking(t, "points", address).Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
			switch {
			case test.wantErr != "":
				require.EqualError(t, err, `channel "push": `+test.wantErr)
			case test.throttled > 0:
				requireThrottled(t, err, test.throttled)
			default:
				require.NoError(t, err)
				require.Equal(t, trail.Sent, result.Result)
			}
			requireUncertain(t, false, err)
			require.Len(t, requests, 1, "the SDK does not repeat it")
		})
	}
}

func TestFunction_GetsTheSameKeyOnEveryAttempt(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, hangUp(t))
	p := invoking(t, "points", address)
	m := newMessage(t, graph.ActionConfig{Channel: "push"})
	for range 3 {
		_, err := p.Send(t.Context(), m)
		require.Error(t, err)
		require.Contains(t, (<-requests).body, `"idempotencyKey":"key-1"`, "an attempt that may have been sent is repeated")
		m.Uncertain = true
	}
}

// A function may answer 6 MB, and 32 are invoked at a time.
func TestFunction_DoesNotReadLongAnswers(t *testing.T) {
	t.Parallel()

	address, cut := serveEndlessly(t)
	p := invoking(t, "points", address)
	p.sendTimeout = time.Hour // only the length of the answer can end it
	result, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
	require.NoError(t, err)
	require.Equal(t, trail.Sent, result.Result)
	require.Error(t, <-cut)
}

func TestFunction_IsGivenItsTime(t *testing.T) {
	t.Parallel()

	address, gone := hang(t, "")
	p := invoking(t, "points", address)
	p.sendTimeout = 50 * time.Millisecond
	_, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
	require.EqualError(t, err, `channel "push": the target did not answer in time`)
	requireUncertain(t, false, err)
	<-gone
	_, err = p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "f", MaxOffers: 1, Timeout: 50 * time.Millisecond}))
	require.EqualError(t, err, `decision flow "f": the target did not answer in time`)
	<-gone
}

func TestFunction_IsNotInvokedWithoutAnAddress(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, status(http.StatusOK))
	m := newMessage(t, graph.ActionConfig{Channel: "email"})
	m.Facts.Attributes = value(t, `{}`)
	result, err := invoking(t, "points", address).Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, trail.SkippedNoAddress, result.Result)
	require.Empty(t, requests)
}

func TestFunction_Decides(t *testing.T) {
	t.Parallel()

	long := `{"a":"` + strings.Repeat("x", MaxAnswer-8) + `"}`
	tests := map[string]struct {
		answer    lambdaAnswer
		want      string // "" for an empty answer
		wantErr   string
		throttled time.Duration
	}{
		"an object":                   {answer: lambdaAnswer{status: 200, body: `{"offer":{"id":"a"},"score":1e400}`}, want: `{"offer":{"id":"a"},"score":1e400}`},
		"an object as long as may be": {answer: lambdaAnswer{status: 200, body: long}, want: long},
		"an empty object":             {answer: lambdaAnswer{status: 200, body: `{}`}},
		"null":                        {answer: lambdaAnswer{status: 200, body: ` null`}},
		"nothing":                     {answer: lambdaAnswer{status: 200}},
		"an array":                    {answer: lambdaAnswer{status: 200, body: `["` + private + `"]`}, wantErr: "the answer is not a JSON object"},
		"an object that is too long":  {answer: lambdaAnswer{status: 200, body: long + " "}, wantErr: "the answer is longer than 65536 bytes"},
		"an object of 6 MB":           {answer: lambdaAnswer{status: 200, body: `{"a":"` + strings.Repeat("x", 6<<20) + `"}`}, wantErr: "the answer is longer than 65536 bytes"},
		"a function that threw":       {answer: lambdaAnswer{status: 200, failed: true, body: `{"errorType":"TypeError"}`}, wantErr: "the function failed: TypeError"},
		"no such function":            {answer: lambdaAnswer{status: 404, body: jsonError("ResourceNotFoundException")}, wantErr: "the service answered 404 ResourceNotFoundException"},
		"a connection that ends":      {answer: lambdaAnswer{hangsUp: true}, wantErr: "the connection broke, or the answer is not HTTP"},
		"no concurrency left":         {answer: lambdaAnswer{status: 429, after: "2", body: jsonError("TooManyRequestsException")}, throttled: 2 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, requests := serve(t, test.answer.handler(t))
			answer, err := invoking(t, "best:live", address).Decide(t.Context(),
				newQuestion(t, graph.DecisionConfig{FlowID: "flow", ChannelID: "email", MaxOffers: 3}))
			switch {
			case test.wantErr != "":
				require.EqualError(t, err, `decision flow "flow": `+test.wantErr)
			case test.throttled > 0:
				requireThrottled(t, err, test.throttled)
			case test.want == "":
				require.NoError(t, err)
				require.True(t, answer.Missing())
			default:
				require.NoError(t, err)
				require.Equal(t, test.want, text(answer))
			}
			r := <-requests
			require.Equal(t, "/2015-03-31/functions/best%3Alive/invocations", r.path)
			require.Equal(t, `{"idempotencyKey":"key-1","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+`","nodeId":"n1",`+
				`"decisionFlowId":"flow","channelId":"email","maxOffers":3,`+
				`"attributes":{"email":"`+private+`","phone":"+4312345","n":12345678901234567890}}`, r.body)
			require.Empty(t, requests)
		})
	}
}
