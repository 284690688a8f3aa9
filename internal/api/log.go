package api

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"journeys/internal/apigw"
	"journeys/internal/auth"
	"journeys/internal/emf"
	"journeys/internal/journey"
)

// logRequest writes the one line of a request: who, what, how long, and what
// came of it. Nothing that a caller sent stands in it but the journey's id.
func (a *API) logRequest(
	r *http.Request, op Operation, answer *recorder, err error, took time.Duration, used slog.Attr,
) {
	level, outcome := slog.LevelInfo, "ok"
	if err != nil {
		outcome = problemOf(err).Code
	}
	line := []slog.Attr{
		slog.String("tenant", auth.FromContext(r.Context()).Tenant.String()),
		slog.String("route", op.Key()),
		slog.String("journey", journeyOf(r, answer)),
		slog.Int("status", answer.status),
		slog.String("outcome", outcome),
		slog.Float64("durationMs", float64(took.Microseconds())/1000),
		used,
		slog.String("gatewayRequestId", apigw.RequestID(r.Context())),
	}
	line = append(line, emf.Attrs(a.Now(), a.Installation, answer.metrics...)...)
	if answer.status >= http.StatusInternalServerError {
		level = slog.LevelError
		line = append(line, causes(err)...)
	}
	a.Log.LogAttrs(r.Context(), level, "request", line...)
}

// causes returns what the log may say of a fault of ours.
func causes(err error) []slog.Attr {
	attrs := []slog.Attr{slog.String("error", err.Error())}
	var panicked *panicked
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	return attrs
}

// logDamaged tells of enrollments that a request passed over or did not make, a
// line for each journey and cause: nobody's name, and however many there are,
// few lines.
func (a *API) logDamaged(r *request, list []journey.Damage) {
	type kind struct{ journey, cause string }
	counts := map[kind]int{}
	for _, d := range list {
		counts[kind{string(d.Journey), d.Cause.Error()}]++
	}
	for k, n := range counts {
		a.Log.LogAttrs(r.Context(), slog.LevelError, "enrollments passed over",
			slog.String("tenant", r.tenant.String()), slog.String("journey", k.journey), slog.Int("enrollments", n),
			slog.String("error", k.cause), slog.String("gatewayRequestId", apigw.RequestID(r.Context())))
	}
}

// journeyOf returns the id of the journey that the request names or made.
func journeyOf(r *http.Request, answer *recorder) string {
	if made := answer.Header().Get("Location"); made != "" {
		return made[strings.LastIndexByte(made, '/')+1:]
	}
	if id := journey.ID(r.PathValue("id")); id.Valid() {
		return string(id)
	}
	return "" // whatever stands in the path may be somebody's
}
