// Package local is the whole API on one machine: it wires the functions to a
// gateway, DynamoDB Local, an issuer of tokens, an inbox for messages and,
// optionally, injected faults.
package local

import (
	"bytes"
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
	"journeys/internal/dev/gateway"
	"journeys/internal/dev/inbox"
	"journeys/internal/dev/issuer"
	"journeys/internal/dev/lambda"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// Table is the name of the table.
const Table = "journeys"

// InboxPath is the path of the inbox, on the same server as the API.
const InboxPath = "/_local/messages"

// Options of a Machine.
type Options struct {
	Root      string            // the module's directory; its dist/ must be built
	Listener  net.Listener      // where the API is served; the Machine closes it
	Ephemeral bool              // keeps the table in memory instead of in .local/<port>
	Minute    time.Duration     // length of a minute of schedules and of Lambda's retries; 0 means a minute
	Providers string            // JOURNEYS_PROVIDERS, with {inbox} for the inbox's URL; "" means InboxOnly
	Throttle  manifest.Throttle // of the API's routes; zero for none
	Faults    *lambda.Faults    // strike the functions between its Start and Stop; nil injects none
	Decide    http.Handler      // with Faults: the decision service, whose URL replaces {decide} in Providers; may be nil
	Log       io.Writer         // output of the functions; nil discards it

	CORSOrigins []string // whose pages may call the API; none turns CORS off
}

// Machine is the API on one machine. Everything but the API listens on a free
// port, so that several Machines can run side by side.
type Machine struct {
	URL      string // of the API, without BasePath
	Lambda   *lambda.Service
	Issuer   *issuer.Issuer
	DynamoDB *dynamolocal.Server
	Inbox    *inbox.Inbox // messages of the channels, in memory
	Data     string       // directory of the table; "" if it is in memory

	options        Options
	servers        []*http.Server // the API first
	stopBackground func()         // returns when the schedules and the stream have ended
}

// Listen listens on the loopback interface, on a free port if port is 0.
func Listen(ctx context.Context, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

// Start returns when the API has answered a first call, which needs the
// authorizer, a function and the table. After an error nothing is left running.
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
		URL: "http://" + o.Listener.Addr().String(), Inbox: &inbox.Inbox{}, options: o, stopBackground: func() {},
	}
	held := &startLog{Writer: o.Log, held: &bytes.Buffer{}}
	m.options.Log = held
	err := m.start(ctx)
	held.end(err)
	if err != nil {
		m.Stop()
		_ = o.Listener.Close() // it is closed already if it was served
		return nil, err
	}
	return m, nil
}

func (m *Machine) start(ctx context.Context) (err error) {
	home := filepath.Join(m.options.Root, ".local")
	if m.Issuer, err = issuer.Open(home); err != nil {
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
		if err := checkData(m.Data); err != nil {
			return err
		}
	}
	if m.DynamoDB, err = dynamolocal.Start(ctx, dynamolocal.Options{Dir: m.Data}); err != nil {
		return err
	}
	if err := dynamolocal.CreateTable(ctx, m.DynamoDB.Client(), Table); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	if err := m.startLambda(ctx, "http://"+keys.Addr().String()+"/.well-known/jwks.json"); err != nil {
		return err
	}
	m.serve(m.options.Listener, m.withLocal(&gateway.Gateway{
		Routes: manifest.AllRoutes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: manifest.AuthorizerTTL,
		Throttle: m.options.Throttle, Timeout: gateway.Timeout, Invoke: m.Lambda.Invoke, Now: time.Now,
		CORSOrigins: m.options.CORSOrigins,
	}))
	if err := Probe(ctx, m.URL, m.Issuer); err != nil {
		return err
	}
	return m.startBackground(ctx)
}

// startLambda starts the functions. If there are faults, the functions call the
// table, each other and the inbox through them.
func (m *Machine) startLambda(ctx context.Context, keysURL string) (err error) {
	settings, err := Settings(keysURL, withInboxURL(m.options.Providers, m.URL))
	if err != nil {
		return err
	}
	settings[manifest.EnvConsoleMetadata] = loginMetadata(m.URL)
	settings[manifest.EnvPublicURL] = m.URL
	o := lambda.Options{
		Dist: filepath.Join(m.options.Root, "dist"), Settings: settings,
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": m.DynamoDB.Endpoint(), manifest.EnvDynamoDBLocal: "1"},
		Minute:      m.options.Minute, Log: m.options.Log,
	}
	faults := m.options.Faults
	if faults == nil {
		m.Lambda, err = lambda.Start(manifest.Functions(), o)
		return err
	}
	listener, err := Listen(ctx, 0)
	if err != nil {
		return fmt.Errorf("serve the faults: %w", err)
	}
	o.ForProcess = throughFaults(listener.Addr().String(), m.options.Providers)
	if m.Lambda, err = lambda.Start(manifest.Functions(), o); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := faults.Connect(m.Lambda, m.DynamoDB.Endpoint(), m.Inbox, m.options.Decide); err != nil {
		return errors.Join(err, listener.Close())
	}
	m.serve(listener, faults)
	return nil
}

// withLocal serves the inbox, the feedback and the login at their paths, and the gateway elsewhere.
func (m *Machine) withLocal(gateway http.Handler) http.Handler {
	login := issuer.NewLogin(m.Issuer, m.URL, time.Now)
	provider := player{find: m.Store().Messages.Message, invoke: m.Lambda.InvokeAsync}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == InboxPath:
			m.Inbox.ServeHTTP(w, r)
		case r.URL.Path == FeedbackPath:
			provider.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, issuer.LoginPath):
			login.ServeHTTP(w, r)
		default:
			gateway.ServeHTTP(w, r)
		}
	})
}

// startBackground starts the schedules and the stream.
func (m *Machine) startBackground(ctx context.Context) error {
	table, err := m.DynamoDB.Client().DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(Table)})
	if err != nil {
		return fmt.Errorf("find the table's stream: %w", err)
	}
	source := lambda.StreamSource{Endpoint: m.DynamoDB.Endpoint(), ARN: aws.ToString(table.Table.LatestStreamArn)}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { m.Lambda.Schedule(background, manifest.Functions(), m.options.Minute) })
	for _, f := range manifest.Functions() {
		if f.Stream != nil {
			all.Go(func() { m.Lambda.ReadStream(background, f, source, m.options.Faults) })
		}
	}
	m.stopBackground = func() {
		cancel()
		all.Wait()
	}
	return nil
}

// Stop gives running calls at most three seconds, and returns when nothing runs
// any more. Data is kept.
func (m *Machine) Stop() {
	m.stopBackground()
	if m.options.Faults != nil {
		m.options.Faults.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	for _, server := range m.servers {
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // breaks the connections of running calls
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
	go func() { _ = server.Serve(listener) }() // returns an error after Stop
}

// Store returns a store of the table, for what looks behind the API.
func (m *Machine) Store() *dynamo.Store {
	return dynamo.New(m.DynamoDB.Client(), Table, rand.Reader)
}
