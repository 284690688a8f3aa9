package agree

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// bootCall matches the one call of a function's main: of boot with an operation,
// of a function of boot, or of Run of a package of its own.
var bootCall = regexp.MustCompile(`boot\.(?:Invoking|Sending)?Endpoint\(api\.(\w+)|boot\.(\w+)\((?:\w+\.\w+)?\)|(\w+)\.Run\(\)`)

// FromFunctions returns the functions in a directory with the code that their
// main.go runs.
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
		found := bootCall.FindAllStringSubmatch(string(code), -1)
		if len(found) != 1 {
			return nil, fmt.Errorf("%s calls boot %d times", file, len(found))
		}
		d["function "+entry.Name()] = Aspects{"code": codeOf(found[0])}
	}
	return d, nil
}

// codeOf returns the name of the code in a match of bootCall.
func codeOf(match []string) string {
	if match[3] != "" {
		return strings.ToUpper(match[3][:1]) + match[3][1:]
	}
	return match[1] + match[2]
}
