package outcome

import (
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// tries is how many random points are drawn to find one that probably runs.
const tries = 200

// Untried returns random parameters that are not those of an infeasible trial, while others are found.
// It returns nothing if no trial was infeasible, or where chance hardly repeats one.
func Untried(h trial.History, beliefs space.Space, t *trial.Trial, r *rand.Rand) map[string]float64 {
	barred := h.Infeasible()
	sp := axesOf(barred)
	if len(sp) == 0 || !cube.IsFinite(sp) {
		return nil
	}
	for range tries {
		if values := random(sp, beliefs, t, r); !tried(barred, values) {
			return values
		}
	}
	return nil
}

// random returns a value for each parameter of sp and of beliefs, at random or by the beliefs.
func random(sp, beliefs space.Space, t *trial.Trial, r *rand.Rand) map[string]float64 {
	values := belief.Startup(beliefs, t, r)
	if values == nil {
		values = make(map[string]float64, len(sp))
	}
	for _, d := range sp {
		if x, ok := values[d.Name]; !ok || !d.Dist.Contains(x) {
			values[d.Name] = d.Dist.Value(r.Float64())
		}
	}
	return values
}

// tried reports whether one of the trials has the given values in all its parameters with a choice.
func tried(trials []*trial.Trial, values map[string]float64) bool {
	return slices.ContainsFunc(trials, func(t *trial.Trial) bool {
		for _, p := range t.Params {
			if v, ok := values[p.Name]; ok && v != p.Value || !ok && p.Dist.Len() != 1 {
				return false
			}
		}
		return true
	})
}
