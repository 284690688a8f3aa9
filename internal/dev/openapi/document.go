// Package openapi reads openapi.yaml and checks requests and answers against it.
// Only tests use it.
package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is openapi.yaml. Concurrent use is safe.
type Document struct {
	doc    *openapi3.T
	bodies map[*openapi3.MediaType]*jsonschema.Schema // compiled once; kin-openapi compiles for each body
}

// Load returns the openapi.yaml of the working directory or the nearest directory
// above. It panics if there is none, or if it is not valid OpenAPI.
func Load() *Document { return load() }

var load = sync.OnceValue(func() *Document {
	path, err := find("openapi.yaml")
	if err != nil {
		panic(err)
	}
	d, err := read(path)
	if err != nil {
		panic(fmt.Errorf("%s: %w", path, err))
	}
	return d
})

func read(path string) (*Document, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	closeObjects(doc)
	d := &Document{doc, map[*openapi3.MediaType]*jsonschema.Schema{}}
	return d, d.compile()
}

// find returns the path of a file in the working directory or the nearest
// directory above.
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
			return "", fmt.Errorf("no %s in the working directory or above", name)
		}
		dir = filepath.Dir(dir)
	}
}

// closeObjects forbids fields that are not described, unless an object says
// otherwise. To callers answers are open, so that they can grow; a test must find
// fields that lack a description.
func closeObjects(doc *openapi3.T) {
	no := false
	for _, schema := range doc.Components.Schemas {
		// The callback, the only source of errors, returns none.
		_ = schema.WalkSubtree(func(_ string, ref *openapi3.SchemaRef) error {
			s := ref.Value
			if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
				s.AdditionalProperties.Has = &no
			}
			return nil
		})
	}
}

// compile compiles the schemas of all bodies.
func (d *Document) compile() error {
	text, err := json.Marshal(d.doc)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	// Not a relative name, which would be a path from the working directory.
	const resource = "urn:openapi"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(resource, value); err != nil {
		return err
	}
	for _, b := range d.bodyTypes() {
		if d.bodies[b.media], err = compiler.Compile(resource + "#" + b.pointer + "/schema"); err != nil {
			return err
		}
	}
	return nil
}

// bodyType is a media type of a request or an answer, with its JSON Pointer.
type bodyType struct {
	media   *openapi3.MediaType
	pointer string
}

// bodyTypes returns the media types of all requests and answers.
func (d *Document) bodyTypes() []bodyType {
	var list []bodyType
	add := func(content openapi3.Content, ref, pointer string) {
		if ref != "" {
			pointer = strings.TrimPrefix(ref, "#")
		}
		for kind, media := range content {
			list = append(list, bodyType{media, pointer + "/content/" + escape.Replace(kind)})
		}
	}
	for path, item := range d.doc.Paths.Map() {
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

// escape escapes a name for a JSON Pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")
