package virtual

import (
	"context"
	"log/slog"
)

// Metrics are the metrics in the log lines of each minute of the run, by name. Those that
// several functions log in a minute are added up.
type Metrics map[string][]float64

// Last returns a metric's value in the last minute of the run that has one; 0 for none.
func (m Metrics) Last(name string) float64 {
	if values := m[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return 0
}

// metrics is the handler of the World's log. It keeps the numbers of the log lines.
type metrics struct{ w *World }

func (m metrics) Enabled(context.Context, slog.Level) bool { return true }
func (m metrics) WithAttrs([]slog.Attr) slog.Handler       { return m }
func (m metrics) WithGroup(string) slog.Handler            { return m }

func (m metrics) Handle(_ context.Context, r slog.Record) error {
	if r.Level > slog.LevelInfo {
		return nil
	}
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	minute := m.w.minute()
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindFloat64 {
			values := m.w.Metrics[a.Key]
			for len(values) <= minute {
				values = append(values, 0)
			}
			values[minute] += a.Value.Float64()
			m.w.Metrics[a.Key] = values
		}
		return true
	})
	return nil
}
