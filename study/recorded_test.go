package study_test

import (
	"encoding/json"
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/functions"
	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var record = flag.Bool("record", false, "rewrite testdata/recorded.json")

const recordedFile = "testdata/recorded.json"

// recordedStudies are searches with every draw in testdata, so a change of the engine or a sampler
// that moves one fails the test.
var recordedStudies = []struct {
	name, problem string
	trials        int
	sampler       sampler.Sampler
	pruner        pruner.Pruner
}{
	{"random", "bbob_f08_d05", 30, sampler.Random{}, nil},
	{"tpe", "bbob_f08_d05", 120, &sampler.TPE{}, nil},
	{"tpe mixed", "catchain", 120, &sampler.TPE{}, nil},
	{"tpe one at a time", "jenatton", 60, &sampler.TPE{Independent: true}, nil},
	{"cmaes", "bbob_f10_d05", 120, &sampler.CMAES{}, nil},
	{"cmaes restarts", "bbob_f15_d05", 200, &sampler.CMAES{Restart: sampler.BIPOP}, nil},
	{"qmc", "bbob_f08_d05", 30, sampler.QMC{Seed: 3}, nil},
	{"grid", "", 12, sampler.Grid{Values: map[string][]any{"x": {1, 2, 3}, "y": {"a", "b", "c"}}, Seed: 3}, nil},
	{"brute force", "", 30, sampler.BruteForce{}, nil},
	{"gp", "bbob_f08_d05", 40, &sampler.GP{}, nil},
	{"gp mixed", "synth_finetune", 30, &sampler.GP{}, nil},
	{"auto with Hyperband", "curves", 60, &sampler.Auto{}, pruner.Hyperband{}},
}

// recordedObjective suggests the parameters of a problem.
func recordedObjective(t *testing.T, name string) study.Objective {
	switch name {
	case "":
		return func(tr *study.Trial) (float64, error) {
			x := tr.Int("x", 1, 3)
			y := tr.Categorical("y", "a", "b", "c")
			return float64(x * len(y)), nil
		}
	case "curves":
		return func(tr *study.Trial) (float64, error) {
			lr, depth := tr.LogFloat("lr", 1e-5, 1), tr.Int("depth", 1, 8)
			loss := 4.0
			for step := range 27 {
				loss -= loss * min(lr, 0.3) / float64(depth)
				if err := tr.Report(step, loss); err != nil {
					return 0, err
				}
			}
			return loss, nil
		}
	}
	p, err := functions.New(name, 1)
	if err != nil {
		t.Fatal(err)
	}
	return func(tr *study.Trial) (float64, error) {
		return p.Value(func(name string, d space.Dist) float64 { return ask(tr, name, d) }), nil
	}
}

// ask suggests a parameter of any distribution and returns its internal value.
func ask(tr *study.Trial, name string, d space.Dist) float64 {
	switch d := d.(type) {
	case space.Float:
		return study.Suggest(tr, name, d)
	case space.Int:
		return float64(study.Suggest(tr, name, d))
	}
	v := study.Suggest(tr, name, space.Domain[any](d.(space.Categorical)))
	x, _ := d.Internal(v)
	return x
}

func TestRecordedStudiesAreDrawnAgain(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("recorded on amd64; others fuse a multiplication with an addition")
	}
	want := map[string][]string{}
	if !*record {
		text, err := os.ReadFile(recordedFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string][]string{}
	for _, r := range recordedStudies {
		t.Run(r.name, func(t *testing.T) {
			s, err := study.Open(t.Context(), study.Config{Sampler: r.sampler, Pruner: r.pruner, Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Optimize(t.Context(), recordedObjective(t, r.problem), study.Budget{Trials: r.trials}); err != nil {
				t.Fatal(err)
			}
			trials, err := s.Trials(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, tr := range trials {
				got[r.name] = append(got[r.name], line(tr))
			}
			if *record {
				return
			}
			for i, line := range got[r.name] {
				if i >= len(want[r.name]) || line != want[r.name][i] {
					t.Fatalf("trial %d is\n%s, want\n%s", i, line, want[r.name][min(i, len(want[r.name])-1)])
				}
			}
		})
	}
	if *record {
		text, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recordedFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// line is a trial's state and parameters, exact to the last bit.
func line(t *trial.Trial) string {
	text := t.State.String()
	for _, p := range t.Params {
		text += " " + p.Name + "=" + strconv.FormatFloat(p.Value, 'g', -1, 64)
	}
	return text
}
