package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/manifest"
)

// addMailEvents makes EventBridge invoke the function with SES's events about the mail
// of this stack. SES sends them to the account's default event bus, which all stacks
// share.
func (st *stack) addMailEvents(f manifest.Function, function awslambda.Function) {
	var pattern map[string]any
	if err := json.Unmarshal([]byte(manifest.MailPattern(*st.table.TableName())), &pattern); err != nil {
		panic(err) // a constant and the name of a table
	}
	rule := awsevents.NewCfnRule(st.scope, jsii.String(f.LogicalID()+"Mail"), &awsevents.CfnRuleProps{
		Description:  jsii.String("Journeys: invokes " + f.Name + " with what became of mail"),
		EventPattern: pattern,
		Targets:      &[]any{awsevents.CfnRule_TargetProperty{Arn: function.FunctionArn(), Id: jsii.String(f.Name)}},
	})
	function.AddPermission(jsii.String("Mail"), &awslambda.Permission{
		Principal: awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil), SourceArn: rule.AttrArn(),
	})
}

// addTextEvents makes SNS invoke the function with what End User Messaging reports to a
// topic of this stack about text messages.
func (st *stack) addTextEvents(f manifest.Function, function awslambda.Function) {
	topic := awssns.NewTopic(st.scope, jsii.String("Texts"), &awssns.TopicProps{EnforceSSL: jsii.Bool(true), MasterKey: st.encryptionKey()})
	setLogicalID(topic, "Texts")
	topic.AddToResourcePolicy(st.allowService("sms-voice", *topic.TopicArn(), "sns:Publish"))
	st.output("TextsTopic", topic.TopicArn(), "Where End User Messaging reports what became of text messages, see docs/deployment.md")
	topic.AddSubscription(awssnssubscriptions.NewLambdaSubscription(function, nil))
}
