package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsses"
	"github.com/aws/jsii-runtime-go"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// withMailSet returns the settings of a stack in which each channel of SES without a
// configuration set has the stack's own.
func (s settings) withMailSet(name string) (settings, error) {
	text, err := addMailSet(s.functions[manifest.EnvProviders], name)
	if err != nil {
		return s, err
	}
	providers, err := provider.ParseSettings([]byte(text))
	if err != nil {
		return s, err
	}
	functions := maps.Clone(s.functions)
	functions[manifest.EnvProviders], functions[manifest.EnvCatalog] = text, providers.Catalog().Text()
	s.functions, s.channels, s.providers, s.mailSet = functions, providers.ChannelsAWS(), providers.AWS(), name
	return s, nil
}

// addMailSet returns the settings of providers with the configuration set at each
// channel of SES that has none. Other texts come back as they are.
func addMailSet(text, name string) (string, error) {
	var all map[string]jsontext.Value
	var channels map[string]map[string]jsontext.Value
	err := json.Unmarshal([]byte(text), &all)
	if value, ok := all["channels"]; ok && err == nil {
		err = json.Unmarshal(value, &channels)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", manifest.EnvProviders, err)
	}
	added := false
	for _, channel := range channels {
		if string(channel["type"]) == `"ses"` && channel["configurationSet"] == nil {
			channel["configurationSet"], added = jsontext.Value(strconv.Quote(name)), true
		}
	}
	if !added {
		return text, nil
	}
	all["channels"], err = json.Marshal(channels, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	with, err := json.Marshal(all, json.Deterministic(true))
	return string(with), err
}

// mailEvents returns the types of SES's events that become feedback, as CloudFormation
// calls them.
func (s settings) mailEvents() []string {
	types := []string{"bounce", "complaint", "open", "click", "subscription", "reject", "renderingFailure", "deliveryDelay"}
	if s.delivered {
		types = append(types, "delivery")
	}
	return types
}

// addMailSets makes SES report what becomes of mail to the account's default event bus:
// by the stack's own configuration set, if a channel uses it, and by those that channels
// name.
func (st *stack) addMailSets() {
	for i, name := range st.settings.channels.MailSets {
		id := "Mail" + strconv.Itoa(i)
		if name == st.settings.mailSet {
			id = "Mail"
		}
		events := awsses.NewCfnConfigurationSetEventDestination(st.scope, jsii.String(id+"Events"), &awsses.CfnConfigurationSetEventDestinationProps{
			ConfigurationSetName: jsii.String(name),
			EventDestination: &awsses.CfnConfigurationSetEventDestination_EventDestinationProperty{
				Name: st.scope.StackName(), Enabled: jsii.Bool(true), MatchingEventTypes: jsii.Strings(st.settings.mailEvents()...),
				EventBridgeDestination: &awsses.CfnConfigurationSetEventDestination_EventBridgeDestinationProperty{
					EventBusArn: st.arn("events", "event-bus/default"),
				},
			},
		})
		if name == st.settings.mailSet {
			events.AddResourceDependency(awsses.NewCfnConfigurationSet(st.scope, jsii.String("MailSet"), &awsses.CfnConfigurationSetProps{
				Name: jsii.String(name),
			}), nil)
		}
	}
}

// allowMail allows SES to send from the channels' addresses through their configuration
// sets. While an account is in SES's sandbox, it also asks for the identities of those
// that mail is sent to.
func (st *stack) allowMail(role awsiam.Role) {
	used := st.settings.channels
	if len(used.Senders) == 0 {
		return
	}
	resources := []*string{st.arn("ses", "identity/*"), st.arn("ses", "template/*")}
	for _, name := range used.MailSets {
		resources = append(resources, st.arn("ses", "configuration-set/"+name))
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ses:SendEmail", "ses:SendTemplatedEmail"), Resources: &resources,
		Conditions: &map[string]any{"StringEquals": map[string]any{"ses:FromAddress": used.Senders}},
	}))
	for _, kind := range []string{"identity", "template"} {
		suppressWildcard(role, "Resource::arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:"+kind+"/*",
			"An address may be verified by itself or by its domain, journeys name templates, and the condition limits the senders.")
	}
}

// readDelivered reads whether delivered messages are reported.
func (s *settings) readDelivered(text string) error {
	if !slices.Contains([]string{"", "true", "false"}, text) {
		return fmt.Errorf("%s is %q: want true or false", manifest.EnvFeedbackDelivered, text)
	}
	s.delivered = text == "true"
	return nil
}
