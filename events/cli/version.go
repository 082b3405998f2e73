package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X github.com/moothall/moothall/events/cli.version=v1.2.3
var version string

// Version is the version of this build: the linker's, else the module's, else
// "devel".
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// VersionLine is what "PROGRAM version" prints.
func VersionLine(program string) string {
	return fmt.Sprintf("%s %s (%s %s/%s)", program, Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
