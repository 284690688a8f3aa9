// Package console serves the web console: its built files, its settings and the
// page that previews messages. It knows no AWS.
package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// Settings are what the console's page must know to sign in and to read tokens.
type Settings struct {
	Issuer      string          `json:"issuer"`
	ClientID    string          `json:"clientId"`
	Scope       string          `json:"scope"`
	Token       string          `json:"token"` // the token that the API gets: "access" or "id"
	TenantClaim string          `json:"tenantClaim"`
	RoleClaim   string          `json:"roleClaim"`
	Metadata    json.RawMessage `json:"metadata"` // the issuer's OpenID metadata; {} if the browser asks the issuer
	Version     string          `json:"version"`  // of the build
}

// Check returns an error that names every fault.
func (s Settings) Check() error {
	var faults []error
	if s.Token != "access" && s.Token != "id" {
		faults = append(faults, fmt.Errorf("the console's token is %q: want access or id", s.Token))
	}
	var metadata map[string]any
	if err := json.Unmarshal(s.Metadata, &metadata); err != nil || metadata == nil {
		faults = append(faults, errors.New("the console's metadata is not a JSON object"))
	}
	return errors.Join(faults...)
}

// Handler serves the console. It reads a file at its first request.
type Handler struct {
	files   fs.FS
	config  []byte
	connect string // origins that the page may call, besides its own
	plain   bool

	mu    sync.Mutex
	cache map[string]*file // by name
}

// New returns the handler for the files that `make build` writes to
// dist/console/web. If plain, it never sends compressed bodies.
func New(files fs.FS, s Settings, plain bool) (*Handler, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	config, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return &Handler{files: files, config: config, connect: strings.Join(origins(s), " "), plain: plain, cache: map[string]*file{}}, nil
}

// kind is a kind of answer, a bit in the table of headers.
type kind int

const (
	page kind = 1 << iota
	preview
	asset
	config
	missing
	all = page | preview | asset | config | missing
)

// assetForm matches names of files in assets/ without a path or a leading dot.
var assetForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// find returns the kind of answer for a path, and the name of its file.
func find(path string) (k kind, name string) {
	switch path {
	case "/":
		return page, "index.html"
	case "/preview":
		return preview, "preview.html"
	case "/config.json":
		return config, ""
	}
	name, ok := strings.CutPrefix(path, "/assets/")
	if !ok || !assetForm.MatchString(name) || strings.HasSuffix(name, ".gz") {
		return missing, ""
	}
	return asset, "assets/" + name
}

// ServeHTTP answers GET requests for the public routes of the manifest.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k, name := find(r.URL.Path)
	var f *file
	if name != "" {
		var err error
		if f, err = h.open(name); errors.Is(err, fs.ErrNotExist) {
			k = missing
		} else if err != nil {
			panic(err) // the build is broken: logged, and a 500
		}
	}
	h.setHeaders(w.Header(), r, k, f)
	switch k {
	case missing:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("not found\n"))
	case config:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(h.config)
	default:
		f.serve(w, r, h.plain)
	}
}

// open returns a file of the build, from the cache if it was read before.
func (h *Handler) open(name string) (*file, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.cache[name]; ok {
		return f, nil
	}
	f, err := readFile(h.files, name)
	if err == nil {
		h.cache[name] = f
	}
	return f, err
}
