// Package secretstore stands in for AWS Systems Manager's Parameter Store and AWS
// Secrets Manager: it answers the two calls that read a secret.
package secretstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Store is a running store. It is safe for concurrent use.
type Store struct {
	url string

	mu     sync.Mutex
	texts  map[string]string
	faults []http.HandlerFunc
	reads  int
}

// The credentials of Config, which alone may read.
var allowed = aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret", SessionToken: "session"}

const region = "eu-west-1"

// New starts an empty store that ends with the test.
func New(t *testing.T) *Store {
	s := &Store{texts: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// Config returns the configuration of a client of the store.
func (s *Store) Config() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(s.url),
		Credentials: credentials.NewStaticCredentialsProvider(allowed.AccessKeyID, allowed.SecretAccessKey, allowed.SessionToken),
	}
}

// Use makes the functions' environment that of clients of the store, until the test ends.
func (s *Store) Use(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": region, "AWS_ENDPOINT_URL_SSM": s.url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.url,
		"AWS_ACCESS_KEY_ID": allowed.AccessKeyID, "AWS_SECRET_ACCESS_KEY": allowed.SecretAccessKey, "AWS_SESSION_TOKEN": allowed.SessionToken,
	} {
		t.Setenv(name, value)
	}
}

// Put stores a text at a place: "ssm:" and the name of a parameter, a SecureString, or
// "secretsmanager:" and the name of a secret.
func (s *Store) Put(place, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[place] = text
}

// Fail makes the handlers answer the next reads, each one of them.
func (s *Store) Fail(handlers ...http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = handlers
}

// Answer returns a handler that answers an error with this code.
func Answer(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.service#%s","message":"whsec_unspeakable"}`, code)
	}
}

// Reads returns the number of reads so far.
func (s *Store) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// ServeHTTP answers a read.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	s.reads++
	var fault http.HandlerFunc
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.mu.Unlock()
	if fault == nil {
		fault = s.answer(r, body)
	}
	fault(w, r)
}

func (s *Store) answer(r *http.Request, body []byte) http.HandlerFunc {
	var input struct {
		Name           string
		WithDecryption bool
		SecretID       string `json:"SecretId"`
	}
	if err := json.Unmarshal(body, &input); err != nil || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return Answer(http.StatusBadRequest, "SerializationException")
	}
	service, place, missing := "ssm", "ssm:"+input.Name, "ParameterNotFound"
	switch r.Header.Get("X-Amz-Target") {
	case "AmazonSSM.GetParameter":
	case "secretsmanager.GetSecretValue":
		service, place, missing = "secretsmanager", "secretsmanager:"+input.SecretID, "ResourceNotFoundException"
	default:
		return Answer(http.StatusBadRequest, "UnknownOperationException")
	}
	if !isSigned(r, service, body) {
		return Answer(http.StatusBadRequest, "InvalidSignatureException")
	}
	s.mu.Lock()
	text, ok := s.texts[place]
	s.mu.Unlock()
	if !ok {
		return Answer(http.StatusBadRequest, missing)
	}
	var output any = map[string]string{"Name": input.SecretID, "SecretString": text}
	if service == "ssm" {
		if !input.WithDecryption {
			text = "encrypted"
		}
		output = map[string]any{"Parameter": map[string]any{"Name": input.Name, "Type": "SecureString", "Value": text, "Version": 1}}
	}
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(output) }
}

// isSigned reports whether the request has the signature that the SDK would give it.
func isSigned(r *http.Request, service string, body []byte) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again := r.Clone(r.Context())
	again.URL.Scheme, again.URL.Host, again.RequestURI = "http", r.Host, ""
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names := strings.Split(strings.Split(signed, ",")[0], ";")
	for name := range again.Header { // what net/http added
		if !slices.Contains(names, strings.ToLower(name)) {
			again.Header.Del(name)
		}
	}
	hash := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(r.Context(), allowed, again, hex.EncodeToString(hash[:]), service, region, at)
	return err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization")
}
