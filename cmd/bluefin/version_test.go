package main

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// A release build has the version that make release passes.
func TestAReleaseKnowsItsVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	program := filepath.Join(t.TempDir(), "bluefin")
	if out, err := exec.Command("go", "build", "-ldflags", "-X main.release=v0.1.0-3-gabc", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program, "--version").Output()
	if got, want := string(out), "bluefin version v0.1.0-3-gabc\n"; err != nil || got != want {
		t.Errorf("--version prints %q, %v, want %q", got, err, want)
	}
}

// Other builds name the version of the module, or else the commit.
func TestBuildVersion(t *testing.T) {
	commit := []debug.BuildSetting{{Key: "vcs.revision", Value: strings.Repeat("0123456789", 4)}, {Key: "vcs.modified", Value: "false"}}
	changed := []debug.BuildSetting{commit[0], {Key: "vcs.modified", Value: "true"}}
	for want, info := range map[string]debug.BuildInfo{
		"v0.2.1":             {Main: debug.Module{Version: "v0.2.1"}, Settings: commit},
		"012345678901":       {Main: debug.Module{Version: "(devel)"}, Settings: commit},
		"012345678901-dirty": {Main: debug.Module{Version: "(devel)"}, Settings: changed},
		"(devel)":            {Main: debug.Module{Version: "(devel)"}},
	} {
		if got := buildVersion(&info); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
