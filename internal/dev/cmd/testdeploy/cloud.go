package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// notFound is a service's answer about a resource that does not exist.
type notFound struct{ text string }

func (n notFound) Error() string { return "not found: " + n.text }

// call makes one signed call to a service. It returns notFound if the resource
// does not exist.
func (e *emulator) call(ctx context.Context, service, method, path, target string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if target != "" {
		request.Header.Set("X-Amz-Target", target)
		request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	hash := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: account, SecretAccessKey: secret}
	err = v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), service, region, time.Now())
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusOK:
		return text, nil
	case isNotFound(response.StatusCode, text):
		return nil, notFound{string(text)}
	}
	return nil, fmt.Errorf("%s %s %s answered %d: %s", service, method, path+target, response.StatusCode, text)
}

// isNotFound recognizes the answers to a missing resource, some of which have
// status 400.
func isNotFound(status int, text []byte) bool {
	return status == http.StatusNotFound || status == http.StatusBadRequest &&
		(bytes.Contains(text, []byte("ResourceNotFoundException")) || bytes.Contains(text, []byte("does not exist")))
}

// get makes a call to a REST service.
func (e *emulator) get(ctx context.Context, service, path string) (map[string]any, error) {
	return decodeObject(e.call(ctx, service, http.MethodGet, path, "", nil))
}

// post makes a call to a service of the AWS JSON protocol, such as DynamoDB.
func (e *emulator) post(ctx context.Context, service, target string, input any) (map[string]any, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	return decodeObject(e.call(ctx, service, http.MethodPost, "/", target, body))
}

func decodeObject(text []byte, err error) (map[string]any, error) {
	if err != nil {
		return nil, err
	}
	var o map[string]any
	return o, json.Unmarshal(text, &o)
}

// query makes a call to a service of the AWS Query protocol, such as IAM, and
// decodes its XML into answer unless that is nil. Parameters are names and
// values in turn.
func (e *emulator) query(ctx context.Context, service, action string, answer any, parameters ...string) error {
	values := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	if service == "cloudformation" {
		values.Set("Version", "2010-05-15")
	}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	text, err := e.call(ctx, service, http.MethodGet, "/?"+values.Encode(), "", nil)
	if err != nil || answer == nil {
		return err
	}
	return xml.Unmarshal(text, answer)
}
