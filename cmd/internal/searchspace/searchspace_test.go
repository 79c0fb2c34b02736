package searchspace

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// example has a parameter under a condition and a narrow constraint.
func example(t *testing.T) Space {
	t.Helper()
	s := Space{Params: []Param{
		{Name: "opt", Dist: space.Categorical{Choices: []any{"sgd", "adam", nil}}},
		{Name: "momentum", Dist: space.Float{Low: 0, High: 1}},
		{Name: "warmup", Dist: space.Int{Low: 0, High: 1000}},
		{Name: "steps", Dist: space.Int{Low: 1, High: 1000, Log: true}},
		{Name: "fixed", Dist: space.Int{Low: 3, High: 3}},
	}}
	s.Params[1].If = compile(t, `opt == "sgd"`, s)
	s.Constraints = []*Expr{compile(t, "warmup < steps", s), compile(t, "momentum > 0.9", s)}
	return s
}

func compile(t *testing.T, text string, s Space) *Expr {
	t.Helper()
	e, err := Compile(text, s.Dimensions())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExpressions(t *testing.T) {
	params := []space.Dimension{
		{Name: "a", Dist: space.Int{Low: 1, High: 9}},
		{Name: "b", Dist: space.Float{Low: 0, High: 1}},
		{Name: "opt", Dist: space.Categorical{Choices: []any{"sgd", "adam"}}},
		{Name: "x", Dist: space.Categorical{Choices: []any{nil, 1, "two"}}},
		{Name: "on", Dist: space.Categorical{Choices: []any{true, false}}},
		{Name: "model.lr", Dist: space.Float{Low: 0, High: 1}},
		{Name: "learning-rate", Dist: space.Float{Low: 0, High: 1}},
		{Name: "max", Dist: space.Int{Low: 1, High: 9}},
	}
	values := map[string]any{"a": 2, "b": 0.5, "opt": "sgd", "x": nil, "on": true, "model.lr": 0.1, "learning-rate": 0.2,
		"max": 3}
	for text, want := range map[string]bool{
		"a < max": true, "a * b == 1": true, "a * b == 1.0": true, `opt == "sgd" and not on`: false,
		`opt in ["adam", "lion"]`: false, "x == null": true, "x == nil": true, "x == 1": false, `x != "two"`: true,
		"model.lr < b": true, `$env["learning-rate"] <= model.lr`: false, "0 < a < 2": false, "on or a > 5": true,
		"a % 2 == 0": true, "a ** 2 <= 4": true, "min(a, 5) == 2": true,
	} {
		e, err := Compile(text, params)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, known, err := e.Holds(values); got != want || !known || err != nil {
			t.Errorf("%s: got %v, %v and %v, want %v", text, got, known, err, want)
		}
	}
	for text, want := range map[string]string{
		"y < 2": "unknown name y", "a +": "unexpected token EOF in column 3", "a": "expected bool, but got int",
		"": "is empty", "true": "mentions no parameter", `opt < 3`: "mismatched types string and int",
		"now() > a": "unknown name now", "a < b < ": "unexpected token", "b(a)": "not callable",
		strings.Repeat("a", 3000): "has 3000 bytes, want at most 2000",
	} {
		if _, err := Compile(text, params); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got error %v, want one line with %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"a % (a - 2) == 0": "divide by zero", "x < 3": "invalid operation",
		"all(1..1000000, all(1..1000000, a > 0))": "memory budget",
	} {
		e, err := Compile(text, params)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, _, err := e.Holds(values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %q", text, err, want)
		}
	}
	e, err := Compile("a < max", params)
	if err != nil {
		t.Fatal(err)
	}
	if _, known, err := e.Holds(map[string]any{"a": 1}); known || err != nil {
		t.Errorf("without a value of max: known %v, %v", known, err)
	}
}

// Every sampler draws only what satisfies the constraints, trials of a killed worker included, and the
// record says how to draw it again.
func TestSamplersSatisfyConstraints(t *testing.T) {
	s := example(t)
	for name, inner := range map[string]sampler.Sampler{
		"random": sampler.Random{}, "tpe": &sampler.TPE{}, "independent": &sampler.TPE{Independent: true},
		"cmaes": &sampler.CMAES{}, "gp": &sampler.GP{}, "qmc": sampler.QMC{}, "auto": &sampler.Auto{Trials: 25},
	} {
		t.Run(name, func(t *testing.T) {
			drawn, err := s.Sampler(inner)
			if err != nil {
				t.Fatal(err)
			}
			db := &storage.Memory{}
			cfg := study.Config{Name: "s", Storage: db, Sampler: drawn, Space: space.Must(space.New(s.Dimensions()...)), Seed: 3}
			st, err := study.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := st.Enqueue(t.Context(), map[string]any{"warmup": 990}); err != nil {
				t.Fatal(err)
			}
			with, trials := 0, 60
			if name == "gp" || name == "auto" {
				trials = 25
			}
			err = st.Optimize(t.Context(), func(t *study.Trial) (float64, error) {
				params, err := s.Suggest(t)
				if err != nil {
					return 0, err
				}
				m, ok := params["momentum"].(float64)
				if ok != (params["opt"] == "sgd") || ok && m <= 0.9 || params["warmup"].(int) >= params["steps"].(int) {
					return 0, fmt.Errorf("drew %v", params)
				}
				if ok {
					with++
				}
				return math.Abs(float64(params["warmup"].(int))-100) + m, nil
			}, study.Budget{Trials: trials, Workers: 2, Failures: 100})
			if err != nil {
				t.Fatal(err)
			}
			all, err := st.Trials(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range all {
				if u.State != trial.Complete {
					t.Errorf("trial %d: %v %s", u.Number, u.State, u.Failure())
				}
			}
			if with == 0 || with == trials {
				t.Errorf("%d of %d trials have the parameter under a condition", with, trials)
			}
			if p, _ := all[0].Param("warmup"); p.Value != 990 {
				t.Errorf("the queued value became %v", p.Value)
			}
		})
	}
}

func TestCombinationsSatisfyConstraintsAndEnd(t *testing.T) {
	s := Space{Params: []Param{
		{Name: "a", Dist: space.Int{Low: 1, High: 4, Log: true}},
		{Name: "b", Dist: space.Categorical{Choices: []any{1, 2, 3, 4}}},
		{Name: "c", Dist: space.Float{Low: 0, High: 1, Step: 0.5}},
	}}
	s.Params[2].If = compile(t, "a == 1", s)
	s.Constraints = []*Expr{compile(t, "a < b", s)} // 3 with a=1, ×3 values of c; 2 with a=2; 1 with a=3
	drawn, err := s.Sampler(sampler.BruteForce{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := study.Open(t.Context(), study.Config{Sampler: drawn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Enqueue(t.Context(), map[string]any{"a": 3}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	err = st.Optimize(t.Context(), func(t *study.Trial) (float64, error) {
		params, err := s.Suggest(t)
		if err == nil && t.Number() == 0 && params["a"] != 3 {
			err = fmt.Errorf("queued a = 3 became %v", params["a"])
		}
		if seen[fmt.Sprint(params)] {
			err = fmt.Errorf("%v again", params)
		}
		seen[fmt.Sprint(params)] = true
		return 0, err
	}, study.Budget{Failures: 100})
	if err != nil || len(seen) != 12 {
		t.Errorf("tried %d combinations and ended with %v, want 12", len(seen), err)
	}
}

func TestConstraintsThatNothingSatisfies(t *testing.T) {
	s := Space{Params: []Param{{Name: "a", Dist: space.Int{Low: 1, High: 9}}, {Name: "b", Dist: space.Int{Low: 1, High: 9}}}}
	s.Constraints = []*Expr{compile(t, "a > 0", s), compile(t, "a > b + 9", s)}
	const want = `no parameters satisfy the constraint "a > b + 9" and the others: none of 10000 random ones do`
	if _, err := s.Example(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	drawn, err := s.Sampler(&sampler.TPE{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := study.Open(t.Context(), study.Config{Sampler: drawn})
	if err != nil {
		t.Fatal(err)
	}
	err = st.Optimize(t.Context(), func(t *study.Trial) (float64, error) {
		_, err := s.Suggest(t)
		return 0, err
	}, study.Budget{Trials: 3})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the search ended with %v, want %s", err, want)
	}
}

// Queued parameters that violate a constraint make their trial infeasible, and the search continues.
func TestAQueuedTrialThatViolatesAConstraint(t *testing.T) {
	s := example(t)
	drawn, err := s.Sampler(&sampler.TPE{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := study.Open(t.Context(), study.Config{Sampler: drawn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Enqueue(t.Context(), map[string]any{"warmup": 500, "steps": 5}); err != nil {
		t.Fatal(err)
	}
	err = st.Optimize(t.Context(), func(t *study.Trial) (float64, error) {
		_, err := s.Suggest(t)
		return 0, err
	}, study.Budget{Trials: 3})
	if err != nil {
		t.Fatal(err)
	}
	all, err := st.Trials(t.Context())
	if err != nil || all[0].State != trial.Pruned || all[0].Violation() <= 0 || all[1].State != trial.Complete {
		t.Errorf("got %v %v %v, %v", all[0].State, all[0].Violation(), all[1].State, err)
	}
}

func TestParametersAsTheProgramGetsThem(t *testing.T) {
	s := Space{Params: []Param{
		{Name: "net.layers", Dist: space.Categorical{Choices: []any{"[1,2]", "[3]"}}, Values: []any{[]any{1, 2}, []any{3}},
			Path: []string{"net", "layers"}},
		{Name: "net.width", Dist: space.Int{Low: 2, High: 2}, Path: []string{"net", "width"}},
		{Name: "plain.lr", Dist: space.Int{Low: 1, High: 1}},
	}}
	params, err := s.Suggest(study.Fixed(map[string]any{"net.layers": "[3]", "net.width": 2, "plain.lr": 1}))
	if got := fmt.Sprint(params); err != nil || got != "map[net:map[layers:[3] width:2] plain.lr:1]" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestConditionsInACircle(t *testing.T) {
	s := example(t)
	a, b := Param{Name: "opt", Dist: s.Params[0].Dist}, Param{Name: "warmup", Dist: s.Params[2].Dist}
	a.If, b.If = compile(t, "warmup > 3", s), compile(t, `opt == "sgd"`, s)
	if _, err := Sort([]Param{a, b}); err == nil || err.Error() != "the conditions of opt, warmup form a circle" {
		t.Errorf("got %v", err)
	}
	a.If = nil
	if sorted, err := Sort([]Param{b, a}); err != nil || sorted[0].Name != "opt" {
		t.Errorf("got %v, %v", sorted, err)
	}
}
