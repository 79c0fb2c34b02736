package pruner_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// several returns the trial of a number that has reported the points of steps 1, 2, …
func several(number int, state trial.State, points ...[]float64) *trial.Trial {
	t := &trial.Trial{Number: number, State: state, SystemAttrs: map[string]json.RawMessage{}}
	for i, values := range points {
		key, text := trial.Point{Step: i + 1, Values: values}.Attr()
		t.SystemAttrs[key] = text
		if state == trial.Complete {
			t.Values = values
		}
	}
	return t
}

var lossAndScore = []trial.Direction{trial.Minimize, trial.Maximize}

// finished is a study of five trials: the loss is 1 to 5, the score as much.
func finished() *trial.Log {
	log := trial.NewLog(lossAndScore)
	for i := range 5 {
		x := float64(i + 1)
		log.Put(several(i, trial.Complete, []float64{x, x}, []float64{x / 2, x}))
	}
	return log
}

func TestDominance(t *testing.T) {
	nan := math.NaN()
	infeasible := several(5, trial.Complete, []float64{0, 9})
	infeasible.Constraints = map[string]float64{"c": 1}
	for _, c := range []struct {
		name   string
		rule   pruner.Dominance
		more   []*trial.Trial
		points [][]float64
		want   bool
	}{
		{"on the front", pruner.Dominance{}, nil, [][]float64{{5, 5}}, false},
		{"dominated by two", pruner.Dominance{}, nil, [][]float64{{2.5, 0.5}}, false},
		{"dominated by three", pruner.Dominance{}, nil, [][]float64{{3.5, 0.5}}, true},
		{"the best by one objective", pruner.Dominance{}, nil, [][]float64{{9, 5.5}}, false},
		{"only the last report counts", pruner.Dominance{}, nil, [][]float64{{9, 0}, {0.1, 0}}, false},
		{"others at the same step", pruner.Dominance{}, nil, [][]float64{{0, 9}, {1.8, 0.5}}, true},
		{"nobody was there", pruner.Dominance{}, nil, [][]float64{{1, 9}, {1, 9}, {99, 0}}, false},
		{"unknown is the worst", pruner.Dominance{}, nil, [][]float64{{3.5, nan}}, true},
		{"nothing is known", pruner.Dominance{}, nil, [][]float64{{nan, nan}}, true},
		{"one is enough", pruner.Dominance{By: 1}, nil, [][]float64{{1.5, 0.5}}, true},
		{"of six", pruner.Dominance{By: 6}, nil, [][]float64{{9, 0}}, false},
		{"pruned ones count", pruner.Dominance{By: 6}, []*trial.Trial{several(5, trial.Pruned, []float64{8, 1})}, [][]float64{{9, 0}}, true},
		{"infeasible ones do not", pruner.Dominance{By: 6}, []*trial.Trial{infeasible}, [][]float64{{9, 0}}, false},
		{"too few are complete", pruner.Dominance{StartupTrials: 6}, nil, [][]float64{{9, 0}}, false},
		{"warming up", pruner.Dominance{WarmupSteps: 2}, nil, [][]float64{{9, 0}}, false},
		{"not due", pruner.Dominance{IntervalSteps: 4}, nil, [][]float64{{1, 9}, {9, 0}}, false},
		{"no report", pruner.Dominance{}, nil, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := finished()
			for _, u := range c.more {
				log.Put(u)
			}
			v, err := c.rule.Prune(log.History(), several(9, trial.Running, c.points...))
			if err != nil || v.Prune != c.want {
				t.Errorf("got %v, %v, want %v", v.Prune, err, c.want)
			}
		})
	}
	if _, err := (pruner.Dominance{By: -1}).Prune(finished().History(), several(9, trial.Running)); err == nil ||
		err.Error() != "Dominance.By is -1, want at least 0" {
		t.Errorf("got error %v", err)
	}
}

func TestByObjective(t *testing.T) {
	for _, c := range []struct {
		objective int
		points    [][]float64
		want      bool
	}{
		{0, [][]float64{{3.5, 9}}, true}, {0, [][]float64{{2.5, 0}}, false},
		{1, [][]float64{{0, 2.5}}, true}, {1, [][]float64{{9, 3.5}}, false},
	} {
		p := &pruner.ByObjective{Objective: c.objective, Pruner: pruner.Median{}}
		for range 2 { // the second time from what it has kept
			v, err := p.Prune(finished().History(), several(9, trial.Running, c.points...))
			if err != nil || v.Prune != c.want {
				t.Errorf("objective %d of %v: got %v, %v, want %v", c.objective, c.points, v.Prune, err, c.want)
			}
		}
	}
	for want, p := range map[string]*pruner.ByObjective{
		"ByObjective.Objective is 2, want 0 to 1": {Objective: 2, Pruner: pruner.Median{}},
		"ByObjective.Pruner is nil":               {},
	} {
		if _, err := p.Prune(finished().History(), several(9, trial.Running)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

// A pruner for one objective that is asked about several says what to do.
func TestSeveralObjectivesNeedAPrunerForThem(t *testing.T) {
	_, err := pruner.Median{}.Prune(finished().History(), several(9, trial.Running, []float64{1, 1}))
	want := "the study has 2 objectives, want 1: reports cannot be compared by several, except with Dominance or ByObjective"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
