// Package dispatch starts the function advance. It is apart from boot so that a
// function that invokes no other carries nothing of Lambda's client.
package dispatch

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"journeys/internal/boot"
)

// Lambda is the boot.NewInvoke of every function that invokes another.
func Lambda(cfg aws.Config) boot.Invoke {
	client := lambda.NewFromConfig(cfg)
	return func(ctx context.Context, function string, payload []byte) error {
		_, err := client.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &function, InvocationType: types.InvocationTypeEvent, Payload: payload,
		})
		if err != nil {
			return fmt.Errorf("invoke %s: %w", function, err)
		}
		return nil
	}
}
