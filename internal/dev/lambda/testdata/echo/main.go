// Command echo is the function of the tests. Its payload says what it does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is a payload.
type order struct {
	Do  string `json:"do"`
	URL string `json:"url"` // requested first, if set
}

var calls int

func main() {
	if os.Getenv("INIT") == "crash" {
		println("cannot start")
		os.Exit(7)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, payload json.RawMessage) (any, error) {
	calls++
	if strings.Contains(string(payload), "aws.scheduler") {
		println("aws.scheduler")
	}
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, err
	}
	if o.URL != "" {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL, http.NoBody)
		if err != nil {
			return nil, err
		}
		invocation, _ := lambdacontext.FromContext(ctx)
		request.Header.Set("X-Call", invocation.AwsRequestID)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		response.Body.Close()
	}
	switch o.Do {
	case "report":
		return report(ctx), nil
	case "fail":
		return nil, errors.New("failed on request")
	case "panic":
		panic("panic on request")
	case "exit":
		os.Exit(3)
	case "big":
		return strings.Repeat("x", 7<<20), nil
	case "print":
		println("one line\nand another")
	}
	return payload, nil
}

func report(ctx context.Context) map[string]any {
	deadline, _ := ctx.Deadline()
	invocation, _ := lambdacontext.FromContext(ctx)
	return map[string]any{
		"calls": calls, "pid": os.Getpid(), "environment": os.Environ(),
		"milliseconds": time.Until(deadline).Milliseconds(),
		"requestId":    invocation.AwsRequestID, "arn": invocation.InvokedFunctionArn,
	}
}
