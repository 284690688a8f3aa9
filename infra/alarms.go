package main

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/emf"
	"journeys/internal/manifest"
)

// alarm is one reason to wake somebody. It goes off when the metric reaches
// the threshold in each of so many of its periods.
type alarm struct {
	id        string
	metric    awscloudwatch.IMetric
	threshold float64
	periods   float64
	says      string
	anchor    string // of docs/operations.md
	stale     bool   // it goes off when the metric stays below the threshold, or away
}

func (st *stack) addAlarms() {
	action := awscloudwatchactions.NewSnsAction(st.newAlarmTopic())
	for _, a := range st.alarms() {
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
		missing := awscloudwatch.TreatMissingData_NOT_BREACHING
		if a.stale {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
			missing = awscloudwatch.TreatMissingData_BREACHING
		}
		awscloudwatch.NewAlarm(st.scope, jsii.String(a.id+"Alarm"), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(*st.scope.StackName() + "-" + a.id),
			AlarmDescription:   jsii.String(a.says + " See docs/operations.md#" + a.anchor),
			Metric:             a.metric,
			Threshold:          jsii.Number(a.threshold),
			EvaluationPeriods:  jsii.Number(a.periods),
			ComparisonOperator: comparison,
			TreatMissingData:   missing,
		}).AddAlarmAction(action)
	}
}

func (st *stack) alarms() []alarm {
	alarms := []alarm{
		{
			"Api5xx", st.stage.MetricServerError(sum()), 5, 1,
			"Callers got 5 or more 5xx answers within five minutes.", "api-5xx", false,
		},
		{
			"TableThrottles", st.tableThrottles(), 1, 2,
			"The table or its index refused calls for want of throughput, for ten minutes.", "table-throttles", false,
		},
	}
	alarms = append(alarms, st.figureAlarms()...)
	for _, f := range manifest.Functions() {
		alarms = append(alarms, st.functionAlarms(f)...)
	}
	return alarms
}

// figureAlarms are about what rollup finds, and about rollup itself: figures
// that nobody audits are figures that nobody knows to be right.
func (st *stack) figureAlarms() []alarm {
	const hour, day = 60, 24 * 60
	return []alarm{
		{
			"Poison", st.ownMetric("Poison", 5), 1, 1,
			"Writes of enrollments could not be counted, so that figures are wrong until they are repaired.", "poison", false,
		},
		{
			"Drift", st.ownMetric("Drift", hour), 1, 1,
			"The audit found figures that are not what the enrollments say, and repaired them.", "drift", false,
		},
		{
			"WrongItems", st.ownMetric("WrongItems", hour), 1, 1,
			"The audit found enrollments that cannot be true.", "wrong-items", false,
		},
		{
			"RollupStale", st.ownMetric("RollupRuns", hour), 1, 3,
			"No run of rollup came to its end for three hours.", "rollup-stale", true,
		},
		{
			"AuditStale", st.ownMetric("Audits", day), 1, 2,
			"No audit of the figures came to its end for two days.", "rollup-stale", true,
		},
	}
}

// slowWindow is for how long calls are slow before somebody hears of it.
const slowWindow = 15 * time.Minute

func (st *stack) functionAlarms(f manifest.Function) []alarm {
	function := st.functions[f.Name]
	errors := alarm{
		f.LogicalID() + "Errors", function.MetricErrors(sum()), 1, 1,
		f.Name + " crashed, ran out of time or did not start.", "function-errors", false,
	}
	if f.Name == manifest.Authorizer.Name {
		errors.says, errors.anchor = "The authorizer failed, so callers with good tokens got 500.", "authorizer-errors"
	}
	half := f.Timeout / 2
	slowFor, periods := "for a quarter of an hour", 3.0
	if f.Schedule > slowWindow { // it is not called in each period
		slowFor, periods = "once", 1
	}
	alarms := []alarm{
		errors,
		{
			f.LogicalID() + "Throttles", function.MetricThrottles(sum()), 1, 1,
			f.Name + " was refused for want of concurrency.", "throttles", false,
		},
		{
			f.LogicalID() + "Duration", function.MetricDuration(p99()), float64(half.Milliseconds()), periods,
			fmt.Sprintf("The slowest 1 %% of %s's calls took %s, half of what they may, %s.", f.Name, half, slowFor), "duration", false,
		},
	}
	if f.Stream != nil {
		alarms = append(alarms, alarm{
			f.LogicalID() + "Behind", function.Metric(jsii.String("IteratorAge"), maximum()), float64(maxBehind.Milliseconds()), 1,
			fmt.Sprintf("%s is %s behind the table's stream, whose records last a day.", f.Name, maxBehind), "stream-behind", false,
		})
	}
	return alarms
}

