package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/functions"
)

// tunedLine is a line of finetune's output.
type tunedLine struct {
	Task, Search, Belief string
	Seed, Trainings      int
	Best, Regret         *float64
}

func TestFinetuneTrainsAndRemembers(t *testing.T) {
	cache := t.TempDir()
	args := []string{"finetune", "--task", "iris", "--search", "random,tpe+halving", "--belief", "none,good,wrong,earlier",
		"--trainings", "1,2", "--seeds", "1", "--cache", cache}
	rows := benchJSON[tunedLine](t, args...)
	if len(rows) != 2*4*2 {
		t.Fatalf("there are %d rows, want 16: %+v", len(rows), rows)
	}
	for _, r := range rows {
		if r.Best == nil || !(*r.Best > 0) || !(*r.Regret >= 0) {
			t.Errorf("%+v: want a loss and a regret", r)
		}
		// The first training is that of the recommended setting, unless something else is believed.
		if r.Trainings == 1 && r.Belief == "none" && *r.Regret != 1 {
			t.Errorf("%+v: want a regret of 1 after the first training", r)
		}
	}
	files, err := filepath.Glob(filepath.Join(cache, "iris-*.jsonl"))
	if err != nil || len(files) != 2 { // the task and its sibling
		t.Fatalf("the cache has %v, %v", files, err)
	}
	before, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	again := benchJSON[tunedLine](t, args...)
	after, err := os.ReadFile(files[0])
	if err != nil || len(after) != len(before) {
		t.Errorf("a second run trained again: %d bytes, then %d; %v", len(before), len(after), err)
	}
	if !slices.EqualFunc(rows, again, func(a, b tunedLine) bool { return *a.Best == *b.Best && *a.Regret == *b.Regret }) {
		t.Errorf("the same command line gives other results:\n%+v\n%+v", rows, again)
	}
}

func TestFinetuneSearchesRecordedTables(t *testing.T) {
	args := []string{"finetune", "--task", "mlp_digits", "--search", "random,random+halving,random+hyperband,tpe+median",
		"--trainings", "5,10", "--seeds", "2"}
	code, out, messages := bench(t, append(args, "--summary", "test", "--against", "random")...)
	if code != 0 || !strings.Contains(out, "random+halving") || strings.Contains(out, "NaN") {
		t.Errorf("exit code %d, %s%s", code, out, messages)
	}
	for _, summary := range []string{"task", "rank", "gain"} {
		if code, out, messages := bench(t, append(args, "--summary", summary)...); code != 0 || !strings.Contains(out, "hyperband") {
			t.Errorf("%s: exit code %d, %s%s", summary, code, out, messages)
		}
	}
}

func TestFinetuneRefusesWhatDoesNotFit(t *testing.T) {
	for _, args := range [][]string{
		{"--task", "nothing"},
		{"--task", "iris", "--search", "nothing"},
		{"--task", "iris", "--search", "tpe+nothing"},
		{"--task", "iris", "--search", "dehb"},          // without --python
		{"--task", "mlp_digits", "--belief", "earlier"}, // a table has no earlier study
		{"--task", "iris", "--belief", "some"},
		{"--task", "iris", "--trainings", "0"},
		{"--task", "iris", "--gain", "2"},
		{"--task", "iris", "--summary", "nothing"},
		{"--task", "iris", "--against", "tpe"},
		{"--table", "a.csv.gz"},
	} {
		code, out, messages := bench(t, append([]string{"finetune"}, args...)...)
		if code != exitUsage || out != "" || strings.Count(messages, "\n") != 1 || !strings.Contains(messages, "--") {
			t.Errorf("%v: exit code %d, %q, %q; want %d and one line that names the flag", args, code, out, messages, exitUsage)
		}
	}
}

