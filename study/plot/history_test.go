package plot_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

func complete(number int, value float64) *trial.Trial {
	return &trial.Trial{Number: number, State: trial.Complete, Values: []float64{value}}
}

func historyOf(directions []trial.Direction, trials ...*trial.Trial) trial.History {
	log := trial.NewLog(directions)
	for _, t := range trials {
		log.Put(t)
	}
	return log.History()
}

func TestHistoryByNumberWhateverFinishedFirst(t *testing.T) {
	bad := complete(2, -9)
	bad.Constraints = map[string]float64{"c": 1}
	h := historyOf(minimize, complete(4, 1), bad, complete(3, math.Inf(1)), complete(1, 2), complete(0, 3),
		&trial.Trial{Number: 5, State: trial.Failed}, &trial.Trial{Number: 6, State: trial.Pruned, Values: []float64{-5}})
	got, err := plot.History(h, plot.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"value":{"name":"value","low":-9,"high":3},"maximize":false,"points":[` +
		`{"trial":0,"value":3,"best":3,"feasible":true},{"trial":1,"value":2,"best":2,"feasible":true},` +
		`{"trial":2,"value":-9,"best":2,"feasible":false},{"trial":4,"value":1,"best":1,"feasible":true}],"skipped":1}`
	text, err := json.Marshal(got)
	if err != nil || string(text) != want {
		t.Errorf("%s, want %s (%v)", text, want, err)
	}
}

func TestPlotsOfNothing(t *testing.T) {
	empty := historyOf(minimize)
	for _, c := range []plot.Config{{}, {Params: []string{"x"}}} {
		for name, draw := range map[string]func() (any, error){
			"history":      func() (any, error) { return plot.History(empty, c) },
			"slice":        func() (any, error) { return plot.Slice(empty, c) },
			"intermediate": func() (any, error) { return plot.Intermediate(empty, c) },
			"importances":  func() (any, error) { return plot.Importances(empty, c, importance.PEDANOVA{}) },
			"edf":          func() (any, error) { return plot.EDF(c, plot.Study{History: empty}) },
			"pareto":       func() (any, error) { return plot.Pareto(historyOf(two), c) },
			"hypervolume":  func() (any, error) { return plot.Hypervolume(historyOf(two), nil) },
		} {
			p, err := draw()
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			text, err := json.Marshal(p)
			if err != nil || strings.Contains(strings.ReplaceAll(string(text), `"low":null,"high":null`, ""), "null") {
				t.Errorf("%s is %s: %v", name, text, err)
			}
		}
	}
}

func TestBadConfigs(t *testing.T) {
	u := complete(0, 1)
	u.Params = []trial.Param{{Name: "lr", Value: 1, Dist: space.Float{High: 1}}, {Name: "depth", Value: 1, Dist: space.Int{High: 1}}}
	h := historyOf(minimize, u)
	for want, c := range map[string]plot.Config{
		"objective is 1, want 0 to 0":                            {Objective: 1},
		"objective is -1, want 0 to 0":                           {Objective: -1},
		"2 names of objectives, want 1":                          {Names: []string{"a", "b"}},
		`no trial has a parameter "rate", want one of depth, lr`: {Params: []string{"lr", "rate"}},
		`parameter "lr" is there twice`:                          {Params: []string{"lr", "lr"}},
	} {
		if _, err := plot.Slice(h, c); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
