package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// A command runs from its fields alone, without a command line.
func TestCommandsNeedNoCommandLine(t *testing.T) {
	file := storageFlag(filepath.Join(t.TempDir(), "s.db"))
	var out, messages bytes.Buffer
	con := console{in: strings.NewReader(""), out: &dataWriter{w: &out}, err: &messages}
	create := createStudyCommand{study: studyFlags{storage: file, name: "a"}, direction: "maximize"}
	ask := askCommand{
		study: studyFlags{storage: file}, format: formatFlags{format: "json"},
		sampler: samplerFlags{name: "random", seed: 1}, space: `{"x": {"type": "int", "low": 7, "high": 7}}`,
	}
	tell := tellCommand{study: studyFlags{storage: file}, trial: trialFlags{number: 0}, state: "fail"}
	for _, run := range []error{create.run(t.Context(), con), ask.run(t.Context(), con), tell.run(t.Context(), con)} {
		if run != nil {
			t.Error(run)
		}
	}
	if got, want := out.String(), "a\n{\"number\": 0, \"params\": {\"x\": 7}}\n"; got != want {
		t.Errorf("the data are %q, want %q", got, want)
	}
	if got, want := messages.String(), "Told trial 0: FAIL.\n"; got != want {
		t.Errorf("the messages are %q, want %q", got, want)
	}
}
