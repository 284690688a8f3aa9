package agree

import (
	"encoding/json"
	"fmt"
	"slices"
)

// textsTopic is the logical id of the topic to which End User Messaging reports.
const textsTopic = "Texts"

// pattern returns an event pattern in one form, with the name of the table as "Table".
func pattern(text []byte) string {
	var value any
	if json.Unmarshal(text, &value) != nil {
		return string(text)
	}
	one, err := json.Marshal(withoutReferences(value))
	if err != nil {
		return string(text)
	}
	return string(one)
}

// withoutReferences replaces each {"Ref": id} in a value by the id.
func withoutReferences(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = withoutReferences(v[i])
		}
	case map[string]any:
		if id, ok := v["Ref"].(string); ok && len(v) == 1 {
			return id
		}
		for key := range v {
			v[key] = withoutReferences(v[key])
		}
	}
	return value
}

// addFeedback adds the rules and subscriptions that invoke the functions.
func (t cdkTemplate) addFeedback(d Deployed) error {
	for id, r := range t.Resources {
		var err error
		switch r.Type {
		case "AWS::Events::Rule":
			err = t.addRule(d, r.Properties)
		case "AWS::SNS::Subscription":
			err = t.addSubscription(d, r.Properties)
		}
		if err != nil {
			return fmt.Errorf("read %s of the CDK template: %w", id, err)
		}
	}
	return nil
}

func (t cdkTemplate) addRule(d Deployed, properties []byte) error {
	var rule struct {
		EventBusName any
		EventPattern json.RawMessage
		Targets      []struct{ Arn any }
	}
	if err := json.Unmarshal(properties, &rule); err != nil {
		return err
	}
	for _, target := range rule.Targets {
		function, ok := d["function "+t.functionBehind(target.Arn)]
		if !ok || rule.EventBusName != nil {
			return fmt.Errorf("it does not send events of the default bus to a function")
		}
		function["events"] = pattern(rule.EventPattern)
	}
	return nil
}

func (t cdkTemplate) addSubscription(d Deployed, properties []byte) error {
	var s struct {
		Protocol           string
		Endpoint, TopicArn any
	}
	if err := json.Unmarshal(properties, &s); err != nil || s.Protocol != "lambda" {
		return err
	}
	function, ok := d["function "+t.functionBehind(s.Endpoint)]
	if !ok || !slices.Contains(references(s.TopicArn), textsTopic) {
		return fmt.Errorf("it does not send the notifications of %s to a function", textsTopic)
	}
	function["topic"] = textsTopic
	return nil
}
