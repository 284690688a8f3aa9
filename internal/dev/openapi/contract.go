// Package contract holds HTTP exchanges to openapi.yaml: what a test sends and
// what it gets. Tests alone use it; nothing that is deployed reads the document.
// It knows OpenAPI and HTTP, and nothing of how answers come about.
package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"journeys/internal/manifest"
)

// Contract is openapi.yaml. It may be used by many at once.
type Contract struct {
	doc    *openapi3.T
	bodies map[*openapi3.MediaType]*jsonschema.Schema // compiled once: kin-openapi does it for every body
}

// Load returns the contract of the repository in which the test runs. It
// panics when the document cannot be found or is not valid OpenAPI.
func Load() *Contract { return load() }

var load = sync.OnceValue(func() *Contract {
	path, err := find("openapi.yaml")
	if err != nil {
		panic(err)
	}
	c, err := read(path)
	if err != nil {
		panic(fmt.Errorf("%s: %w", path, err))
	}
	return c
})

func read(path string) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	closeObjects(doc)
	c := &Contract{doc, map[*openapi3.MediaType]*jsonschema.Schema{}}
	return c, c.compile()
}

// find returns the path of a file in this directory or the nearest above it.
func find(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no %s here or above", name)
		}
		dir = filepath.Dir(dir)
	}
}

// closeObjects refuses undescribed fields in every object that does not say
// what becomes of them. For callers answers are open, so that they can grow; a
// test is to find what grew without being described.
func closeObjects(doc *openapi3.T) {
	no := false
	for _, schema := range doc.Components.Schemas {
		// The walk guards against cycles; the error is its callback's.
		_ = schema.WalkSubtree(func(_ string, ref *openapi3.SchemaRef) error {
			s := ref.Value
			if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
				s.AdditionalProperties.Has = &no
			}
			return nil
		})
	}
}

// compile compiles the schema of each body.
func (c *Contract) compile() error {
	text, err := json.Marshal(c.doc)
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi", document); err != nil {
		return err
	}
	for _, b := range c.everyBody() {
		if c.bodies[b.media], err = compiler.Compile("openapi#" + b.pointer + "/schema"); err != nil {
			return err
		}
	}
	return nil
}

// body is a media type of a request or an answer, and where it stands.
type body struct {
	media   *openapi3.MediaType
	pointer string
}

func (c *Contract) everyBody() []body {
	var list []body
	add := func(content openapi3.Content, ref, pointer string) {
		if ref != "" {
			pointer = strings.TrimPrefix(ref, "#")
		}
		for kind, media := range content {
			list = append(list, body{media, pointer + "/content/" + escape.Replace(kind)})
		}
	}
	for path, item := range c.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			pointer := "/paths/" + escape.Replace(path) + "/" + strings.ToLower(method)
			if r := operation.RequestBody; r != nil {
				add(r.Value.Content, r.Ref, pointer+"/requestBody")
			}
			for status, answer := range operation.Responses.Map() {
				add(answer.Value.Content, answer.Ref, pointer+"/responses/"+status)
			}
		}
	}
	return list
}

// escape makes a name a part of a JSON Pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// checkBody returns why content does not allow the body, nil when it does.
func (c *Contract) checkBody(content openapi3.Content, header http.Header, text []byte) error {
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
	return c.bodies[media].Validate(value)
}

// route returns the operation that serves a request, nil when none does, and
// the parameters of the path.
func (c *Contract) route(r *http.Request) (*routers.Route, map[string]string) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), manifest.BasePath)
	if !ok {
		return nil, nil
	}
	for pattern, item := range c.doc.Paths.Map() {
		parameters, ok := match(pattern, path)
		if operation := item.GetOperation(r.Method); ok && operation != nil {
			return &routers.Route{
				Spec: c.doc, Path: pattern, PathItem: item, Method: r.Method, Operation: operation,
			}, parameters
		}
	}
	return nil, nil
}

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

// CheckRequest returns why the contract does not allow a request with that
// body, nil when it does. The request's own Body is not read.
func (c *Contract) CheckRequest(r *http.Request, body []byte) error {
	route, parameters := c.route(r)
	if route == nil {
		return errors.New("no operation has this method and path")
	}
	for name, values := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("the query parameter %s is not described", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("the query parameter %s stands twice", name)
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
	return c.checkBody(described.Value.Content, r.Header, body)
}

// CheckAnswer returns what the contract does not allow in the answer with that
// body, nil when it allows all of it. Calls outside of the base path are not in
// the contract; under it, what no operation serves is the gateway's to refuse.
func (c *Contract) CheckAnswer(answer *http.Response, body []byte) error {
	r := answer.Request
	route, parameters := c.route(r)
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
	// The library does not look at a 304.
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
	return c.checkBody(described.Value.Content, answer.Header, body)
}

// companions are the headers that a problem of ours has by its status. The
// gateway's own answers come without them.
var companions = map[int]string{
	http.StatusUnauthorized:       "WWW-Authenticate",
	http.StatusServiceUnavailable: "Retry-After",
}

// checkProblem returns what schemas cannot say of a problem document.
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
	if name := companions[problem.Status]; name != "" && answer.Header.Get(name) == "" {
		return fmt.Errorf("the problem comes without the header %s", name)
	}
	return nil
}
