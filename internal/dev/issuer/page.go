package issuer

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"journeys/internal/manifest"
)

var (
	//go:embed login.html
	pageText string
	//go:embed login.css
	style []byte

	pageTemplate = template.Must(template.New("login").Parse(pageText))
)

// role is a choice of the page.
type role struct{ Name, Note string }

var roles = []role{
	{manifest.Admin, "can do everything, including delete"},
	{manifest.Editor, "builds, launches and looks after journeys"},
	{manifest.Viewer, "sees figures and settings"},
	{manifest.Ingest, "for systems that send customers and events"},
}

// page is what the template shows: the form, or a heading and a message.
type page struct {
	person

	Client  string
	Roles   []role
	Faults  []string
	Heading string
	Message string
}

// showPage shows the form for a request. The browser may send the form's answer on to
// the client's origin only.
func showPage(w http.ResponseWriter, status int, r request, p page) {
	p.Client, p.Roles = r.client, roles
	writePage(w, status, "'self' "+r.redirectURI.Scheme+"://"+r.redirectURI.Host, p)
}

func showMessage(w http.ResponseWriter, status int, heading, message string) {
	writePage(w, status, "'none'", page{Heading: heading, Message: message})
}

func writePage(w http.ResponseWriter, status int, formAction string, p page) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// Browsers apply form-action to the redirect after the form, too.
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action "+formAction)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client may be gone
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(style) // the client may be gone
}
