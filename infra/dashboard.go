package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"journeys/internal/manifest"
)

// addDashboard shows, from the caller inwards: the API, its functions, the table.
func (st *stack) addDashboard() {
	dashboard := awscloudwatch.NewDashboard(st.scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: st.scope.StackName(),
	})
	dashboard.AddWidgets(
		graph("Calls and refusals", st.stage.MetricCount(sum()), st.stage.MetricClientError(sum()), st.stage.MetricServerError(sum())),
		graph("Answer time, ms", st.stage.MetricLatency(statistic("p50")), st.stage.MetricLatency(p99())),
	)
	dashboard.AddWidgets(
		graph("Errors", st.ofFunctions(awslambda.Function.MetricErrors, sum)...),
		graph("Throttles", st.ofFunctions(awslambda.Function.MetricThrottles, sum)...),
	)
	dashboard.AddWidgets(
		graph("Invocations", st.ofFunctions(awslambda.Function.MetricInvocations, sum)...),
		graph("Duration p99, ms", st.ofFunctions(awslambda.Function.MetricDuration, p99)...),
	)
	dashboard.AddWidgets(
		graph("Capacity units", st.tableMetric("ConsumedReadCapacityUnits", nil), st.tableMetric("ConsumedWriteCapacityUnits", nil)),
		graph("Throttled by the table", st.tableThrottles()),
	)
}

// graph returns a widget of half the dashboard's width.
func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Left: &metrics, Width: jsii.Number(12), Period: fiveMinutes(),
	})
}

type functionMetric func(awslambda.Function, *awscloudwatch.MetricOptions) awscloudwatch.Metric

// ofFunctions returns one metric of every function, each under its name.
func (st *stack) ofFunctions(metric functionMetric, options func() *awscloudwatch.MetricOptions) []awscloudwatch.IMetric {
	var metrics []awscloudwatch.IMetric
	for _, f := range manifest.Functions() {
		o := options()
		o.Label = jsii.String(f.Name)
		metrics = append(metrics, metric(st.functions[f.Name], o))
	}
	return metrics
}
