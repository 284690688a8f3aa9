// Package version says from which sources a function was built.
package version

// revision is set by the linker for the functions that show it: see package build.
var revision string

// Text returns the version of the build, the same in each function that shows it: the
// first 12 digits of the commit, followed by "+dirty" if the sources differed from it, or
// "src-" and 12 digits of their hash if there was no commit. It returns "(devel)" where
// package build did not link the program, as in tests.
func Text() string {
	if revision == "" {
		return "(devel)"
	}
	return revision
}
