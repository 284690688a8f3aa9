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

// alarm goes off when the metric reaches the threshold in each of the given
// number of consecutive periods.
type alarm struct {
	id          string
	metric      awscloudwatch.IMetric
	threshold   float64
	periods     float64
	description string
	runbook     string // section of docs/operations.md
	stale       bool   // goes off when the metric is below the threshold or has no data
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
			AlarmDescription:   jsii.String(a.description + " See docs/operations.md#" + a.runbook),
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
			"ApiSlow", st.stage.MetricLatency(p99()), float64(slowAnswer.Milliseconds()), 3,
			fmt.Sprintf("The slowest 1 %% of the API's answers took %s, for 15 minutes.", slowAnswer), "api-slow", false,
		},
		{
			"TableThrottles", st.tableThrottles(), 1, 2,
			"The table or its index throttled requests, for ten minutes.", "table-throttles", false,
		},
	}
	alarms = append(alarms, st.engineAlarms()...)
	alarms = append(alarms, st.figureAlarms()...)
	for _, f := range manifest.Background() { // what the others fail at is a 5xx of the API
		alarms = append(alarms, st.functionAlarms(f)...)
	}
	return alarms
}

// latest is the highest accepted lateness of the customer who has been due longest.
const latest = 5 * time.Minute

// engineAlarms returns the alarms on customers who do not move in time. A slow
// function of the engine has no alarm of its own: tick, sweep and advance work until
// their time is up while there is work.
func (st *stack) engineAlarms() []alarm {
	tick := st.functions[manifest.Tick.Name]
	return []alarm{
		{
			"TickStale", tick.MetricInvocations(&awscloudwatch.MetricOptions{
				Statistic: jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(1)),
			}), 1, 5,
			"tick was not invoked for five minutes, so no customer becomes due.", "tick-stale", true,
		},
		{
			"OldestDue", st.ownMetric("OldestDue", "Maximum", 5), latest.Seconds(), 1,
			fmt.Sprintf("A customer who was due %s ago has not moved.", latest), "oldest-due", false,
		},
		{
			"ShardsUnread", st.ownMetric("ShardsUnread", "Sum", 5), 1, 3,
			"tick did not read all due shards in time, for 15 minutes.", "shards-unread", false,
		},
	}
}

// figureAlarms returns the alarms on wrong or missing figures, and on rollup itself:
// without an audit, wrong figures would go unnoticed.
func (st *stack) figureAlarms() []alarm {
	const hour = 60
	return []alarm{
		{
			"Poison", st.ownMetric("Poison", "Sum", 5), 1, 1,
			"Some writes of enrollments could not be counted. Figures are wrong until the next audit repairs them.", "poison", false,
		},
		{
			"Drift", st.ownMetric("Drift", "Sum", hour), 1, 1,
			"The audit found figures that differ from the enrollments, and repaired them.", "drift", false,
		},
		{
			"WrongItems", st.ownMetric("WrongItems", "Sum", hour), 1, 1,
			"The audit found inconsistent enrollments.", "wrong-items", false,
		},
		{
			"RollupStale", st.ownMetric("RollupRuns", "Sum", hour), 1, 3,
			"rollup has not finished a run for three hours.", "rollup-stale", true,
		},
		{
			"FeedbackMissing", st.ownMetric("FeedbackMissing", "Maximum", hour), 1, 1,
			"Channels have sent for a day, and nothing was heard of what became of their messages.", "feedback-missing", false,
		},
		{ // without data, rollup does not run, or has no audit to do
			"AuditStalled", st.ownMetric("AuditStalled", "Sum", hour), 1, 3,
			"rollup has made no progress with an audit for three hours.", "audit-stalled", false,
		},
	}
}

// slowAnswer is half of the time that the function of a route has.
const slowAnswer = 14 * time.Second

