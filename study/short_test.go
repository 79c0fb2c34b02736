package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestMinimizeAndMaximizeReturnTheBestTrial(t *testing.T) {
	hill := func(t *study.Trial) (float64, error) { return t.Float("x", -1, 1), nil }
	low, err := study.Minimize(t.Context(), hill, 40)
	if err != nil || low.Values[0] > -0.9 {
		t.Errorf("minimum is %v with %v, want about -1", low, err)
	}
	high, err := study.Maximize(t.Context(), hill, 40)
	if err != nil || high.Values[0] < 0.9 {
		t.Errorf("maximum is %v with %v, want about 1", high, err)
	}
	if _, err := study.Minimize(t.Context(), hill, 0); err == nil || !strings.Contains(err.Error(), "number of trials is 0, want at least 1") {
		t.Errorf("no trials: got %v", err)
	}
	if _, err := study.Minimize(t.Context(), nil, 1); err == nil {
		t.Error("no objective: got no error")
	}
}

func TestAFixedTrialReturnsItsParameters(t *testing.T) {
	type optimizer string
	tr := study.Fixed(map[string]any{"lr": float32(0.5), "n": uint8(3), "batch": int64(32), "opt": optimizer("adam"), "on": true, "none": nil})
	if x := tr.Float("lr", 0, 1); x != 0.5 {
		t.Errorf("lr is %v", x)
	}
	if n := tr.Int("n", 1, 9); n != 3 {
		t.Errorf("n is %v", n)
	}
	if b := study.Choose(tr, "batch", 16, 32, 64); b != 32 {
		t.Errorf("batch is %v", b)
	}
	if o := study.Choose(tr, "opt", optimizer("sgd"), optimizer("adam")); o != "adam" {
		t.Errorf("opt is %v", o)
	}
	if v := study.Suggest(tr, "none", space.Categorical{Choices: []any{1, nil}}); v != nil {
		t.Errorf("none is %v", v)
	}
	for step := range 3 {
		if err := tr.Report(step, float64(step)); err != nil {
			t.Fatal(err)
		}
	}
	if tr.Err() != nil || len(tr.Reports()) != 3 {
		t.Errorf("error %v after %d reports", tr.Err(), len(tr.Reports()))
	}
	if tr.Float("momentum", 0, 1); tr.Err() == nil || !strings.Contains(tr.Err().Error(), `suggest "momentum": the fixed parameters do not have it`) {
		t.Errorf("a parameter that is not given: got %v", tr.Err())
	}
	tr = study.Fixed(map[string]any{"x": 7})
	if tr.Float("x", 0, 1); !errors.Is(tr.Err(), space.ErrInvalid) {
		t.Errorf("a value out of range: got %v", tr.Err())
	}
	if tr = study.Fixed(map[string]any{"x": []int{1}}); tr.Err() == nil {
		t.Error("a list as a value: no error")
	}
}

// ended runs trials whose values are given, and returns how many ended.
func ended(t *testing.T, d trial.Direction, b study.Budget, values ...float64) int {
	t.Helper()
	s, err := study.Open(t.Context(), study.Config{Directions: []trial.Direction{d}, Sampler: sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	b.Trials, b.InitialFailures = len(values), -1
	err = s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		if v := values[tr.Number()]; v != 999 {
			return v, nil
		}
		return 0, errors.New("as asked for")
	}, b)
	if err != nil {
		t.Fatal(err)
	}
	trials, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(trials)
}

func TestABudgetEndsWhenTheValueIsGoodEnoughOrNothingImproves(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name   string
		d      trial.Direction
		budget study.Budget
		values []float64
		want   int
	}{
		{"the target is reached exactly", trial.Minimize, study.Budget{Target: new(0.5)}, []float64{3, 0.6, 0.5, 2, 1}, 3},
		{"and when maximizing", trial.Maximize, study.Budget{Target: new(0.5)}, []float64{0.1, 0.4, 0.6, 2, 1}, 3},
		{"a target of 0", trial.Minimize, study.Budget{Target: new(0.0)}, []float64{1, -1, 0}, 2},
		{"an infinite target is never reached", trial.Minimize, study.Budget{Target: new(-inf)}, []float64{1, -1, 0}, 3},
		{"an infinite value reaches it", trial.Minimize, study.Budget{Target: new(-inf)}, []float64{1, -inf, 0}, 2},
		{"two without improvement", trial.Minimize, study.Budget{NoImprovement: 2}, []float64{3, 2, 2, 2, 1}, 4},
		{"improving all the time", trial.Minimize, study.Budget{NoImprovement: 2}, []float64{3, 2, 4, 1, 5, 0}, 6},
		{"failures do not count", trial.Minimize, study.Budget{NoImprovement: 2}, []float64{3, 999, 999, 999, 4, 4, 4}, 6},
		{"one without improvement", trial.Maximize, study.Budget{NoImprovement: 1}, []float64{3, 2, 9}, 2},
	} {
		if got := ended(t, c.d, c.budget, c.values...); got != c.want {
			t.Errorf("%s: %d trials, want %d", c.name, got, c.want)
		}
	}
}

