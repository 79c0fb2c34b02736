package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pythonOf is a program that stands in for Python.
func pythonOf(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOptunaSearchesBeside(t *testing.T) {
	// It always says 0.25; what it was asked goes to a file.
	log := filepath.Join(t.TempDir(), "log")
	python := pythonOf(t, `echo '{"version":"5"}'
while read -r line; do
  echo "$line" >>`+log+`
  case "$line" in
    *ask*) echo '{"number":7}';;
    *name*) echo '{"value":0.25}';;
    *) echo '{}';;
  esac
done`)
	rows := benchJSON[line](t, "quality", "--problem", "classic_branin", "--sampler", "random", "--trials", "2", "--seeds", "1", "--python", python)
	if len(rows) != 2 || rows[1].Sampler != "optuna-random" || rows[1].N != 2 {
		t.Fatalf("the rows are %+v", rows)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	asked := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(asked) != 2*4 || asked[0] != `{"ask":true}` || !strings.Contains(asked[1], `"number":7`) || !strings.Contains(asked[1], `FloatDistribution`) || !strings.Contains(asked[3], `"tell":`) {
		t.Errorf("Optuna was asked\n%s", text)
	}
}

func TestAnOptunaThatFailsIsAnError(t *testing.T) {
	args := []string{"quality", "--problem", "jenatton", "--sampler", "random", "--trials", "2", "--seeds", "1", "--python"}
	for name, script := range map[string]string{
		"at once":           "echo Traceback >&2; echo 'no such module' >&2; exit 1",
		"when asked":        `echo '{}'; read -r line; echo 'no such module' >&2; exit 1`,
		"when it suggests":  `echo '{}'; read -r line; echo '{"number":0}'; read -r line; echo 'no such module' >&2; exit 1`,
		"with what is none": `echo 'no such module'; echo 'no such module' >&2`,
	} {
		code, out, messages := bench(t, append(args, pythonOf(t, script))...)
		if code != exitError || out != "" || strings.Count(messages, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q; want %d and one line", name, code, out, messages, exitError)
		}
		if name != "with what is none" && !strings.Contains(messages, "no such module") {
			t.Errorf("%s: %q does not say what Python said", name, messages)
		}
	}
}

// The script drives the real thing, on every kind of parameter.
func TestRealOptunaSearches(t *testing.T) {
	python := realPython(t, "BLUEFIN_PYTHON", "Optuna")
	args := []string{
		"quality", "--problem", "mixint_f01,synth_finetune,classic_branin", "--sampler", "tpe,cmaes", "--live", "tpe,tpe-independent,random,cmaes",
		"--trials", "15", "--seeds", "1", "--python", python, "--workers", "2",
	}
	rows := benchJSON[line](t, args...)
	var samplers []string
	for _, r := range rows {
		samplers = include(samplers, r.Sampler)
		if !(r.Best >= 0) {
			t.Errorf("%+v is below the minimum", r)
		}
	}
	if want := []string{"tpe", "cmaes", "optuna-tpe", "optuna-tpe-independent", "optuna-random", "optuna-cmaes"}; !slices.Equal(samplers, want) {
		t.Errorf("the samplers are %v, want %v", samplers, want)
	}
	if again := benchJSON[line](t, args...); !slices.Equal(again, rows) {
		t.Error("the same command line gives other results")
	}
}
