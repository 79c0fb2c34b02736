package tpe

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen/parzentest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestSizeOfTheGoodGroupIsTheReferences(t *testing.T) {
	type point struct{ N, Y int }
	var v struct {
		One     []point `json:"gamma_default"`
		Several []point `json:"gamma_multiobjective"`
	}
	oracle.Load(t, "tpe_gamma_weights.json", &v)
	for _, p := range v.One {
		if got := (&Search{Optuna: true}).rules(1).size(p.N); got != p.Y {
			t.Errorf("%d trials, one objective: %d, want %d", p.N, got, p.Y)
		}
	}
	for _, p := range v.Several {
		if got := (&Search{}).rules(2).size(p.N); got != p.Y {
			t.Errorf("%d trials, two objectives: %d, want %d", p.N, got, p.Y)
		}
	}
}

// historyCase is a study and what the reference makes of it.
type historyCase struct {
	Direction string
	Space     []json.RawMessage
	Trials    []struct {
		Number       int
		State        string
		X            []float64
		Value        oracle.Float
		Intermediate [][2]oracle.Float
		Constraints  []float64
	}
	Below, Above []int
	Points       [][]float64    // parameter × point
	LogL         []oracle.Float `json:"log_l"`
	LogG         []oracle.Float `json:"log_g"`
	Acquisition  []oracle.Float
}

func (c historyCase) space(t *testing.T) space.Space {
	t.Helper()
	var dims []space.Dimension
	for i, text := range c.Space {
		var head struct {
			Type     string
			NChoices int `json:"n_choices"`
		}
		if err := json.Unmarshal(text, &head); err != nil {
			t.Fatal(err)
		}
		var d space.Dist
		if head.Type == "categorical" {
			choices := make([]int, head.NChoices)
			for i := range choices {
				choices[i] = i
			}
			d = space.Choose(choices...).Dist()
		} else {
			var err error
			if d, err = space.Unmarshal(text); err != nil {
				t.Fatal(err)
			}
		}
		dims = append(dims, space.Dimension{Name: fmt.Sprintf("p%02d", i), Dist: d})
	}
	return space.Must(space.New(dims...))
}

func (c historyCase) history(t *testing.T, sp space.Space) trial.History {
	t.Helper()
	direction, err := trial.ParseDirection(c.Direction)
	if err != nil {
		t.Fatal(err)
	}
	log := trial.NewLog([]trial.Direction{direction})
	for _, row := range c.Trials {
		state, err := trial.ParseState(row.State)
		if err != nil {
			t.Fatal(err)
		}
		u := &trial.Trial{Number: row.Number, State: state}
		for i, x := range row.X {
			u.Params = append(u.Params, trial.Param{Name: sp[i].Name, Value: x, Dist: sp[i].Dist})
		}
		if state == trial.Complete {
			u.Values = []float64{float64(row.Value)}
		}
		for _, r := range row.Intermediate {
			u.Reports = append(u.Reports, trial.Report{Step: int(r[0]), Value: float64(r[1])})
		}
		for i, x := range row.Constraints {
			if u.Constraints == nil {
				u.Constraints = map[string]float64{}
			}
			u.Constraints[fmt.Sprint(i)] = x
		}
		log.Put(u)
	}
	return log.History()
}

// asReference is observe with equal observations in the order of the
// reference's sort.
func asReference(sp space.Space, trials []*trial.Trial) (columns []parzen.Column, n int) {
	columns, n = observe(sp, trials, (&Search{Optuna: true}).rules(1))
	for i, c := range columns {
		if cube.IsCategorical(sp[i].Dist) {
			continue
		}
		var internal []float64
		for _, t := range trials {
			if len(t.Params) == len(sp) {
				internal = append(internal, t.Params[i].Value)
			}
		}
		columns[i].Sigma = parzentest.Bandwidths(c.X, internal)
	}
	return columns, n
}

func TestDensitiesOfWholeHistoriesAreTheReferences(t *testing.T) {
	var v struct{ Cases []historyCase }
	oracle.Load(t, "tpe_history.json", &v)
	for i, c := range v.Cases {
		t.Run(fmt.Sprintf("%d %s, %d trials, %d parameters", i, c.Direction, len(c.Trials), len(c.Space)), func(t *testing.T) {
			sp := c.space(t)
			below, above := split(newRequest(c.history(t, sp), nil, nil), (&Search{Optuna: true}).rules(1))
			slices.SortFunc(below, byNumber)
			if got := numbers(below); !slices.Equal(got, c.Below) {
				t.Fatalf("good trials are %v, want %v", got, c.Below)
			}
			if got := numbers(above); !slices.Equal(got, c.Above) {
				t.Fatalf("poor trials are %v, want %v", got, c.Above)
			}
			points := newCandidates(sp, len(c.Points[0]))
			width := 0.0 // of the continuous axes, in ln
			for i, d := range sp {
				for j, x := range c.Points[i] {
					points.setValue(i, j, x)
				}
				if f, ok := d.Dist.(space.Float); ok && f.Len() == 0 {
					if f.Log {
						f.Low, f.High = math.Log(f.Low), math.Log(f.High)
					}
					width += math.Log(f.High - f.Low)
				}
			}
			goodColumns, n := asReference(sp, below)
			weights := make([]float64, n)
			for i := range weights {
				weights[i] = 1
			}
			poorColumns, n := asReference(sp, above)
			logL := points.logPDF(parzen.New(axesOf(sp), goodColumns, weights))
			logG := points.logPDF(parzen.New(axesOf(sp), poorColumns, parzen.RecencyWeights(n)))
			for j := range logL {
				if err := oracle.Near(logL[j]-width, float64(c.LogL[j]), 1e-9); err != nil {
					t.Errorf("log l at point %d: %v", j, err)
				}
				if err := oracle.Near(logG[j]-width, float64(c.LogG[j]), 1e-9); err != nil {
					t.Errorf("log g at point %d: %v", j, err)
				}
				if err := oracle.Near(logL[j]-logG[j], float64(c.Acquisition[j]), 1e-9); err != nil {
					t.Errorf("acquisition at point %d: %v", j, err)
				}
			}
		})
	}
}

func TestSplitsBySeveralObjectivesAsTheReference(t *testing.T) {
	var v struct {
		Cases []struct {
			Directions []string
			Values     [][]oracle.Float
			NBelow     int `json:"n_below"`
			Below      []int
		}
	}
	oracle.Load(t, "tpe_motpe_split.json", &v)
	for i, c := range v.Cases {
		var directions []trial.Direction
		for _, name := range c.Directions {
			d, err := trial.ParseDirection(name)
			if err != nil {
				t.Fatal(err)
			}
			directions = append(directions, d)
		}
		var trials []*trial.Trial
		for number, row := range c.Values {
			u := &trial.Trial{Number: number, State: trial.Complete}
			for _, x := range row {
				u.Values = append(u.Values, float64(x))
			}
			trials = append(trials, u)
		}
		var f fronts
		for number, u := range trials {
			f.add(u, number, directions)
		}
		got := f.best(trials, len(trials), directions, c.NBelow)
		slices.Sort(got)
		if !slices.Equal(got, c.Below) {
			t.Errorf("case %d: good trials are %v, want %v", i, got, c.Below)
		}
	}
}

func numbers(trials []*trial.Trial) []int {
	var ns []int
	for _, t := range trials {
		ns = append(ns, t.Number)
	}
	return ns
}
