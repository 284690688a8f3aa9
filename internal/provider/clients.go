package provider

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	smstypes "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"journeys/internal/provider/secret"
)

// maxIdle is how long an idle connection to AWS is kept: shorter than AWS keeps
// one, and too short to outlive a freeze of the process. A request on a dead
// connection is lost, and without an idempotency key it must not be sent again.
const maxIdle = 3 * time.Second

// withoutRetries returns cfg for a client that tries once. Most of these services
// take no idempotency key, so that the SDK must not repeat a message that may have
// been sent. Where there is a key, the engine repeats the attempt.
func withoutRetries(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.IdleConnTimeout = maxIdle
		t.MaxIdleConnsPerHost = 32
	})
	return cfg
}

// clients are the clients of AWS, one for each service. Each is made when it is
// first called, so that a start does not wait for it; so is each read of a secret.
type clients struct {
	mail      func() *sesv2.Client
	text      func() *sns.Client
	messaging func() *pinpointsmsvoicev2.Client
	bus       func() *eventbridge.Client
	function  func() *lambda.Client
	secrets   *secret.Store
}

func newClients(network Network, now func() time.Time) clients {
	cfg := withoutRetries(network.AWS)
	return clients{
		secrets:   secret.NewStore(network.AWS, now, cmp.Or(network.Log, slog.New(slog.DiscardHandler))),
		mail:      sync.OnceValue(func() *sesv2.Client { return sesv2.NewFromConfig(cfg) }),
		text:      sync.OnceValue(func() *sns.Client { return sns.NewFromConfig(cfg) }),
		messaging: sync.OnceValue(func() *pinpointsmsvoicev2.Client { return pinpointsmsvoicev2.NewFromConfig(cfg) }),
		bus:       sync.OnceValue(func() *eventbridge.Client { return eventbridge.NewFromConfig(cfg) }),
		function: sync.OnceValue(func() *lambda.Client {
			return lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.HTTPClient = cutting{o.HTTPClient} })
		}),
	}
}

// newSender returns the sender of the channel.
func (c channel) newSender(s *Settings, network Network, amazon clients, now func() time.Time) sender {
	switch c.kind {
	case kindMail:
		return &mail{amazon.mail, c.from, orNull(c.configuration), network.Installation}
	case kindText:
		return &sms{amazon.text, orNull(c.sender)}
	case kindMessaging:
		return &messaging{
			amazon.messaging, c.identity, orNull(c.configuration), smstypes.MessageType(c.messageType), c.entity, c.template, network.Installation,
		}
	case kindBus:
		return &bus{amazon.bus, c.bus, c.source, c.detailType}
	case kindFunction:
		return &function{amazon.function, c.function, now}
	case kindHTTP:
	}
	return newClient(c.target, s.allowed, network, amazon.secrets, now)
}

// newAsker returns what answers the flow's questions; nil for a flow of rules.
func (f flow) newAsker(s *Settings, network Network, amazon clients, now func() time.Time) asker {
	switch {
	case f.target != nil:
		return newClient(f.target, s.allowed, network, amazon.secrets, now)
	case f.function != "":
		return &function{amazon.function, f.function, now}
	}
	return nil
}
