// Package api serves the routes of the manifest over net/http: it decodes what
// callers send, calls the domain and encodes the answer. Every error or panic
// of an operation becomes a problem document and a log line here. The package
// does not verify tokens and does not know the table. Of API Gateway it knows
// only the request id.
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
	"journeys/internal/api/web"
	"journeys/internal/auth"
	"journeys/internal/consent/key"
	"journeys/internal/emf"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/names"
	"journeys/internal/subscription"
	"journeys/internal/suppression"
	"journeys/internal/testsend"
	"journeys/internal/wiring"
)

// API holds what the operations use. Every field but Installation is required.
type API struct {
	Journeys  *journey.Service
	Analytics *analytics.Reader
	Names     *names.Collector
	// Suppressions is required by its own operations only.
	Suppressions *suppression.Service
	// Key is required by GetTenantSettings only.
	Key *key.Source
	// TestSends is required by its own operation only.
	TestSends *testsend.Service
	// Wirings returns what was noted of channels. Beside an error, it returns what could be read.
	Wirings func(ctx context.Context, now time.Time) (map[string]wiring.State, error)
	// Subscriptions has the same journeys.
	Subscriptions *subscription.Service
	Log           *slog.Logger     // gets one line per request, and one per kind of damaged item
	Now           func() time.Time // for the expiry of tokens and the durations in the log
	// Meter returns a context for one request, and a function that reports, as a
	// log attribute, what the request used of the table.
	Meter func(context.Context) (context.Context, func() slog.Attr)
	// Installation is the dimension of the metrics.
	Installation string
}

// Operation is a route and the code that serves it.
type Operation struct {
	manifest.Route
	query  []string // allowed query parameters
	handle func(a *API, w http.ResponseWriter, r *request) error
}

// The operations are functions rather than variables, so that the linker leaves the code
// of the others out of each Lambda function.

// ListJourneys returns the operation of manifest.ListJourneys.
func ListJourneys() Operation {
	return Operation{manifest.ListJourneys, []string{"status", "q", "sort", "limit", "offset"}, listJourneys}
}

// CreateJourney returns the operation of manifest.CreateJourney.
func CreateJourney() Operation {
	return Operation{manifest.CreateJourney, nil, createJourney}
}

// GetJourney returns the operation of manifest.GetJourney.
func GetJourney() Operation {
	return Operation{manifest.GetJourney, nil, getJourney}
}

// UpdateJourney returns the operation of manifest.UpdateJourney.
func UpdateJourney() Operation {
	return Operation{manifest.UpdateJourney, nil, updateJourney}
}

// DeleteJourney returns the operation of manifest.DeleteJourney.
func DeleteJourney() Operation {
	return Operation{manifest.DeleteJourney, nil, deleteJourney}
}

// EnrollCustomers returns the operation of manifest.EnrollCustomers.
func EnrollCustomers() Operation {
	return Operation{manifest.EnrollCustomers, []string{"details"}, enrollCustomers}
}

// TestJourney returns the operation of manifest.TestJourney.
func TestJourney() Operation {
	return Operation{manifest.TestJourney, nil, testJourney}
}

// SendTest returns the operation of manifest.SendTest.
func SendTest() Operation {
	return Operation{manifest.SendTest, nil, sendTest}
}

// GetEnrollment returns the operation of manifest.GetEnrollment.
func GetEnrollment() Operation {
	return Operation{manifest.GetEnrollment, nil, getEnrollment}
}

// GetJourneyAnalytics returns the operation of manifest.GetJourneyAnalytics.
func GetJourneyAnalytics() Operation {
	return Operation{manifest.GetJourneyAnalytics, []string{"from", "to"}, getJourneyAnalytics}
}

// PutEvent returns the operation of manifest.PutEvent.
func PutEvent() Operation {
	return Operation{manifest.PutEvent, nil, putEvent}
}

// ListEnrollments returns the operation of manifest.ListEnrollments.
func ListEnrollments() Operation {
	return Operation{manifest.ListEnrollments, []string{"status", "nodeId", "result", "limit", "cursor"}, listEnrollments}
}

