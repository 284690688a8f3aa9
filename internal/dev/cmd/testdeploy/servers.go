package main

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"journeys/internal/dev/issuer"
	"journeys/internal/dev/local"
)

// server is an HTTP server on a free port of the loopback interface.
type server struct {
	http.Server
	address string
}

func (s *server) serve(ctx context.Context, handler http.Handler) error {
	listener, err := local.Listen(ctx, 0)
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	s.Handler, s.ReadHeaderTimeout = handler, 10*time.Second
	go func() { _ = s.Serve(listener) }() // always an error: ends with Close
	return nil
}

// keyServer publishes the issuer's keys at every path and records the paths that
// were requested.
type keyServer struct {
	server
	path string // that the authorizer is configured with

	mu   sync.Mutex
	seen map[string]bool
}

func serveKeys(ctx context.Context, issuer *issuer.Issuer) (*keyServer, error) {
	k := &keyServer{path: "/keys", seen: map[string]bool{}}
	return k, k.serve(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		k.seen[r.URL.Path] = true
		k.mu.Unlock()
		issuer.ServeHTTP(w, r)
	}))
}

func (k *keyServer) url() string { return "http://" + k.address + k.path }

// requested reports whether the path was requested.
func (k *keyServer) requested() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen[k.path]
}

// apiProxy gives the deployed API an address of its own. MiniStack recognizes
// the API by the Host header only.
type apiProxy struct{ server }

func startAPIProxy(ctx context.Context, api string, e *emulator) (*apiProxy, error) {
	public, err := url.Parse(api)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(e.url)
	if err != nil {
		return nil, err
	}
	p := &apiProxy{}
	return p, p.serve(ctx, &httputil.ReverseProxy{
		// The default transport asks for compressed bodies that the client did not ask for.
		Transport: &http.Transport{DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = public.Host
		},
	})
}

func (p *apiProxy) url() string { return "http://" + p.address }
