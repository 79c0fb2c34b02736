package sampler

import (
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/recent"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// CMAES adapts a normal distribution to where the good trials are: the
// covariance matrix adaptation evolution strategy, driven like Optuna's.
// It suits continuous parameters that interact, and a few hundred trials and
// more. See Hansen, "The CMA Evolution Strategy: A Tutorial"
// (arXiv:1604.00772, 2016), and package cma for what is done in a generation.
//
// It draws jointly the numeric parameters, of more than one value, that every
// complete trial has with the same range. They are mapped to the unit cube,
// where the search starts at the centre with a step size of 1/6 and where ints
// and steps are rounded to their cells. Categorical parameters, and what some
// trials do not have, go to Independent. One objective only.
//
// # Bounds
//
// Where a continuous parameter ends, the search runs on beyond the end and is
// folded back, as pycma does, with a smooth bend (see cma.Bounds), so that it
// converges also to an optimum that lies on the boundary. Optuna cuts the
// distribution off at the bounds, which keeps it from there: for a corner of the
// box it needs about five times as many trials in five dimensions. Ints and steps,
// and with AsOptuna all, end as there: a draw outside is repeated up to ten
// times the dimension, then clipped.
//
// What is recorded of a trial is where it was in the box, not on which side of
// the bend it was drawn. Near a bend the side is drawn again from the
// distribution, by the number of the trial.
//
// # Draws
//
// The points of a generation are not independent: they are spread evenly, as a
// scrambled Sobol' sequence by the numbers of the trials, whose scrambling
// follows from the history. Each point alone is distributed as ever. A generation
// of few points so sees its surroundings better, and the search needs a tenth to
// a quarter fewer trials: Teytaud and Gelly, "DCMA: Yet Another Derandomization
// in Covariance-Matrix-Adaptation" (GECCO 2007). Before the second generation
// the history knows nothing of the seed, and draws are independent.
//
// # Generations
//
// The state of the search is a function of the history, so nothing is stored
// with the trials and a resumed study goes on as it would have. The first
// generation begins when StartupTrials are complete. When Population trials
// that count have finished, the next one begins. A trial counts if it is
// complete and began (trial.Trial.Seen) while the generation was current. So:
//
//   - Of parallel trials those that come too late, after their generation was
//     full, are ignored; Optuna ignores them too. With more workers than the
//     population most are late: then choose a larger Population.
//   - Failed and pruned trials are replaced by later ones.
//   - Startup trials do not count, nor do those of which nobody recorded what
//     they had seen (Seen is 0): what was in an Optuna file before this engine
//     first opened it. They do define the space.
//   - Whoever chose the parameters, a trial that began in time counts: a queued
//     one, as in Optuna, and one that another sampler drew. Told are the points
//     where the trials were, not where they would have been drawn, but at a
//     bounded distance from the mean, or one of them could move the search
//     anywhere: a step is shortened to √d + 2d/(d+2) deviations if the trial
//     was queued, and to twice that if not, which a draw hardly ever exceeds.
//     See Hansen, "Injecting External Solutions Into CMA-ES" (arXiv:1110.4181,
//     2011). Optuna tells any distance.
//   - When the space loses a parameter, because a trial does not have it or
//     not in this range, the search starts over in what is left. (Optuna keeps
//     its old state and draws every later trial independently.)
//
// Infeasible trials rank behind all feasible ones, by their violation; Optuna
// ignores constraints here. Once the search has converged to the last digit it
// goes on drawing the point that it has found, unless Restart says otherwise.
//
// A CMAES must not be copied after its first use, nor its fields changed.
type CMAES struct {
	StartupTrials int // drawn from Independent until as many are complete; 0: 1
	Population    int // trials per generation, ≥ 2; 0: 4 + ⌊3 ln d⌋ for d parameters

	// Separable adapts a step size for each parameter and no correlations. It
	// needs fewer trials and less time where there are many parameters, and more
	// where they interact. It excludes AdaptRates.
	Separable bool

	// AdaptRates makes the search as slow as noise and local minima demand, for
	// tens of thousands of trials; with a thousand it is far behind.
	AdaptRates bool

	// Margin keeps every value next to the best one of an int or a step about as
	// likely as one draw in a generation, so that the search cannot settle on a
	// value too early: Hamano et al., "CMA-ES with Margin" (GECCO 2022). It pays
	// with a thousand trials and more; with a few hundred it costs some. Where a
	// trial lay in its cell before rounding is not recorded, so a place is drawn
	// again, by its number.
	Margin bool

	// Restart says what follows when a generation shows that going on is
	// useless: all values equal, steps too small to matter or without bounds.
	Restart Restart

	// AsOptuna does without what is better here than in Optuna: it ends all
	// parameters at sharp bounds, draws independently, and tells steps of any
	// length.
	AsOptuna bool

	// Source is the history of a like study: the search begins around the best
	// tenth of its complete and feasible trials, instead of in the centre. Only
	// those count that have all parameters of the search space with values in
	// their ranges; with fewer than ten such trials it is ignored. See Nomura
	// et al., "Warm Starting CMA-ES for Hyperparameter Optimization" (AAAI 2021).
	Source trial.History

	// Independent draws the other parameters, and all during startup. It must
	// be safe for concurrent use; nil: Random.
	Independent Sampler

	mu    sync.Mutex
	lines recent.List[*cmaesLine] // a cache
}

// A Restart is a way to begin again when a search has ended.
type Restart uint8

const (
	// NoRestart goes on with the search.
	NoRestart Restart = iota
	// IPOP begins elsewhere with twice the population: Auger and Hansen, "A
	// Restart CMA Evolution Strategy With Increasing Population Size" (CEC
	// 2005).
	IPOP
	// BIPOP takes turns, by the trials that each has had since the first search
	// ended, between that and small populations with small steps, which get at
	// most half the trials of the last large one: Hansen, "Benchmarking a
	// BI-Population CMA-ES on the BBOB-2009 Function Testbed" (GECCO 2009). The
	// second search is always large, so it differs from IPOP from the third on.
	BIPOP
)

// SampleJoint draws the parameters of the search space. It returns none while
// the study starts up. It is an error if a setting is out of range or the
// study has several objectives.
func (s *CMAES) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(r.History); err != nil {
		return nil, err
	}
	now := s.fold(r.History)
	if now.state == nil {
		return nil, nil
	}
	values := make(map[string]float64, len(now.space))
	for i, u := range now.draw(r, s.AsOptuna) {
		values[now.space[i].Name] = now.space[i].Dist.Value(u)
	}
	return values, nil
}

