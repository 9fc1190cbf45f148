package main

import (
	"runtime"
	"runtime/debug"
)

// programVersion is the commit that the program was built from, and with which Go.
func programVersion() string {
	built := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			built = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && built == "(devel)" {
				built = s.Value
			}
		}
	}
	return built + ", " + runtime.Version()
}
