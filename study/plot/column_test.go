package plot_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// ofP returns complete trials with one parameter, or none if the distribution is nil.
func ofP(params ...trial.Param) trial.History {
	var trials []*trial.Trial
	for i, p := range params {
		u := complete(i, 0)
		if p.Dist != nil {
			p.Name = "p"
			u.Params = []trial.Param{p}
		}
		trials = append(trials, u)
	}
	return historyOf(minimize, trials...)
}

func TestAxisOfAParameter(t *testing.T) {
	choices := func(list ...any) space.Categorical { return space.Categorical{Choices: list} }
	for name, c := range map[string]struct {
		h    trial.History
		axis string
		x    string
	}{
		"a range that grew": {
			ofP(trial.Param{Value: 1, Dist: space.Float{Low: 0, High: 1}}, trial.Param{Value: 3, Dist: space.Float{Low: 0.5, High: 4}}),
			`{"name":"p","low":0,"high":4}`, "[1 3]"},
		"a value out of its range": {
			ofP(trial.Param{Value: 7, Dist: space.Int{Low: 0, High: 5}}), `{"name":"p","int":true,"low":0,"high":7}`, "[7]"},
		"an int that became a float": {
			ofP(trial.Param{Value: 1, Dist: space.Int{Low: 1, High: 5}}, trial.Param{}, trial.Param{Value: 0.5, Dist: space.Float{Low: 0, High: 1}}),
			`{"name":"p","low":0,"high":5}`, "[1 0.5]"},
		"logarithmic": {
			ofP(trial.Param{Value: 1, Dist: space.Int{Low: 1, High: 5, Log: true}}), `{"name":"p","log":true,"int":true,"low":1,"high":5}`, "[1]"},
		"no longer logarithmic": {
			ofP(trial.Param{Value: 1, Dist: space.Float{Low: 1, High: 5, Log: true}}, trial.Param{Value: 0, Dist: space.Float{Low: 0, High: 5}}),
			`{"name":"p","low":0,"high":5}`, "[1 0]"},
		"choices that were appended": {
			ofP(trial.Param{Value: 1, Dist: choices("b", "a")}, trial.Param{Value: 2, Dist: choices("b", "a", "c")}, trial.Param{Value: 0, Dist: choices("b", "a")}),
			`{"name":"p","choices":["b","a","c"],"low":0,"high":2}`, "[1 2 0]"},
		"choices in another order": {
			ofP(trial.Param{Value: 1, Dist: choices("b", "a")}, trial.Param{Value: 1, Dist: choices("a", "b")}),
			`{"name":"p","choices":["b","a"],"low":0,"high":1}`, "[1 0]"},
		"numbers": {
			ofP(trial.Param{Value: 0, Dist: choices(128, 32, 0.5)}, trial.Param{Value: 2, Dist: choices(128, 32, 0.5)}),
			`{"name":"p","choices":["0.5","32","128"],"low":0,"high":2}`, "[2 0]"},
		"every kind": {
			ofP(trial.Param{Value: 3, Dist: choices(nil, true, "x", 1e-7)}, trial.Param{Value: 0, Dist: choices(nil, true, "x", 1e-7)}),
			`{"name":"p","choices":["null","true","x","1e-07"],"low":0,"high":3}`, "[3 0]"},
		"the same text": {
			ofP(trial.Param{Value: 1, Dist: choices(1, "1", 1.0, "é")}), `{"name":"p","choices":["1","\"1\"","1.0","\"\\u00e9\""],"low":0,"high":3}`, "[1]"},
		"NaN": {
			ofP(trial.Param{Value: 1, Dist: choices("a", math.NaN())}, trial.Param{Value: 1, Dist: choices("a", math.NaN())}),
			`{"name":"p","choices":["a","NaN"],"low":0,"high":1}`, "[1 1]"},
		"an index that no choice has": {
			ofP(trial.Param{Value: 9, Dist: choices("a")}, trial.Param{Value: 0.5, Dist: choices("a")}, trial.Param{Value: 0, Dist: choices("a")}),
			`{"name":"p","choices":["a"],"low":0,"high":0}`, "[0]"},
		"numbers, then choices": {
			ofP(trial.Param{Value: 5, Dist: space.Int{Low: 0, High: 9}}, trial.Param{Value: 0, Dist: choices("auto", "off")}, trial.Param{Value: 2, Dist: space.Int{Low: 0, High: 9}}, trial.Param{Value: 5, Dist: space.Int{Low: 0, High: 9}}),
			`{"name":"p","choices":["auto","off","2","5"],"low":0,"high":3}`, "[3 0 2 3]"},
	} {
		p, err := plot.Slice(c.h, plot.Config{})
		if err != nil {
			t.Fatal(err)
		}
		axis, _ := json.Marshal(p.Params[0].Param)
		var x []float64
		for _, q := range p.Params[0].Points {
			x = append(x, float64(q.X))
		}
		if string(axis) != c.axis || fmt.Sprint(x) != c.x {
			t.Errorf("%s: %s at %v, want %s at %s", name, axis, x, c.axis, c.x)
		}
	}
}

// Trials of any state decide about the axis, so a filter or a new trial does not move it.
func TestAxisOfTrialsThatAreNotShown(t *testing.T) {
	kind := space.Categorical{Choices: []any{"a", "b"}}
	param := func(d space.Dist) []trial.Param { return []trial.Param{{Name: "p", Value: 0, Dist: d}} }
	h := historyOf(minimize,
		&trial.Trial{Number: 0, State: trial.Failed, Params: param(kind)},
		&trial.Trial{Number: 1, State: trial.Running, Params: param(space.Categorical{Choices: []any{"a", "b", "c"}})})
	if p, err := plot.Slice(h, plot.Config{}); err != nil || len(p.Params) != 0 {
		t.Errorf("%v (%v), want no parameter: no trial is shown", p.Params, err)
	}
	p, err := plot.Slice(h, plot.Config{Params: []string{"p"}})
	if err != nil || len(p.Params) != 1 || len(p.Params[0].Param.Choices) != 3 || len(p.Params[0].Points) != 0 {
		t.Errorf("%v (%v), want three choices and no point", p.Params, err)
	}
}

func FuzzFloatsSurviveJSON(f *testing.F) {
	for _, x := range []float64{0, -0.5, 1e-320, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		text, err := json.Marshal([]plot.Float{plot.Float(x)})
		if err != nil {
			t.Fatal(err)
		}
		var got []plot.Float
		if err := json.Unmarshal(text, &got); err != nil || len(got) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		missing := math.IsNaN(x) || math.IsInf(x, 0)
		if missing != math.IsNaN(float64(got[0])) || !missing && float64(got[0]) != x {
			t.Errorf("%v became %v", x, got[0])
		}
	})
}
