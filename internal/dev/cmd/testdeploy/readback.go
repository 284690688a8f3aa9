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

// notKept lists the parts of the template that MiniStack accepts and forgets.
// The tests of infra check them instead.
var notKept = []string{
	"Table.Replicas", // point-in-time recovery and deletion protection
	"Table.TimeToLiveSpecification",
}

// snapshot is the stack's resources and template as CloudFormation reports them.
type snapshot struct {
	emulator  *emulator
	resources []resource
	physical  map[string]string // physical ids by logical id
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
	resources, err := e.listResources(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Body string `xml:"GetTemplateResult>TemplateBody"`
	}
	if err := e.query(ctx, "cloudformation", "GetTemplate", &answer, "StackName", stack); err != nil {
		return nil, err
	}
	s := &snapshot{emulator: e, resources: resources, physical: map[string]string{}, text: []byte(answer.Body)}
	for _, r := range s.resources {
		s.physical[r.LogicalID] = r.PhysicalID
	}
	return s, json.Unmarshal(s.text, &s.template)
}

// listResources returns every resource of the stack. CloudFormation lists them in pages.
func (e *emulator) listResources(ctx context.Context) ([]resource, error) {
	var all []resource
	parameters := []string{"StackName", stack}
	for {
		var page struct {
			Resources []resource `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
			Next      string     `xml:"ListStackResourcesResult>NextToken"`
		}
		if err := e.query(ctx, "cloudformation", "ListStackResources", &page, parameters...); err != nil {
			return nil, err
		}
		all = append(all, page.Resources...)
		if page.Next == "" {
			return all, nil
		}
		parameters = []string{"StackName", stack, "NextToken", page.Next}
	}
}

// first returns the physical id of the first resource of a type whose logical id
// has the prefix.
func (s *snapshot) first(kind, prefix string) (string, error) {
	i := slices.IndexFunc(s.resources, func(r resource) bool {
		return r.Type == kind && strings.HasPrefix(r.LogicalID, prefix)
	})
	if i < 0 {
		return "", fmt.Errorf("the stack has no %s %s", kind, prefix)
	}
	return s.resources[i].PhysicalID, nil
}

// check compares the resources with the deployed template, and the template with
// the manifest. It returns the number of resources that it read back.
func (s *snapshot) check(ctx context.Context) (read int, err error) {
	deployed, err := agree.FromCDK(s.text)
	if err != nil {
		return 0, err
	}
	lines := agree.Diff(agree.FromManifest(), deployed)
	forgotten := map[string]bool{}
	for _, r := range s.resources {
		live, err := s.live(ctx, r)
		if err != nil {
			return 0, fmt.Errorf("read %s back: %w", r.LogicalID, err)
		}
		if live != nil {
			read++
			lines = append(lines, dropNotKept(differences(r.LogicalID, s.wanted(r), live, s.physical), forgotten)...)
		}
	}
	for _, at := range notKept {
		if !forgotten[at] {
			lines = append(lines, at+": is kept after all; remove it from notKept")
		}
	}
	if len(lines) > 0 {
		err = errors.New("the deployed resources differ from the template:\n" + strings.Join(lines, "\n"))
	}
	return read, err
}

// dropNotKept removes the lines about entries of notKept and marks those entries
// in forgotten.
func dropNotKept(lines []string, forgotten map[string]bool) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		i := slices.IndexFunc(notKept, func(at string) bool { return strings.HasPrefix(line, at) })
		if i >= 0 {
			forgotten[notKept[i]] = true
		}
		return i >= 0
	})
}

// wanted returns a resource's properties without those that no service returns:
// the place of a function's code, and the API or roles that it belongs to.
func (s *snapshot) wanted(r resource) map[string]any {
	properties := maps.Clone(s.template.Resources[r.LogicalID].Properties)
	for _, name := range []string{"Code", "ApiId", "Roles"} {
		delete(properties, name)
	}
	return properties
}

// live returns the resource as its own service describes it, nil for a type that
// is not read back.
func (s *snapshot) live(ctx context.Context, r resource) (map[string]any, error) {
	const apiPrefix = "AWS::ApiGatewayV2::"
	if part, ok := strings.CutPrefix(r.Type, apiPrefix); ok {
		api, err := s.first(apiPrefix+"Api", "")
		if err != nil {
			return nil, err
		}
		where := "/v2/apis/" + api
		if part != "Api" { // MiniStack prefixes the ids of routes with the API's
			where += "/" + strings.ToLower(part) + "s/" + url.PathEscape(path.Base(r.PhysicalID))
		}
		return s.emulator.get(ctx, "apigateway", where)
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

// table returns a table with the field names of its template.
func (e *emulator) table(ctx context.Context, name string) (map[string]any, error) {
	input := map[string]string{"TableName": name}
	described, err := e.post(ctx, "dynamodb", "DynamoDB_20120810.DescribeTable", input)
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
	expiry, err := e.post(ctx, "dynamodb", "DynamoDB_20120810.DescribeTimeToLive", input)
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
	answer, err := e.post(ctx, "logs", "Logs_20140328.DescribeLogGroups", map[string]string{"logGroupNamePrefix": name})
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
	return decodePolicy("AssumeRolePolicyDocument", answer.Document)
}

// policy returns an inline policy of a role.
func (s *snapshot) policy(ctx context.Context, r resource) (map[string]any, error) {
	properties := s.template.Resources[r.LogicalID].Properties
	roles := nested(properties["Roles"])
	if len(roles) != 1 {
		return nil, fmt.Errorf("it belongs to %d roles", len(roles))
	}
	name := fmt.Sprint(properties["PolicyName"])
	var answer struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	err := s.emulator.query(ctx, "iam", "GetRolePolicy", &answer, "RoleName", s.physical[roles[0]], "PolicyName", name)
	if err != nil {
		return nil, err
	}
	live, err := decodePolicy("PolicyDocument", answer.Document)
	if err == nil {
		live["PolicyName"] = name
	}
	return live, err
}

// decodePolicy decodes a policy document, which IAM returns URL-encoded.
func decodePolicy(name, text string) (map[string]any, error) {
	text, err := url.QueryUnescape(text)
	if err != nil {
		return nil, err
	}
	var parsed any
	err = json.Unmarshal([]byte(text), &parsed)
	return map[string]any{name: parsed}, err
}