// maxBehind is how far a reader of the stream may be behind.
const maxBehind = 10 * time.Minute

// tableThrottles counts what the table and its index refused. A period without
// any has no data point, which would make the sum missing too.
func (st *stack) tableThrottles() awscloudwatch.IMetric {
	index := map[string]*string{"GlobalSecondaryIndexName": jsii.String(manifest.DueIndex)}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("FILL(reads, 0) + FILL(writes, 0) + FILL(indexReads, 0) + FILL(indexWrites, 0)"),
		Label:      jsii.String("Throttled"),
		Period:     fiveMinutes(),
		UsingMetrics: &map[string]awscloudwatch.IMetric{
			"reads":       st.tableMetric("ReadThrottleEvents", nil),
			"writes":      st.tableMetric("WriteThrottleEvents", nil),
			"indexReads":  st.tableMetric("ReadThrottleEvents", index),
			"indexWrites": st.tableMetric("WriteThrottleEvents", index),
		},
	})
}

// tableMetric returns the sum of one of the table's own metrics, or of its
// index's if that is among the dimensions.
func (st *stack) tableMetric(name string, dimensions map[string]*string) awscloudwatch.IMetric {
	all := map[string]*string{"TableName": st.table.TableName()}
	for key, value := range dimensions {
		all[key] = value
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/DynamoDB"), MetricName: jsii.String(name),
		DimensionsMap: &all, Statistic: jsii.String("Sum"), Period: fiveMinutes(),
	})
}

// ownMetric returns the sum, over so many minutes, of a metric that functions
// write into their logs.
func (st *stack) ownMetric(name string, minutes float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(emf.Namespace), MetricName: jsii.String(name),
		DimensionsMap: &map[string]*string{emf.Dimension: st.table.TableName()},
		Statistic:     jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(minutes)),
	})
}

// newAlarmTopic returns the encrypted topic that mails every alarm. A topic
// that refuses plain HTTP has a policy of its own, and its key another one, so
// both have to let CloudWatch in.
func (st *stack) newAlarmTopic() awssns.Topic {
	key := awskms.NewKey(st.scope, jsii.String("AlarmKey"), &awskms.KeyProps{
		Description:       jsii.String("Alarms of " + *st.scope.StackName()),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	topic := awssns.NewTopic(st.scope, jsii.String("AlarmTopic"), &awssns.TopicProps{
		MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	key.AddToResourcePolicy(st.cloudWatchMay("*", "kms:Decrypt", "kms:GenerateDataKey"), nil)
	topic.AddToResourcePolicy(st.cloudWatchMay(*topic.TopicArn(), "sns:Publish"))
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(st.settings.alarmEmail), nil))
	return topic
}

func (st *stack) cloudWatchMay(resource string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings(actions...),
		Resources:  jsii.Strings(resource),
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": st.scope.Account()}},
	})
}

func sum() *awscloudwatch.MetricOptions { return statistic("Sum") }

func maximum() *awscloudwatch.MetricOptions { return statistic("Maximum") }

func p99() *awscloudwatch.MetricOptions { return statistic("p99") }

func statistic(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: fiveMinutes()}
}

func fiveMinutes() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(5)) }
