package lambda

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// response is a whole answer, which a fault may replace or discard.
type response struct {
	status int
	header http.Header
	body   []byte
}

// record returns a handler's answer to a request with another path and body. The
// handler answers even if the caller is gone, as a remote service would.
func record(h http.Handler, r *http.Request, path string, body []byte) *response {
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.URL.Path, r.URL.RawPath = path, ""
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := &response{status: http.StatusOK, header: http.Header{}}
	h.ServeHTTP(recorder{answer}, r)
	return answer
}

func (a *response) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller may be gone
}

// recorder is a ResponseWriter that fills a response.
type recorder struct{ answer *response }

func (r recorder) Header() http.Header    { return r.answer.header }
func (r recorder) WriteHeader(status int) { r.answer.status = status }
func (r recorder) Write(b []byte) (int, error) {
	r.answer.body = append(r.answer.body, b...)
	return len(b), nil
}
