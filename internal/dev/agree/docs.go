package agree

import (
	"fmt"
	"strings"

	"journeys/internal/manifest"
)

// Section returns the text of a Markdown page between the comments
// "<!-- name -->" and "<!-- /name -->".
func Section(page []byte, name string) (string, error) {
	_, rest, opened := strings.Cut(string(page), "<!-- "+name+" -->\n")
	section, _, closed := strings.Cut(rest, "<!-- /"+name+" -->")
	if !opened || !closed {
		return "", fmt.Errorf("no section between <!-- %s --> and <!-- /%[1]s -->", name)
	}
	return section, nil
}

// FromAPIDocs returns the routes of the table in the section "endpoints" of
// docs/api.md. Its first three columns are the method with the path below the
// base path, the function, and the roles.
func FromAPIDocs(page []byte) (Deployed, error) {
	section, err := Section(page, "endpoints")
	if err != nil {
		return nil, err
	}
	d := Deployed{}
	for _, cells := range tableRows(section) {
		if !strings.HasPrefix(cells[0], "`") {
			continue // the header
		}
		if len(cells) < 3 {
			return nil, fmt.Errorf("the row of %s has %d cells", cells[0], len(cells))
		}
		method, path, _ := strings.Cut(unquote(cells[0]), " ")
		subject := "route " + method + " " + manifest.BasePath + path
		if _, twice := d[subject]; twice {
			return nil, fmt.Errorf("%s has two rows", subject)
		}
		d[subject] = Aspects{"function": unquote(cells[1]), "roles": cells[2]}
	}
	return d, nil
}

// FromPublicRoutes returns the routes of the table in the section "routes" of a
// page. Its first column is the method with the path, its last the
// throttle.
func FromPublicRoutes(page []byte) (Deployed, error) {
	section, err := Section(page, "routes")
	if err != nil {
		return nil, err
	}
	d := Deployed{}
	for _, cells := range tableRows(section) {
		if strings.HasPrefix(cells[0], "`") {
			d["route "+unquote(cells[0])] = Aspects{"throttle": cells[len(cells)-1]}
		}
	}
	return d, nil
}

// tableRows returns the cells of every row of a Markdown table, its header and
// dashes included.
func tableRows(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// unquote removes the backquotes around code.
func unquote(code string) string { return strings.Trim(code, "`") }
