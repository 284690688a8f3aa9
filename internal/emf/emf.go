// Package emf adds CloudWatch metrics to log lines, in the embedded metric format.
// CloudWatch extracts them from the log, so a function makes no request for them
// and loses none when it is frozen. The package knows the format, not the metrics.
package emf

import (
	"log/slog"
	"math"
	"time"
)

// Namespace is the CloudWatch namespace of all metrics.
const Namespace = "Journeys"

// Dimension is the name of the only dimension: the installation, named by its
// table. The tenant is not a dimension, because each value is billed as a separate
// metric.
const Dimension = "installation"

// Unit is the unit of a metric, as CloudWatch names it.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	Seconds      Unit = "Seconds"
)

// Metric is a metric of a log line.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64 // an infinity or NaN is dropped; 0 is in the log line only
}

// CountMetric returns the metric name with a count of n.
func CountMetric(name string, n int) Metric {
	return Metric{Name: name, Unit: Count, Value: float64(n)}
}

// Attrs returns the attributes that add metrics to a log line. They must be at the
// top level of the line, not in a group. CloudWatch does not get those that are 0, as it
// bills a metric for each hour in which it gets one. The result is nil without metrics.
func Attrs(now time.Time, installation string, metrics ...Metric) []slog.Attr {
	var definitions []definition
	var attrs []slog.Attr
	for _, m := range metrics {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			continue
		}
		attrs = append(attrs, slog.Float64(m.Name, m.Value))
		if m.Value != 0 {
			definitions = append(definitions, definition{m.Name, m.Unit})
		}
	}
	if len(definitions) == 0 {
		return attrs
	}
	return append(attrs, slog.String(Dimension, installation), slog.Any("_aws", directive{
		Timestamp: now.UnixMilli(),
		CloudWatchMetrics: []directiveMetrics{{
			Namespace: Namespace, Dimensions: [][]string{{Dimension}}, Metrics: definitions,
		}},
	}))
}

type directive struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directiveMetrics
}

type directiveMetrics struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct {
	Name string
	Unit Unit
}
