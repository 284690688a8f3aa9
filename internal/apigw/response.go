package apigw

import (
	"maps"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// response collects what a handler writes, by net/http's rules: the first
// status counts, headers are fixed with it, and silence is a 200.
type response struct {
	inner   *core.ProxyResponseWriterV2
	headers http.Header // the handler's; copied to inner with the first status
	status  int         // 0 before the first
}

func newResponse() *response {
	return &response{inner: core.NewProxyResponseWriterV2(), headers: http.Header{}}
}

// Header returns the headers that are sent with the first status.
func (w *response) Header() http.Header { return w.headers }

// WriteHeader sets the status, once. Informational ones are not sent.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status >= 100 && status < 200 {
		return
	}
	w.status = status
	maps.Copy(w.inner.Header(), w.headers.Clone())
	w.inner.WriteHeader(status)
}

// Write adds to the body. It returns http.ErrBodyNotAllowed when the status
// allows none.
func (w *response) Write(body []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.inner.Write(body)
}

// event returns the answer as the gateway takes it: a body that is no text in
// base64, cookies in their own list.
func (w *response) event() (events.APIGatewayV2HTTPResponse, error) {
	w.WriteHeader(http.StatusOK)
	return w.inner.GetProxyResponse()
}
