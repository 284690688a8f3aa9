package agree

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"journeys/internal/manifest"
)

// Variables that functions have under SAM only, where they must not call AWS. SAM
// sets no variable that the template does not name.
const (
	samEndpoint = "AWS_ENDPOINT_URL_DYNAMODB" // of DynamoDB Local
	samInvoke   = "AWS_ENDPOINT_URL_LAMBDA"   // where nothing listens
)

// FromSAM returns what SAM's template deploys. It recognizes a function by its
// logical id, and the function of a route by the folder of its code.
func FromSAM(template []byte) (Deployed, error) {
	t, err := readSAM(template)
	if err != nil {
		return nil, fmt.Errorf("read SAM's template: %w", err)
	}
	authorizer, err := t.authorizer()
	if err != nil {
		return nil, err
	}
	d := Deployed{}
	for id, r := range t.Resources {
		switch r.Type {
		case "AWS::Serverless::Function":
			if err := t.addFunction(d, id, r.Properties, authorizer); err != nil {
				return nil, fmt.Errorf("read %s of SAM's template: %w", id, err)
			}
		case "AWS::DynamoDB::Table":
			var properties table
			if err := json.Unmarshal(r.Properties, &properties); err != nil {
				return nil, fmt.Errorf("read %s of SAM's template: %w", id, err)
			}
			d["table"] = properties.aspects()
		}
	}
	return d, nil
}

type samTemplate struct {
	Globals   struct{ Function samFunction }
	Resources map[string]cdkResource
}

type samFunction struct {
	Runtime, CodeUri    string
	MemorySize, Timeout int
	Environment         struct{ Variables map[string]any }
	Events              map[string]samEvent
}

type samEvent struct {
	Type       string
	Properties struct {
		Method, Path       string
		Auth               struct{ Authorizer string }
		ScheduleExpression string
		Stream, Topic      string
		Pattern            json.RawMessage
		mapping
	}
}

// readSAM converts the YAML to JSON, to decode it into the types of the CDK
// template. A tag such as !Ref is dropped and its argument kept.
func readSAM(template []byte) (t samTemplate, err error) {
	var document any
	if err := yaml.Unmarshal(template, &document); err != nil {
		return t, err
	}
	text, err := json.Marshal(document)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(text, &t)
}

// authorizer returns the function that authorizes every route by default, "" if
// there is none.
func (t samTemplate) authorizer() (string, error) {
	for id, r := range t.Resources {
		if r.Type != "AWS::Serverless::HttpApi" {
			continue
		}
		var api struct {
			Auth struct {
				DefaultAuthorizer string
				Authorizers       map[string]struct {
					FunctionArn, AuthorizerPayloadFormatVersion string
					EnableSimpleResponses                       bool
				}
			}
		}
		if err := json.Unmarshal(r.Properties, &api); err != nil {
			return "", fmt.Errorf("read %s of SAM's template: %w", id, err)
		}
		a, ok := api.Auth.Authorizers[api.Auth.DefaultAuthorizer]
		if !ok {
			return "", nil
		}
		if a.AuthorizerPayloadFormatVersion != "2.0" || !a.EnableSimpleResponses {
			return "", errors.New("the authorizer in SAM's template must take payload format 2.0 and give simple answers")
		}
		function, _, _ := strings.Cut(a.FunctionArn, ".")
		return t.folder(function), nil
	}
	return "", errors.New("SAM's template has no AWS::Serverless::HttpApi")
}

// folder returns the folder in dist/ of a function's code.
func (t samTemplate) folder(logicalID string) string {
	var f samFunction
	if json.Unmarshal(t.Resources[logicalID].Properties, &f) != nil {
		return ""
	}
	dir, name := path.Split(strings.TrimSuffix(f.CodeUri, "/"))
	if dir != "dist/" {
		return f.CodeUri
	}
	return name
}

// addFunction adds a function and the routes of its events.
func (t samTemplate) addFunction(d Deployed, id string, properties []byte, authorizer string) error {
	f := t.Globals.Function
	env := maps.Clone(f.Environment.Variables)
	f.Environment.Variables = nil
	if err := json.Unmarshal(properties, &f); err != nil {
		return err
	}
	if env == nil {
		env = map[string]any{}
	}
	maps.Copy(env, f.Environment.Variables)
	if _, ok := env[samEndpoint]; !ok {
		return errors.New("it does not name " + samEndpoint + ", so the function would call AWS")
	}
	delete(env, samEndpoint)
	delete(env, samInvoke)
	delete(env, manifest.EnvDynamoDBLocal)
	if f.Runtime != "provided.al2023" {
		return fmt.Errorf("the runtime is %q", f.Runtime)
	}
	aspects := functionAspects(f.MemorySize, f.Timeout, slices.Collect(maps.Keys(env)))
	d["function "+kebab(id)] = aspects
	for _, e := range f.Events {
		if e.Type == "ScheduleV2" {
			aspects["schedule"] = e.Properties.ScheduleExpression
			continue
		}
		if e.Type == "DynamoDB" && e.Properties.Stream == "Table.StreamArn" {
			aspects["stream"] = e.Properties.aspect()
			continue
		}
		if e.Type == "EventBridgeRule" {
			aspects["events"] = pattern(e.Properties.Pattern)
			continue
		}
		if e.Type == "SNS" {
			aspects["topic"] = e.Properties.Topic
			continue
		}
		subject := "route " + strings.ToUpper(e.Properties.Method) + " " + e.Properties.Path
		if _, twice := d[subject]; twice || e.Type != "HttpApi" {
			return fmt.Errorf("the event %s (%s) is repeated, or not of an HTTP API", subject, e.Type)
		}
		authorizedBy := authorizer
		if e.Properties.Auth.Authorizer == "NONE" {
			authorizedBy = ""
		}
		d[subject] = Aspects{"function": t.folder(id), "authorizer": authorizedBy}
	}
	return nil
}
