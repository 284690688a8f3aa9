package lambda_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// visits serves a URL and reports the request id of each call to it.
func visits(t *testing.T) (url string, came <-chan string) {
	t.Helper()
	ids := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ids <- r.Header.Get("X-Call")
	}))
	t.Cleanup(server.Close)
	return server.URL, ids
}

// newSDK returns a client as functions use it to call each other.
func newSDK(l *lambda.Service) *awslambda.Client {
	return awslambda.New(awslambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
}

func invokeEvent(t *testing.T, l *lambda.Service, payload string) {
	t.Helper()
	out, err := newSDK(l).Invoke(t.Context(), &awslambda.InvokeInput{
		FunctionName: aws.String("echo"), InvocationType: types.InvocationTypeEvent, Payload: []byte(payload),
	})
	require.NoError(t, err)
	require.EqualValues(t, http.StatusAccepted, out.StatusCode)
	require.Empty(t, out.Payload)
}

func quick(_ *manifest.Function, o *lambda.Options) { o.Minute = 20 * time.Millisecond }

func TestInvokeAsync_MakesASuccessfulCallOnce(t *testing.T) {
	t.Parallel()
	l := startLambda(t, quick)
	url, came := visits(t)
	invokeEvent(t, l, `{"url":"`+url+`"}`)
	<-came
	require.Eventually(t, func() bool { return l.Thaw("echo") == 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, 2, getReport(t, l).Calls)
	require.Empty(t, came)
}

func TestInvokeAsync_MakesAFailedCallThreeTimesUnderOneID(t *testing.T) {
	t.Parallel()
	for _, do := range []string{"fail", "exit"} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			lost := make(chan struct{})
			l := startLambda(t, func(f *manifest.Function, o *lambda.Options) {
				quick(f, o)
				o.Log = watcher{"event lost", lost}
			})
			url, came := visits(t)
			invokeEvent(t, l, `{"url":"`+url+`","do":"`+do+`"}`)
			first := <-came
			require.Len(t, first, 36)
			require.Equal(t, first, <-came)
			require.Equal(t, first, <-came)
			<-lost
			require.Empty(t, came)
		})
	}
}

// watcher is a log that closes seen when a line contains text.
type watcher struct {
	text string
	seen chan struct{}
}

func (w watcher) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		close(w.seen)
	}
	return len(b), nil
}

func TestInvokeAsync_RetriesAThrottledCall(t *testing.T) {
	t.Parallel()
	l := startLambda(t, func(f *manifest.Function, o *lambda.Options) {
		quick(f, o)
		o.MaxConcurrency = 1
	})
	d := newDoor(t)
	end := d.begin(t, l, "")
	url, came := visits(t)
	for range 3 {
		invokeEvent(t, l, `{"url":"`+url+`"}`)
	}
	_, err := invoke(t, l, `{}`)
	require.ErrorIs(t, err, lambda.ErrThrottled)
	require.Empty(t, came)
	d.open()
	_, err = end()
	require.NoError(t, err)
	for range 3 {
		<-came
	}
}

func TestStop_DropsQueuedCalls(t *testing.T) {
	t.Parallel()
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) { o.Minute = time.Hour })
	url, came := visits(t)
	invokeEvent(t, l, `{"url":"`+url+`","do":"fail"}`)
	<-came
	l.Stop() // returns, although the next try is an hour away
	_, err := l.InvokeAsync("echo", nil)
	require.ErrorIs(t, err, lambda.ErrStopped)
}

func TestEndpoint_ServesTheSDK(t *testing.T) {
	t.Parallel()
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) { o.MaxConcurrency = 1 })
	call := func(name, payload string) (*awslambda.InvokeOutput, error) {
		return newSDK(l).Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
	}
	out, err := call("echo", `{"a":1}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"a":1}`, string(out.Payload))
	require.Nil(t, out.FunctionError)

	out, err = call("echo", `{"do":"fail"}`)
	require.NoError(t, err)
	require.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	require.JSONEq(t, `{"errorType":"errorString","errorMessage":"failed on request"}`, string(out.Payload))

	_, err = call("other", `{}`)
	require.ErrorAs(t, err, new(*types.ResourceNotFoundException))
	_, err = call("echo", `{`)
	require.ErrorAs(t, err, new(*types.InvalidRequestContentException))
	_, err = call("echo", `"`+strings.Repeat("x", lambda.MaxPayload)+`"`)
	require.ErrorAs(t, err, new(*types.RequestTooLargeException))

	d := newDoor(t)
	end := d.begin(t, l, "")
	_, err = call("echo", `{}`)
	require.ErrorAs(t, err, new(*types.TooManyRequestsException))
	d.open()
	_, err = end()
	require.NoError(t, err)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.Endpoint()+"/2015-03-31/functions/echo/invocations", nil)
	require.NoError(t, err)
	request.Header.Set("X-Amz-Invocation-Type", "Sometimes")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, response.StatusCode, string(body))
}

func TestInvokeAsync_RefusesPayloadsAboveTheLimit(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)
	_, err := l.InvokeAsync("echo", make([]byte, lambda.MaxEvent+1))
	require.ErrorIs(t, err, lambda.ErrTooLarge)
	_, err = l.InvokeAsync("other", nil)
	require.ErrorIs(t, err, lambda.ErrUnknown)
}

func TestSchedule_InvokesAtTheRate(t *testing.T) {
	t.Parallel()
	calls := make(chan struct{})
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) { o.Log = counter{calls} })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	scheduled := echo
	scheduled.Schedule = 2 * time.Minute
	never := echo
	never.Name = "never"
	begun := time.Now()
	go func() {
		l.Schedule(ctx, []manifest.Function{scheduled, never}, 25*time.Millisecond)
		close(ended)
	}()
	for range 3 {
		<-calls
	}
	require.GreaterOrEqual(t, time.Since(begun), 3*50*time.Millisecond-25*time.Millisecond)
	cancel()
	<-ended
}

// A minute of a tenth of a second, as in a run of the chaos tests: a call that only waits
// does not slow the schedule down.
func TestSchedule_SkipsNoRoundsForACallThatHangs(t *testing.T) {
	t.Parallel()
	calls := make(chan struct{})
	l := startLambda(t, func(f *manifest.Function, o *lambda.Options) {
		f.Timeout, o.Log = time.Minute, counter{calls}
	})
	d := newDoor(t)
	defer d.open()
	_, err := l.InvokeAsync("echo", []byte(`{"url":"`+d.URL+`"}`))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	scheduled := echo
	scheduled.Schedule = 2 * time.Minute
	begun := time.Now()
	go func() {
		l.Schedule(ctx, []manifest.Function{scheduled}, 100*time.Millisecond)
		close(ended)
	}()
	for range 6 {
		<-calls
	}
	require.Less(t, time.Since(begun), 6*10*200*time.Millisecond, "ten rounds were skipped before each call")
	cancel()
	<-ended
}

// counter is a log that sends a value for each call of a schedule.
type counter struct{ calls chan struct{} }

func (c counter) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "aws.scheduler") {
		c.calls <- struct{}{}
	}
	return len(b), nil
}
