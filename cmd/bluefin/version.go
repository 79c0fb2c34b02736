package main

import (
	"cmp"
	"runtime/debug"
)

// release is the version of a release build. make release sets it with -ldflags, because the build
// information of a build from a checkout has no tag.
var release string

// version returns the release, or else the version of the module, or else the commit.
func version(release string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(release, "unknown")
	}
	return cmp.Or(release, buildVersion(info))
}

// buildVersion describes the build. A version from "go install …@v1.2.3" is better than a commit.
func buildVersion(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	commit := setting["vcs.revision"]
	if commit == "" {
		return "(devel)"
	}
	// Twelve digits are unique in any repository of this size.
	commit = commit[:min(len(commit), 12)]
	// The commit alone would be another program.
	if setting["vcs.modified"] == "true" {
		commit += "-dirty"
	}
	return commit
}