// RetryEnrollment returns the operation of manifest.RetryEnrollment.
func RetryEnrollment() Operation {
	return Operation{manifest.RetryEnrollment, nil, retryEnrollment}
}

// DeleteEnrollment returns the operation of manifest.DeleteEnrollment.
func DeleteEnrollment() Operation {
	return Operation{manifest.DeleteEnrollment, nil, deleteEnrollment}
}

// PutCustomer returns the operation of manifest.PutCustomer.
func PutCustomer() Operation {
	return Operation{manifest.PutCustomer, nil, putCustomer}
}

// PatchCustomer returns the operation of manifest.PatchCustomer.
func PatchCustomer() Operation {
	return Operation{manifest.PatchCustomer, nil, patchCustomer}
}

// PutCustomers returns the operation of manifest.PutCustomers.
func PutCustomers() Operation {
	return Operation{manifest.PutCustomers, nil, putCustomers}
}

// GetCustomer returns the operation of manifest.GetCustomer.
func GetCustomer() Operation {
	return Operation{manifest.GetCustomer, nil, getCustomer}
}

// DeleteCustomer returns the operation of manifest.DeleteCustomer.
func DeleteCustomer() Operation {
	return Operation{manifest.DeleteCustomer, nil, deleteCustomer}
}

// ListVersions returns the operation of manifest.ListVersions.
func ListVersions() Operation {
	return Operation{manifest.ListVersions, []string{"limit", "cursor"}, listVersions}
}

// GetVersion returns the operation of manifest.GetVersion.
func GetVersion() Operation {
	return Operation{manifest.GetVersion, nil, getVersion}
}

// ListHistory returns the operation of manifest.ListHistory.
func ListHistory() Operation {
	return Operation{manifest.ListHistory, []string{"limit", "cursor"}, listHistory}
}

// ListAnalytics returns the operation of manifest.ListAnalytics.
func ListAnalytics() Operation {
	return Operation{manifest.ListAnalytics, []string{"status", "q", "sort", "limit", "cursor"}, listAnalytics}
}

// GetSettings returns the operation of manifest.GetSettings.
func GetSettings() Operation {
	return Operation{manifest.GetSettings, nil, getSettings}
}

// GetNames returns the operation of manifest.GetNames.
func GetNames() Operation {
	return Operation{manifest.GetNames, nil, getNames}
}

// ListCustomerEnrollments returns the operation of manifest.ListCustomerEnrollments.
func ListCustomerEnrollments() Operation {
	return Operation{manifest.ListCustomerEnrollments, []string{"limit", "cursor"}, listCustomerEnrollments}
}

// ActOnEnrollments returns the operation of manifest.ActOnEnrollments.
func ActOnEnrollments() Operation {
	return Operation{manifest.ActOnEnrollments, nil, actOnEnrollments}
}

// GetDraft returns the operation of manifest.GetDraft.
func GetDraft() Operation {
	return Operation{manifest.GetDraft, nil, getDraft}
}

// PutDraft returns the operation of manifest.PutDraft.
func PutDraft() Operation {
	return Operation{manifest.PutDraft, nil, putDraft}
}

// DeleteDraft returns the operation of manifest.DeleteDraft.
func DeleteDraft() Operation {
	return Operation{manifest.DeleteDraft, nil, deleteDraft}
}

// PublishDraft returns the operation of manifest.PublishDraft.
func PublishDraft() Operation {
	return Operation{manifest.PublishDraft, nil, publishDraft}
}

// GetSuppression returns the operation of manifest.GetSuppression.
func GetSuppression() Operation {
	return Operation{manifest.GetSuppression, nil, getSuppression}
}

// PutSuppression returns the operation of manifest.PutSuppression.
func PutSuppression() Operation {
	return Operation{manifest.PutSuppression, nil, putSuppression}
}

// DeleteSuppression returns the operation of manifest.DeleteSuppression.
func DeleteSuppression() Operation {
	return Operation{manifest.DeleteSuppression, nil, deleteSuppression}
}

// GetTenantSettings returns the operation of manifest.GetTenantSettings.
func GetTenantSettings() Operation {
	return Operation{manifest.GetTenantSettings, nil, getTenantSettings}
}

