package agree

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// runs is what a function's main does: it names an operation, or the package of
// the one function that has its own.
var runs = regexp.MustCompile(`boot\.(?:Invoking)?Endpoint\(api\.(\w+)|boot\.(\w+)\((?:\w+\.\w+)?\)|(\w+)\.Run\(\)`)

// FromFunctions returns the functions that a directory holds, each with the
// code that its main.go runs.
func FromFunctions(files fs.FS, dir string) (Deployed, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, err
	}
	d := Deployed{}
	for _, entry := range entries {
		file := path.Join(dir, entry.Name(), "main.go")
		code, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}
		found := runs.FindAllStringSubmatch(string(code), -1)
		if len(found) != 1 {
			return nil, fmt.Errorf("%s calls boot %d times", file, len(found))
		}
		d["function "+entry.Name()] = Aspects{"code": codeOf(found[0])}
	}
	return d, nil
}

func codeOf(match []string) string {
	if match[3] != "" {
		return strings.ToUpper(match[3][:1]) + match[3][1:]
	}
	return match[1] + match[2]
}
