package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// Table is the name of the table on this machine.
const Table = "journeys"

// InboxPath is where a Machine serves its Inbox, beside the API.
const InboxPath = "/_local/messages"

// inboxPlace stands for the inbox's URL in settings of providers.
const inboxPlace = "{inbox}"

// InboxOnly is the default of Options.Providers: every channel is the inbox,
// and every decision answers nothing.
const InboxOnly = `{"channels":{"*":{"type":"inbox","url":"` + inboxPlace + `"}},"allowPrivate":["127.0.0.1"]}`

// Options of a Machine.
type Options struct {
	Root      string        // the module's directory; its dist/ must be built
	Listener  net.Listener  // where the API is served; the Machine closes it
	Ephemeral bool          // keep the table in memory instead of in .local/<port>
	Minute    time.Duration // what a minute of schedules and of Lambda's retries takes; 0 means a minute
	Providers string        // JOURNEYS_PROVIDERS, in which {inbox} stands for the inbox's URL; "" means InboxOnly
	Cruelty   *Cruelty      // what befalls the functions between its Begin and its Calm; nil for nothing
	Log       io.Writer     // what the functions print; nil for nobody
}

// Machine is the whole API on one machine. Everything but the API has a free
// port, so that several can run side by side.
type Machine struct {
	URL      string // of the API, without BasePath
	Lambda   *Lambda
	Issuer   *Issuer
	DynamoDB *dynamolocal.Server
	Inbox    *provider.Inbox // what the channels sent; in memory
	Data     string          // directory of the table; "" when it is in memory

	options   Options
	servers   []*http.Server // the API first
	endRounds func()         // ends the schedules and the stream
}

// Listen takes the API's port on the loopback interface; 0 is a free one.
func Listen(ctx context.Context, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

// Start returns when calls are served, by the authorizer and a function with
// its table. When it fails, nothing is left running.
func Start(ctx context.Context, o Options) (*Machine, error) {
	if o.Minute == 0 {
		o.Minute = time.Minute
	}
	if o.Providers == "" {
		o.Providers = InboxOnly
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	m := &Machine{
		URL: "http://" + o.Listener.Addr().String(), Inbox: &provider.Inbox{}, options: o, endRounds: func() {},
	}
	if err := m.start(ctx); err != nil {
		m.Stop()
		_ = o.Listener.Close() // closed already if it was served
		return nil, err
	}
	return m, nil
}

func (m *Machine) start(ctx context.Context) (err error) {
	home := filepath.Join(m.options.Root, ".local")
	if m.Issuer, err = OpenIssuer(home); err != nil {
		return err
	}
	keys, err := Listen(ctx, 0)
	if err != nil {
		return fmt.Errorf("serve the issuer's keys: %w", err)
	}
	m.serve(keys, m.Issuer)
	if !m.options.Ephemeral {
		_, port, _ := strings.Cut(m.options.Listener.Addr().String(), ":")
		m.Data = filepath.Join(home, port)
	}
	if m.DynamoDB, err = dynamolocal.Start(ctx, dynamolocal.Options{Dir: m.Data}); err != nil {
		return err
	}
	if err := dynamo.CreateTable(ctx, tableClient(m.DynamoDB.Endpoint()), Table); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	if err := m.startLambda(ctx, "http://"+keys.Addr().String()+"/.well-known/jwks.json"); err != nil {
		return err
	}
	m.serve(m.options.Listener, m.beside(&Gateway{
		Routes: manifest.Routes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: manifest.AuthorizerTTL,
		Timeout: GatewayTimeout, Invoke: m.Lambda.Invoke, Now: time.Now,
	}))
	if err := probe(ctx, m.URL, m.Issuer); err != nil {
		return err
	}
	return m.startRounds(ctx)
}

// startLambda starts the functions, with Cruelty between them and the rest
// where there is one.
func (m *Machine) startLambda(ctx context.Context, keys string) (err error) {
	providers := strings.ReplaceAll(m.options.Providers, inboxPlace, m.URL+InboxPath)
	o := LambdaOptions{
		Dist: filepath.Join(m.options.Root, "dist"), Settings: settings(keys, providers),
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": m.DynamoDB.Endpoint(), manifest.EnvDynamoDBLocal: "1"},
		Minute:      m.options.Minute, Log: m.options.Log,
	}
	c := m.options.Cruelty
	if c == nil {
		m.Lambda, err = StartLambda(manifest.Functions(), o)
		return err
	}
	listener, err := Listen(ctx, 0)
	if err != nil {
		return fmt.Errorf("listen between the functions and what they call: %w", err)
	}
	o.ForProcess = c.variables(listener.Addr().String(), m.options.Providers)
	if m.Lambda, err = StartLambda(manifest.Functions(), o); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := c.connect(m.Lambda, m.DynamoDB.Endpoint(), m.Inbox); err != nil {
		return errors.Join(err, listener.Close())
	}
	m.serve(listener, c)
	return nil
}

// beside serves the inbox, and everything else by the gateway.
func (m *Machine) beside(gateway http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == InboxPath {
			m.Inbox.ServeHTTP(w, r)
			return
		}
		gateway.ServeHTTP(w, r)
	})
}

