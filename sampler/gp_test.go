package sampler_test

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/sampler/samplertest"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestGPConforms(t *testing.T) {
	t.Run("default", func(t *testing.T) {
		samplertest.Run(t, func() sampler.Sampler { return &sampler.GP{} })
	})
	if testing.Short() {
		return
	}
	t.Run("a model from the first trial on, without noise", func(t *testing.T) {
		samplertest.Run(t, func() sampler.Sampler { return &sampler.GP{StartupTrials: 1, Deterministic: true} })
	})
}

func TestGPImproves(t *testing.T) {
	samplertest.ImprovesSoon(t, func() sampler.Sampler { return &sampler.GP{} })
}

// With two objectives GP comes nearer to the front than random search, with parallel workers and a
// constraint, too.
func TestGPOfSeveralObjectives(t *testing.T) {
	for _, c := range []struct {
		name       string
		constraint bool
		workers    int
	}{{"alone", false, 1}, {"constrained", true, 1}, {"four workers", false, 4}} {
		t.Run(c.name, func(t *testing.T) {
			volume := func(s sampler.Sampler) float64 {
				st, err := study.Open(t.Context(), study.Config{Sampler: s, Seed: 1,
					Directions: []trial.Direction{trial.Minimize, trial.Maximize}})
				if err != nil {
					t.Fatal(err)
				}
				var points [][]float64
				for len(points) < 40 {
					var running []*study.Trial
					for range c.workers {
						u, err := st.Ask(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						study.Suggest(u, "x", space.Float{Low: 0, High: 1})
						study.Suggest(u, "y", space.Float{Low: 0, High: 1})
						study.Suggest(u, "z", space.Float{Low: 0, High: 1})
						running = append(running, u)
					}
					for _, u := range running {
						x, y, z := u.Params()["x"].(float64), u.Params()["y"].(float64), u.Params()["z"].(float64)
						far := (y-0.3)*(y-0.3) + (z-0.6)*(z-0.6)
						f, g := x+far, (1-x)*(1-x)+far
						if c.constraint {
							if err := u.Constrain("half", 0.5-x); err != nil {
								t.Fatal(err)
							}
						}
						if _, err := st.Tell(t.Context(), u, f, -g); err != nil {
							t.Fatal(err)
						}
						if !c.constraint || x >= 0.5 {
							points = append(points, []float64{f, g})
						} else {
							points = append(points, []float64{2, 2})
						}
					}
				}
				return pareto.Hypervolume(points, []float64{1.2, 1.2})
			}
			if got, random := volume(&sampler.GP{}), volume(sampler.Random{}); got < random*1.05 {
				t.Errorf("the hypervolume is %v, want more than that of random search, %v", got, random)
			}
		})
	}
}