func (st *stack) functionAlarms(f manifest.Function) []alarm {
	function := st.functions[f.Name]
	if f.Mail || f.Texts {
		// Events wait for concurrency, and are repeated after an error.
		return []alarm{{
			f.LogicalID() + "Dropped", function.Metric(jsii.String("AsyncEventsDropped"), sum()), 1, 1,
			f.Name + " failed three times on an event, or did not come to it for six hours.", "feedback-dropped", false,
		}}
	}
	failures := alarm{
		f.LogicalID() + "Errors", function.MetricErrors(sum()), 1, 1,
		f.Name + " crashed, ran out of time or did not start.", "function-errors", false,
	}
	if f.Name == manifest.Authorizer.Name {
		failures.description, failures.runbook = "The authorizer failed, so callers with good tokens got 500.", "authorizer-errors"
	}
	alarms := []alarm{failures}
	switch {
	case f.Name == manifest.Sweep.Name: // Lambda repeats a throttled call for a minute, which does no harm
		alarms = append(alarms, alarm{
			"SegmentsDropped", function.Metric(jsii.String("AsyncEventsDropped"), sum()), 1, 1,
			"Lambda dropped calls of sweep, so due shards were not read for a minute or longer.", "segments-dropped", false,
		})
	case f.Schedule == 0: // one that is throttled all the time is stale
		alarms = append(alarms, alarm{
			f.LogicalID() + "Throttles", function.MetricThrottles(sum()), 1, 1,
			f.Name + " was throttled: no concurrency was left.", "throttles", false,
		})
	}
	if f.Name == manifest.Authorizer.Name {
		half := f.Timeout / 2
		alarms = append(alarms, alarm{
			f.LogicalID() + "Duration", function.MetricDuration(p99()), float64(half.Milliseconds()), 3,
			fmt.Sprintf("The slowest 1 %% of the authorizer's calls took %s, half of its timeout, for 15 minutes.", half), "authorizer-slow", false,
		})
	}
	if f.Stream != nil {
		alarms = append(alarms, alarm{
			f.LogicalID() + "Behind", function.Metric(jsii.String("IteratorAge"), maximum()), float64(maxBehind.Milliseconds()), 1,
			fmt.Sprintf("%s is %s behind the table's stream, which keeps records for a day.", f.Name, maxBehind), "stream-behind", false,
		})
	}
	return alarms
}

// maxBehind is the highest accepted age of the stream records that a function reads.
const maxBehind = 10 * time.Minute

// tableThrottles returns the number of throttled requests of the table and its
// index. FILL is there because a period without throttling has no data point, and
// a missing term would make the sum missing too.
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

// tableMetric returns the sum of a DynamoDB metric of the table, or of an index
// that the dimensions name.
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

// ownMetric returns a statistic of a metric that the functions write to their logs,
// per period of the given minutes.
func (st *stack) ownMetric(name, statistic string, minutes float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(emf.Namespace), MetricName: jsii.String(name),
		DimensionsMap: &map[string]*string{emf.Dimension: st.table.TableName()},
		Statistic:     jsii.String(statistic), Period: awscdk.Duration_Minutes(jsii.Number(minutes)),
	})
}

// newAlarmTopic returns the encrypted topic that sends every alarm by e-mail. The
// topic's own policy, which refuses plain HTTP, replaces the default one, so it must
// allow CloudWatch.
func (st *stack) newAlarmTopic() awssns.Topic {
	topic := awssns.NewTopic(st.scope, jsii.String("AlarmTopic"), &awssns.TopicProps{
		MasterKey: st.alarmKey(), EnforceSSL: jsii.Bool(true),
	})
	topic.AddToResourcePolicy(st.allowService("cloudwatch", *topic.TopicArn(), "sns:Publish"))
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(st.settings.alarmEmail), nil))
	return topic
}

// alarmKey returns the key of the settings, or else one of the topic's own. CloudWatch
// must be allowed to use either, but the key of the settings has a policy that is not
// this stack's.
func (st *stack) alarmKey() awskms.IKey {
	if key := st.encryptionKey(); key != nil {
		return key
	}
	key := awskms.NewKey(st.scope, jsii.String("AlarmKey"), &awskms.KeyProps{
		Description:       jsii.String("Alarms of " + *st.scope.StackName()),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	key.AddToResourcePolicy(st.allowService("cloudwatch", "*", "kms:Decrypt", "kms:GenerateDataKey"), nil)
	return key
}

// allowService returns a statement that lets a service of AWS perform the actions for
// this account.
func (st *stack) allowService(service, resource string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(service+".amazonaws.com"), nil)},
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
