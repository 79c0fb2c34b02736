package belief

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Draw draws a parameter with a belief without a model: its most likely value in trial 0, then from
// a mixture of the belief and the uniform distribution, in which the belief fades.
func Draw(h trial.History, t *trial.Trial, r *rand.Rand, d space.Dimension) float64 {
	if t.Number == 0 {
		return d.Belief.Mode()
	}
	if r.Float64() < share(len(h.Finished())) {
		return Of(d).Draw(r)
	}
	return d.Dist.Value(r.Float64())
}

// share is how many draws come from the belief after n trials.
func share(n int) float64 { return 1 / (1 + float64(n)/20) }
