package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// oddParams have every kind of value, and names that some format finds hard.
var oddParams = map[string]any{
	"lr": 1e-05, "one": 1.0, "exact": 0.1 + 0.2, "tiny": 5e-324, "huge": 1.7976931348623157e308, "n": 3, "neg": -7, "big": math.MaxInt64,
	"yes": true, "null": nil, "empty": "", "word": "adam", "spaces": " a  b ", "quotes": `it's "so"` + "`x`", "line\nend": "two\nlines\n",
	"größe": "日本 😀 é", "a.b-c d": `$HOME \n \`, "like int": "007", "like float": "1e-05", "like bool": "no", "like null": "~",
	"like time": "12:30:45", "like date": "2026-01-02", "eq": "=", "dash": "-x", "glob": "*.txt ; rm -rf {a,b}", "tab\t": "\t\x01", "it's": "#x: y",
	"byte order": "\ufeffx\u2028\u0085",
}

// oddStudy is a file with one study, whose only trial has the parameters.
func oddStudy(t *testing.T, params map[string]any) storageFlag {
	t.Helper()
	file := filepath.Join(t.TempDir(), "odd.db")
	db, err := sqlite.Open(t.Context(), file, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one := &trial.Trial{State: trial.Complete, Values: []float64{1e-05}, Start: time.Now(), End: time.Now()}
	for _, m := range objectOf(params) {
		one.Params = append(one.Params, trial.Param{Name: m.Name, Dist: space.Categorical{Choices: []any{m.Value}}})
	}
	if _, err := db.Import(t.Context(), storage.Snapshot{
		Study: storage.Study{Name: "odd", Directions: []trial.Direction{trial.Minimize}}, Trials: []*trial.Trial{one},
	}); err != nil {
		t.Fatal(err)
	}
	return storageFlag(file)
}

// exported is what the command writes.
func exported(t *testing.T, file storageFlag, format string, flags ...string) string {
	t.Helper()
	return bluefin(t, append([]string{"export", "--storage", string(file), "--format", format}, flags...)...)
}

// inShell runs a script of a POSIX shell and returns what it prints, split at NUL.
func inShell(t *testing.T, script string, args ...string) []string {
	t.Helper()
	out, err := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestExportedArgumentsReachAProgram(t *testing.T) {
	file := oddStudy(t, oddParams)
	want, err := command.Flags.Arguments(oddParams)
	if err != nil {
		t.Fatal(err)
	}
	split := `eval "set -- $1"; printf '%s\000' "$@"`
	if got := inShell(t, split, exported(t, file, "args")); !reflect.DeepEqual(got, want) {
		t.Errorf("a shell makes of args\n%q, want\n%q", got, want)
	}
	named := map[string]any{}
	for i, m := range objectOf(oddParams) {
		named["p."+string(rune('a'+i%26))+string(rune('a'+i/26))] = m.Value
	}
	if want, err = command.Hydra.Arguments(named); err != nil {
		t.Fatal(err)
	}
	if got := inShell(t, split, exported(t, oddStudy(t, named), "hydra")); !reflect.DeepEqual(got, want) {
		t.Errorf("a shell makes of hydra\n%q, want\n%q", got, want)
	}
}

func TestExportedVariablesReachAProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "best.env")
	exported(t, oddStudy(t, oddParams), "env", "--output", path)
	for _, m := range objectOf(oddParams) {
		// A program, not the shell itself: the variable must be exported.
		got := inShell(t, `set -eu; . "$1"; awk -v name="$2" 'BEGIN { printf "%s", ENVIRON[name] }'`, path, command.Variable(m.Name))
		if want := command.Text(m.Value); got[0] != want {
			t.Errorf("%q is %q, want %q", m.Name, got[0], want)
		}
	}
	_, stderr, code := status(t, "export", "--storage", string(oddStudy(t, map[string]any{"a.b": 1, "A-b": 2})), "--format", "env")
	if want := `parameters "A-b" and "a.b" would both be the variable BLUEFIN_PARAM_A_B`; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, %q, want %q", code, stderr, want)
	}
	for _, format := range []string{"env", "args", "hydra"} {
		_, stderr, code := status(t, "export", "--storage", string(oddStudy(t, map[string]any{"a": "x\x00y"})), "--format", format)
		if code != 1 || !strings.Contains(stderr, `parameter "a": a NUL character cannot be in`) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, want an error about the NUL character", format, code, stderr)
		}
	}
}

func TestExportedDocumentsReadBack(t *testing.T) {
	odd := map[string]any{"inf": math.Inf(-1)}
	for name, v := range oddParams {
		odd[name] = v
	}
	file := oddStudy(t, odd)
	text := exported(t, file, "yaml", "--params-only")
	var got map[string]any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, odd) {
		t.Errorf("Go reads YAML as\n%v, want\n%v", got, odd)
	}
	v, err := pyjson.Unmarshal([]byte(exported(t, file, "json", "--params-only")))
	if odd["inf"] = "-Infinity"; err != nil || !reflect.DeepEqual(v, any(odd)) {
		t.Errorf("JSON is read as\n%v, want\n%v: %v", v, odd, err)
	}
	// PyYAML reads YAML 1.1. JSON with sorted names compares all values with their types.
	const script = `
import json, sys, yaml
text = sys.stdin.buffer.read().decode()
whole = yaml.safe_load(text)
assert whole["value"] == 1e-05 and whole["study_name"] == "odd" and isinstance(whole["datetime_start"], str), whole
print(json.dumps(whole["params"], sort_keys=True))
`
	python := os.Getenv("BLUEFIN_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_PYTHON names no Python with Optuna")
		}
		t.Skip("BLUEFIN_PYTHON names no Python with Optuna")
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = strings.NewReader(exported(t, file, "yaml"))
	out, err := cmd.CombinedOutput()
	odd["inf"] = math.Inf(-1)
	want, _ := pyjson.Marshal(odd)
	if string(out) != string(want)+"\n" {
		t.Errorf("PyYAML reads\n%s, want\n%s: %v", out, want, err)
	}
}

func TestExportedTrainingArgumentsLoad(t *testing.T) {
	file := oddStudy(t, map[string]any{"learning_rate": 3.0000000000000004e-05, "batch_size": 16, "num_train_epochs": 3, "warmup_ratio": 0.06,
		"lr_scheduler_type": "cosine", "dropout": 0.1, "bf16": false, "optim": "adamw_torch"})
	text, notes, code := status(t, "export", "--storage", string(file), "--format", "hf")
	if code != 0 || !strings.Contains(notes, "Not fields of TrainingArguments, so left out: dropout.") || strings.Contains(text, "dropout") {
		t.Errorf("exit code %d, %s%s", code, text, notes)
	}
	for want, params := range map[string]map[string]any{
		"none of the parameters is a field of TrainingArguments: x, y":                         {"x": 1, "y": 2},
		`parameters "learning_rate" and "lr" would both be learning_rate of TrainingArguments`: {"lr": 1, "learning_rate": 2},
		"warmup_ratio is 2, want at least 0 and below 1":                                       {"warmup_ratio": 2.0},
	} {
		if _, stderr, code := status(t, "export", "--storage", string(oddStudy(t, params)), "--format", "hf"); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, %q, want %q", code, stderr, want)
		}
	}
	python := torchPython(t)
	if testing.Short() {
		t.Skip("loading transformers takes seconds")
	}
	path := filepath.Join(t.TempDir(), "args.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	// Without PyTorch's Trainer extras the class itself may not be made, but its fields are read.
	const script = `
import dataclasses, json, sys
from transformers import HfArgumentParser, TrainingArguments
fields = {f.name for f in dataclasses.fields(TrainingArguments) if f.init}
print("unknown", sorted(set(sys.argv[2].split()) - fields))
TrainingArguments.__post_init__ = lambda self: None
args, = HfArgumentParser(TrainingArguments).parse_json_file(sys.argv[1])
print(json.dumps([args.learning_rate, args.per_device_train_batch_size, args.num_train_epochs, args.warmup_steps, args.lr_scheduler_type, args.bf16, args.optim]))
`
	out, err := exec.Command(python, "-c", script, path, strings.Join(hfFields, " ")).Output()
	if want := "unknown []\n[3.0000000000000004e-05, 16, 3, 0.06, \"cosine\", false, \"adamw_torch\"]\n"; string(out) != want {
		t.Errorf("transformers reads %s, want %s: %v", out, want, err)
	}
}

// The formats that hold one trial refuse a front, and --trial chooses from it.
func TestExportOfAFront(t *testing.T) {
	file := filepath.Join(t.TempDir(), "front.db")
	bluefin(t, "create-study", "--storage", file, "--study-name", "f", "--directions", "minimize", "maximize")
	for number, values := range [][]string{{"1", "1"}, {"2", "2"}, {"3", "0"}} {
		bluefin(t, "ask", "--storage", file, "--search-space", `{"x": {"type": "int", "low": 4, "high": 4}}`)
		bluefin(t, append([]string{"tell", "--storage", file, "--trial-number", string(rune('0' + number)), "--values"}, values...)...)
	}
	_, stderr, code := status(t, "export", "--storage", file, "--format", "args")
	if want := `--format args is about one trial, and study "f" has 2 objectives and 2 best trials: want --trial NUMBER`; code != 2 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, %q, want %q", code, stderr, want)
	}
	if got := bluefin(t, "export", "--storage", file, "--format", "args", "--trial", "2"); got != "--x 4\n" {
		t.Errorf("got %q, want the parameters of trial 2", got)
	}
	var one struct {
		Trial  int
		Values []float64
	}
	if err := json.Unmarshal([]byte(bluefin(t, "export", "--storage", file, "--trial", "2")), &one); err != nil || one.Trial != 2 || len(one.Values) != 2 {
		t.Errorf("got %+v and %v, want trial 2", one, err)
	}
	if got := bluefin(t, "export", "--storage", file, "--format", "yaml", "--params-only"); got != "- x: 4\n- x: 4\n" {
		t.Errorf("got %q, want two trials", got)
	}
}
