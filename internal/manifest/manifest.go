// Package manifest is the one list of what is deployed, as data: functions, the
// routes that they serve, the roles that may call them, and the table. The
// handlers, the local runtime and the CDK app use it, and tests compare it with
// template.yaml, openapi.yaml, events/, functions/ and the docs. It imports only
// the standard library.
package manifest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// BasePath is the prefix of the API's paths. Public routes do not have it.
const BasePath = "/api/v1"

// The roles of tokens. Any other role is refused.
const (
	Admin  = "admin"
	Editor = "editor"
	Viewer = "viewer"
	Ingest = "ingest" // for systems that send customers and events, and may do nothing else
)

// The environment variables of the functions.
const (
	EnvTable       = "JOURNEYS_TABLE"        // name of the table
	EnvIssuer      = "JOURNEYS_ISSUER"       // the tokens' iss
	EnvAudience    = "JOURNEYS_AUDIENCE"     // one of the tokens' aud, or the client_id of access tokens without aud
	EnvJWKSURL     = "JOURNEYS_JWKS_URL"     // where the issuer publishes its keys
	EnvTenantClaim = "JOURNEYS_TENANT_CLAIM" // name of the tenant claim, or path of a nested one
	EnvRoleClaim   = "JOURNEYS_ROLE_CLAIM"   // name of the role claim, or path of a nested one
	EnvClients     = "JOURNEYS_CLIENTS"      // tenants and roles of the issuer's clients as JSON; "{}" for none
	EnvAdvance     = "JOURNEYS_ADVANCE"      // name of the function advance
	EnvSweep       = "JOURNEYS_SWEEP"        // name of the function sweep
	EnvProviders   = "JOURNEYS_PROVIDERS"    // decisions and channels as JSON; "{}" for none
	EnvCatalog     = "JOURNEYS_CATALOG"      // the names of decisions and channels without their secrets, as catalog.Parse reads it; derived from EnvProviders
	EnvKey         = "JOURNEYS_KEY"          // where the installation's key is kept: "ssm:" and the name of a parameter, or "secretsmanager:" and the name of a secret; the key itself only locally
	EnvPaused      = "JOURNEYS_PAUSED"       // "true": no customer moves; "false" by default
	EnvRestored    = "JOURNEYS_RESTORED"     // how the table was restored, as engine.ParseRestore reads it; "never" by default

	EnvPublicURL = "JOURNEYS_PUBLIC_URL" // address of the public routes in messages, without a trailing slash; by default that of the API

	EnvEnrollmentsPerMinute = "JOURNEYS_ENROLLMENTS_PER_MINUTE" // of each tenant, as journey.ParseQuota reads it; "0" for no limit, by default

	EnvConcurrency = "JOURNEYS_ADVANCE_CONCURRENCY" // how many calls of advance run at a time, 1 or more; "25" by default

	EnvConsoleClientID = "JOURNEYS_CONSOLE_CLIENT_ID" // the console's client at the issuer; without it a stack has no console
	EnvConsoleScope    = "JOURNEYS_CONSOLE_SCOPE"     // scope that the console asks for; "openid" by default
	EnvConsoleToken    = "JOURNEYS_CONSOLE_TOKEN"     // token that the console sends to the API: "access" (default) or "id"
	EnvConsoleMetadata = "JOURNEYS_CONSOLE_METADATA"  // the issuer's OpenID metadata as JSON; "{}" by default: the browser asks the issuer
)

// DefaultKey is the value of EnvKey in a stack that sets none.
const DefaultKey = "ssm:/journeys/key"

// EnvFeedbackDelivered is the setting of the deployment that says whether SES and End
// User Messaging report messages that were delivered: "true", or "false" by default. No
// function has it.
const EnvFeedbackDelivered = "JOURNEYS_FEEDBACK_DELIVERED"

// EnvDynamoDBLocal is set, to any text, where the table is DynamoDB Local. No
// deployed function has it.
const EnvDynamoDBLocal = "JOURNEYS_DYNAMODB_LOCAL"

