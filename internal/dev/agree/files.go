package agree

import (
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"journeys/internal/manifest"
)

// source is a file or folder of the repository that says what is deployed.
type source struct {
	path string
	want Deployed // the part of the manifest that it has
	read func(files fs.FS, path string) (Deployed, error)
}

// Check returns one line per difference, in either direction, between the manifest
// and a repository's files: the golden files of the CDK templates, template.yaml,
// openapi.yaml, functions/, events/ and the tables of docs/api.md,
// docs/console.md and docs/consent.md. A line begins with the path of the file or folder. A source
// that cannot be read is one line.
func Check(files fs.FS) []string { return check(files, sources(FromManifest(), described())) }

func check(files fs.FS, all []source) []string {
	var lines []string
	for _, s := range all {
		got, err := s.read(files, s.path)
		if err != nil {
			lines = append(lines, s.path+": "+err.Error())
			continue
		}
		for _, line := range Diff(s.want, got) {
			lines = append(lines, s.path+": "+line)
		}
	}
	return lines
}

func sources(deployed, described Deployed) []source {
	code := described.Only("function", "code")
	// The public routes are no part of the API.
	api, public := described.split()
	events := api.Only("route", "function", "authorizer")
	// A function has one event, of its first route.
	for _, r := range []manifest.Route{manifest.ConsolePage, manifest.UnsubscribePage} {
		page := "route " + r.Key()
		events[page] = public.Only("route", "function", "authorizer")[page]
	}
	maps.Copy(events, described.Only("function"))
	return []source{
		{"infra/testdata/dev.golden.json", deployed, text(FromCDK)},
		{"infra/testdata/prod.golden.json", deployed, text(FromCDK)},
		{"template.yaml", deployed, text(FromSAM)},
		{"openapi.yaml", api.Only("route", "function", "authorizer", "roles"), text(FromOpenAPI)},
		{"functions", code, FromFunctions},
		{"events", events, FromEvents},
		{"docs/api.md", api.Only("route", "function", "roles"), text(FromAPIDocs)},
		{"docs/console.md", public.of(manifest.Console).Only("route", "throttle"), text(FromPublicRoutes)},
		{"docs/consent.md", public.of(manifest.Unsubscribe).Only("route", "throttle"), text(FromPublicRoutes)},
	}
}

// text adapts a parser of a file's text to source.read.
func text(parse func([]byte) (Deployed, error)) func(fs.FS, string) (Deployed, error) {
	return func(files fs.FS, path string) (Deployed, error) {
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		return parse(content)
	}
}

// described returns what the files other than the templates say: a route's
// function, authorizer and roles, and the code that a function runs.
func described() Deployed {
	d := Deployed{}
	for _, f := range manifest.Functions() {
		d["function "+f.Name] = Aspects{"code": f.LogicalID()}
	}
	for _, r := range manifest.AllRoutes() {
		d["route "+r.Key()] = Aspects{
			"function":   r.Function.Name,
			"authorizer": authorizer(r),
			"roles":      strings.Join(r.Roles, ", "),
		}
		if r.Public {
			d["route "+r.Key()]["throttle"] = throttle(r.Throttle)
		}
	}
	return d
}

func throttle(t manifest.Throttle) string {
	return fmt.Sprintf("%d a second, burst %d", t.Rate, t.Burst)
}

// of returns the routes of a function.
func (d Deployed) of(f manifest.Function) Deployed {
	part := Deployed{}
	for subject, aspects := range d {
		if aspects["function"] == f.Name {
			part[subject] = aspects
		}
	}
	return part
}

// split returns the routes below the base path, and the others.
func (d Deployed) split() (api, public Deployed) {
	api, public = Deployed{}, Deployed{}
	for subject, aspects := range d {
		kind, key, _ := strings.Cut(subject, " ")
		_, path, _ := strings.Cut(key, " ")
		switch {
		case kind != "route":
		case strings.HasPrefix(path, manifest.BasePath+"/"):
			api[subject] = aspects
		default:
			public[subject] = aspects
		}
	}
	return api, public
}
