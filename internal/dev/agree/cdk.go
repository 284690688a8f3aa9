package agree

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// FromCDK returns what a template synthesized by the CDK deploys. It recognizes a
// function by its logical id, which the stack sets to the manifest's.
func FromCDK(template []byte) (Deployed, error) {
	var t cdkTemplate
	if err := json.Unmarshal(template, &t); err != nil {
		return nil, fmt.Errorf("read the CDK template: %w", err)
	}
	d := Deployed{}
	for id, r := range t.Resources {
		subject, aspects, err := t.describe(id, r)
		if err != nil {
			return nil, fmt.Errorf("read %s of the CDK template: %w", id, err)
		}
		if _, twice := d[subject]; twice {
			return nil, fmt.Errorf("the CDK template has %s twice", subject)
		}
		if subject != "" {
			d[subject] = aspects
		}
	}
	return d, errors.Join(t.addSchedules(d), t.addMappings(d), t.addFeedback(d))
}

// addMappings adds the functions' event source mappings of the table's stream.
func (t cdkTemplate) addMappings(d Deployed) error {
	for id, r := range t.Resources {
		if r.Type != "AWS::Lambda::EventSourceMapping" {
			continue
		}
		var m struct {
			mapping
			FunctionName   any
			EventSourceArn any
		}
		if err := json.Unmarshal(r.Properties, &m); err != nil {
			return fmt.Errorf("read %s of the CDK template: %w", id, err)
		}
		function, ok := d["function "+t.functionBehind(m.FunctionName)]
		if !ok || !slices.Contains(references(m.EventSourceArn), "Table") {
			return fmt.Errorf("%s of the CDK template does not map the table's stream to a function", id)
		}
		function["stream"] = m.aspect()
	}
	return nil
}

// addSchedules adds the schedules that invoke the functions.
func (t cdkTemplate) addSchedules(d Deployed) error {
	for id, r := range t.Resources {
		if r.Type != "AWS::Scheduler::Schedule" {
			continue
		}
		var schedule struct {
			ScheduleExpression string
			Target             struct{ Arn any }
		}
		if err := json.Unmarshal(r.Properties, &schedule); err != nil {
			return fmt.Errorf("read %s of the CDK template: %w", id, err)
		}
		function, ok := d["function "+t.functionBehind(schedule.Target.Arn)]
		if !ok {
			return fmt.Errorf("%s of the CDK template invokes no function", id)
		}
		function["schedule"] = schedule.ScheduleExpression
	}
	return nil
}

type cdkTemplate struct {
	Resources map[string]cdkResource
}

type cdkResource struct {
	Type       string
	Properties json.RawMessage
}

// describe returns a resource's subject and aspects. The subject is empty if the
// resource is not compared.
func (t cdkTemplate) describe(id string, r cdkResource) (string, Aspects, error) {
	switch r.Type {
	case "AWS::Lambda::Function":
		aspects, err := cdkFunction(r.Properties)
		return "function " + kebab(id), aspects, err
	case "AWS::ApiGatewayV2::Route":
		return t.route(r.Properties)
	case "AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table":
		var properties table
		err := json.Unmarshal(r.Properties, &properties)
		return "table", properties.aspects(), err
	}
	return "", nil, nil
}

func cdkFunction(properties []byte) (Aspects, error) {
	var f struct {
		MemorySize, Timeout int
		Environment         struct{ Variables map[string]json.RawMessage }
	}
	err := json.Unmarshal(properties, &f)
	return functionAspects(f.MemorySize, f.Timeout, slices.Collect(maps.Keys(f.Environment.Variables))), err
}

func (t cdkTemplate) route(properties []byte) (string, Aspects, error) {
	var r struct {
		RouteKey     string
		Target       any
		AuthorizerId any
	}
	if err := json.Unmarshal(properties, &r); err != nil {
		return "", nil, err
	}
	aspects := Aspects{"function": t.functionBehind(r.Target), "authorizer": t.functionBehind(r.AuthorizerId)}
	return "route " + r.RouteKey, aspects, nil
}

// functionBehind returns the name of the function that a route's target or
// authorizer invokes, "" if there is none.
func (t cdkTemplate) functionBehind(value any) string {
	for _, id := range references(value) {
		resource := t.Resources[id]
		switch resource.Type {
		case "AWS::Lambda::Function":
			return kebab(id)
		case "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Authorizer":
			var properties struct{ IntegrationUri, AuthorizerUri any }
			if json.Unmarshal(resource.Properties, &properties) == nil {
				return t.functionBehind([]any{properties.IntegrationUri, properties.AuthorizerUri})
			}
		}
	}
	return ""
}

// references returns the logical ids in a value's Ref and Fn::GetAtt.
func references(value any) []string {
	var ids []string
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			ids = append(ids, references(element)...)
		}
	case map[string]any:
		if id, ok := v["Ref"].(string); ok {
			ids = append(ids, id)
		}
		if attribute, ok := v["Fn::GetAtt"].([]any); ok && len(attribute) == 2 {
			ids = append(ids, fmt.Sprint(attribute[0]))
		}
		ids = append(ids, references(v["Fn::Join"])...)
	}
	return ids
}

// kebab is the inverse of manifest.Function.LogicalID.
func kebab(logicalID string) string {
	var name strings.Builder
	for i, r := range logicalID {
		if unicode.IsUpper(r) && i > 0 {
			name.WriteByte('-')
		}
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}
