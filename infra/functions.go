package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// manifestFunctions returns the functions of this stack: all, or all but the
// console.
func (st *stack) manifestFunctions() []manifest.Function {
	return slices.DeleteFunc(manifest.Functions(), func(f manifest.Function) bool {
		return f.Name == manifest.Console.Name && !st.settings.console
	})
}

func (st *stack) addFunctions() {
	for _, f := range st.manifestFunctions() {
		st.functions[f.Name] = st.newFunction(f)
	}
}

func (st *stack) newFunction(f manifest.Function) awslambda.Function {
	logs := st.newLogGroup(f.LogicalID() + "Logs")
	props := &awslambda.FunctionProps{
		Description:           jsii.String("Journeys: " + f.Name),
		Code:                  awslambda.Code_FromAsset(jsii.String(filepath.Join(st.dist, f.Name)), nil),
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Handler:               jsii.String("bootstrap"),
		Architecture:          architecture(st.settings.arch),
		MemorySize:            jsii.Number(f.MemoryMB),
		Timeout:               awscdk.Duration_Seconds(jsii.Number(f.Timeout.Seconds())),
		Environment:           st.environment(f),
		Role:                  st.newRole(f, logs),
		LogGroup:              logs,
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		ApplicationLogLevelV2: awslambda.ApplicationLogLevel_INFO,
		SystemLogLevelV2:      awslambda.SystemLogLevel_WARN,
		Tracing:               awslambda.Tracing_ACTIVE,
	}
	if reserved := st.settings.reserved[f.Name]; st.prod && reserved > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(reserved)
	}
	function := awslambda.NewFunction(st.scope, jsii.String(f.LogicalID()), props)
	setLogicalID(function, f.LogicalID())
	switch f.Name {
	case manifest.Advance.Name:
		// tick finds again what is lost or late, so old events are worthless.
		function.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
			MaxEventAge: awscdk.Duration_Minutes(jsii.Number(5)), RetryAttempts: jsii.Number(1),
		})
	case manifest.Sweep.Name:
		invokeOnce(function) // the next tick invokes it for the same journeys
	}
	if f.Schedule > 0 {
		st.addSchedule(f, function)
	}
	if f.Stream != nil {
		st.addStream(f, function)
	}
	if f.Mail {
		st.addMailEvents(f, function)
	}
	if f.Texts {
		st.addTextEvents(f, function)
	}
	return function
}

// scheduleGroup is the group of schedules that every account has.
const scheduleGroup = "default"

// invokeOnce makes Lambda drop asynchronous calls of the function that failed, or that
// waited for a minute.
func invokeOnce(function awslambda.Function) {
	function.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
		MaxEventAge: awscdk.Duration_Minutes(jsii.Number(1)), RetryAttempts: jsii.Number(0),
	})
}

// addSchedule makes EventBridge Scheduler invoke the function. Neither Scheduler
// nor Lambda retries a failed call, because the next one does its work.
func (st *stack) addSchedule(f manifest.Function, function awslambda.Function) {
	invokeOnce(function)
	role := awsiam.NewRole(st.scope, jsii.String(f.LogicalID()+"ScheduleRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{
				"aws:SourceAccount": st.scope.Account(),
				// The ARN of a schedule is not accepted here, only that of its group.
				"aws:SourceArn": st.arn("scheduler", "schedule-group/"+scheduleGroup),
			}},
		}),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &[]*string{function.FunctionArn()},
	}))
	awsscheduler.NewCfnSchedule(st.scope, jsii.String(f.LogicalID()+"Schedule"), &awsscheduler.CfnScheduleProps{
		Description:        jsii.String("Journeys: invokes " + f.Name),
		GroupName:          jsii.String(scheduleGroup),
		ScheduleExpression: jsii.String(rate(f.Schedule)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn: function.FunctionArn(), RoleArn: role.RoleArn(),
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumRetryAttempts: jsii.Number(0), MaximumEventAgeInSeconds: jsii.Number(60),
			},
		},
	})
}

// addStream makes Lambda invoke the function with the table's stream. A batch that
// fails is retried until it succeeds or leaves the stream after a day. Each shard
// has one batch in progress at a time: a shard's watermark covers one sequence only.
func (st *stack) addStream(f manifest.Function, function awslambda.Function) {
	mapping := awslambda.NewEventSourceMapping(st.scope, jsii.String(f.LogicalID()+"Stream"), &awslambda.EventSourceMappingProps{
		Target:            function,
		EventSourceArn:    st.table.TableStreamArn(),
		StartingPosition:  awslambda.StartingPosition_TRIM_HORIZON,
		BatchSize:         jsii.Number(f.Stream.BatchSize),
		MaxBatchingWindow: awscdk.Duration_Seconds(jsii.Number(f.Stream.BatchWindow.Seconds())),
		TumblingWindow:    awscdk.Duration_Seconds(jsii.Number(f.Stream.Window.Seconds())),
		Filters:           &[]*map[string]any{{"pattern": f.Stream.Filter()}},
	})
	// Lambda reads the stream with the function's role.
	mapping.Node().AddDependency(function.Role())
}

// rate returns the schedule expression for a whole number of minutes.
func rate(every time.Duration) string {
	if every == time.Minute {
		return "rate(1 minute)"
	}
	return fmt.Sprintf("rate(%d minutes)", every/time.Minute)
}