// Sample draws a parameter that SampleJoint did not. Its errors are those of
// SampleJoint and of Independent.
func (s *CMAES) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(r.History); err != nil {
		return 0, err
	}
	if s.Independent == nil {
		return Random{}.Sample(r, name, d)
	}
	return s.Independent.Sample(r, name, d)
}

func (s *CMAES) check(h trial.History) error {
	switch n := len(h.Directions()); {
	case n != 1:
		return fmt.Errorf("CMAES has %d objectives, want 1: it ranks by one value", n)
	case s.StartupTrials < 0:
		return fmt.Errorf("CMAES.StartupTrials is %d, want at least 0", s.StartupTrials)
	case s.Population < 0 || s.Population == 1:
		return fmt.Errorf("CMAES.Population is %d, want at least 2, or 0 for the default", s.Population)
	case len(s.Source.Finished()) > 0 && len(s.Source.Directions()) != 1:
		return fmt.Errorf("CMAES.Source has %d objectives, want 1", len(s.Source.Directions()))
	case s.Separable && s.AdaptRates:
		return fmt.Errorf("CMAES.Separable and CMAES.AdaptRates are both set, want at most one")
	case s.Restart > BIPOP:
		return fmt.Errorf("CMAES.Restart is %d, want NoRestart (%d), IPOP (%d) or BIPOP (%d)", s.Restart, NoRestart, IPOP, BIPOP)
	}
	return nil
}
