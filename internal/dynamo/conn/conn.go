// Package conn connects to DynamoDB, and tells its errors apart.
package conn

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/capacity"
)

const (
	// AttemptTimeout is the time of one attempt.
	AttemptTimeout = 3 * time.Second

	localTimeout = 20 * time.Second // DynamoDB Local queues requests on a busy machine; a retry only makes its queue longer
	maxAttempts  = 4
	idleConns    = 128 // at least as many as workers: HTTP/1.1 takes one request at a time
)

// New returns a client for short calls: it keeps connections open, gives an
// attempt 3 s, starts to retry after 25 ms, and validates response checksums.
// The endpoint is cfg's, such as AWS_ENDPOINT_URL_DYNAMODB, or AWS's own.
func New(cfg aws.Config, options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, append([]func(*dynamodb.Options){tune}, options...)...)
}

// Local is an option of New for DynamoDB Local: it gives an attempt 20 s, and
// does not validate response checksums, which DynamoDB Local does not send.
func Local(o *dynamodb.Options) {
	o.HTTPClient = newHTTPClient(localTimeout)
	o.DisableValidateResponseChecksum = true
}

func tune(o *dynamodb.Options) {
	o.HTTPClient = newHTTPClient(AttemptTimeout)
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return backoff.Delay(attempt), nil
		})
	})
	o.APIOptions = append(o.APIOptions, capacity.Install)
}

func newHTTPClient(timeout time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(timeout).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConns, idleConns
			t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(idleConns)
		})
}
