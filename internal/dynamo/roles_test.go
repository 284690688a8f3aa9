package dynamo_test

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/feedback"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/suppression"
)

// permissions collects the permissions that the requests of a client need.
type permissions struct {
	mu   sync.Mutex
	used map[string]bool
}

func (p *permissions) record(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Permissions", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			p.add(in.Parameters)
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	})
}

func (p *permissions) add(input any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch in := input.(type) {
	case *dynamodb.GetItemInput, *dynamodb.TransactGetItemsInput:
		p.used["GetItem"] = true
	case *dynamodb.BatchGetItemInput:
		p.used["BatchGetItem"] = true
	case *dynamodb.QueryInput:
		p.used["Query"] = true
	case *dynamodb.PutItemInput:
		p.used["PutItem"] = true
	case *dynamodb.UpdateItemInput:
		p.used["UpdateItem"] = true
	case *dynamodb.DeleteItemInput:
		p.used["DeleteItem"] = true
	case *dynamodb.BatchWriteItemInput:
		p.used["BatchWriteItem"] = true
	case *dynamodb.TransactWriteItemsInput:
		for _, w := range in.TransactItems {
			p.addWrite(w)
		}
	case *dynamodb.ExecuteStatementInput:
		p.addStatement(*in.Statement)
	case *dynamodb.BatchExecuteStatementInput:
		for _, s := range in.Statements {
			p.addStatement(*s.Statement)
		}
	default:
		p.used["unknown"] = true
	}
}

func (p *permissions) addWrite(w types.TransactWriteItem) {
	switch {
	case w.Put != nil:
		p.used["PutItem"] = true
	case w.Update != nil:
		p.used["UpdateItem"] = true
	case w.Delete != nil:
		p.used["DeleteItem"] = true
	default:
		p.used["ConditionCheckItem"] = true
	}
}

func (p *permissions) addStatement(statement string) {
	verb, _, _ := strings.Cut(strings.TrimSpace(statement), " ")
	p.used["PartiQL"+verb[:1]+strings.ToLower(verb[1:])] = true
}

