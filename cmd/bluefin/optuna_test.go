package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// python returns a Python that has Optuna 5: BLUEFIN_PYTHON, or python3.
func python(t *testing.T) string {
	t.Helper()
	name := os.Getenv("BLUEFIN_PYTHON")
	if name == "" {
		name = "python3"
	}
	out, err := exec.Command(name, "-c", "import optuna; print(optuna.__version__)").CombinedOutput()
	if err == nil && strings.HasPrefix(string(out), "5.") {
		return name
	}
	message := fmt.Sprintf("%s has no Optuna 5 (set BLUEFIN_PYTHON to one that has): %v %s", name, err, bytes.TrimSpace(out))
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

func script(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(python(t), append([]string{filepath.Join("testdata", "optuna", name)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, stderr.String())
	}
	return string(out)
}

func bluefin(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("bluefin", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bluefin %v: %v: %s", args, err, stderr.String())
	}
	return string(out)
}

// optunaTrial is what dump.py prints of a trial. Numbers and other values are
// in Python's notation, distributions and attributes are JSON text.
type optunaTrial struct {
	Number        int               `json:"number"`
	State         string            `json:"state"`
	Values        []string          `json:"values"`
	Params        map[string]string `json:"params"`
	Distributions map[string]string `json:"distributions"`
	Reports       map[string]string `json:"reports"`
	UserAttrs     map[string]string `json:"user_attrs"`
	Constraints   map[string]string `json:"constraints"`
	Start         bool              `json:"start"`
	Complete      bool              `json:"complete"`
}

// asOptuna says what Optuna should see of a trial.
func asOptuna(t *testing.T, tr *trial.Trial) optunaTrial {
	o := optunaTrial{Number: tr.Number, State: tr.State.String(), Params: map[string]string{}, Distributions: map[string]string{},
		Reports: map[string]string{}, UserAttrs: map[string]string{}, Constraints: map[string]string{}, Start: !tr.Start.IsZero(), Complete: !tr.End.IsZero()}
	for _, v := range tr.Values {
		o.Values = append(o.Values, pythonRepr(v))
	}
	for _, p := range tr.Params {
		o.Params[p.Name] = pythonRepr(p.External())
		dist, err := space.Marshal(p.Dist)
		if err != nil {
			t.Error(err)
		}
		o.Distributions[p.Name] = dist
	}
	for _, r := range tr.Reports {
		o.Reports[fmt.Sprint(r.Step)] = pythonRepr(r.Value)
	}
	for key, value := range tr.UserAttrs {
		v, err := pyjson.Unmarshal(value)
		if err != nil {
			t.Errorf("attribute %q: %v", key, err)
		}
		text, _ := pyjson.Marshal(v)
		o.UserAttrs[key] = string(text)
	}
	for name, c := range tr.Constraints {
		o.Constraints[name] = pythonRepr(c)
	}
	return o
}

// sameAsOptuna compares all trials of a study in a file as both sides see them.
func sameAsOptuna(t *testing.T, path, name string) []*trial.Trial {
	t.Helper()
	return sameTrials(t, path, path, name)
}

// sameTrials compares all trials of a study as we see them in one storage with what Optuna sees in another
// one: a file, a URL, or grpc://HOST:PORT.
func sameTrials(t *testing.T, our, their, name string) []*trial.Trial {
	t.Helper()
	db, err := storageFlag(our).open(t.Context(), console{err: t.Output()}, access{readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Load(t.Context(), study.Config{Name: name, Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var theirs []optunaTrial
	lines := bufio.NewScanner(strings.NewReader(script(t, "dump.py", their, name)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o optunaTrial
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		theirs = append(theirs, o)
	}
	if len(ours) != len(theirs) {
		t.Fatalf("we see %d trials, Optuna %d", len(ours), len(theirs))
	}
	for i := range ours {
		if got := asOptuna(t, ours[i]); !reflect.DeepEqual(got, theirs[i]) {
			t.Errorf("we see\n%+v, Optuna\n%+v", got, theirs[i])
		}
	}
	return ours
}

// Optuna opens our file, sees what we see, and continues; then we do.
func TestOptunaContinuesOurStudy(t *testing.T) {
	python(t)
	path := filepath.Join(t.TempDir(), "study.db")
	finetune := func(trials string) { bluefin(t, "finetune", "--storage", path, "--trials", trials) }
	finetune("14")
	before := sameAsOptuna(t, path, "digits")
	script(t, "continue.py", path, "digits", "6")
	if got := sameAsOptuna(t, path, "digits"); len(got) != 20 || !reflect.DeepEqual(got[:14], before) {
		t.Errorf("got %d trials after Optuna's 6, and ours unchanged: %v", len(got), reflect.DeepEqual(got[:14], before))
	}
	finetune("26")
	all := sameAsOptuna(t, path, "digits")
	if len(all) != 26 {
		t.Fatalf("got %d trials, want 26", len(all))
	}
	for i, tr := range all {
		if tr.Number != i || tr.State != trial.Complete && tr.State != trial.Pruned || len(tr.Params) != 8 {
			t.Errorf("trial %d: got %+v", i, tr)
		}
	}
	// What we draw after Optuna's trials depends on them: they are in the history.
	if all[20].Seen != 20 {
		t.Errorf("trial 20 was drawn from %d finished trials, want 20", all[20].Seen)
	}
}

// We open Optuna's file, see what it sees, continue, and export; then Optuna does.
func TestWeContinueOptunasStudy(t *testing.T) {
	python(t)
	const name = "größe 日本"
	path := filepath.Join(t.TempDir(), "optuna.db")
	script(t, "make.py", path)
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := sameAsOptuna(t, path, name)
	sameAsOptuna(t, path, "two")
	bluefin(t, "trials", "--storage", path, "--study-name", name, "-f", "json")
	bluefin(t, "studies", "--storage", path)
	exported := bluefin(t, "export", "--storage", path, "--study-name", name)
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, original) {
		t.Error("commands that inspect have changed Optuna's file")
	}
	var best *trial.Trial
	for _, tr := range all {
		if tr.State == trial.Complete && tr.Violation() == 0 && (best == nil || tr.Values[0] > best.Values[0]) {
			best = tr
		}
	}
	if want := fmt.Sprintf(`"trial": %d,`, best.Number); !strings.Contains(exported, want) || !strings.Contains(exported, `"direction": "maximize"`) {
		t.Errorf("want the best feasible trial %d, got %s", best.Number, exported)
	}

	db, err := sqlite.Open(t.Context(), path, sqlite.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if record, err := db.Load(t.Context(), name); err != nil || string(record.SystemAttrs["study:metric_names"]) != `["accuracy"]` || !strings.Contains(string(record.UserAttrs["note"]), "NaN") {
		t.Errorf("metric names and attributes are kept to the letter: got %s %s, %v", record.SystemAttrs, record.UserAttrs, err)
	}
	s, err := study.Open(t.Context(), study.Config{Name: name, Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		f := tr.Float("f", 0, 1)
		tr.LogFloat("lr", 1e-5, 1e-1)
		study.Suggest(tr, "step", space.Float{Low: 0.1, High: 0.95, Step: 0.25})
		tr.Int("i", 1, 10)
		tr.LogInt("batch", 8, 128)
		study.Suggest(tr, "width", space.Int{Low: 0, High: 100, Step: 7})
		c := tr.Categorical("c", "a", "b", "日本")
		if tr.Number() == 12 && (f != 0.25 || c != "日本") {
			t.Errorf("the trial that Optuna queued has f = %v, c = %q", f, c)
		}
		return f, nil
	}, study.Budget{Trials: len(all) + 8})
	if err != nil {
		t.Fatal(err)
	}
	got := sameAsOptuna(t, path, name)
	if len(got) != len(all)+8 {
		t.Errorf("got %d trials, want %d", len(got), len(all)+8)
	}
	for _, tr := range got[len(all)-1:] {
		if tr.State != trial.Complete {
			t.Errorf("trial %d: %v %s", tr.Number, tr.State, tr.Failure())
		}
	}
}

// Optuna's ints may be wider than ours. Such a study is not read, and the
// error says which parameter it is; others in the file are.
func TestAnIntOfOptunaThatIsTooWide(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	make := exec.Command(python(t), "-c", `
import optuna, sys
study = optuna.create_study(study_name="wide", storage="sqlite:///" + sys.argv[1], sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(lambda t: t.suggest_int("k", 0, 9) + t.suggest_int("n", 0, 10**30), n_trials=2)`, path)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := `: parameter "n": distribution {"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 1000000000000000000000000000000}}: ` +
		`"high" is 1e+30, want an integer of at most 64 bits` + "\n"
	// All trials are read from the first one on, and of the best one only that.
	for command, number := range map[string]int{"trials": 0, "export": 1} {
		want := fmt.Sprintf(`study "wide": trial %d`, number) + want
		if _, stderr, code := status(t, command, "--storage", path); code != 1 || !strings.HasSuffix(stderr, want) || strings.Contains(stderr, "sound") {
			t.Errorf("%s: got exit code %d, %s", command, code, stderr)
		}
	}
	bluefin(t, "create-study", "--storage", path, "--study-name", "narrow")
	bluefin(t, "ask", "--storage", path, "--study-name", "narrow")
}
