package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bench runs a command line and returns what it writes.
func bench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	code = run(t.Context(), append([]string{"bluefin-bench"}, args...), &out, &messages)
	return code, out.String(), messages.String()
}

// benchJSON runs a command line with -f json, and reads what it writes.
func benchJSON[T any](t *testing.T, args ...string) []T {
	t.Helper()
	code, out, messages := bench(t, append(args, "-f", "json")...)
	var rows []T
	if err := json.Unmarshal([]byte(out), &rows); err != nil || code != 0 {
		t.Fatalf("%v: exit code %d, %v, %s", args, code, err, messages)
	}
	return rows
}

const (
	tableRows = "../../objective/functions/tables/mlp_digits.csv.gz"
	tableMeta = "../../objective/functions/tables/mlp_digits.json"
)

func TestAMistakeIsOneLineAndExitCode2(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"fly", `unknown command "fly"`},
		{"speed --fly", "flag provided but not defined: -fly"},
		{"speed extra", `unexpected argument "extra"`},
		{"speed -f yaml", `--format is "yaml", want table or json`},
		{"speed --trials 0", `--trials is "0", want numbers of at least 1`},
		{"speed --trials ,", "--trials is empty"},
		{"speed --params 0", "--params is 0, want at least 1"},
		{"speed --sampler nsga9", `--sampler is "nsga9", want one of auto, tpe, `},
		{"speed --sampler ,", "--sampler is empty"},
		{"scale --forms fax", `--forms is "fax", want some of file`},
		{"scale --workers 0", `--workers is "0", want numbers of at least 1`},
		{"scale --trials 0", "--trials is 0, want at least 1"},
		{"scale --step -1s", "--step is -1s, want at least 0s"},
		{"scale --sampler gp", `--sampler is "gp", want random or tpe`},
		{"quality --problem bbob_f25_d05", "BBOB function is 25, want 1 to 24"},
		{"quality --problem ,", "--problem is empty"},
		{"quality --sampler ,", `--sampler is ""`},
		{"quality --instance 0", `--instance is "0", want numbers of at least 1`},
		{"quality --seeds 0", "--seeds is 0, want at least 1"},
		{"quality --first-seed -1", "--first-seed is -1, want at least 0"},
		{"quality --trials 0", "--trials is 0, want at least 1"},
		{"quality --workers 0", "--workers is 0, want at least 1"},
		{"quality --summary all", `--summary is "all", want problem, group, rank or test`},
		{"quality --against tpe", `--against is "tpe", want --summary test too`},
		{"quality --summary test --problem jenatton --trials 2 --sampler random,qmc --against tpe5", `--against is "tpe5", want a sampler that`},
		{"quality --live tpe", `--live is "tpe", want --python too`},
		{"quality --python python3 --live nsga9", `--live is "nsga9", want some of tpe, `},
		{"quality --python python3 --sampler auto", "--live is empty, want some of tpe, "},
		{"quality --plot best.gif", `--plot is "best.gif", want a name that ends in .svg, .png, .pdf`},
		{"quality --others tpe5", `--others is "tpe5", want --results too`},
		{"quality --table x.csv.gz", `--meta is "", want as many files`},
		{"quality --table " + tableRows + ",./" + tableRows + " --meta " + tableMeta + ",./" + tableMeta, "want different names"},
		{"quality --problem jenatton,mlp_digits --table " + tableRows + " --meta " + tableMeta, "want different names"},
		{"pruning --problem jenatton", "want a table with learning curves"},
		{"pruning --pruner axe", `--pruner is "axe", want one of none, `},
		{"pruning --factor 1", "--factor is 1, want at least 2"},
		{"pruning --trials 0", "--trials is 0, want at least 1, or --epochs"},
		{"pruning --epochs -1", "--epochs is -1, want at least 0"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, messages := bench(t, strings.Fields(c.args)...)
			if code != exitUsage || strings.Count(messages, "\n") != 1 || !strings.Contains(messages, c.want) {
				t.Errorf("exit code %d, %q; want %d and one line with %q", code, messages, exitUsage, c.want)
			}
			if out != "" && !strings.Contains(out, "NAME:") { // the flag parser's own help aside
				t.Errorf("standard output is %q, want nothing", out)
			}
		})
	}
}

