package console

import "runtime/debug"

// Version returns the version of the build, "(devel)" for a build without one.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
