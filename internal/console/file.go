package console

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// file is a file of the build. It does not change.
type file struct {
	contentType string
	body        []byte
	zipped      []byte // body compressed with gzip; nil for none
	etag        string // of body, in quotes
	zippedETag  string // of zipped
	scriptHash  string // CSP source of the first inline script; "" for none
}

// contentTypes are the types of files by extension. The types of the system are
// not used: they differ between machines.
var contentTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".woff2": "font/woff2",
	".txt":   "text/plain; charset=utf-8",
}

// inlineScript matches a script element without attributes. Its group is the text
// that a CSP hash covers.
var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

func readFile(files fs.FS, name string) (*file, error) {
	body, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	zipped, err := fs.ReadFile(files, name+".gz")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:12])
	f := &file{body: body, zipped: zipped, etag: `"` + hash + `"`, zippedETag: `"` + hash + `-gz"`}
	if f.contentType = contentTypes[path.Ext(name)]; f.contentType == "" {
		f.contentType = "application/octet-stream"
	}
	if script := inlineScript.FindSubmatch(body); script != nil {
		sum := sha256.Sum256(script[1])
		f.scriptHash = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return f, nil
}

// serve writes the file, compressed if the client accepts that and plain is not
// set, or 304 if the client has it.
func (f *file) serve(w http.ResponseWriter, r *http.Request, plain bool) {
	body, etag := f.body, f.etag
	if f.zipped != nil && !plain && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, etag = f.zipped, f.zippedETag
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", f.contentType)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.Header().Del("Content-Encoding")
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body)
}

// matches reports whether an If-None-Match header names the strong tag.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/") // the comparison is weak
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
