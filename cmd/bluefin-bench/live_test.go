package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/space"
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

// An engine that draws whole points, as those of other packages do, but needs no package.
const anyEngine = `
class Random(Whole):
    version = "1"

    def __init__(self, task):
        super().__init__(task)
        import random
        self.random = random.Random(task["seed"])

    def propose(self):
        draw = {"float": self.random.uniform, "int": self.random.randint, "cat": self.random.randint}
        point = {d.name: draw[d.kind](d.low, d.high) for d in self.dims}
        return point, point

    def observe(self, point, value):
        assert set(point) == {d.name for d in self.dims}

serve(Random)
`

func TestWholePointsAreOfEveryKind(t *testing.T) {
	python := realPython(t, "BLUEFIN_PYTHON", "Optuna")
	protocol, err := liveScripts.ReadFile("live/protocol.py")
	if err != nil {
		t.Fatal(err)
	}
	list := []space.Dimension{
		{Name: "float", Dist: space.Float{Low: -1, High: 2}},
		{Name: "log", Dist: space.Float{Low: 1e-5, High: 0.1, Log: true}},
		{Name: "stepped", Dist: space.Float{Low: 0.1, High: 0.7, Step: 0.2}},
		{Name: "int", Dist: space.Int{Low: 3, High: 8, Step: 1}},
		{Name: "even", Dist: space.Int{Low: 4, High: 64, Step: 4}},
		{Name: "power", Dist: space.Int{Low: 1, High: 64, Step: 1, Log: true}},
		{Name: "choice", Dist: space.Categorical{Choices: []any{"a", "b", nil}}},
	}
	params, err := peerParams(list)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]float64{"float": 0.5, "log": 1e-3, "stepped": 0.5, "int": 7, "even": 12, "power": 16, "choice": 1}
	e, err := startPeer(t.Context(), python, string(protocol)+anyEngine, peerTask{Seed: 1, Space: params, First: first})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for n := range 30 {
		f, err := e.ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			x := f.suggest()(d.Name, d.Dist)
			if !d.Dist.Contains(x) || n == 0 && math.Abs(x-first[d.Name]) > 1e-12 {
				t.Errorf("trial %d: %s is %v", n, d.Name, x)
			}
		}
		if err := f.tell(t.Context(), []float64{1}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConditionalParametersAreInTheSpace(t *testing.T) {
	p, err := functions.New("jenatton", 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(dims(p)); n != 9 {
		t.Errorf("there are %d parameters, want x1 to x3, x4 to x7 and two radii", n)
	}
}

// The packages are large, so their Python is named only where someone measures.
func TestOtherPackagesSearch(t *testing.T) {
	python := os.Getenv("BLUEFIN_PEERS_PYTHON")
	if python == "" {
		t.Skip("BLUEFIN_PEERS_PYTHON names no Python that has nevergrad, HEBO and smac")
	}
	for _, r := range benchJSON[line](t, "quality", "--problem", "mixint_f01", "--sampler", "random", "--live", "ngopt,hebo,smac",
		"--trials", "6", "--seeds", "1", "--python", python) {
		if !(r.Best >= 0) {
			t.Errorf("%+v is below the minimum", r)
		}
	}
}
