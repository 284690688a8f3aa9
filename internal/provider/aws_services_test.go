package provider

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/graph"
)

// service is a service of AWS, with answers in its protocol.
type service struct {
	settings  string
	config    func(t *testing.T) graph.ActionConfig
	sent      string // body of a success
	refused   answer
	wantErr   string // error for refused
	throttled []answer
}

type answer struct {
	status int
	body   string
}

func snsError(code string) string {
	return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>` + private + `</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

func jsonError(code string) string { return `{"__type":"` + code + `","message":"` + private + `"}` }

func entryError(code string) string {
	return `{"Entries":[{"ErrorCode":"` + code + `","ErrorMessage":"` + private + `"}],"FailedEntryCount":1}`
}

var services = map[string]service{
	"ses": {
		settings: `{"type": "ses", "from": "Shop <news@shop.test>", "configurationSet": "news"}`,
		config: func(t *testing.T) graph.ActionConfig {
			return graph.ActionConfig{Channel: "email", Payload: readPayload(t, `{"subject":"Hello","text":"Hi"}`)}
		},
		sent:    `{"MessageId":"m-1"}`,
		refused: answer{400, jsonError("MessageRejected")}, wantErr: "the service answered 400 MessageRejected",
		throttled: []answer{{429, jsonError("TooManyRequestsException")}, {400, jsonError("LimitExceededException")}, {429, "{}"}, {503, "{}"}},
	},
	"sns": {
		settings: `{"type": "sns", "senderId": "Shop"}`,
		config: func(t *testing.T) graph.ActionConfig {
			return graph.ActionConfig{Channel: "sms", Payload: readPayload(t, `{"message":"Hi"}`)}
		},
		sent: `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId>` +
			`</PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>`,
		refused: answer{400, snsError("InvalidParameter")}, wantErr: "the service answered 400 InvalidParameter",
		throttled: []answer{{429, snsError("Throttled")}, {400, snsError("Throttling")}, {503, snsError("ServiceUnavailable")}},
	},
	"end-user-messaging": {
		settings: `{"type": "end-user-messaging", "originationIdentity": "pool-1", "configurationSet": "texts",
			"messageType": "PROMOTIONAL", "entityId": "1201", "templateId": "1207"}`,
		config: func(t *testing.T) graph.ActionConfig {
			return graph.ActionConfig{Channel: "sms", Payload: readPayload(t, `{"message":"Hi"}`)}
		},
		sent:    `{"MessageId":"m-1"}`,
		refused: answer{400, jsonError("ConflictException")}, wantErr: "the service answered 400 ConflictException",
		throttled: []answer{{400, jsonError("ThrottlingException")}, {429, "{}"}, {503, "{}"}},
	},
	"eventbridge": {
		settings: `{"type": "eventbridge", "bus": "crm", "source": "shop.journeys", "detailType": "Said"}`,
		config: func(t *testing.T) graph.ActionConfig {
			return graph.ActionConfig{Channel: "crm", TemplateID: "t", Payload: readPayload(t, `{"a":1e400}`)}
		},
		sent:    `{"Entries":[{"EventId":"e-1"}],"FailedEntryCount":0}`,
		refused: answer{200, entryError("NotAuthorizedForSourceException")}, wantErr: "the bus refused the event: NotAuthorizedForSourceException",
		throttled: []answer{{400, jsonError("ThrottlingException")}, {200, entryError("ThrottlingException")}},
	},
}

// onAWS returns a provider whose only channel is the service, at address.
func onAWS(t *testing.T, s service, address string) *Provider {
	t.Helper()
	settings, err := ParseSettings([]byte(`{"channels": {"*": ` + s.settings + `}}`))
	require.NoError(t, err)
	p := New(settings, at(start), Network{Installation: "shop", AWS: aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(address),
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", "token"),
	}})
	p.sendTimeout = time.Minute
	return p
}

// eachService runs f for each service.
func eachService(t *testing.T, f func(t *testing.T, s service)) {
	t.Helper()
	for name, s := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, s)
		})
	}
}

func answering(a answer) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.body)
	}
}

// hangUp closes the connection after the request was read.
func hangUp(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}
}

func requireUncertain(t *testing.T, want bool, err error) {
	t.Helper()
	var uncertain *engine.UncertainError
	require.Equal(t, want, errors.As(err, &uncertain), err)
}