// Trials of a tuner that resumes are trained once.
func TestSearchChargesEachEpochOnce(t *testing.T) {
	task := &tuning{epochs: 9, draw: func(functions.Ask) point { return point{} },
		curve: func(context.Context, point, int) ([]float64, error) { return []float64{9, 8, 7, 6, 5, 4, 3, 2, 1}, nil }}
	by := &ladder{}
	steps, err := search(t.Context(), task, by, 20)
	if err != nil {
		t.Fatal(err)
	}
	// Trial 0 trains 3 epochs, then to its end; trial 1 does the same, and trial 2 is cut off.
	if want := []step{{Epochs: 9, Best: 1, point: point{}}}; len(steps) != 1 || steps[0].Epochs != want[0].Epochs || steps[0].Best != 1 {
		t.Errorf("the steps are %v, want %v", steps, want)
	}
	if want := []string{"0: 3 epochs", "0: whole", "1: 3 epochs", "1: whole"}; !slices.Equal(by.told, want) {
		t.Errorf("it was told %q, want %q", by.told, want)
	}
}

// A ladder trains each trial in two slices.
type ladder struct {
	asked int
	told  []string
}

type ladderSlice struct {
	*ladder
	n, last int
}

func (l *ladder) close() {}

func (l *ladder) next(context.Context) (slice, error) {
	n := l.asked
	l.asked++
	return ladderSlice{l, n / 2, 3 + 6*(n%2)}, nil
}

func (s ladderSlice) number() int            { return s.n }
func (s ladderSlice) until() int             { return s.last }
func (s ladderSlice) suggest() functions.Ask { return nil }
func (s ladderSlice) report(_ int, values []float64) (int, bool, error) {
	return len(values), false, nil
}

func (s ladderSlice) how(whole bool) string {
	if whole {
		return "whole"
	}
	return "3 epochs"
}

func (s ladderSlice) end(_ context.Context, _ float64, whole bool) error {
	s.told = append(s.told, string(rune('0'+s.n))+": "+s.how(whole))
	return nil
}

// All tasks can be made, their recommended settings are in their spaces, and their splits differ.
func TestEveryTaskTrains(t *testing.T) {
	for _, name := range trainingNames {
		a, err := trainingTuning(name, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := a.sibling()
		if err != nil {
			t.Fatal(err)
		}
		if a.id == b.id {
			t.Errorf("%s and its sibling are the same", name)
		}
		p := a.draw(point(a.first).answer())
		curve, err := a.curve(t.Context(), p, 1)
		if err != nil || len(curve) < 1 || !(curve[0] > 0) {
			t.Errorf("%s: the first epoch is %v, %v", name, curve, err)
		}
		for parameter, x := range a.first {
			if p[parameter] != x {
				t.Errorf("%s: %s is %v, want %v as recommended", name, parameter, p[parameter], x)
			}
		}
	}
}

func TestOptunaTunesBeside(t *testing.T) {
	python := realPython(t, "BLUEFIN_PYTHON", "Optuna")
	rows := benchJSON[tunedLine](t, "finetune", "--task", "mlp_digits", "--search", "optuna-tpe+halving,optuna-random+halving",
		"--belief", "good", "--trainings", "4", "--seeds", "1", "--python", python)
	if len(rows) != 2 || *rows[0].Regret > 1 {
		t.Errorf("the rows are %+v", rows)
	}
}

func TestOthersTuneBeside(t *testing.T) {
	python := os.Getenv("BLUEFIN_PEERS_PYTHON")
	if python == "" {
		t.Skip("BLUEFIN_PEERS_PYTHON names no Python that has DEHB, SMAC, Syne Tune and NePS")
	}
	for _, search := range []string{"smac-hyperband", "dehb", "syne-asha", "syne-bohb", "neps-priorband", "ngopt"} {
		rows := benchJSON[tunedLine](t, "finetune", "--task", "mlp_digits", "--search", search, "--belief", "good",
			"--trainings", "3", "--seeds", "1", "--python", python)
		if len(rows) != 1 || rows[0].Best == nil {
			t.Errorf("%s: the rows are %+v", search, rows)
		}
	}
}
