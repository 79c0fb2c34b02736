package sampler

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
)

// restarts say which search of a study is under way, and keep the books of those
// before it. It is a value, and a function of the history.
type restarts struct {
	count   int  // searches that have ended
	doubled int  // of them, those after which the population was doubled
	large   bool // the search under way has a doubled population

	trials      int // of the search under way
	largeTrials int // of ended searches with doubled populations
	smallTrials int // of the others, but for the first one
	allowance   int // that a search with a small population has: half of the last large one

	multiplier float64 // of the first population, for the search under way
	shrink     float64 // of the first step size
}

// next returns the books after the search under way has ended.
func (r restarts) next(how Restart) restarts {
	switch {
	case r.count == 0: // is in neither account
	case r.large:
		r.largeTrials += r.trials
		r.allowance = r.trials / 2
	default:
		r.smallTrials += r.trials
	}
	r.count++
	r.trials = 0
	r.large = how == IPOP || r.largeTrials <= r.smallTrials
	if r.large {
		r.doubled++
		r.multiplier, r.shrink = math.Pow(2, float64(r.doubled)), 1
		return r
	}
	// Section 2 of the paper: λ = λ_0 (½ λ_large/λ_0)^(U²) and σ = σ_0 10^(-2U'), U
	// and U' being uniform.
	u := sobol.At(uint64(r.count), 0, &sobol.Scramble{Seed: 1})
	v := sobol.At(uint64(r.count), 1, &sobol.Scramble{Seed: 1})
	r.multiplier = math.Pow(math.Pow(2, float64(r.doubled))/2, u*u)
	r.shrink = math.Pow(10, -2*v)
	return r
}

// spent reports whether the search under way has had its trials.
func (r restarts) spent() bool { return r.count > 0 && !r.large && r.trials >= r.allowance }

// population returns the population and the first step size of the search under
// way, which is not the first, given those of the first. It stays below a
// million.
func (r restarts) population(first int) (lambda int, sigma float64) {
	return int(min(float64(first)*r.multiplier, 1e6)), firstSigma * r.shrink
}