// startRounds lets the schedules and the stream begin.
func (m *Machine) startRounds(ctx context.Context) error {
	table, err := tableClient(m.DynamoDB.Endpoint()).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(Table)})
	if err != nil {
		return fmt.Errorf("find the table's stream: %w", err)
	}
	source := streamSource{m.DynamoDB.Endpoint(), aws.ToString(table.Table.LatestStreamArn)}
	rounds, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { m.Lambda.Schedule(rounds, manifest.Functions(), m.options.Minute) })
	for _, f := range manifest.Functions() {
		if f.Stream == nil {
			continue
		}
		reader := &streamReader{
			stream: *f.Stream, source: source, cruelty: m.options.Cruelty,
			invoke: func(ctx context.Context, payload []byte) ([]byte, error) {
				return m.Lambda.Invoke(ctx, f.Name, payload)
			},
			say: func(line string) { m.Lambda.say(f.Name, line) },
		}
		all.Go(func() { reader.read(rounds) })
	}
	m.endRounds = func() {
		cancel()
		all.Wait()
	}
	return nil
}

// settings returns what the functions are told on this machine.
func settings(keys, providers string) map[string]string {
	return map[string]string{
		manifest.EnvTable: Table, manifest.EnvIssuer: IssuerName, manifest.EnvAudience: Audience,
		manifest.EnvJWKSURL: keys, manifest.EnvTenantClaim: "tenant", manifest.EnvRoleClaim: "role",
		manifest.EnvAdvance:   manifest.Advance.Name,
		manifest.EnvProviders: providers,
	}
}

// Stop lets calls end for at most three seconds, and returns when nothing runs
// any more. Data stays.
func (m *Machine) Stop() {
	m.endRounds()
	if m.options.Cruelty != nil {
		m.options.Cruelty.Calm()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	for _, server := range m.servers {
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // calls that are cut off see it
		}
	}
	if m.Lambda != nil {
		m.Lambda.Stop()
	}
	if m.DynamoDB != nil {
		m.DynamoDB.Stop()
	}
}

func (m *Machine) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(m.options.Log, "gateway | ", 0),
	}
	m.servers = append([]*http.Server{server}, m.servers...)
	go func() { _ = server.Serve(listener) }() // ends with Stop, always with an error
}

// Store returns the table, for who looks behind the API.
func (m *Machine) Store() *dynamo.Store {
	return dynamo.New(tableClient(m.DynamoDB.Endpoint()), Table, rand.Reader)
}

func tableClient(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: region, BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

// probe makes a call that goes all the way.
func probe(ctx context.Context, api string, issuer *Issuer) error {
	token, err := issuer.Token("ready", manifest.Admin, time.Now())
	if err != nil {
		return err
	}
	url := api + manifest.BasePath + manifest.ListJourneys.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("try a first call: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(response.Body, 1000))
		return errors.Join(fmt.Errorf("the first call answered %d: %s", response.StatusCode, body), err)
	}
	return nil
}
