package chaos

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/provider"
	"journeys/internal/strict"
)

const deadlyGraph = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"decide","type":"nba_decision","config":{"decisionFlowId":"f"}},
	{"id":"send","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"decide"},{"source":"decide","target":"send"},{"source":"send","target":"out"}]}`

// A customer whose data kills every process that touches them fails in the
// end, alone: everybody else is through, although they were in one pack. The
// tick is the real file; advance is a test build that dies of two customers.
func TestACustomerWhoKillsAdvanceFailsAlone(t *testing.T) {
	t.Parallel()
	server, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	client := dynamo.NewClient(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, dynamo.Local)
	require.NoError(t, dynamo.CreateTable(t.Context(), client, local.Table))
	store := dynamo.New(client, local.Table, rand.Reader)

	dist := buildFunctions(t)
	begun := time.Now() // by then they were due for long enough to go alone
	customers := []string{"kills-deciding", "kills-sending"}
	for i := range 150 {
		customers = append(customers, fmt.Sprintf("customer-%d", i))
	}
	tenant, id := enrollAt(t, store, begun.Add(-engine.SoloAfter-time.Minute), customers)
	inbox := &provider.Inbox{}
	mail := httptest.NewServer(inbox)
	t.Cleanup(mail.Close)
	functions := startFunctions(t, dist, server.Endpoint(), mail.URL, begun)

	for range 3 {
		_, err = functions.Invoke(t.Context(), manifest.Advance.Name, pack(t, id, customers[:engine.PackSize]))
		require.ErrorContains(t, err, "the function's process ended: exit status", "the whole pack dies with the two")
	}
	ended := map[string]journey.Enrollment{}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for len(ended) < len(customers) {
		require.Less(t, time.Since(begun), 4*time.Minute, "%d of %d are out", len(ended), len(customers))
		_, err := functions.Invoke(t.Context(), manifest.Tick.Name, []byte(`{}`))
		require.NoError(t, err)
		<-look.C
		for i := 0; i < len(customers); i += engine.PackSize {
			_, list, err := store.Engine.Load(t.Context(), tenant, id, customers[i:min(i+engine.PackSize, len(customers))])
			require.NoError(t, err)
			for _, e := range list {
				if e.Status != journey.Inside {
					ended[e.Customer] = e
				}
			}
		}
	}
	functions.Stop()
	for _, customer := range customers[:2] {
		require.Equal(t, journey.Failed, ended[customer].Status, customer)
		require.Equal(t, "worker_crashed", ended[customer].ExitReason, customer)
		require.Greater(t, ended[customer].Attempts, engine.MaxAttempts, customer)
	}
	for _, customer := range customers[2:] {
		require.Equal(t, journey.Completed, ended[customer].Status, "%s: %s", customer, ended[customer].ExitReason)
	}
	answer := httptest.NewRecorder()
	inbox.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	require.Contains(t, answer.Body.String(), `{"total":150,`)
	t.Logf("2 failed after %d and %d tries, 150 are through, each with one message",
		ended[customers[0]].Attempts, ended[customers[1]].Attempts)
}

// pack is what tick sends to advance.
func pack(t *testing.T, id journey.ID, customers []string) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"tenant": "acme", "journeyId": id, "customers": customers})
	require.NoError(t, err)
	return payload
}

// enrollAt enrolls customers at a time that has passed.
func enrollAt(t *testing.T, store *dynamo.Store, at time.Time, customers []string) (journey.Tenant, journey.ID) {
	t.Helper()
	tenant, _ := journey.ParseTenant("acme")
	service := journey.NewService(store.Handlers(), func() time.Time { return at }, rand.Reader)
	var faults strict.Faults
	v, _ := strict.Parse([]byte(deadlyGraph), &faults)
	definition, ok := journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	name, active := "deadly", journey.Active
	j, err := service.Create(t.Context(), tenant, journey.Change{Name: &name, Definition: &definition})
	require.NoError(t, err)
	_, err = service.Update(t.Context(), tenant, j.ID, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	result, err := service.Enroll(t.Context(), tenant, j.ID, journey.EnrollRequest{Customers: customers})
	require.NoError(t, err)
	require.Equal(t, len(customers), result.Enrolled)
	return tenant, j.ID
}

// buildFunctions builds tick as it is deployed and advance as the test build.
func buildFunctions(t *testing.T) (dist string) {
	t.Helper()
	dist = t.TempDir()
	for folder, source := range map[string]string{"tick": "../../../functions/tick", "advance": "./testdata/crashing"} {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dist, folder, "bootstrap"), source).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dist, "ARCH"), []byte(local.Platform()), 0o600))
	return dist
}

func startFunctions(t *testing.T, dist, table, mail string, begun time.Time) *local.Lambda {
	t.Helper()
	l, err := local.StartLambda([]manifest.Function{manifest.Tick, manifest.Advance}, local.LambdaOptions{
		Dist: dist, Minute: 100 * time.Millisecond,
		Settings: map[string]string{
			manifest.EnvTable: local.Table, manifest.EnvAdvance: manifest.Advance.Name,
			manifest.EnvProviders: `{"channels":{"*":{"type":"inbox","url":"` + mail + `"}},"allowPrivate":["127.0.0.1"]}`,
		},
		Environment: map[string]string{
			"AWS_ENDPOINT_URL_DYNAMODB": table, manifest.EnvDynamoDBLocal: "1", "START": begun.Format(time.RFC3339Nano), "SPEED": "600",
		},
	})
	require.NoError(t, err)
	t.Cleanup(l.Stop)
	return l
}
