package agree

import (
	"errors"
	"fmt"
	"strings"

	"journeys/internal/manifest"
)

// FromREADME returns the routes of the table under "## The endpoints": the call
// behind the base path, the function, and the roles, in its first three columns.
func FromREADME(readme []byte) (Deployed, error) {
	_, section, ok := strings.Cut(string(readme), "\n## The endpoints\n")
	if !ok {
		return nil, errors.New(`there is no section "The endpoints"`)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	d := Deployed{}
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			return nil, fmt.Errorf("the row %q has too few cells", strings.TrimSpace(line))
		}
		method, path, _ := strings.Cut(cell(cells[1]), " ")
		subject := "route " + method + " " + manifest.BasePath + path
		if _, twice := d[subject]; twice {
			return nil, fmt.Errorf("%s is there twice", subject)
		}
		d[subject] = Aspects{"function": cell(cells[2]), "roles": cell(cells[3])}
	}
	return d, nil
}

func cell(text string) string { return strings.Trim(text, " `") }
