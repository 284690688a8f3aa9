// Package emf writes CloudWatch metrics into log lines, in the embedded metric
// format: CloudWatch reads them there, so that nothing is sent and nothing is
// lost when a function is frozen. It knows the format and nothing of what is
// measured.
package emf

import (
	"log/slog"
	"math"
	"time"
)

// Namespace holds every metric of ours.
const Namespace = "Journeys"

// Dimension names the one dimension: the installation that a line is of, by
// its table. A tenant is never one, since each value of a dimension is a metric
// of its own that is paid for.
const Dimension = "installation"

// Unit is what a metric counts.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

// Metric is one number of one line.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64 // one that is infinite or no number is left out
}

// CountMetric returns the metric that counts n of name.
func CountMetric(name string, n int) Metric {
	return Metric{Name: name, Unit: Count, Value: float64(n)}
}

// Attrs returns what makes the log line that has them a metric too. They must
// stand at the top of the line. It is empty when there are no metrics.
func Attrs(now time.Time, installation string, metrics ...Metric) []slog.Attr {
	var definitions []definition
	var attrs []slog.Attr
	for _, m := range metrics {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			continue
		}
		definitions = append(definitions, definition{m.Name, m.Unit})
		attrs = append(attrs, slog.Float64(m.Name, m.Value))
	}
	if len(definitions) == 0 {
		return nil
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