// What earlier runs and other workers have spent counts, and only trials that have finished do.
func TestABudgetEndsWhenTheTrialsHaveCostEnough(t *testing.T) {
	db := &storage.Memory{}
	s, err := study.Open(t.Context(), study.Config{Name: "cost", Storage: db})
	if err != nil {
		t.Fatal(err)
	}
	record, err := db.Load(t.Context(), "cost")
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, state := range []trial.State{trial.Failed, trial.Pruned, trial.Running} {
		old := &trial.Trial{Number: -1, State: state, Start: noon}
		if state.Finished() {
			old.End = noon.Add(time.Hour)
		}
		if _, err := db.Add(t.Context(), record.ID, old); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		cost time.Duration
		want int
	}{{2 * time.Hour, 3}, {2*time.Hour + time.Millisecond, 4}} {
		err := s.Optimize(t.Context(), func(*study.Trial) (float64, error) {
			time.Sleep(5 * time.Millisecond)
			return 1, nil
		}, study.Budget{Cost: c.cost})
		trials, _ := s.Trials(t.Context())
		if err != nil || len(trials) != c.want {
			t.Errorf("%v: got %v and %d trials, want %d", c.cost, err, len(trials), c.want)
		}
	}
	trials, err := s.Trials(t.Context())
	if got := study.Cost(trials); err != nil || got < 2*time.Hour+5*time.Millisecond || got > 2*time.Hour+time.Minute {
		t.Errorf("got a cost of %v, %v", got, err)
	}
}

func TestATimeoutStartsNoMoreTrialsAndEndsThoseThatRun(t *testing.T) {
	s, err := study.Open(t.Context(), study.Config{Sampler: sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		time.Sleep(30 * time.Millisecond)
		return 1, nil
	}, study.Budget{Timeout: 10 * time.Millisecond, Workers: 3})
	trials, _ := s.Trials(t.Context())
	if err != nil || len(trials) != 3 || slices.ContainsFunc(trials, func(tr *trial.Trial) bool { return tr.State != trial.Complete }) {
		t.Errorf("got %v and %d trials, want 3 complete ones", err, len(trials))
	}
}

