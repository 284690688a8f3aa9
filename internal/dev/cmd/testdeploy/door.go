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

// server is a server on a free port of the loopback interface.
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
	go func() { _ = s.Serve(listener) }() // ends with Close, always with an error
	return nil
}

// keyServer publishes the issuer's keys and knows where they were looked for.
type keyServer struct {
	server
	path string // where the authorizer is told to look

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

// asked reports whether somebody looked where the authorizer is told to.
func (k *keyServer) asked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen[k.path]
}

// door is a plain address for the deployed API, which MiniStack knows by its
// host name only.
type door struct{ server }

func openDoor(ctx context.Context, api string, e *emulator) (*door, error) {
	public, err := url.Parse(api)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(e.url)
	if err != nil {
		return nil, err
	}
	d := &door{}
	return d, d.serve(ctx, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = public.Host
	}})
}

func (d *door) url() string { return "http://" + d.address }
