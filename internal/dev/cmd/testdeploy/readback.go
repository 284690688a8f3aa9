package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"journeys/internal/dev/agree"
)

// forgotten is what MiniStack takes and does not keep, by where it stands in
// the template, and so cannot be read back. infra's tests hold it.
var forgotten = []string{
	"Table.Replicas", // point-in-time recovery and deletion protection
	"Table.TimeToLiveSpecification",
}

// snapshot is what CloudFormation says of the stack.
type snapshot struct {
	emulator  *emulator
	resources []resource
	physical  map[string]string // ids, by logical id
	text      []byte            // the template
	template  struct {
		Resources map[string]struct{ Properties map[string]any }
	}
}

type resource struct {
	LogicalID  string `xml:"LogicalResourceId"`
	PhysicalID string `xml:"PhysicalResourceId"`
	Type       string `xml:"ResourceType"`
}

func (e *emulator) snapshot(ctx context.Context) (*snapshot, error) {
	var list struct {
		Resources []resource `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
	}
	if err := e.query(ctx, "cloudformation", "ListStackResources", &list, "StackName", stack); err != nil {
		return nil, err
	}
	var answer struct {
		Body string `xml:"GetTemplateResult>TemplateBody"`
	}
	if err := e.query(ctx, "cloudformation", "GetTemplate", &answer, "StackName", stack); err != nil {
		return nil, err
	}
	s := &snapshot{emulator: e, resources: list.Resources, physical: map[string]string{}, text: []byte(answer.Body)}
	for _, r := range s.resources {
		s.physical[r.LogicalID] = r.PhysicalID
	}
	return s, json.Unmarshal(s.text, &s.template)
}

// first returns the physical id of the first resource of a type whose logical
// id begins so.
func (s *snapshot) first(kind, logical string) (string, error) {
	i := slices.IndexFunc(s.resources, func(r resource) bool {
		return r.Type == kind && strings.HasPrefix(r.LogicalID, logical)
	})
	if i < 0 {
		return "", fmt.Errorf("the stack has no %s %s", kind, logical)
	}
	return s.resources[i].PhysicalID, nil
}

// check holds what the services say about the resources to the template that
// was deployed, and that to the manifest. It returns how many it read.
func (s *snapshot) check(ctx context.Context) (read int, err error) {
	deployed, err := agree.FromCDK(s.text)
	if err != nil {
		return 0, err
	}
	lines := agree.Diff(agree.FromManifest(), deployed)
	lost := map[string]bool{}
	for _, r := range s.resources {
		live, err := s.live(ctx, r)
		if err != nil {
			return 0, fmt.Errorf("read %s back: %w", r.LogicalID, err)
		}
		if live != nil {
			read++
			lines = append(lines, without(differences(r.LogicalID, s.wanted(r), live, s.physical), lost)...)
		}
	}
	for _, at := range forgotten {
		if !lost[at] {
			lines = append(lines, at+": is kept after all; take it off the list of what is forgotten")
		}
	}
	if len(lines) > 0 {
		err = errors.New("deployed is not what is wanted:\n" + strings.Join(lines, "\n"))
	}
	return read, err
}

// without takes out the lines that are about what is forgotten, and notes in
// lost what that was.
func without(lines []string, lost map[string]bool) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		i := slices.IndexFunc(forgotten, func(at string) bool { return strings.HasPrefix(line, at) })
		if i >= 0 {
			lost[forgotten[i]] = true
		}
		return i >= 0
	})
}

// wanted returns a resource's properties but for what no service gives back:
// where a function's code was put, and of what API or roles something is.
func (s *snapshot) wanted(r resource) map[string]any {
	properties := maps.Clone(s.template.Resources[r.LogicalID].Properties)
	for _, name := range []string{"Code", "ApiId", "Roles"} {
		delete(properties, name)
	}
	return properties
}

// live returns what the resource's own service says about it, or nil about a
// type that is not read back.
func (s *snapshot) live(ctx context.Context, r resource) (map[string]any, error) {
	const apiPrefix = "AWS::ApiGatewayV2::"
	if part, ok := strings.CutPrefix(r.Type, apiPrefix); ok {
		api, err := s.first(apiPrefix+"Api", "")
		if err != nil {
			return nil, err
		}
		place := "/v2/apis/" + api
		if part != "Api" { // MiniStack puts the API before a route's id
			place += "/" + strings.ToLower(part) + "s/" + url.PathEscape(path.Base(r.PhysicalID))
		}
		return s.emulator.get(ctx, "apigateway", place)
	}
	switch r.Type {
	case "AWS::Lambda::Function":
		return s.emulator.get(ctx, "lambda", "/2015-03-31/functions/"+r.PhysicalID+"/configuration")
	case "AWS::DynamoDB::GlobalTable":
		return s.emulator.table(ctx, r.PhysicalID)
	case "AWS::Logs::LogGroup":
		return s.emulator.logGroup(ctx, r.PhysicalID)
	case "AWS::IAM::Role":
		return s.emulator.role(ctx, r.PhysicalID)
	case "AWS::IAM::Policy":
		return s.policy(ctx, r)
	}
	return nil, nil
}

// table returns a table in the words of its template.
func (e *emulator) table(ctx context.Context, name string) (map[string]any, error) {
	input := map[string]string{"TableName": name}
	described, err := e.ask(ctx, "dynamodb", "DynamoDB_20120810.DescribeTable", input)
	if err != nil {
		return nil, err
	}
	live, ok := described["Table"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no table in %v", described)
	}
	if mode, ok := live["BillingModeSummary"].(map[string]any); ok {
		live["BillingMode"] = mode["BillingMode"]
	}
	expiry, err := e.ask(ctx, "dynamodb", "DynamoDB_20120810.DescribeTimeToLive", input)
	if err != nil {
		return nil, err
	}
	if ttl, ok := expiry["TimeToLiveDescription"].(map[string]any); ok && ttl["TimeToLiveStatus"] == "ENABLED" {
		ttl["Enabled"] = true
		live["TimeToLiveSpecification"] = ttl
	}
	return live, nil
}

func (e *emulator) logGroup(ctx context.Context, name string) (map[string]any, error) {
	answer, err := e.ask(ctx, "logs", "Logs_20140328.DescribeLogGroups", map[string]string{"logGroupNamePrefix": name})
	if err != nil {
		return nil, err
	}
	groups, _ := answer["logGroups"].([]any)
	for _, g := range groups {
		if group, ok := g.(map[string]any); ok && group["logGroupName"] == name {
			return group, nil
		}
	}
	return nil, notFound{name}
}

func (e *emulator) role(ctx context.Context, name string) (map[string]any, error) {
	var answer struct {
		Document string `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
	}
	if err := e.query(ctx, "iam", "GetRole", &answer, "RoleName", name); err != nil {
		return nil, err
	}
	return document("AssumeRolePolicyDocument", answer.Document)
}

// policy returns one that is part of a role.
func (s *snapshot) policy(ctx context.Context, r resource) (map[string]any, error) {
	properties := s.template.Resources[r.LogicalID].Properties
	roles := nested(properties["Roles"])
	if len(roles) != 1 {
		return nil, fmt.Errorf("is part of %d roles", len(roles))
	}
	name := fmt.Sprint(properties["PolicyName"])
	var answer struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	err := s.emulator.query(ctx, "iam", "GetRolePolicy", &answer, "RoleName", s.physical[roles[0]], "PolicyName", name)
	if err != nil {
		return nil, err
	}
	live, err := document("PolicyDocument", answer.Document)
	if err == nil {
		live["PolicyName"] = name
	}
	return live, err
}

// document returns a policy document of IAM, which writes it as part of a URL.
func document(name, text string) (map[string]any, error) {
	text, err := url.QueryUnescape(text)
	if err != nil {
		return nil, err
	}
	var parsed any
	err = json.Unmarshal([]byte(text), &parsed)
	return map[string]any{name: parsed}, err
}
