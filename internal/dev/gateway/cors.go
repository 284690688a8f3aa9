package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"journeys/internal/manifest"
)

// preflight answers a CORS preflight, as an HTTP API with a CORS configuration does: at
// every path, without authorizer, route and function. It reports whether it has answered.
// A page of another origin gets an answer without CORS headers, which its browser takes
// as a refusal.
func (g *Gateway) preflight(w http.ResponseWriter, r *http.Request) bool {
	header := r.Header
	if len(g.CORSOrigins) == 0 || r.Method != http.MethodOptions ||
		header.Get("Origin") == "" || header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if g.allowOrigin(w, r) {
		w.Header().Set("Access-Control-Allow-Methods", strings.Join(manifest.CORSMethods(), ","))
		w.Header().Set("Access-Control-Allow-Headers", strings.ToLower(strings.Join(manifest.CORSRequestHeaders(), ",")))
		w.Header().Set("Access-Control-Max-Age", strconv.Itoa(int(manifest.CORSMaxAge.Seconds())))
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allowOrigin lets the page that sent a request read the answer, if its origin is
// allowed.
func (g *Gateway) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if !slices.Contains(g.CORSOrigins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", strings.ToLower(strings.Join(manifest.CORSExposedHeaders(), ",")))
	w.Header().Add("Vary", "Origin")
	return true
}

// dropCORS removes the function's own CORS headers, which an HTTP API with a CORS
// configuration ignores.
func (g *Gateway) dropCORS(a *answer) {
	if len(g.CORSOrigins) == 0 || a == nil {
		return
	}
	for name := range a.Headers {
		if strings.HasPrefix(strings.ToLower(name), "access-control-") {
			delete(a.Headers, name)
		}
	}
}
