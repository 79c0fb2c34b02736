package sampler_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

var steps = space.Must(space.New(
	space.Dimension{Name: "max_steps", Dist: space.Int{Low: 10, High: 1000, Log: true}},
	space.Dimension{Name: "optimizer", Dist: space.Choose("adam", "sgd").Dist()},
	space.Dimension{Name: "rate", Dist: space.Float{Low: 1e-5, High: 1, Log: true}},
	space.Dimension{Name: "warmup_steps", Dist: space.Int{Low: 0, High: 1000}},
))

func warmsUpFirst(v map[string]float64) bool { return v["warmup_steps"] < v["max_steps"] }

// Two points in three violate the constraint, and the objective is best where most do.
func TestConstrainedSpendsNoTrial(t *testing.T) {
	for name, inner := range map[string]sampler.Sampler{
		"none": nil, "Random": sampler.Random{}, "TPE": &sampler.TPE{}, "TPE one at a time": &sampler.TPE{Independent: true},
		"GP": &sampler.GP{}, "CMAES": &sampler.CMAES{}, "NSGA2": &sampler.NSGA2{}, "QMC": sampler.QMC{}, "Auto": &sampler.Auto{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, err := study.Open(t.Context(), study.Config{Space: steps,
				Sampler: sampler.Constrained{Space: steps, Holds: warmsUpFirst, Sampler: inner}})
			if err != nil {
				t.Fatal(err)
			}
			err = st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
				most, warmup := tr.LogInt("max_steps", 10, 1000), tr.Int("warmup_steps", 0, 1000)
				if warmup >= most {
					t.Errorf("trial %d has %d of %d steps", tr.Number(), warmup, most)
				}
				study.Suggest(tr, "optimizer", space.Choose("adam", "sgd"))
				return float64(most-warmup) + tr.LogFloat("rate", 1e-5, 1), nil
			}, study.Budget{Trials: 40, Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestConstrainedLeavesQueuedParametersAlone(t *testing.T) {
	st, err := study.Open(t.Context(), study.Config{Sampler: sampler.Constrained{Space: steps, Holds: warmsUpFirst}})
	if err != nil {
		t.Fatal(err)
	}
	for _, params := range []map[string]any{{"warmup_steps": 700}, {"warmup_steps": 700, "max_steps": 20}} {
		if _, err := st.Enqueue(t.Context(), params); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err = st.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		most, warmup := tr.LogInt("max_steps", 10, 1000), tr.Int("warmup_steps", 0, 1000)
		got = append(got, fmt.Sprint(warmup, warmup < most))
		return 0, nil
	}, study.Budget{Trials: 2})
	if want := "[700 true 700 false]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
}

func TestConstrainedSaysWhatIsWrong(t *testing.T) {
	never := func(map[string]float64) bool { return false }
	for want, s := range map[string]sampler.Constrained{
		"Constrained.Holds is nil":                           {Space: steps},
		"Constrained.Space is empty":                         {Holds: never},
		"Constrained.Holds is false for each of 10000":       {Space: steps, Holds: never},
		"Constrained.Sampler is a sampler.BruteForce, which": {Space: steps, Holds: never, Sampler: sampler.BruteForce{}},
	} {
		r := sampler.NewRequest(trial.NewLog([]trial.Direction{trial.Minimize}).History(), &trial.Trial{}, rand.New(rand.NewPCG(1, 1)))
		if _, err := s.SampleJoint(r); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