// Nothing local refuses a call that a function's role does not allow.
func TestRoles_AllowWhatTheirFunctionsCall(t *testing.T) {
	t.Parallel()

	f := newFull(t)
	p := &permissions{}
	f.fail(t, f.started, ada)
	f.journey(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"until":{"field":"renews"}}},`+
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`, ada)
	f.store = storeOn(f.table, p.record)
	j, k := "/journeys/"+string(f.waiting), "/journeys/"+string(f.started)
	in, customer := j+"/enrollments/"+ada, "/customers/"+ada
	var ifMatch []string // with the tag of the draft
	for _, row := range []struct {
		route      manifest.Route
		path, body string
		status     int
	}{
		{manifest.ListJourneys, "/journeys", "", 200},
		{manifest.CreateJourney, "/journeys", `{"name":"n","description":"d","definition":` + ruleGraph + `}`, 201},
		{manifest.CreateJourney, "/journeys", `{"name":"n","description":"d","definition":` + ruleGraph + `}`, 201}, // repeated
		{manifest.GetJourney, j, "", 200},
		{manifest.UpdateJourney, j, `{"name":"x"}`, 200},
		{manifest.UpdateJourney, j, `{"description":"x","status":"paused"}`, 200},
		{manifest.UpdateJourney, j, `{"description":"","definition":` + waitingGraph + `,"status":"active"}`, 200},
		{manifest.TestJourney, j + "/test", "", 200},
		{manifest.ListVersions, j + "/versions", "", 200},
		{manifest.GetVersion, j + "/versions/1", "", 200},
		{manifest.ListHistory, j + "/history", "", 200},
		{manifest.EnrollCustomers, j + "/enroll", `{"customerIds":["` + ada + `","dora"]}`, 201},
		{manifest.GetEnrollment, in, "", 200},
		{manifest.GetJourneyAnalytics, j + "/analytics", "", 200},
		{manifest.ListAnalytics, "/analytics?sort=name", "", 200},
		{manifest.PutEvent, "/events", f.event("e9"), 202},
		{manifest.ListEnrollments, j + "/enrollments", "", 200},
		{manifest.RetryEnrollment, k + "/enrollments/" + ada + "/retry", "", 202},
		{manifest.ListCustomerEnrollments, customer + "/enrollments", "", 200},
		{manifest.ActOnEnrollments, k + "/enrollments/actions", `{"action":"remove","where":{"status":"active"}}`, 200},
		{manifest.DeleteEnrollment, in, "", 204},
		{manifest.PutCustomer, customer, `{"attributes":{"n":3}}`, 200}, // of a customer in a wait until a date
		{manifest.PatchCustomer, customer, `{"attributes":{"n":4}}`, 200},
		{manifest.PutCustomers, "/customers", `{"customers":[{"customerId":"dora","attributes":{"n":2}}]}`, 200},
		{manifest.GetCustomer, customer, "", 200},
		{manifest.GetNames, "/names", "", 200},
		{manifest.GetSettings, "/settings", "", 200},
		{manifest.PutTenantSettings, "/tenant-settings", `{"topics":{"news":{"name":"News","channels":["email"],"default":"in"}}}`, 200},
		{manifest.GetTenantSettings, "/tenant-settings", "", 200},
		{manifest.PutSubscriptions, "/customers/eva/subscriptions", `{"topics":{"news":false}}`, 200},
		{manifest.GetSubscriptions, "/customers/eva/subscriptions", "", 200},
		{manifest.DeleteCustomer, customer, "", 204},
		{manifest.GetDraft, j + "/draft", "", 200},
		{manifest.PutDraft, j + "/draft", `{"timezone":"Asia/Tokyo"}`, 200}, // newFull made one
		{manifest.DeleteDraft, j + "/draft", "", 204},
		{manifest.PutDraft, j + "/draft", `{"timezone":"Asia/Tokyo","definition":` + openingGraph + `}`, 201},
		{manifest.PublishDraft, j + "/draft/publish", "", 200},
		{manifest.DeleteJourney, j, "", 204},
	} {
		p.used = map[string]bool{}
		answer := f.answer(row.route.Method, row.path, row.body, ifMatch...)
		ifMatch = nil
		if row.route.Key() == manifest.PutDraft.Key() {
			ifMatch = []string{"If-Match", answer.Header().Get("ETag")}
		}
		require.Equal(t, row.status, answer.Code, "%s %s: %s", row.route.Method, row.path, answer.Body)
		for action := range p.used {
			require.Contains(t, row.route.Function.Actions, action, row.route.Function.Name)
		}
	}
}

func TestRoles_AllowWhatFeedbackCalls(t *testing.T) {
	t.Parallel()

	f, _, m := heardWorld(t, "ada")
	p := &permissions{used: map[string]bool{}}
	store := storeOn(f.table, p.record)
	now := func() time.Time { return f.now }
	service := journey.NewService(store.Handlers(), now, rand.Reader)
	for range 2 {
		for _, k := range []feedback.Kind{feedback.Opened, feedback.Clicked, feedback.Unsubscribed} {
			require.NoError(t, service.Feedback(t.Context(), demo, m, k))
		}
	}
	for action := range p.used {
		require.Contains(t, manifest.Unsubscribe.Actions, action)
	}
	require.NoError(t, store.Wirings.Heard(t.Context(), "push", f.now))
	installation, err := key.Parse(strings.Repeat("A", 43) + "=")
	require.NoError(t, err)
	suppressions := suppression.Service{Store: store.Addresses, Key: key.Fixed(installation), Now: now}
	for range 2 {
		require.NoError(t, suppressions.Report(t.Context(), demo, "push", "email", "a@example.com", consent.Suppression{Reason: "bounce", At: f.now}))
	}
	for action := range p.used {
		require.Contains(t, manifest.Feedback.Actions, action)
	}
	require.Contains(t, p.used, "ConditionCheckItem")
}
