// Package manifest is the one list of what is deployed, as data: functions,
// the routes that they serve, who may call them, and the table. The handlers,
// the local runtime, the CDK app and the tests that hold template.yaml,
// openapi.yaml, events/, functions/ and the README together read it. It knows
// the standard library only.
package manifest

import (
	"net/http"
	"strings"
	"time"
)

// BasePath stands in front of every route's path.
const BasePath = "/api/v1"

// The roles that a token may carry. Any other is refused everywhere.
const (
	Admin  = "admin"
	Editor = "editor"
	Viewer = "viewer"
	Ingest = "ingest" // for systems that feed customers and events; nothing else
)

// Names of the settings that functions read from their environment.
const (
	EnvTable       = "JOURNEYS_TABLE"        // name of the table
	EnvIssuer      = "JOURNEYS_ISSUER"       // the tokens' iss
	EnvAudience    = "JOURNEYS_AUDIENCE"     // one of the tokens' aud
	EnvJWKSURL     = "JOURNEYS_JWKS_URL"     // where the issuer publishes its keys
	EnvTenantClaim = "JOURNEYS_TENANT_CLAIM" // name of the claim that holds the tenant
	EnvRoleClaim   = "JOURNEYS_ROLE_CLAIM"   // name of the claim that holds the role
	EnvAdvance     = "JOURNEYS_ADVANCE"      // name of the function that moves customers
	EnvProviders   = "JOURNEYS_PROVIDERS"    // decisions and channels, as JSON; "{}" for none
)

// EnvDynamoDBLocal is set, to any text, where the table is DynamoDB Local. It is no
// function's Env: nothing that is deployed has it.
const EnvDynamoDBLocal = "JOURNEYS_DYNAMODB_LOCAL"

// Function is one Lambda function. Its Name is the folder under functions/ and
// under dist/, in kebab case.
type Function struct {
	Name     string
	MemoryMB int
	Timeout  time.Duration // whole seconds; of a route's function below the HTTP API's 30 s
	Env      []string      // the settings that it must have to start
	Actions  []string      // what it may do on the table, without "dynamodb:"; indexes only if Index
	Index    bool          // it queries the due index
	Schedule time.Duration // how often the scheduler invokes it; 0: never
	Invokes  string        // Name of the function that it invokes asynchronously; "" for none
	Stream   *Stream       // what of the table's stream it is invoked with; nil for nothing
}

// Stream is how Lambda hands a function the table's stream, from its oldest
// record on: one batch of a shard at a time, again and again until it succeeds.
type Stream struct {
	SortKeyPrefix string        // of the items whose records it gets
	BatchSize     int           // records of one call, at most
	BatchWindow   time.Duration // how long a call waits for more; whole seconds
	Window        time.Duration // tumbling, whole seconds; with one, the events name their shard
}

// Filter returns the pattern by which Lambda chooses the records.
func (s Stream) Filter() string {
	return `{"dynamodb":{"Keys":{"` + SortKey + `":{"S":[{"prefix":"` + s.SortKeyPrefix + `"}]}}}}`
}

// LogicalID returns the name in camel case, as SAM, CDK and events use it.
func (f Function) LogicalID() string {
	var id strings.Builder
	for word := range strings.SplitSeq(f.Name, "-") {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

// Route ties one endpoint to the one function that serves it.
type Route struct {
	Method   string
	Path     string   // without BasePath; parameters take a whole segment: "/journeys/{id}"
	Roles    []string // who may call it; never empty
	Function Function
}

// Key returns the API Gateway route key, which is also a net/http pattern:
// "GET /api/v1/journeys/{id}".
func (r Route) Key() string { return r.Method + " " + BasePath + r.Path }

// The routes.
var (
	ListJourneys  = route(http.MethodGet, "/journeys", editors, endpoint("list-journeys", "Query"))
	CreateJourney = route(http.MethodPost, "/journeys", editors, endpoint("create-journey", "PutItem", "UpdateItem"))
	GetJourney    = route(http.MethodGet, "/journeys/{id}", editors, endpoint("get-journey", "GetItem"))
	UpdateJourney = route(http.MethodPut, "/journeys/{id}", editors,
		endpoint("update-journey", "DeleteItem", "GetItem", "PutItem", "UpdateItem"))
	DeleteJourney = route(http.MethodDelete, "/journeys/{id}", admins,
		endpoint("delete-journey", "DeleteItem", "GetItem", "PutItem", "UpdateItem"))
	EnrollCustomers = route(http.MethodPost, "/journeys/{id}/enroll", editors, invoking(
		endpoint("enroll-customers", "BatchGetItem", "GetItem", "PartiQLInsert", "PutItem"), Advance))
	TestJourney   = route(http.MethodPost, "/journeys/{id}/test", editors, endpoint("test-journey", "GetItem"))
	GetEnrollment = route(http.MethodGet, "/journeys/{id}/enrollments/{customerId}", editors,
		endpoint("get-enrollment", "GetItem"))
	GetJourneyAnalytics = route(http.MethodGet, "/journeys/{id}/analytics", viewers,
		endpoint("get-journey-analytics", "GetItem", "Query"))
	PutEvent = route(http.MethodPost, "/events", feeders, invoking(
		endpoint("put-event", "BatchGetItem", "GetItem", "PartiQLInsert", "PutItem", "Query", "UpdateItem"), Advance))
	ListEnrollments = route(http.MethodGet, "/journeys/{id}/enrollments", editors, indexed(
		endpoint("list-enrollments", "BatchGetItem", "GetItem", "Query")))
	RetryEnrollment = route(http.MethodPost, "/journeys/{id}/enrollments/{customerId}/retry", editors, invoking(
		endpoint("retry-enrollment", "GetItem", "PartiQLUpdate"), Advance))
	DeleteEnrollment = route(http.MethodDelete, "/journeys/{id}/enrollments/{customerId}", editors,
		endpoint("delete-enrollment", "GetItem", "PartiQLUpdate"))
	PutCustomer    = route(http.MethodPut, "/customers/{customerId}", feeders, endpoint("put-customer", "PutItem"))
	GetCustomer    = route(http.MethodGet, "/customers/{customerId}", editors, endpoint("get-customer", "GetItem"))
	DeleteCustomer = route(http.MethodDelete, "/customers/{customerId}", admins,
		endpoint("delete-customer", "BatchWriteItem", "DeleteItem", "PutItem", "Query"))
)

// Advance moves customers. It is invoked asynchronously, with some of those
// who are due.
var Advance = Function{
	Name: "advance", MemoryMB: 512, Timeout: 60 * time.Second,
	Env: []string{EnvTable, EnvProviders}, Actions: []string{"BatchGetItem", "GetItem", "PartiQLUpdate"},
}

// Tick finds who is due. Its time ends before it is invoked again.
var Tick = invoking(Function{
	Name: "tick", MemoryMB: 512, Timeout: 55 * time.Second, Schedule: time.Minute,
	Env: []string{EnvTable}, Actions: []string{"DeleteItem", "Query", "UpdateItem"}, Index: true,
}, Advance)

// Count counts what enrollments' writes changed. It waits a second for more of
// them, since a call's cost is one write for each journey. 1,000 records with
// long paths are 3 MB, of the 6 that an event may have. The window is as long as
// it can be: all that counts of it is that it makes events name their shard,
// and its end is a call.
var Count = Function{
	Name: "count", MemoryMB: 512, Timeout: 60 * time.Second,
	Env: []string{EnvTable}, Actions: []string{"PutItem"},
	Stream: &Stream{SortKeyPrefix: "E#", BatchSize: 1000, BatchWindow: time.Second, Window: 15 * time.Minute},
}

// Rollup folds closed days of the figures and audits them. An audit that needs
// longer goes on in the next hour. It is the only function that may scan: 1,769
// MB are one CPU, and room for the figures of a million graphs of ten nodes.
var Rollup = Function{
	Name: "rollup", MemoryMB: 1769, Timeout: 15 * time.Minute, Schedule: time.Hour, Env: []string{EnvTable},
	Actions: []string{"DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"}, Index: true,
}

// Authorizer authenticates every route's caller. It does not touch the table.
var Authorizer = Function{
	Name: "authorizer", MemoryMB: 256, Timeout: 10 * time.Second,
	Env: []string{EnvIssuer, EnvAudience, EnvJWKSURL, EnvTenantClaim, EnvRoleClaim},
}

// AuthorizerTTL is how long the gateway keeps the authorizer's answer for a
// token, and so the longest time that a revoked token goes on working.
const AuthorizerTTL = 60 * time.Second

// Routes returns every route, in the order of the README's table.
func Routes() []Route {
	return []Route{
		ListJourneys, CreateJourney, GetJourney, UpdateJourney, DeleteJourney,
		EnrollCustomers, TestJourney, GetEnrollment, GetJourneyAnalytics, PutEvent,
		ListEnrollments, RetryEnrollment, DeleteEnrollment, PutCustomer, GetCustomer, DeleteCustomer,
	}
}

// Functions returns every function: the routes' and those without a route.
func Functions() []Function {
	functions := []Function{Authorizer, Advance, Tick, Count, Rollup}
	for _, r := range Routes() {
		functions = append(functions, r.Function)
	}
	return functions
}

var (
	admins  = []string{Admin}
	editors = []string{Admin, Editor}
	viewers = []string{Admin, Editor, Viewer}
	feeders = []string{Admin, Editor, Ingest}
)

func route(method, path string, roles []string, f Function) Route {
	return Route{Method: method, Path: path, Roles: roles, Function: f}
}

// endpoint returns a route's function. 512 MB is 0.29 of a CPU: enrolling
// 1,000 customers needs about 50 ms of one.
func endpoint(name string, actions ...string) Function {
	return Function{
		Name: name, MemoryMB: 512, Timeout: 29 * time.Second,
		Env: []string{EnvTable}, Actions: actions,
	}
}

// indexed returns f allowed to query the due index.
func indexed(f Function) Function {
	f.Index = true
	return f
}

// invoking returns f with what it needs to invoke other.
func invoking(f, other Function) Function {
	f.Invokes = other.Name
	f.Env = append(f.Env[:len(f.Env):len(f.Env)], EnvAdvance)
	return f
}
