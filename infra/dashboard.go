package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// addDashboard adds graphs of the API, its functions and the table, in this order.
func (st *stack) addDashboard() {
	dashboard := awscloudwatch.NewDashboard(st.scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: st.scope.StackName(),
	})
	dashboard.AddWidgets(
		graph("Calls and refusals", st.stage.MetricCount(sum()), st.stage.MetricClientError(sum()), st.stage.MetricServerError(sum())),
		graph("Answer time, ms", st.stage.MetricLatency(statistic("p50")), st.stage.MetricLatency(p99())),
	)
	dashboard.AddWidgets(
		graph("Errors", st.perFunction(awslambda.Function.MetricErrors, sum)...),
		graph("Throttles", st.perFunction(awslambda.Function.MetricThrottles, sum)...),
	)
	dashboard.AddWidgets(
		graph("Invocations", st.perFunction(awslambda.Function.MetricInvocations, sum)...),
		graph("Duration p99, ms", st.perFunction(awslambda.Function.MetricDuration, p99)...),
	)
	dashboard.AddWidgets(
		graph("Capacity units", st.tableMetric("ConsumedReadCapacityUnits", nil), st.tableMetric("ConsumedWriteCapacityUnits", nil)),
		graph("Throttled by the table", st.tableThrottles()),
	)
}

// graph returns a widget that is half as wide as the dashboard.
func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Left: &metrics, Width: jsii.Number(12), Period: fiveMinutes(),
	})
}

type functionMetric func(awslambda.Function, *awscloudwatch.MetricOptions) awscloudwatch.Metric

// perFunction returns the metric for each function, labeled with its name.
func (st *stack) perFunction(metric functionMetric, options func() *awscloudwatch.MetricOptions) []awscloudwatch.IMetric {
	var metrics []awscloudwatch.IMetric
	for _, f := range st.manifestFunctions() {
		o := options()
		o.Label = jsii.String(f.Name)
		metrics = append(metrics, metric(st.functions[f.Name], o))
	}
	return metrics
}