// Function is a Lambda function. Its Name, in kebab case, is its folder in
// functions/ and dist/.
type Function struct {
	Name     string
	MemoryMB int
	Timeout  time.Duration // whole seconds; for a route less than the HTTP API's 30 s
	Env      []string      // settings that it reads
	Actions  []string      // allowed on the table, without "dynamodb:"; on the index only if Index
	Index    bool          // may query the due index
	Schedule time.Duration // interval of scheduled invocations; 0 for none
	Invokes  []string      // names of the functions that it invokes asynchronously
	Stream   *Stream       // the stream records that it receives; nil for none
	Mail     bool          // receives what becomes of mail: the events of the default event bus that MailPattern matches
	Texts    bool          // receives what becomes of text messages: the notifications of an SNS topic of the installation

	Concurrency int // calls at once that prod reserves, and its highest number of them; 0 shares what the account has left
}

// Stream describes how Lambda delivers the table's stream to a function, from the
// oldest record on: one batch per shard at a time, repeated until it succeeds.
type Stream struct {
	SortKeyPrefixes []string      // of the items whose records are delivered
	BatchSize       int           // maximum number of records
	BatchWindow     time.Duration // maximum wait for a full batch; whole seconds
	Window          time.Duration // tumbling, whole seconds; only events of a window name their shard
}

// Delivers reports whether records of items with the sort key are delivered.
func (s Stream) Delivers(sortKey string) bool {
	return slices.ContainsFunc(s.SortKeyPrefixes, func(prefix string) bool { return strings.HasPrefix(sortKey, prefix) })
}

// Filter returns Lambda's filter pattern for the records.
func (s Stream) Filter() string {
	return `{"dynamodb":{"Keys":{"` + SortKey + `":{"S":[{"prefix":"` + strings.Join(s.SortKeyPrefixes, `"},{"prefix":"`) + `"}]}}}}`
}