func TestABudgetIsChecked(t *testing.T) {
	s, err := study.Open(t.Context(), study.Config{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := study.Open(t.Context(), study.Config{Directions: []trial.Direction{trial.Minimize, trial.Maximize}})
	if err != nil {
		t.Fatal(err)
	}
	f := func(*study.Trial) ([]float64, error) { return []float64{1}, nil }
	for _, c := range []struct {
		s    *study.Study
		b    study.Budget
		want string
	}{
		{s, study.Budget{Trials: 1, NoImprovement: -1}, "Budget.NoImprovement is -1, want at least 0"},
		{s, study.Budget{Trials: 1, Cost: -time.Second}, "Budget.Cost is -1s, want at least 0"},
		{s, study.Budget{Trials: 1, Timeout: -1}, "Budget.Timeout is -1ns, want at least 0"},
		{s, study.Budget{Trials: 1, Target: new(math.NaN())}, "Budget.Target is NaN, want a number"},
		{two, study.Budget{Trials: 1, Target: new(1.0)}, "the study has 2"},
		{two, study.Budget{Trials: 1, NoImprovement: 3}, "the study has 2"},
	} {
		if err := c.s.OptimizeMulti(t.Context(), f, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.b, err, c.want)
		}
	}
}

func TestHooksSeeEachStepOnceAndCanStopTheSearch(t *testing.T) {
	var s *study.Study
	starts, reports, ends := 0, 0, 0
	cfg := study.Config{
		Sampler: sampler.Random{}, Pruner: pruner.Threshold{Upper: new(5.0)},
		OnTrialStart: func(tr *trial.Trial) {
			if starts++; tr.State != trial.Running || tr.Number != starts-1 {
				t.Errorf("start %d: trial %d is %v", starts, tr.Number, tr.State)
			}
		},
		OnReport: func(tr *trial.Trial, r trial.Report) {
			if reports++; tr.Reports[len(tr.Reports)-1] != r {
				t.Errorf("report %v is not the last of %v", r, tr.Reports)
			}
		},
		OnTrialEnd: func(tr *trial.Trial) {
			if ends++; !tr.State.Finished() || starts != ends {
				t.Errorf("end %d after %d starts: trial is %v", ends, starts, tr.State)
			}
			if ends == 4 {
				s.Stop()
			}
		},
	}
	s, err := study.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := func(tr *study.Trial) (float64, error) {
		if err := tr.Report(0, 1); err != nil {
			return 0, err
		}
		return 0, tr.Report(1, 9) // which prunes it
	}
	if err := s.Optimize(t.Context(), f, study.Budget{Trials: 10}); err != nil {
		t.Fatal(err)
	}
	if starts != 4 || reports != 8 || ends != 4 {
		t.Errorf("%d starts, %d reports, %d ends, want 4, 8 and 4", starts, reports, ends)
	}
	// A stop is for the calls that are running: the next one finishes the study.
	if err := s.Optimize(t.Context(), f, study.Budget{Trials: 10, Workers: 1}); err != nil || ends != 10 {
		t.Errorf("after the stop: %v and %d trials, want 10", err, ends)
	}
}

func TestADeclaredSpaceIsCheckedBeforeTheFirstTrial(t *testing.T) {
	x := space.Dimension{Name: "x", Dist: space.Float{Low: 0, High: 1}}
	for want, sp := range map[string]space.Space{
		`Config.Space: invalid: parameter "x" occurs twice`:        {x, x},
		`Config.Space: parameter "y": invalid`:                     {x, {Name: "y", Dist: space.Int{Low: 2, High: 1}}},
		"Config.Space: invalid: a parameter has no name":           {{Dist: space.Int{}}},
		`Config.Space: invalid: parameter "x" has no distribution`: {{Name: "x"}},
	} {
		if _, err := study.Open(t.Context(), study.Config{Space: sp}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	open := func() *study.Study {
		s, err := study.Open(t.Context(), study.Config{Space: space.Space{{Name: "n", Dist: space.Int{Low: 1, High: 3}}, x}, Sampler: sampler.Random{}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for want, f := range map[string]study.Objective{
		`suggest "z": Config.Space does not declare it`:   func(t *study.Trial) (float64, error) { return t.Float("z", 0, 1), nil },
		`it is a float in [0, 2], want a float in [0, 1]`: func(t *study.Trial) (float64, error) { return t.Float("x", 0, 2), nil },
	} {
		if err := open().Optimize(t.Context(), f, study.Budget{Trials: 2}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	tr, err := open().Ask(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	all := tr.SuggestAll()
	if _, ok := all["x"].(float64); !ok || len(all) != 2 || all["n"] != tr.Int("n", 1, 3) || tr.Err() != nil {
		t.Errorf("got %v and %v", all, tr.Err())
	}
}

func TestCSVHasAColumnForEachParameterAndAttribute(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600000000, time.UTC)
	trials := []*trial.Trial{
		{Number: 0, State: trial.Complete, Values: []float64{math.Inf(-1)}, Start: at, End: at.Add(1500 * time.Millisecond),
			Params:    []trial.Param{{Name: "lr", Value: 1, Dist: space.Float{High: 1}}, {Name: "opt", Value: 0, Dist: space.Choose("a,\"b\"\n").Dist()}},
			UserAttrs: map[string]json.RawMessage{"note": json.RawMessage(`{"a": 1}`)}},
		{Number: 1, State: trial.Failed, Start: at, SystemAttrs: map[string]json.RawMessage{"bluefin:failure": json.RawMessage(`"why"`)}, Params: []trial.Param{{Name: "n", Value: 3, Dist: space.Int{High: 9}}}},
	}
	var b strings.Builder
	if err := study.WriteCSV(&b, trials); err != nil {
		t.Fatal(err)
	}
	want := "number,state,value,start,end,duration,params_lr,params_opt,params_n,user_attrs_note,failure\n" +
		"0,COMPLETE,-Infinity,2026-01-02T03:04:05.6Z,2026-01-02T03:04:07.1Z,1.5,1.0,\"a,\"\"b\"\"\n\",,\"{\"\"a\"\": 1}\",\n" +
		"1,FAIL,,2026-01-02T03:04:05.6Z,,,,,3,,why\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := study.WriteCSV(&b, nil); err != nil || b.String() != "number,state,value,start,end,duration,failure\n" {
		t.Errorf("no trials: %q, %v", b.String(), err)
	}
	b.Reset()
	study.WriteCSV(&b, []*trial.Trial{{State: trial.Complete, Values: []float64{1, 2}}})
	if !strings.HasPrefix(b.String(), "number,state,value_0,value_1,start") {
		t.Errorf("two objectives: %q", b.String())
	}
	if err := study.WriteCSV(full{}, trials); err == nil {
		t.Error("a full disk returns no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }
