package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// stack is the CloudFormation stack of one stage under construction.
type stack struct {
	scope     awscdk.Stack
	settings  settings
	prod      bool
	dist      string
	table     awsdynamodb.ITableV2          // that the functions use
	functions map[string]awslambda.Function // by name
	api       awsapigatewayv2.HttpApi       // see httpAPI
	stage     awsapigatewayv2.HttpStage
	pool      awscognito.UserPool // nil without JOURNEYS_COGNITO
	key       awskms.IKey         // see encryptionKey
}

// stackName returns the name of a stage's stack, and of its configuration set of SES.
func stackName(stage string) string { return "Journeys-" + stage }

func newStack(app awscdk.App, stage string, s settings, dist string) {
	prod := stage == prodStage
	s, err := s.withMailSet(stackName(stage))
	if err != nil {
		panic(err) // readSettings has parsed the same text
	}
	st := &stack{
		scope: awscdk.NewStack(app, jsii.String(stackName(stage)), &awscdk.StackProps{
			Description:           jsii.String("Customer journeys, stage " + stage),
			TerminationProtection: jsii.Bool(prod),
		}),
		settings:  s,
		prod:      prod,
		dist:      dist,
		functions: map[string]awslambda.Function{},
	}
	st.addTable()
	if s.cognito.on {
		st.addCognito()
	}
	st.addFunctions()
	st.addMailSets()
	st.addAPI()
	if s.cognito.on {
		st.addFirstAdmin()
	}
	st.addDashboard()
	if prod {
		st.addAlarms()
	}
}

// removal returns the removal policy of data and logs.
func (st *stack) removal() awscdk.RemovalPolicy {
	if st.prod {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

func (st *stack) newLogGroup(id string) awslogs.LogGroup {
	retention := awslogs.RetentionDays_ONE_WEEK
	if st.prod {
		retention = awslogs.RetentionDays_THREE_MONTHS
	}
	return awslogs.NewLogGroup(st.scope, jsii.String(id), &awslogs.LogGroupProps{
		Retention: retention, RemovalPolicy: st.removal(), EncryptionKey: st.encryptionKey(),
	})
}

func (st *stack) output(id string, value *string, description string) {
	awscdk.NewCfnOutput(st.scope, jsii.String(id), &awscdk.CfnOutputProps{
		Value: value, Description: jsii.String(description),
	})
}

// setLogicalID gives a construct's resource the same logical id as in template.yaml.
func setLogicalID(c constructs.Construct, id string) {
	c.Node().DefaultChild().(awscdk.CfnElement).OverrideLogicalId(jsii.String(id))
}