func architecture(arch string) awslambda.Architecture {
	if arch == "amd64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

func (st *stack) environment(f manifest.Function) *map[string]*string {
	environment := map[string]*string{}
	for _, name := range f.Env {
		value, ok := st.settings.functions[name]
		switch {
		case name == manifest.EnvTable:
			environment[name] = st.table.TableName()
		case name == manifest.EnvAdvance:
			environment[name] = st.functions[manifest.Advance.Name].FunctionName()
		case name == manifest.EnvPublicURL && value == "":
			environment[name] = st.address()
		case name == manifest.EnvSweep:
			environment[name] = st.functions[manifest.Sweep.Name].FunctionName()
		case ok:
			environment[name] = jsii.String(value)
		default:
			panic("infra has no value for the setting " + name + " of " + f.Name)
		}
	}
	return &environment
}

// newRole returns a role that allows what the manifest lists and writing to the
// function's own log group. CDK adds X-Ray, for active tracing.
func (st *stack) newRole(f manifest.Function, logs awslogs.LogGroup) awsiam.Role {
	role := awsiam.NewRole(st.scope, jsii.String(f.LogicalID()+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	logs.GrantWrite(role)
	if len(f.Actions) > 0 {
		st.allowTable(role, f)
	}
	st.allowKey(role, f)
	if f.Stream != nil {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
			Resources: &[]*string{st.table.TableStreamArn()},
		}))
	}
	if len(f.Invokes) > 0 {
		var arns []*string
		for _, name := range f.Invokes {
			arns = append(arns, st.functions[name].FunctionArn())
		}
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &arns,
		}))
	}
	if slices.Contains(f.Env, manifest.EnvKey) {
		st.allowNamed(role, secretActions[st.settings.keyPlace.Store], []string{st.settings.keyPlace.Resource()})
	}
	switch {
	case f.Name == manifest.Advance.Name:
		st.allowProviders(role, st.settings.providers)
	case f.Sends():
		st.allowProviders(role, st.settings.channels)
	}
	suppressWildcard(role, "Resource::*",
		"X-Ray's PutTraceSegments and PutTelemetryRecords know no resource but *; no other statement has one.")
	return role
}

// allowProviders lets a function use the AWS services that the configured channels, or
// channels and decision flows, need, and read their secrets, on exactly the resources that
// the settings name. The AWS managed keys of both stores need no permission; the policy of
// another key decides by itself.
func (st *stack) allowProviders(role awsiam.Role, used provider.AWS) {
	st.allowMail(role)
	if used.SMS {
		st.allowSMS(role)
	}
	st.allowNamed(role, "sms-voice:SendTextMessage", used.Messaging)
	st.allowNamed(role, "events:PutEvents", used.Buses)
	st.allowNamed(role, "lambda:InvokeFunction", used.Functions)
	st.allowNamed(role, "ssm:GetParameter", used.Parameters)
	st.allowNamed(role, "secretsmanager:GetSecretValue", used.Secrets)
}

// allowSMS allows SNS for telephone numbers. They have no ARN, so they need *.
// Topics have one, and are denied.
func (st *stack) allowSMS(role awsiam.Role) {
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("sns:Publish"), Resources: jsii.Strings("*"),
	}))
	topics := jsii.String("arn:" + *st.scope.Partition() + ":sns:*:*:*")
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Effect: awsiam.Effect_DENY, Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{topics},
	}))
	suppressWildcard(role, "Resource::arn:<AWS::Partition>:sns:*:*:*",
		"SNS has no resource for a telephone number, and topics are denied.")
}

// allowNamed allows the action on the resources, as provider.AWS lists them.
func (st *stack) allowNamed(role awsiam.Role, action string, resources []string) {
	if len(resources) == 0 {
		return
	}
	service, _, _ := strings.Cut(action, ":")
	var arns []*string
	for _, resource := range resources {
		if strings.HasPrefix(resource, "arn:") {
			arns = append(arns, jsii.String(resource))
		} else {
			arns = append(arns, st.arn(service, resource))
		}
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(action), Resources: &arns,
	}))
}

// arn returns the ARN of a resource in this account and region.
func (st *stack) arn(service, resource string) *string {
	return jsii.String("arn:" + *st.scope.Partition() + ":" + service + ":" + *st.scope.Region() + ":" + *st.scope.Account() + ":" + resource)
}

func suppressWildcard(role awsiam.Role, resource, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(role, &[]*cdknag.NagPackSuppression{{
		Id: jsii.String("AwsSolutions-IAM5"), AppliesTo: &[]any{resource}, Reason: jsii.String(reason),
	}}, jsii.Bool(true))
}

func (st *stack) allowTable(role awsiam.Role, f manifest.Function) {
	table := st.table.TableArn()
	index := jsii.String(*table + "/index/" + manifest.DueIndex)
	resources := []*string{table}
	if f.Index {
		resources = append(resources, index)
	}
	var actions []*string
	for _, action := range f.Actions {
		actions = append(actions, jsii.String("dynamodb:"+action))
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: &actions, Resources: &resources,
	}))
	// A PartiQL SELECT without the partition key in its WHERE reads the whole table.
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Effect:     awsiam.Effect_DENY,
		Actions:    jsii.Strings("dynamodb:PartiQLSelect"),
		Resources:  &[]*string{table, index},
		Conditions: &map[string]any{"Bool": map[string]any{"dynamodb:FullTableScan": "true"}},
	}))
}
