// Package api serves the routes of the manifest over net/http: it reads what
// callers send, asks the domain, and words the answer. It is the one place
// where errors and panics become problem documents and log lines. It knows
// nothing of API Gateway's events, of tokens, or of the table.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/auth"
	"journeys/internal/emf"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// API is what the handlers work with. Every field is needed.
type API struct {
	Journeys  *journey.Service
	Analytics *analytics.Reader
	Log       *slog.Logger     // gets one line per request, and what it passed over
	Now       func() time.Time // for the expiry of tokens and the durations in the log
	// Meter returns a context for one request, and what tells the log at its
	// end what the request used of the table.
	Meter func(context.Context) (context.Context, func() slog.Attr)
	// Installation names this one among others, in the metrics.
	Installation string
}

// Operation is a route and the code that serves it.
type Operation struct {
	manifest.Route
	query  []string // the query parameters that it knows
	handle func(a *API, w http.ResponseWriter, r *request) error
}

// The operations.
var (
	ListJourneys        = Operation{manifest.ListJourneys, []string{"status", "limit", "offset"}, listJourneys}
	CreateJourney       = Operation{manifest.CreateJourney, nil, createJourney}
	GetJourney          = Operation{manifest.GetJourney, nil, getJourney}
	UpdateJourney       = Operation{manifest.UpdateJourney, nil, updateJourney}
	DeleteJourney       = Operation{manifest.DeleteJourney, nil, deleteJourney}
	EnrollCustomers     = Operation{manifest.EnrollCustomers, []string{"details"}, enrollCustomers}
	TestJourney         = Operation{manifest.TestJourney, nil, testJourney}
	GetEnrollment       = Operation{manifest.GetEnrollment, nil, getEnrollment}
	GetJourneyAnalytics = Operation{manifest.GetJourneyAnalytics, []string{"from", "to"}, getJourneyAnalytics}
	PutEvent            = Operation{manifest.PutEvent, nil, putEvent}
	ListEnrollments     = Operation{manifest.ListEnrollments, []string{"status", "nodeId", "limit", "cursor"}, listEnrollments}
	RetryEnrollment     = Operation{manifest.RetryEnrollment, nil, retryEnrollment}
	DeleteEnrollment    = Operation{manifest.DeleteEnrollment, nil, deleteEnrollment}
	PutCustomer         = Operation{manifest.PutCustomer, nil, putCustomer}
	GetCustomer         = Operation{manifest.GetCustomer, nil, getCustomer}
	DeleteCustomer      = Operation{manifest.DeleteCustomer, nil, deleteCustomer}
)

// Operations returns every operation.
func Operations() []Operation {
	return []Operation{
		ListJourneys, CreateJourney, GetJourney, UpdateJourney, DeleteJourney,
		EnrollCustomers, TestJourney, GetEnrollment, GetJourneyAnalytics, PutEvent,
		ListEnrollments, RetryEnrollment, DeleteEnrollment, PutCustomer, GetCustomer, DeleteCustomer,
	}
}

// Handler returns what serves op. It takes the caller's identity, the request
// id and the path's values from the request; the path itself is not matched.
func (a *API) Handler(op Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := a.Now()
		answer := &recorder{ResponseWriter: w}
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")

		ctx, cancel := withMargin(r.Context())
		defer cancel()
		ctx, used := a.Meter(ctx)
		err := a.serve(op, answer, r.WithContext(ctx))
		if err != nil && ctx.Err() == context.DeadlineExceeded {
			// Whatever failed, it failed because the time was up.
			err = fmt.Errorf("%w: %v", context.DeadlineExceeded, err) //nolint:errorlint // what failed decides no answer
		}
		if err != nil && answer.status == 0 {
			writeProblem(answer, r, err)
		}
		a.logRequest(r, op, answer, err, a.Now().Sub(started), used())
	})
}

// serve refuses who may not call op, and then serves it.
func (a *API) serve(op Operation, w *recorder, r *http.Request) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicked{cause, debug.Stack()}
		}
	}()
	caller := auth.FromContext(r.Context())
	if err := caller.May(op.Roles, a.Now()); err != nil {
		return err
	}
	req := &request{Request: r, tenant: caller.Tenant, metrics: &w.metrics}
	if strings.Contains(op.Path, "{id}") {
		if req.id = journey.ID(r.PathValue("id")); !req.id.Valid() {
			return journey.ErrNotFound
		}
	}
	if strings.Contains(op.Path, "{customerId}") {
		req.customer = req.readPathID("customerId")
	}
	req.readQuery(op.query)
	return op.handle(a, w, req)
}

// answerMargin is what is left of a request's time when everything else must
// have ended: enough to say that it took too long.
const answerMargin = 500 * time.Millisecond

// withMargin returns ctx with an end before its own.
func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-answerMargin))
	}
	return context.WithCancel(ctx)
}

// recorder remembers the status of an answer, 0 before there is one, and what
// is to be measured of it.
type recorder struct {
	http.ResponseWriter
	status  int
	metrics []emf.Metric
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}
