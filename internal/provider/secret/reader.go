package secret

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-json-experiment/json"
)

const (
	readTimeout = 2 * time.Second // of a read, with its repetitions
	readTries   = 3
	maxPause    = 300 * time.Millisecond // between two tries
	maxAnswer   = 128 << 10              // bytes; a secret of Secrets Manager has at most 64 KB
)

// Reader reads texts from AWS Systems Manager's Parameter Store and AWS Secrets Manager. It
// signs its calls with the SDK, but does without the SDK's clients for them: they would
// add 1.4 MB to the function for one call of each. It is safe for concurrent use.
type Reader struct {
	cfg    aws.Config
	http   http.Client
	signer *v4.Signer
	now    func() time.Time
}

// NewReader returns a reader with the region, the credentials and the endpoints of cfg.
func NewReader(cfg aws.Config, now func() time.Time) *Reader {
	return &Reader{cfg: cfg, signer: v4.NewSigner(), now: now, http: http.Client{
		// Reads are minutes apart, and a freeze would break a connection that is kept.
		Transport:     &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Read returns the text at a place, within 2 seconds. It repeats a read that was throttled,
// or that the store did not answer. Its errors contain nothing of an answer but error
// codes.
func (r *Reader) Read(ctx context.Context, p Place) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	pauses := retry.NewExponentialJitterBackoff(maxPause)
	for try := 0; ; try++ {
		text, again, err := r.readOnce(ctx, p)
		if err == nil || !again || try == readTries-1 {
			return text, err
		}
		pause, _ := pauses.BackoffDelay(try, err)
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(pause):
		}
	}
}

// readOnce also reports whether the same read may succeed soon.
func (r *Reader) readOnce(ctx context.Context, p Place) (text string, again bool, err error) {
	request, err := r.request(ctx, p)
	if err != nil {
		return "", false, err
	}
	response, err := r.http.Do(request)
	if err != nil {
		return "", true, errUnreached
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", true, errUnreached
	}
	if response.StatusCode != http.StatusOK {
		code := errorCode(body)
		_, throttled := retry.DefaultThrottleErrorCodes[code]
		return "", throttled || response.StatusCode/100 == 5, fmt.Errorf("the store answered %d %.64q", response.StatusCode, code)
	}
	text, err = p.valueOf(body)
	return text, false, err
}

var errUnreached = errors.New("the store did not answer in time, or the connection broke")

// services are the SDK's names of the stores, and the calls that read.
var services = map[string]struct{ id, call string }{
	Parameter: {"SSM", "AmazonSSM.GetParameter"},
	Secret:    {"Secrets Manager", "secretsmanager.GetSecretValue"},
}

// request returns a signed request for the text at a place, in the protocol of both
// stores, AWS JSON 1.1.
func (r *Reader) request(ctx context.Context, p Place) (*http.Request, error) {
	input := map[string]any{"Name": p.Name, "WithDecryption": true}
	if p.Store == Secret {
		input = map[string]any{"SecretId": p.Name}
	}
	body, err := json.Marshal(input)
	if err != nil {
		return nil, errors.New("the name of the secret is not UTF-8")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint(ctx, p.Store), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the endpoint of the store is no URL")
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", services[p.Store].call)
	credentials, err := r.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, errors.New("there are no credentials")
	}
	hash := sha256.Sum256(body)
	return request, r.signer.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), p.Store, r.cfg.Region, r.now())
}

// endpoints is what the SDK's clients look for among the sources of a configuration.
type endpoints interface {
	GetServiceBaseEndpoint(ctx context.Context, service string) (url string, found bool, err error)
}

// endpoint returns the URL of a store, as the SDK's clients find it.
func (r *Reader) endpoint(ctx context.Context, store string) string {
	for _, source := range r.cfg.ConfigSources {
		if e, ok := source.(endpoints); ok {
			if url, found, err := e.GetServiceBaseEndpoint(ctx, services[store].id); found && err == nil {
				return url
			}
		}
	}
	if r.cfg.BaseEndpoint != nil {
		return *r.cfg.BaseEndpoint
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(r.cfg.Region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return "https://" + store + "." + r.cfg.Region + "." + domain
}

// valueOf returns the text in an answer. A parameter must be a SecureString: others
// are stored, shown and logged without encryption.
func (p Place) valueOf(body []byte) (string, error) {
	var answer struct {
		Parameter struct {
			Type  string `json:"Type"`
			Value string `json:"Value"`
		} `json:"Parameter"`
		SecretString string `json:"SecretString"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", errors.New("the answer of the store is not understood") // the cause may quote it
	}
	if p.Store == Secret {
		return answer.SecretString, nil
	}
	if kind := answer.Parameter.Type; kind != "SecureString" {
		return "", errors.New("the parameter is not a SecureString")
	}
	return answer.Parameter.Value, nil
}

// errorCode returns the code of an answer that is an error, such as "ParameterNotFound".
func errorCode(body []byte) string {
	var fault struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(body, &fault) // no code
	return fault.Type[strings.LastIndexByte(fault.Type, '#')+1:]
}
