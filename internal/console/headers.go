package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// header is a row of the table of headers.
type header struct {
	name  string
	on    kind // kinds of answers that have it
	value func(h *Handler, r *http.Request, f *file) string
}

// headers is the table of the headers that do not describe a body. An empty value
// is not sent.
var headers = []header{
	{"Content-Security-Policy", page, pagePolicy},
	{"Content-Security-Policy", preview, previewPolicy},
	{"Content-Security-Policy", asset | config | missing, constant("default-src 'none'; frame-ancestors 'none'")},
	{"X-Content-Type-Options", all, constant("nosniff")},
	{"Referrer-Policy", all, constant("no-referrer")},
	{"Cross-Origin-Opener-Policy", page, constant("same-origin")},
	{"Permissions-Policy", page | preview, constant("camera=(), geolocation=(), microphone=(), payment=(), usb=()")},
	{"Strict-Transport-Security", all, transportSecurity},
	{"Cache-Control", page | preview, constant("no-cache")},
	{"Cache-Control", asset, constant("public, max-age=31536000, immutable")},
	{"Cache-Control", config | missing, constant("no-store")},
	{"Vary", page | preview | asset, constant("Accept-Encoding")},
}

func (h *Handler) setHeaders(to http.Header, r *http.Request, k kind, f *file) {
	for _, row := range headers {
		if row.on&k == 0 {
			continue
		}
		if value := row.value(h, r, f); value != "" {
			to.Set(row.name, value)
		}
	}
}

func constant(value string) func(*Handler, *http.Request, *file) string {
	return func(*Handler, *http.Request, *file) string { return value }
}

// pagePolicy allows the page its own files, calls to its own origin and to the
// issuer, and the preview in a frame.
func pagePolicy(h *Handler, _ *http.Request, _ *file) string {
	connect := strings.TrimSuffix("connect-src 'self' "+h.connect, " ")
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " + connect +
		"; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
		"; require-trusted-types-for 'script'; trusted-types 'none'"
}

// previewPolicy gives the preview an origin of its own, so that it reads nothing
// of the console's, and allows no script but the page's own.
func previewPolicy(_ *Handler, _ *http.Request, f *file) string {
	return "sandbox allow-scripts; default-src 'none'; script-src " + f.scriptHash +
		"; style-src 'unsafe-inline'; img-src https: data:; font-src https: data:" +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
}

// transportSecurity is sent over HTTPS only. The gateway sets the header of the
// request, also if the client sent one.
func transportSecurity(_ *Handler, r *http.Request, _ *file) string {
	if r.Header.Get("X-Forwarded-Proto") != "https" {
		return ""
	}
	return "max-age=31536000"
}

// hostForm matches hosts that are safe in a policy: a host of a URL may contain
// a semicolon.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?$`)

// origins returns the sorted origins of the issuer and of its endpoints. A value
// that is no http or https URL adds none.
func origins(s Settings) []string {
	var metadata map[string]any
	_ = json.Unmarshal(s.Metadata, &metadata) // Check has read it
	values := []any{s.Issuer}
	for name, value := range metadata {
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			values = append(values, value)
		}
	}
	var list []string
	for _, value := range values {
		text, _ := value.(string)
		u, err := url.Parse(text)
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && hostForm.MatchString(u.Host) {
			list = append(list, u.Scheme+"://"+strings.ToLower(u.Host))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
