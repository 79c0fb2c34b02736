package importance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A reference is a study of the oracle file, with one parameter of each kind.
type reference struct {
	Direction  string
	ParamOrder []string `json:"param_order"`
	Trials     [][]any
	Default    map[string]float64   `json:"ped_default"`
	Q25        map[string]float64   `json:"ped_q25"`
	Q10R50     map[string]float64   `json:"ped_q10_r50"`
	Global     map[string]float64   `json:"ped_global"`
	Normalized map[string]float64   `json:"get_param_importances_default"`
	Forests    []map[string]float64 `json:"fanova_seeds"`
}

func references(t *testing.T) []reference {
	var file struct {
		Studies []reference `json:"studies"`
	}
	oracle.Load(t, "importance.json", &file)
	return file.Studies
}

// history returns the trials.
func (r reference) history(t *testing.T) trial.History {
	dists := map[string]space.Dist{
		"x": space.Float{Low: -5, High: 5},
		"l": space.Float{Low: 1e-4, High: 1, Log: true},
		"i": space.Int{Low: 1, High: 20},
		"s": space.Float{Low: 0, High: 1, Step: 0.1},
		"c": space.Choose("p", "q", "r").Dist(),
	}
	d, err := trial.ParseDirection(r.Direction)
	if err != nil {
		t.Fatal(err)
	}
	log := trial.NewLog([]trial.Direction{d})
	for number, row := range r.Trials {
		u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{row[len(row)-1].(float64)}}
		for i, name := range r.ParamOrder {
			v := row[i]
			if f, ok := v.(float64); ok && name == "i" {
				v = int(f)
			}
			x, err := dists[name].Internal(v)
			if err != nil {
				t.Fatalf("trial %d: %v", number, err)
			}
			u.Params = append(u.Params, trial.Param{Name: name, Value: x, Dist: dists[name]})
		}
		log.Put(u)
	}
	return log.History()
}

// The numbers of Optuna 5.
func TestPEDANOVAIsTheReferences(t *testing.T) {
	for k, s := range references(t) {
		h := s.history(t)
		for name, c := range map[string]struct {
			ped  importance.PEDANOVA
			want map[string]float64
		}{
			"default":              {importance.PEDANOVA{}, s.Default},
			"the best quarter":     {importance.PEDANOVA{Target: 0.25}, s.Q25},
			"within the best half": {importance.PEDANOVA{Region: 0.5}, s.Q10R50},
			"global":               {importance.PEDANOVA{Global: true}, s.Global},
		} {
			list, err := c.ped.Of(h, 0)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, fmt.Sprintf("study %d, %s", k, name), list, c.want)
			if name == "default" {
				compare(t, fmt.Sprintf("study %d, normalized", k), importance.Normalized(list), s.Normalized)
			}
		}
	}
}

// compare checks values to ten digits, and their order.
func compare(t *testing.T, what string, got []importance.Importance, want map[string]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
	for _, i := range got {
		if w := want[i.Name]; math.Abs(i.Value-w) > 1e-10*w+1e-15 {
			t.Errorf("%s: %s is %v, want %v", what, i.Name, i.Value, w)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b importance.Importance) int { return int(math.Copysign(1, b.Value-a.Value)) }) {
		t.Errorf("%s: %v is not sorted", what, got)
	}
}

// optuna decodes into v what a Python program with a live Optuna prints.
func optuna(t *testing.T, v any, program string, args ...string) {
	t.Helper()
	python := os.Getenv("BLUEFIN_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_PYTHON is not set")
		}
		t.Skip("BLUEFIN_PYTHON names no Python with Optuna")
	}
	cmd := exec.Command(python, append([]string{"-W", "ignore", "-c", program}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatal(err)
	}
}

// A live Optuna reads the same file: conditional parameters, ranges that change, a log int, steps
// that miss the end of the range, several objectives, and trials that failed or are infinite.
func TestPEDANOVAIsThatOfALiveOptuna(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := study.Open(ctx, study.Config{Name: "s", Storage: db, Sampler: sampler.Random{}, Seed: 1,
		Directions: []trial.Direction{trial.Minimize, trial.Maximize}})
	if err != nil {
		t.Fatal(err)
	}
	objective := func(u *study.Trial) ([]float64, error) {
		n := u.LogInt("n", 2, 900)
		step := study.Suggest(u, "step", space.Float{Low: 0.1, High: 0.75, Step: 0.2})
		x := u.Float("x", -2, float64(1+u.Number()%2))
		y := (x-0.3)*(x-0.3) + math.Abs(math.Log(float64(n))-4) + step
		if u.Categorical("kind", "tree", "line", "none") == "tree" {
			y += 0.3 * float64(u.Int("depth", 1, 200)) / 200
		}
		switch u.Number() % 40 {
		case 7:
			return nil, fmt.Errorf("failed")
		case 8:
			y = math.Inf(1)
		}
		return []float64{y, -math.Abs(x - 1)}, nil
	}
	for range 160 {
		u, err := s.Ask(ctx)
		if err != nil {
			t.Fatal(err)
		}
		values, err := objective(u)
		if err == nil {
			_, err = s.Tell(ctx, u, values...)
		} else {
			_, err = s.TellError(ctx, u, err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var want []map[string]float64
	optuna(t, &want, `
import json, sys, optuna
s = optuna.load_study(study_name="s", storage="sqlite:///" + sys.argv[1])
e = optuna.importance.PedAnovaImportanceEvaluator()
print(json.dumps([e.evaluate(s, target=lambda t: t.values[0]), e.evaluate(s, target=lambda t: -t.values[1])]))
`, path)
	h, err := s.History(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for objective, w := range want {
		got, err := importance.PEDANOVA{}.Of(h, objective)
		if err != nil {
			t.Fatal(err)
		}
		if names := slices.Sorted(maps.Keys(w)); len(names) != 5 {
			t.Fatalf("Optuna sees %v", names)
		}
		compare(t, fmt.Sprintf("objective %d", objective), got, w)
	}
}

func TestPEDANOVARefuses(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	put := func(number int, v float64) {
		log.Put(&trial.Trial{Number: number, State: trial.Complete, Values: []float64{v},
			Params: []trial.Param{{Name: "x", Dist: space.Float{Low: -1e308, High: 1e308}, Value: v}}})
	}
	put(0, 1)
	for want, call := range map[string]func() ([]importance.Importance, error){
		"importances need 2 complete trials with finite values, and there are 1": func() ([]importance.Importance, error) {
			return importance.PEDANOVA{}.Of(log.History(), 0)
		},
		"Target 2": func() ([]importance.Importance, error) { return importance.PEDANOVA{Target: 2}.Of(log.History(), 0) },
		"objective is 1, want 0 to 0": func() ([]importance.Importance, error) {
			return importance.PEDANOVA{}.Of(log.History(), 1)
		},
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	put(1, 2) // ranges as wide as float64
	list, err := importance.PEDANOVA{}.Of(log.History(), 0)
	if err != nil || len(list) != 1 || math.IsNaN(list[0].Value) {
		t.Errorf("got %v, %v", list, err)
	}
}

// Without a difference between best and other trials nothing is important, and all equally so.
func TestNormalizedOfNothingIsEqual(t *testing.T) {
	got := importance.Normalized([]importance.Importance{{Name: "x"}, {Name: "y"}})
	if got[0].Value != 0.5 || got[1].Value != 0.5 {
		t.Errorf("got %v", got)
	}
}