func TestAFileThatIsMissingIsExitCode1(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, args := range [][]string{
		{"quality", "--table", missing, "--meta", tableMeta},
		{"quality", "--table", tableRows, "--meta", missing},
		{"quality", "--problem", "jenatton", "--trials", "2", "--results", missing},
		{"quality", "--problem", "jenatton", "--sampler", "random", "--trials", "2", "--python", missing},
		{"quality", "--problem", "jenatton", "--sampler", "random", "--trials", "10", "--plot", missing + "/best.svg"},
		{"speed", "--sampler", "random", "--trials", "10", "--python", missing},
	} {
		code, out, messages := bench(t, args...)
		if code != exitError || !strings.Contains(messages, "missing") || strings.Count(messages, "\n") != 1 || out != "" {
			t.Errorf("%v: exit code %d, %q, %q; want %d and one line about the file", args, code, out, messages, exitError)
		}
	}
}

func TestASignalEndsWithExitCode130(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{"quality", "pruning", "speed"} {
		var out, messages bytes.Buffer
		if code := run(ctx, []string{"bluefin-bench", command}, &out, &messages); code != exitInterrupted || out.Len() != 0 {
			t.Errorf("%s: exit code %d, %q, %q; want %d and no data", command, code, out.String(), messages.String(), exitInterrupted)
		}
	}
}

func TestTablesHaveTheColumnsOfTheJSON(t *testing.T) {
	_, out, _ := bench(t, "quality", "--problem", "jenatton", "--sampler", "random", "--trials", "5", "--seeds", "1")
	lines := strings.Split(out, "\n")
	if len(lines) < 4 || strings.Join(strings.Fields(strings.ReplaceAll(lines[1], "|", " ")), " ") != "problem instance sampler seed n best" {
		t.Errorf("the table is\n%s", out)
	}
}

func TestSpeedWritesAFigureForEachNumberOfTrials(t *testing.T) {
	rows := benchJSON[measurement](t, "speed", "--sampler", "random,tpe", "--trials", "10,30", "--params", "2")
	if len(rows) != 4 {
		t.Fatalf("%d rows, want 4", len(rows))
	}
	for i, r := range rows {
		want := measurement{Engine: "bluefin", Sampler: []string{"random", "tpe"}[i/2], Params: 2, Trials: []int{10, 30}[i%2], Micros: r.Micros}
		if r != want || !(r.Micros > 0 && r.Micros < 1e5) {
			t.Errorf("row %d is %+v, want %+v with a plausible time", i, r, want)
		}
	}
	if whole := benchJSON[measurement](t, "speed", "--sampler", "random", "--trials", "20", "--whole"); len(whole) != 1 || whole[0].Micros <= 0 {
		t.Errorf("a whole search is %+v", whole)
	}
}

func TestSpeedPutsAnotherEngineBeside(t *testing.T) {
	python := func(script string) string {
		path := filepath.Join(t.TempDir(), "python")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	works := python(`case "$3" in *'"trials":[10]'*) echo '[{"engine":"optuna","sampler":"random","params":5,"trials":10,"us_per_trial":190.5}]';; esac`)
	rows := benchJSON[measurement](t, "speed", "--sampler", "random", "--trials", "10", "--python", works)
	if len(rows) != 2 || rows[1] != (measurement{"optuna", "random", 5, 10, 190.5}) {
		t.Errorf("rows are %+v, want those of the other engine last", rows)
	}
	fails := python("echo Traceback >&2; echo \"ModuleNotFoundError: No module named 'optuna'\" >&2; exit 1")
	code, _, messages := bench(t, "speed", "--sampler", "random", "--trials", "10", "--python", fails)
	if code != exitError || !strings.Contains(messages, "No module named 'optuna'") || strings.Count(messages, "\n") != 1 {
		t.Errorf("exit code %d, %q; want %d and the last line of the program", code, messages, exitError)
	}
}

// realPython is the Python with the given packages that a variable names;
// without one the test is skipped, and fails where everything is to be tested.
func realPython(t *testing.T, variable, packages string) string {
	t.Helper()
	python := os.Getenv(variable)
	if python == "" {
		message := variable + " names no Python that has " + packages
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	return python
}

// The script measures the real thing, where a Python that has it is named.
func TestSpeedMeasuresOptuna(t *testing.T) {
	python := realPython(t, "BLUEFIN_PYTHON", "Optuna")
	found := map[string]bool{}
	for _, r := range benchJSON[measurement](t, "speed", "--trials", "20", "--python", python) {
		found[r.Engine+" "+r.Sampler] = r.Micros > 0
	}
	for _, want := range []string{"bluefin random", "bluefin tpe", "bluefin cmaes", "optuna random", "optuna tpe", "optuna cmaes"} {
		if !found[want] {
			t.Errorf("there is no time of %s", want)
		}
	}
}
