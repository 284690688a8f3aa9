package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/manifest"
)

// addDashboard adds graphs of the API, the engine, the functions that serve no route,
// and the table, in this order. CloudWatch gives an account three dashboards of up to
// 50 metrics; a larger one costs $3 a month. So the functions of routes are not in it:
// the API's own metrics stand for them, and the access log has the routes.
func (st *stack) addDashboard() {
	dashboard := awscloudwatch.NewDashboard(st.scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: st.scope.StackName(),
	})
	dashboard.AddWidgets(
		graph("Calls and refusals", st.stage.MetricCount(sum()), st.stage.MetricClientError(sum()), st.stage.MetricServerError(sum())),
		graph("Answer time, ms", st.stage.MetricLatency(statistic("p50")), st.stage.MetricLatency(p99())),
	)
	dashboard.AddWidgets(
		graph("Customers", st.ownMetrics("Sum", "CustomersDue", "CustomersMoved", "CustomersFailed", "CustomersLeft", "CustomersStuck")...),
		graph("Lateness of the oldest customer, s", st.ownMetrics("Maximum", "OldestDue")...),
	)
	dashboard.AddWidgets(
		graph("Due shards that were not read", st.ownMetrics("Sum", "ShardsUnread")...),
		graph("Invocations", st.perFunction(awslambda.Function.MetricInvocations, sum)...),
	)
	dashboard.AddWidgets(
		graph("Errors", st.perFunction(awslambda.Function.MetricErrors, sum)...),
		graph("Throttles", st.perFunction(awslambda.Function.MetricThrottles, sum)...),
	)
	dashboard.AddWidgets(
		graph("Duration p99, ms", st.perFunction(awslambda.Function.MetricDuration, p99)...),
		graph("Capacity units", st.tableMetric("ConsumedReadCapacityUnits", nil), st.tableMetric("ConsumedWriteCapacityUnits", nil)),
	)
	dashboard.AddWidgets(graph("Throttled by the table", st.tableThrottles()))
}

// graph returns a widget that is half as wide as the dashboard.
func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Left: &metrics, Width: jsii.Number(12), Period: fiveMinutes(),
	})
}

// ownMetrics returns the statistic of each of the service's own metrics.
func (st *stack) ownMetrics(statistic string, names ...string) []awscloudwatch.IMetric {
	var metrics []awscloudwatch.IMetric
	for _, name := range names {
		metrics = append(metrics, st.ownMetric(name, statistic, 5))
	}
	return metrics
}

type functionMetric func(awslambda.Function, *awscloudwatch.MetricOptions) awscloudwatch.Metric

// perFunction returns the metric for each function that serves no route, labeled with
// its name.
func (st *stack) perFunction(metric functionMetric, options func() *awscloudwatch.MetricOptions) []awscloudwatch.IMetric {
	var metrics []awscloudwatch.IMetric
	for _, f := range manifest.Background() {
		o := options()
		o.Label = jsii.String(f.Name)
		metrics = append(metrics, metric(st.functions[f.Name], o))
	}
	return metrics
}