// PutTenantSettings returns the operation of manifest.PutTenantSettings.
func PutTenantSettings() Operation {
	return Operation{manifest.PutTenantSettings, nil, putTenantSettings}
}

// GetSubscriptions returns the operation of manifest.GetSubscriptions.
func GetSubscriptions() Operation {
	return Operation{manifest.GetSubscriptions, nil, getSubscriptions}
}

// PutSubscriptions returns the operation of manifest.PutSubscriptions.
func PutSubscriptions() Operation {
	return Operation{manifest.PutSubscriptions, nil, putSubscriptions}
}

// Operations returns every operation, in the order of manifest.Routes.
func Operations() []Operation {
	return []Operation{
		ListJourneys(), CreateJourney(), GetJourney(), UpdateJourney(), DeleteJourney(),
		EnrollCustomers(), TestJourney(), GetEnrollment(), GetJourneyAnalytics(), PutEvent(),
		ListEnrollments(), RetryEnrollment(), DeleteEnrollment(), PutCustomer(), PatchCustomer(), PutCustomers(), GetCustomer(), DeleteCustomer(),
		ListVersions(), GetVersion(), ListHistory(),
		ListAnalytics(),
		GetSettings(), GetNames(),
		ListCustomerEnrollments(), ActOnEnrollments(),
		GetDraft(), PutDraft(), DeleteDraft(), PublishDraft(), SendTest(),
		GetTenantSettings(), PutTenantSettings(), GetSubscriptions(), PutSubscriptions(),
		GetSuppression(), PutSuppression(), DeleteSuppression(),
	}
}

// Handler returns the handler of op. A request must carry the caller
// (auth.NewContext), the gateway's request id and its path values. The handler
// does not match the path.
func (a *API) Handler(op Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := a.Now()
		rec := &recorder{ResponseWriter: w}
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")

		ctx, cancel := web.WithMargin(r.Context())
		defer cancel()
		ctx, used := a.Meter(ctx)
		err := a.serve(op, rec, r.WithContext(ctx))
		if err != nil && ctx.Err() == context.DeadlineExceeded {
			// An error after the deadline is a consequence of it.
			err = fmt.Errorf("%w: %v", context.DeadlineExceeded, err) //nolint:errorlint // the inner error must not choose the answer
		}
		if err != nil && rec.status == 0 {
			web.WriteProblem(rec, r, err)
		}
		a.logRequest(r, op, rec, err, a.Now().Sub(started), used())
	})
}

// serve authorizes the caller, reads the parts that all requests have in common
// and calls the operation.
func (a *API) serve(op Operation, rec *recorder, r *http.Request) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause, debug.Stack()}
		}
	}()
	caller := auth.FromContext(r.Context())
	if err := caller.May(op.Roles, a.Now()); err != nil {
		return err
	}
	req := &request{Request: web.Request{Request: r}, tenant: caller.Tenant, received: web.ReceivedAt(r.Context(), a.Now()), rec: rec}
	if strings.Contains(op.Path, "{id}") {
		if req.id = ident.ID(r.PathValue("id")); !req.id.Valid() {
			return journey.ErrNotFound
		}
	}
	if strings.Contains(op.Path, "{customerId}") {
		req.customer = req.ReadPathID("customerId")
	}
	req.ReadQuery(op.query)
	return op.handle(a, rec, req)
}

// request is an authorized request.
type request struct {
	web.Request
	tenant   ident.Tenant
	id       ident.ID  // journey in the path; "" if the route has none
	customer string    // customer in the path; "" if the route has none
	received time.Time // by the gateway
	rec      *recorder
}

// addCount adds a metric to the request's log line.
func (r *request) addCount(name string, n int) {
	r.rec.metrics = append(r.rec.metrics, emf.CountMetric(name, n))
}

// recorder keeps what the log line needs to know of an answer.
type recorder struct {
	http.ResponseWriter
	status  int // 0 until the header is written
	metrics []emf.Metric
	attrs   []slog.Attr // of the operation's own
	subject string      // of a caller who asked for what cannot be undone; "" otherwise
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}
