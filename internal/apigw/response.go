package apigw

import (
	"maps"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// response records an answer by the rules of net/http: the first status counts
// and fixes the headers, and the default is 200.
type response struct {
	inner   *core.ProxyResponseWriterV2
	headers http.Header // copied to inner with the first status
	status  int         // 0 until WriteHeader
}

func newResponse() *response {
	return &response{inner: core.NewProxyResponseWriterV2(), headers: http.Header{}}
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.headers }

// WriteHeader implements http.ResponseWriter. It ignores informational statuses
// and all calls after the first.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status >= 100 && status < 200 {
		return
	}
	w.status = status
	maps.Copy(w.inner.Header(), w.headers.Clone())
	w.inner.WriteHeader(status)
}

// Write implements http.ResponseWriter. It returns http.ErrBodyNotAllowed if the
// status allows no body.
func (w *response) Write(body []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.inner.Write(body)
}

// event returns the answer in the gateway's form: a body that is not text in
// base64, and cookies in a separate list.
func (w *response) event() (events.APIGatewayV2HTTPResponse, error) {
	w.WriteHeader(http.StatusOK)
	return w.inner.GetProxyResponse()
}
