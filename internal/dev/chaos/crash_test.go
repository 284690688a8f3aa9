package chaos

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/inbox"
	"journeys/internal/dev/lambda"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/conn"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

const crashGraph = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"decide","type":"nba_decision","config":{"decisionFlowId":"f"}},
	{"id":"send","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"decide"},{"source":"decide","target":"send"},{"source":"send","target":"out"}]}`

// A customer whose data kills every process that handles it fails in the end, and
// the customers in the same packs complete. tick is the real file; advance is a
// test build that two customers kill.
func TestAdvance_OnlyCustomersWhoKillItFail(t *testing.T) {
	t.Parallel()
	server, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	client := conn.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, conn.Local)
	require.NoError(t, dynamolocal.CreateTable(t.Context(), client, local.Table))
	store := dynamo.New(client, local.Table, rand.Reader)

	dist := buildFunctions(t)
	begun := time.Now() // the customers have been due long enough for packs of one
	customers := []string{"kills-deciding", "kills-sending"}
	for i := range 150 {
		customers = append(customers, fmt.Sprintf("customer-%d", i))
	}
	tenant, id := enrollAt(t, store, begun.Add(-engine.SoloAfter-time.Minute), customers)
	inbox := &inbox.Inbox{}
	mail := httptest.NewServer(inbox)
	t.Cleanup(mail.Close)
	functions := startFunctions(t, dist, server.Endpoint(), mail.URL, begun)

	for range 3 {
		_, err = functions.Invoke(t.Context(), manifest.Advance.Name, pack(t, id, customers[:engine.PackSize]))
		require.ErrorContains(t, err, "the function's process ended: exit status", "the two customers kill the whole pack")
	}
	ended := map[string]progress.Enrollment{}
	// Each tick invokes advance for every customer that is left, so the schedule skips
	// ticks while those calls wait.
	ctx, stop := context.WithCancel(t.Context())
	var schedule sync.WaitGroup
	schedule.Go(func() { functions.Schedule(ctx, []manifest.Function{manifest.Tick}, 500*time.Millisecond) })
	t.Cleanup(func() {
		stop()
		schedule.Wait()
	})
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for len(ended) < len(customers) {
		require.Less(t, time.Since(begun), 5*time.Minute, "%d of %d are out", len(ended), len(customers))
		<-ticker.C
		left := slices.DeleteFunc(slices.Clone(customers), func(customer string) bool {
			_, ok := ended[customer]
			return ok
		})
		for part := range slices.Chunk(left, engine.PackSize) {
			loaded, err := store.Engine.Load(t.Context(), tenant, id, part)
			require.NoError(t, err)
			for _, e := range loaded.Enrollments {
				if e.Status != progress.Inside {
					ended[e.Customer] = e
				}
			}
		}
	}
	stop()
	functions.Stop()
	for _, customer := range customers[:2] {
		require.Equal(t, progress.Failed, ended[customer].Status, customer)
		require.Equal(t, "worker_crashed", ended[customer].ExitReason, customer)
		require.Greater(t, ended[customer].Attempts, engine.MaxAttempts, customer)
	}
	for _, customer := range customers[2:] {
		require.Equal(t, progress.Completed, ended[customer].Status, "%s: %s", customer, ended[customer].ExitReason)
	}
	answer := httptest.NewRecorder()
	inbox.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	require.Contains(t, answer.Body.String(), `{"total":150,`)
	t.Logf("2 customers failed after %d and %d attempts, 150 completed with one message each",
		ended[customers[0]].Attempts, ended[customers[1]].Attempts)
}

// pack returns a pack as tick sends it to advance.
func pack(t *testing.T, id ident.ID, customers []string) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"tenant": "acme", "journeyId": id, "customers": customers})
	require.NoError(t, err)
	return payload
}

// enrollAt creates a journey and enrolls the customers at a time in the past.
func enrollAt(t *testing.T, store *dynamo.Store, at time.Time, customers []string) (ident.Tenant, ident.ID) {
	t.Helper()
	tenant, _ := ident.ParseTenant("acme")
	service := journey.NewService(store.Handlers(), func() time.Time { return at }, rand.Reader)
	var faults strict.Faults
	v, _ := strict.Parse([]byte(crashGraph), &faults)
	definition, ok := journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	name, active := "crashing", journey.Active
	j, err := service.Create(t.Context(), tenant, journey.Change{Name: &name, Definition: &definition})
	require.NoError(t, err)
	_, err = service.Update(t.Context(), tenant, j.ID, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	result, err := service.Enroll(t.Context(), tenant, j.ID, journey.EnrollRequest{Customers: customers})
	require.NoError(t, err)
	require.Equal(t, len(customers), result.Enrolled)
	return tenant, j.ID
}

// buildFunctions returns a directory with the real tick, which TestMain has built, and
// the test build of advance. Flags like those of the real functions save compiling again.
func buildFunctions(t *testing.T) (dist string) {
	t.Helper()
	dist = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dist, "tick"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(root, "dist/tick/bootstrap"), filepath.Join(dist, "tick/bootstrap")))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags=lambda.norpc",
		"-o", filepath.Join(dist, "advance/bootstrap"), "./testdata/crashing")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.WriteFile(filepath.Join(dist, "ARCH"), []byte(build.Platform()), 0o600))
	return dist
}

func startFunctions(t *testing.T, dist, table, mail string, begun time.Time) *lambda.Service {
	t.Helper()
	l, err := lambda.Start([]manifest.Function{manifest.Tick, manifest.Advance}, lambda.Options{
		Dist: dist, Minute: 100 * time.Millisecond,
		Settings: map[string]string{
			manifest.EnvTable: local.Table, manifest.EnvAdvance: manifest.Advance.Name, manifest.EnvSweep: manifest.Sweep.Name,
			manifest.EnvPaused: "false", manifest.EnvRestored: "never", manifest.EnvConcurrency: "25",
			manifest.EnvKey: local.Key, manifest.EnvPublicURL: mail,
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
