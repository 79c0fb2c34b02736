package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Optuna reads a study with paused trials: they wait, with their parameters and reports. If it runs one,
// it runs it to its end, and the rest still pauses and resumes here.
func TestOptunaReadsPausedTrials(t *testing.T) {
	py := python(t)
	path := filepath.Join(t.TempDir(), "study.db")
	search := func(trials string) []*trial.Trial {
		bluefin(t, "finetune", "--storage", path, "--sampler", "random", "--scheduler", "halving", "--trials", trials)
		return sameAsOptuna(t, path, "digits")
	}
	before := search("12")
	first := slices.IndexFunc(before, (*trial.Trial).Paused)
	if first < 0 || len(before[first].Params) != 8 || len(before[first].Reports) == 0 || before[first].State != trial.Waiting {
		t.Fatalf("no trial is paused as it should be: %+v", before)
	}
	out, err := exec.Command(py, "-c", `
import json, sys
import optuna
study = optuna.load_study(study_name="digits", storage="sqlite:///" + sys.argv[1])
trial = study.ask()
print(json.dumps({"number": trial.number, "params": len(trial.params)}))
study.tell(trial, 0.5)`, path).Output()
	var told struct{ Number, Params int }
	if err != nil || json.Unmarshal(out, &told) != nil || told.Number != first || told.Params != 8 {
		t.Fatalf("Optuna got %s, %v, want trial %d with its 8 parameters", out, err, first)
	}
	after := search("16")
	if tr := after[first]; tr.State != trial.Complete || tr.Values[0] != 0.5 || !reflect.DeepEqual(tr.Params, before[first].Params) {
		t.Errorf("the trial that Optuna ran is %+v, want its value, 0.5", tr)
	}
	for i, tr := range after {
		if tr.State != trial.Complete && !tr.Paused() {
			t.Errorf("trial %d is %v: %s", i, tr.State, tr.Failure())
		}
		if i != first && i < len(before) && !slices.Equal(tr.Reports[:len(before[i].Reports)], before[i].Reports) {
			t.Errorf("trial %d has lost reports: %v, and before %v", i, tr.Reports, before[i].Reports)
		}
	}
}
