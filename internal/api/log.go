package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"journeys/internal/api/web"
	"journeys/internal/apigw"
	"journeys/internal/auth"
	"journeys/internal/emf"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// logRequest writes the log line of a request. The only caller-supplied value in
// it is the journey's id.
func (a *API) logRequest(
	r *http.Request, op Operation, rec *recorder, err error, took time.Duration, used slog.Attr,
) {
	level, outcome := slog.LevelInfo, "ok"
	if err != nil {
		outcome = web.ProblemOf(err).Code
	}
	line := []slog.Attr{
		slog.String("tenant", auth.FromContext(r.Context()).Tenant.String()),
		slog.String("route", op.Key()),
		slog.String("journey", loggedJourney(r, rec)),
		slog.Int("status", rec.status),
		slog.String("outcome", outcome),
		slog.Float64("durationMs", float64(took.Microseconds())/1000),
		used,
		slog.String("gatewayRequestId", apigw.RequestID(r.Context())),
	}
	if rec.subject != "" {
		line = append(line, slog.String("sub", rec.subject))
	}
	line = append(line, rec.attrs...)
	line = append(line, emf.Attrs(a.Now(), a.Installation, rec.metrics...)...)
	if rec.status >= http.StatusInternalServerError {
		level = slog.LevelError
		line = append(line, errorAttrs(err)...)
	}
	a.Log.LogAttrs(r.Context(), level, "request", line...)
}

// panicError is a recovered panic.
type panicError struct {
	cause any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.cause) }

// errorAttrs returns the error, and the stack of a panic.
func errorAttrs(err error) []slog.Attr {
	attrs := []slog.Attr{slog.String("error", err.Error())}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	return attrs
}

// logSubject adds the caller's sub to the request's log line. It is for requests that
// cannot be undone, or change many customers: to archive, to delete, to forget, and actions.
func (r *request) logSubject() { r.rec.subject = auth.FromContext(r.Context()).Subject }

// logDamaged logs the damaged enrollments that a request skipped: one line per
// journey and cause, however many there are, without the customers.
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

// logFailed logs the errors of the parts of a call that are not the caller's faults: one
// line per cause, without the customers.
func (a *API) logFailed(r *request, message, parts string, errs []error) {
	counts := map[string]int{}
	for _, err := range errs {
		if err != nil && web.ProblemOf(err).Status >= http.StatusInternalServerError {
			counts[err.Error()]++
		}
	}
	for cause, n := range counts {
		a.Log.LogAttrs(r.Context(), slog.LevelError, message,
			slog.String("tenant", r.tenant.String()), slog.Int(parts, n),
			slog.String("error", cause), slog.String("gatewayRequestId", apigw.RequestID(r.Context())))
	}
}

// loggedJourney returns the id of the journey that the request created or
// named; "" if the path holds anything but a journey's id, which may be private.
func loggedJourney(r *http.Request, rec *recorder) string {
	if id := ident.ID(r.PathValue("id")); id.Valid() {
		return string(id)
	}
	created := rec.Header().Get("Location")
	return created[strings.LastIndexByte(created, '/')+1:]
}