// LogicalID returns the name in camel case, for SAM and CDK.
func (f Function) LogicalID() string {
	var id strings.Builder
	for word := range strings.SplitSeq(f.Name, "-") {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

// Route is an endpoint and the function that serves it.
type Route struct {
	Method   string
	Path     string   // without BasePath; a parameter is a whole segment: "/journeys/{id}"
	Public   bool     // no BasePath, no authorizer
	Throttle Throttle // of its own, if Public
	Roles    []string // that may call it; empty only if Public
	Function Function
}

// FullPath returns the path as clients send it: "/api/v1/journeys/{id}".
func (r Route) FullPath() string {
	if r.Public {
		return r.Path
	}
	return BasePath + r.Path
}

// Key returns the API Gateway route key: "GET /api/v1/journeys/{id}".
func (r Route) Key() string { return r.Method + " " + r.FullPath() }

// The routes.
var (
	ListJourneys  = route(http.MethodGet, "/journeys", editors, endpoint("list-journeys", "BatchGetItem", "Query"))
	CreateJourney = route(http.MethodPost, "/journeys", editors, checking(endpoint("create-journey", "BatchGetItem", "GetItem", "PutItem", "UpdateItem")))
	GetJourney    = route(http.MethodGet, "/journeys/{id}", editors, endpoint("get-journey", "BatchGetItem", "GetItem"))
	UpdateJourney = route(http.MethodPut, "/journeys/{id}", editors,
		checking(endpoint("update-journey", "BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem")))
	DeleteJourney = route(http.MethodDelete, "/journeys/{id}", admins,
		endpoint("delete-journey", "DeleteItem", "GetItem", "PutItem", "UpdateItem"))
	EnrollCustomers = route(http.MethodPost, "/journeys/{id}/enroll", editors, invoking(indexed(counting(
		endpoint("enroll-customers",
			"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PartiQLInsert", "PartiQLUpdate", "PutItem", "Query", "UpdateItem"))), Advance))
	TestJourney   = route(http.MethodPost, "/journeys/{id}/test", editors, checking(endpoint("test-journey", "BatchGetItem", "GetItem")))
	GetEnrollment = route(http.MethodGet, "/journeys/{id}/enrollments/{customerId}", editors,
		endpoint("get-enrollment", "BatchGetItem", "GetItem", "Query"))
	GetJourneyAnalytics = route(http.MethodGet, "/journeys/{id}/analytics", viewers,
		endpoint("get-journey-analytics", "GetItem", "Query"))
	PutEvent = route(http.MethodPost, "/events", feeders, invoking(indexed(
		endpoint("put-event",
			"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PartiQLInsert", "PartiQLUpdate", "PutItem", "Query", "UpdateItem")), Advance))
	ListEnrollments = route(http.MethodGet, "/journeys/{id}/enrollments", editors, indexed(
		endpoint("list-enrollments", "BatchGetItem", "GetItem", "Query")))
	RetryEnrollment = route(http.MethodPost, "/journeys/{id}/enrollments/{customerId}/retry", editors, invoking(
		endpoint("retry-enrollment", "BatchGetItem", "GetItem", "PartiQLUpdate"), Advance))
	DeleteEnrollment = route(http.MethodDelete, "/journeys/{id}/enrollments/{customerId}", editors,
		endpoint("delete-enrollment", "BatchGetItem", "GetItem", "PartiQLUpdate"))
	PutCustomer = route(http.MethodPut, "/customers/{customerId}", feeders, invoking(
		endpoint("put-customer", "BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"), Advance))
	PatchCustomer = route(http.MethodPatch, "/customers/{customerId}", feeders, invoking(
		endpoint("patch-customer", "BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"), Advance))
	PutCustomers = route(http.MethodPost, "/customers", feeders, invoking(
		endpoint("put-customers", "BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"), Advance))
	GetCustomer    = route(http.MethodGet, "/customers/{customerId}", editors, endpoint("get-customer", "GetItem"))
	DeleteCustomer = route(http.MethodDelete, "/customers/{customerId}", admins, keyed(
		endpoint("delete-customer", "BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PartiQLUpdate", "PutItem", "Query", "UpdateItem")))

	ListVersions = route(http.MethodGet, "/journeys/{id}/versions", editors, endpoint("list-versions", "GetItem", "Query"))
	GetVersion   = route(http.MethodGet, "/journeys/{id}/versions/{version}", editors,
		endpoint("get-version", "BatchGetItem", "GetItem", "Query"))
	ListHistory = route(http.MethodGet, "/journeys/{id}/history", editors, endpoint("list-history", "GetItem", "Query"))

	ListAnalytics = route(http.MethodGet, "/analytics", viewers, endpoint("list-analytics", "Query"))
)

// The routes for clients that edit journeys.
var (
	GetSettings = route(http.MethodGet, "/settings", viewers, checking(endpoint("get-settings", "GetItem", "Query")))
	GetNames    = route(http.MethodGet, "/names", editors, endpoint("get-names", "GetItem"))

	ListCustomerEnrollments = route(http.MethodGet, "/customers/{customerId}/enrollments", editors,
		endpoint("list-customer-enrollments", "BatchGetItem", "GetItem", "Query"))
	ActOnEnrollments = route(http.MethodPost, "/journeys/{id}/enrollments/actions", editors, invoking(indexed(
		endpoint("act-on-enrollments", "BatchGetItem", "GetItem", "PartiQLUpdate", "Query")), Advance))

	GetDraft = route(http.MethodGet, "/journeys/{id}/draft", editors, checking(endpoint("get-draft", "BatchGetItem", "GetItem")))
	PutDraft = route(http.MethodPut, "/journeys/{id}/draft", editors,
		checking(endpoint("put-draft", "BatchGetItem", "ConditionCheckItem", "GetItem", "PutItem")))
	DeleteDraft  = route(http.MethodDelete, "/journeys/{id}/draft", editors, endpoint("delete-draft", "DeleteItem", "GetItem"))
	PublishDraft = route(http.MethodPost, "/journeys/{id}/draft/publish", editors,
		checking(endpoint("publish-draft", "BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem")))

	SendTest = route(http.MethodPost, "/journeys/{id}/nodes/{nodeId}/send-test", editors,
		sending(endpoint("send-test", "BatchGetItem", "GetItem", "UpdateItem")))
)

// The routes of what customers want to be sent.
var (
	GetTenantSettings = route(http.MethodGet, "/tenant-settings", admins, keyed(endpoint("get-tenant-settings", "GetItem")))
	PutTenantSettings = route(http.MethodPut, "/tenant-settings", admins, checking(endpoint("put-tenant-settings", "GetItem", "UpdateItem")))
	GetSubscriptions  = route(http.MethodGet, "/customers/{customerId}/subscriptions", feeders,
		keyed(checking(endpoint("get-subscriptions", "BatchGetItem", "GetItem"))))
	// A customer who unsubscribes causes an event, so it has what PutEvent has.
	PutSubscriptions = route(http.MethodPut, "/customers/{customerId}/subscriptions", feeders, invoking(indexed(keyed(checking(
		endpoint("put-subscriptions",
			"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PartiQLInsert", "PartiQLUpdate", "PutItem", "Query", "UpdateItem")))), Advance))
)

// Advance moves customers. It is invoked asynchronously with a pack of due
// customers.
var Advance = sending(Function{
	Name: "advance", MemoryMB: 512, Timeout: 60 * time.Second, Concurrency: 25,
	Env:     []string{EnvTable, EnvPaused, EnvRestored, EnvConcurrency},
	Actions: []string{"BatchGetItem", "BatchWriteItem", "GetItem", "PartiQLUpdate", "PutItem", "Query", "UpdateItem"},
})

// Sweep finds the customers that are due in a part of the live journeys. Its timeout
// is shorter than tick's interval.
var Sweep = invoking(Function{
	Name: "sweep", MemoryMB: 512, Timeout: 55 * time.Second, Concurrency: 20,
	Env: []string{EnvTable, EnvPaused, EnvConcurrency}, Actions: []string{"DeleteItem", "Query", "UpdateItem"}, Index: true,
}, Advance)

// Tick finds due customers. Where the live journeys are too many for one function, it
// invokes sweep for parts of them. Its timeout is shorter than its interval; the
// second call at once is for a schedule that fires twice.
var Tick = invoking(Function{
	Name: "tick", MemoryMB: 512, Timeout: 55 * time.Second, Schedule: time.Minute, Concurrency: 2,
	Env: []string{EnvTable, EnvPaused, EnvConcurrency}, Actions: []string{"DeleteItem", "Query", "UpdateItem"}, Index: true,
}, Advance, Sweep)

// Count counts the writes of enrollments. It waits a second for a larger batch,
// since a batch costs one write per journey. 1,000 records with long paths have
// 3 MB of the 6 MB that an event may have. The window exists only to make events
// name their shard; it has the maximum length, since each end is an invocation. A
// shard takes 1,000 writes a second, which are a batch of at most 0.3 s, so 20 calls
// at once count 66,000 writes a second; beyond that batches wait.
var Count = Function{
	Name: "count", MemoryMB: 512, Timeout: 60 * time.Second, Concurrency: 20,
	Env: []string{EnvTable}, Actions: []string{"PutItem"},
	Stream: &Stream{SortKeyPrefixes: []string{"E#", "B#"}, BatchSize: 1000, BatchWindow: time.Second, Window: 15 * time.Minute},
}

// Rollup folds closed days of the figures and audits them. An audit that takes
// longer than the timeout continues an hour later. No other function may scan.
// 1,769 MB give it one full CPU, and hold the figures of a million graphs of ten
// nodes.
var Rollup = Function{
	Name: "rollup", MemoryMB: 1769, Timeout: 15 * time.Minute, Schedule: time.Hour, Concurrency: 2, Env: []string{EnvTable},
	Actions: []string{"DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"}, Index: true,
}

// Authorizer authenticates the callers of all routes. It does not use the table. An
// HTTP API answers 500 where it has no concurrency left, so it has as much as the
// throttle lets pass.
var Authorizer = Function{
	Name: "authorizer", MemoryMB: 256, Timeout: 10 * time.Second, Concurrency: APIThrottle.Concurrency(AuthorizerStart),
	Env: []string{EnvIssuer, EnvAudience, EnvJWKSURL, EnvTenantClaim, EnvRoleClaim, EnvClients},
}

// AuthorizerTTL is how long the gateway caches the authorizer's answer for a token.
// A revoked token keeps working for that long.
const AuthorizerTTL = 60 * time.Second

// AllRoutes returns the API's routes and the public ones.
func AllRoutes() []Route { return append(Routes(), PublicRoutes()...) }

// Routes returns the API's routes, in the order of the table of docs/api.md.
func Routes() []Route {
	return []Route{
		ListJourneys, CreateJourney, GetJourney, UpdateJourney, DeleteJourney,
		EnrollCustomers, TestJourney, GetEnrollment, GetJourneyAnalytics, PutEvent,
		ListEnrollments, RetryEnrollment, DeleteEnrollment, PutCustomer, PatchCustomer, PutCustomers, GetCustomer, DeleteCustomer,

		ListVersions, GetVersion, ListHistory,

		ListAnalytics,

		GetSettings, GetNames,

		ListCustomerEnrollments, ActOnEnrollments,

		GetDraft, PutDraft, DeleteDraft, PublishDraft, SendTest,

		GetTenantSettings, PutTenantSettings, GetSubscriptions, PutSubscriptions,

		GetSuppression, PutSuppression, DeleteSuppression,
	}
}

// Background returns the functions that serve no route: those that work for all of them.
func Background() []Function {
	return []Function{Authorizer, Advance, Sweep, Tick, Count, Rollup, Feedback}
}

// Functions returns every function once, with and without a route.
func Functions() []Function {
	functions := Background()
	for _, r := range AllRoutes() {
		known := func(f Function) bool { return f.Name == r.Function.Name }
		if !slices.ContainsFunc(functions, known) {
			functions = append(functions, r.Function)
		}
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

// endpoint returns the function of a route. 512 MB give it 0.29 of a CPU; to
// enroll 1,000 customers takes about 50 ms of a full one.
func endpoint(name string, actions ...string) Function {
	return Function{
		Name: name, MemoryMB: 512, Timeout: 29 * time.Second,
		Env: []string{EnvTable}, Actions: actions,
	}
}

// indexed returns f with permission to query the due index.
func indexed(f Function) Function {
	f.Index = true
	return f
}

// counting returns f with the quota of enrollments.
func counting(f Function) Function {
	f.Env = append(f.Env[:len(f.Env):len(f.Env)], EnvEnrollmentsPerMinute)
	return f
}

// checking returns f with the catalog, for what checks or simulates journeys.
func checking(f Function) Function {
	f.Env = append(f.Env[:len(f.Env):len(f.Env)], EnvCatalog)
	return f
}

// keyed returns f with the key of the installation.
func keyed(f Function) Function {
	f.Env = append(f.Env[:len(f.Env):len(f.Env)], EnvKey)
	return f
}

// sending returns f with the channels and what messages need.
func sending(f Function) Function {
	f.Env = append(f.Env[:len(f.Env):len(f.Env)], EnvProviders, EnvKey, EnvPublicURL)
	return f
}

// Sends reports whether the function uses the channels.
func (f Function) Sends() bool { return slices.Contains(f.Env, EnvProviders) }

// invoked has the settings that name the functions which others invoke.
var invoked = map[string]string{"advance": EnvAdvance, "sweep": EnvSweep}

// invoking returns f with permission and settings to invoke others.
func invoking(f Function, others ...Function) Function {
	f.Env = slices.Clip(f.Env)
	for _, other := range others {
		f.Invokes = append(f.Invokes, other.Name)
		f.Env = append(f.Env, invoked[other.Name])
	}
	return f
}
