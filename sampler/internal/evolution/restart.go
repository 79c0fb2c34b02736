package evolution

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
)

// A Restart decides what follows when a search has ended; see sampler.Restart.
type Restart uint8

// The kinds of restart, numbered as in package sampler.
const (
	NoRestart Restart = iota
	IPOP
	BIPOP
)

// restarts counts the searches of a study and their trials. It is a value, and a
// function of the history.
type restarts struct {
	count   int  // searches that have ended
	doubled int  // of them, those after which the population was doubled
	large   bool // the current search has a doubled population

	trials      int // of the current search
	largeTrials int // of ended searches with doubled populations
	smallTrials int // of the other ended searches, except the first
	allowance   int // trials of a search with a small population: half of the last large one

	multiplier float64 // of the first population, for the current search
	shrink     float64 // of the first step size
}

// next returns the counts after the current search has ended.
func (r restarts) next(how Restart) restarts {
	switch {
	case r.count == 0: // the first search counts for neither regime
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
	// BIPOP, section 2: λ = λ_0 (½ λ_large/λ_0)^(U²) and σ = σ_0 10^(-2U') with
	// uniform U and U'.
	u := sobol.At(uint64(r.count), 0, &sobol.Scramble{Seed: 1})
	v := sobol.At(uint64(r.count), 1, &sobol.Scramble{Seed: 1})
	r.multiplier = math.Pow(math.Pow(2, float64(r.doubled))/2, u*u)
	r.shrink = math.Pow(10, -2*v)
	return r
}

// spent reports whether the current search has used its trials.
func (r restarts) spent() bool { return r.count > 0 && !r.large && r.trials >= r.allowance }

// population returns the population, at most a million, and the step size of a
// search after the first one, from those of the first.
func (r restarts) population(first int, firstSigma float64) (lambda int, sigma float64) {
	return int(min(float64(first)*r.multiplier, 1e6)), firstSigma * r.shrink
}
