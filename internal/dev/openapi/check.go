package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"journeys/internal/manifest"
)

// checkBody returns why content does not allow a body, nil if it does.
func (d *Document) checkBody(content openapi3.Content, header http.Header, text []byte) error {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("read the content type: %w", err)
	}
	media := content[kind]
	if media == nil {
		return fmt.Errorf("the content type %s is not described", kind)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	return d.bodies[media].Validate(value)
}

// route returns the operation of a request, nil if there is none, and the
// parameters in its path.
func (d *Document) route(r *http.Request) (*routers.Route, map[string]string) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), manifest.BasePath)
	if !ok {
		return nil, nil
	}
	for pattern, item := range d.doc.Paths.Map() {
		parameters, ok := match(pattern, path)
		if operation := item.GetOperation(r.Method); ok && operation != nil {
			return &routers.Route{
				Spec: d.doc, Path: pattern, PathItem: item, Method: r.Method, Operation: operation,
			}, parameters
		}
	}
	return nil, nil
}

// match returns the parameters in a path, and whether it matches the pattern.
func match(pattern, path string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	parameters := map[string]string{}
	for i := range want {
		value, err := url.PathUnescape(have[i])
		switch name, isParameter := strings.CutPrefix(want[i], "{"); {
		case err != nil:
			return nil, false
		case isParameter && value != "":
			parameters[strings.TrimSuffix(name, "}")] = value
		case want[i] != value:
			return nil, false
		}
	}
	return parameters, true
}

// input returns what the library needs to check everything but bodies.
func input(r *http.Request, route *routers.Route, parameters map[string]string) *openapi3filter.RequestValidationInput {
	return &openapi3filter.RequestValidationInput{
		Request: r, Route: route, PathParams: parameters,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true,
			SkipSettingDefaults:   true,
			ExcludeRequestBody:    true,
			ExcludeResponseBody:   true,
		},
	}
}

// CheckRequest returns why the document does not allow a request with that body,
// nil if it does. It does not read the request's own Body.
func (d *Document) CheckRequest(r *http.Request, body []byte) error {
	route, parameters := d.route(r)
	if route == nil {
		return errors.New("no operation has this method and path")
	}
	for name, values := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("the query parameter %s is not described", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("the query parameter %s is repeated", name)
		}
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input(r, route, parameters)); err != nil {
		return err
	}
	described := route.Operation.RequestBody
	switch {
	case described == nil && len(body) > 0:
		return errors.New("there is a body, but none is described")
	case described == nil, len(body) == 0 && !described.Value.Required:
		return nil
	}
	return d.checkBody(described.Value.Content, r.Header, body)
}

// CheckAnswer returns why the document does not allow an answer with that body,
// nil if it does. Everything outside of the base path is allowed. Below it, the
// gateway answers calls that no operation has with 404.
func (d *Document) CheckAnswer(answer *http.Response, body []byte) error {
	r := answer.Request
	route, parameters := d.route(r)
	if route == nil {
		if strings.HasPrefix(r.URL.Path, manifest.BasePath+"/") && answer.StatusCode != http.StatusNotFound {
			return errors.New("no operation has this method and path, but the answer is not 404")
		}
		return nil
	}
	described := route.Operation.Responses.Status(answer.StatusCode)
	if described == nil {
		return errors.New("the status is not described")
	}
	if len(described.Value.Content) == 0 && len(body) > 0 {
		return errors.New("there is a body, but none is described")
	}
	// The library skips answers with status 304.
	for name, header := range described.Value.Headers {
		if header.Value.Required && answer.Header.Get(name) == "" {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	if err := checkProblem(answer, body); err != nil {
		return err
	}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input(r, route, parameters), Options: input(r, route, nil).Options,
		Status: answer.StatusCode, Header: answer.Header, Body: http.NoBody,
	})
	if err != nil || len(described.Value.Content) == 0 {
		return err
	}
	return d.checkBody(described.Value.Content, answer.Header, body)
}

// problemHeaders are the headers that must come with a problem document, by its
// status. The gateway's own answers lack them.
var problemHeaders = map[int]string{
	http.StatusUnauthorized:       "WWW-Authenticate",
	http.StatusServiceUnavailable: "Retry-After",
}

// checkProblem checks the rules for problem documents that schemas cannot express.
func checkProblem(answer *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if kind != "application/problem+json" {
		return nil
	}
	var problem struct {
		Type, Code string
		Status     int
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return fmt.Errorf("read the problem document: %w", err)
	}
	if problem.Status != answer.StatusCode {
		return errors.New("the problem's status is " + strconv.Itoa(problem.Status))
	}
	if problem.Type != "urn:journeys:problem:"+problem.Code {
		return fmt.Errorf("the problem's type %s does not end in its code %s", problem.Type, problem.Code)
	}
	if name := problemHeaders[problem.Status]; name != "" && answer.Header.Get(name) == "" {
		return fmt.Errorf("the header %s is missing", name)
	}
	return nil
}
