// Package invoke invokes Lambda functions asynchronously. It is separate from
// boot so that a function that invokes no other does not link Lambda's client.
package invoke

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"journeys/internal/boot"
)

// parallelCalls is at least how many calls tick makes at a time.
const parallelCalls = 32

// New implements boot.NewInvoke.
func New(cfg aws.Config) boot.Invoke {
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = parallelCalls // the default closes most connections after each call
		})
	})
	return func(ctx context.Context, name string, payload []byte) error {
		_, err := client.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &name, InvocationType: types.InvocationTypeEvent, Payload: payload,
		})
		if err != nil {
			return fmt.Errorf("invoke %s: %w", name, err)
		}
		return nil
	}
}
