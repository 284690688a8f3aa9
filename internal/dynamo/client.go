package dynamo

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// attemptTimeout bounds one attempt of a request, of which there are at most
// maxAttempts.
const (
	attemptTimeout = 3 * time.Second
	localTimeout   = 20 * time.Second // DynamoDB Local queues on a busy machine; trying again only makes its queue longer
	maxAttempts    = 4
	idleConns      = 128 // at least as many as workers: HTTP/1.1, one request a connection
)

// NewClient returns a client that suits short calls: connections are kept,
// attempts are short, and retries begin after 25 ms. With
// AWS_ENDPOINT_URL_DYNAMODB in cfg's sources it speaks to that endpoint.
func NewClient(cfg aws.Config, options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, append([]func(*dynamodb.Options){tune}, options...)...)
}

func tune(o *dynamodb.Options) {
	limit := attemptTimeout
	if o.BaseEndpoint != nil {
		limit = localTimeout
		// DynamoDB Local sends no checksum, and the client warns of each answer.
		o.DisableValidateResponseChecksum = true
	}
	o.HTTPClient = awshttp.NewBuildableClient().
		WithTimeout(limit).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConns, idleConns
			t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(idleConns)
		})
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return delay(attempt), nil
		})
	})
	o.APIOptions = append(o.APIOptions, addMeter)
}
