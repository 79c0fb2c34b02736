package sampler

import (
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/sampler/internal/bayesopt"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Regret returns an upper bound, with high probability, of how much better than the best complete
// trial of a history any other parameters can be, in units of the value. It fits the Gaussian
// process of GP to the trials, which takes some ten milliseconds at a hundred of them. It reports
// false if it knows nothing: with several objectives, fewer than 20 finished trials, or none that is
// complete and feasible.
//
// When the bound is below the noise of the value, further trials cannot be told from luck. See
// Makarova et al., "Automatic Termination for Hyperparameter Optimization" (AutoML 2022).
func Regret(h trial.History) (bound float64, ok bool) {
	const least = 20 // trials, as in Optuna's terminator
	if len(h.Directions()) != 1 || len(h.Finished()) < least {
		return 0, false
	}
	sp := bayesopt.SpaceOf(h)
	if len(sp.Space) == 0 {
		return 0, false
	}
	r := NewRequest(h, nil, rand.New(rand.NewPCG(uint64(len(h.Finished())), 0)))
	return new(bayesopt.Model).Regret(bayesopt.Request(r), sp)
}
