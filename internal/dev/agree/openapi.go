package agree

import (
	"fmt"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"journeys/internal/manifest"
)

// FromOpenAPI returns the routes of an OpenAPI document. An operation's id names
// its function, x-roles its roles, and the security scheme "token" the authorizer.
// Paths are below the manifest's base path, which every server's URL must end in.
func FromOpenAPI(document []byte) (Deployed, error) {
	var doc openAPI
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	for _, server := range doc.Servers {
		if !strings.HasSuffix(server.URL, manifest.BasePath) {
			return nil, fmt.Errorf("the server %s does not end in %s", server.URL, manifest.BasePath)
		}
	}
	d := Deployed{}
	for path, item := range doc.Paths {
		for method, node := range item {
			if !strings.Contains(" get put post delete patch head options trace ", " "+method+" ") {
				continue // parameters and the like
			}
			op := operation{Security: doc.Security}
			if err := node.Decode(&op); err != nil {
				return nil, fmt.Errorf("read %s %s of the OpenAPI document: %w", method, path, err)
			}
			d["route "+strings.ToUpper(method)+" "+manifest.BasePath+path] = op.aspects()
		}
	}
	return d, nil
}

type openAPI struct {
	Servers  []struct{ URL string }
	Security []map[string]any
	Paths    map[string]map[string]yaml.Node
}

type operation struct {
	OperationID string   `yaml:"operationId"`
	Roles       []string `yaml:"x-roles"`
	Security    []map[string]any
}

func (op operation) aspects() Aspects {
	a := Aspects{"function": "", "authorizer": "", "roles": strings.Join(op.Roles, ", ")}
	if op.OperationID != "" {
		a["function"] = kebab(string(unicode.ToUpper(rune(op.OperationID[0]))) + op.OperationID[1:])
	}
	if len(op.Security) == 1 {
		if _, ok := op.Security[0]["token"]; ok {
			a["authorizer"] = manifest.Authorizer.Name
		}
	}
	return a
}
