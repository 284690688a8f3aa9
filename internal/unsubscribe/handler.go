package unsubscribe

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"journeys/internal/journey"
)

// maxForm bounds the body of a request, in bytes: 50 topics fit in.
const maxForm = 16 << 10

// Handler serves the routes. No answer and no log line has the token.
type Handler struct {
	Service *Service
	Log     *slog.Logger
}

// ServeHTTP shows the page on GET and HEAD, which changes nothing: programs follow links.
// On POST it unsubscribes, from the topic of the message if a mail program asks (RFC 8058),
// from those that were selected if the page asks.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header(), r)
	p := newPage(r.Header.Get("Accept-Language"))
	w.Header().Set("Content-Language", p.Language)
	to, err := h.Service.recipient(r.Context(), r.PathValue("token"))
	status := http.StatusOK
	switch {
	case err != nil:
	case r.Method == http.MethodPost:
		var done bool
		if status, done, err = h.post(w, r, to, p); done {
			return
		}
	default:
		p.show(to, nil)
	}
	if err != nil {
		status = h.fail(r, p, err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.html())
	}
}

// post unsubscribes the recipient. done says that the answer is written.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, to *recipient, p *page) (status int, done bool, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	form := readForm(r)
	if form.Get("List-Unsubscribe") == "One-Click" {
		if err = h.Service.leave(r.Context(), to, []string{to.message.Topic}); err != nil {
			return 0, false, err
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		return 0, true, nil
	}
	if form.Get("page") != "1" { // a mail program must not believe that this unsubscribed anyone
		p.Problem = p.Words.Nothing
		p.show(to, nil)
		return http.StatusBadRequest, false, nil
	}
	var topics []string
	ids := to.ids()
	for _, id := range ids {
		if slices.Contains(form["topic"], id) {
			topics = append(topics, id)
		}
	}
	if err = h.Service.leave(r.Context(), to, topics); err != nil {
		return 0, false, err
	}
	if len(topics) == 0 && len(ids) > 0 {
		p.Problem = p.Words.Nothing
	}
	p.show(to, topics)
	return http.StatusOK, false, nil
}

// readForm returns the form in the body: mail programs may send either kind. It is empty if
// there is none.
func readForm(r *http.Request) url.Values {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		if r.ParseMultipartForm(maxForm) != nil {
			return nil
		}
	} else if r.ParseForm() != nil {
		return nil
	}
	return r.PostForm
}

// fail makes p the page of an error, and returns the status of the answer.
func (h *Handler) fail(r *http.Request, p *page, err error) int {
	if errors.Is(err, journey.ErrNoMessage) {
		p.Problem, p.Help = p.Words.Unknown, p.Words.UnknownHelp
		return http.StatusNotFound
	}
	h.Log.ErrorContext(r.Context(), "unsubscribe failed", "method", r.Method, "error", err)
	p.Problem = p.Words.Busy
	return http.StatusServiceUnavailable
}

func setHeaders(to http.Header, r *http.Request) {
	to.Set("Content-Type", "text/html; charset=utf-8")
	to.Set("Content-Security-Policy", assets().policy)
	to.Set("X-Content-Type-Options", "nosniff")
	to.Set("Referrer-Policy", "no-referrer")
	to.Set("Cache-Control", "no-store")
	to.Set("X-Robots-Tag", "noindex")
	to.Set("Vary", "Accept-Language")
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		to.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
