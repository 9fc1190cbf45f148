package cli

import (
	"runtime"
	"runtime/debug"
)

// BuildFacts are what the program knows of its own making.
type BuildFacts struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"commit_time,omitempty"` // RFC 3339
	Changed  bool   `json:"changed"`               // built from files that differ from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Built returns what the program was built from.
func Built() BuildFacts {
	f := BuildFacts{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return f
	}
	if info.Main.Version != "" {
		f.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			f.Commit = s.Value
		case "vcs.time":
			f.Time = s.Value
		case "vcs.modified":
			f.Changed = s.Value == "true"
		}
	}
	return f
}

// Version is the commit that the program was built from, and with which Go.
func Version() string {
	f := Built()
	if f.Version == "(devel)" && f.Commit != "" {
		f.Version = f.Commit
	}
	return f.Version + ", " + f.Go
}
