package sampler

import (
	"errors"
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/evolution"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// CMAES moves a normal distribution to where the good trials are: the covariance
// matrix adaptation evolution strategy. It suits continuous parameters that
// interact, and takes one objective and a few hundred trials or more.
//
// It draws jointly the numeric parameters with more than one value that every
// complete trial has in the same range. A generation is the next Population
// complete trials that started while it was current; trials of parallel workers
// that come later are ignored, so with many workers choose a larger Population.
// Infeasible trials rank behind all feasible ones. The search is a function of the
// history, so a resumed study continues as if it had never stopped.
//
// See Hansen, "The CMA Evolution Strategy: A Tutorial" (arXiv:1604.00772, 2016),
// and docs/samplers.md for the rules in full and what differs from Optuna.
//
// Do not copy a CMAES or change its fields after first use.
type CMAES struct {
	StartupTrials int // trials to complete before the first generation; Independent draws them; 0: 1
	Population    int // trials per generation, ≥ 2; 0: 4 + ⌊3 ln d⌋ for d parameters

	// Sigma is the first standard deviation of the distribution along each parameter, as a share of
	// its range, at most 10. Source replaces it. 0: 1/6.
	Sigma float64

	// Separable adapts one step size per parameter and no correlations. It needs
	// fewer trials with many parameters, and more where they interact. It excludes
	// AdaptRates.
	Separable bool

	// AdaptRates slows the search down as far as noise and local minima demand, for
	// tens of thousands of trials; with a thousand it falls far behind. See Nomura,
	// Akimoto and Ono (GECCO 2023).
	AdaptRates bool

	// Margin keeps the values next to the best one of an int or a step as likely as
	// about one draw per generation, so that the search cannot settle on a value too
	// early. It pays with a thousand trials or more. See Hamano et al., "CMA-ES with
	// Margin" (GECCO 2022).
	Margin bool

	// Restart says what follows when a generation shows that a search is finished:
	// all values equal, or steps too small or too large to matter.
	Restart Restart

	// Optuna follows Optuna's rules: sharp bounds, independent draws, and steps of
	// any length.
	Optuna bool

	// Source is the history of a similar study. The search starts around the best
	// tenth of its complete, feasible trials that lie in the search space, if there
	// are ten or more. See Nomura et al., "Warm Starting CMA-ES for Hyperparameter
	// Optimization" (AAAI 2021).
	Source trial.History

	// Independent draws the other parameters and the startup trials. It must be
	// safe for concurrent use; nil: Random.
	Independent Sampler

	once     sync.Once
	strategy *evolution.Strategy
}

// A Restart decides what CMAES does when a search has ended.
type Restart uint8

const (
	// NoRestart keeps drawing from the final distribution.
	NoRestart Restart = iota
	// IPOP starts elsewhere with twice the population: Auger and Hansen, "A Restart
	// CMA Evolution Strategy With Increasing Population Size" (CEC 2005).
	IPOP
	// BIPOP balances the trials spent on that and on small populations with small
	// steps: Hansen, "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function
	// Testbed" (GECCO 2009).
	BIPOP
)

// SampleJoint draws the parameters of the search space. It returns none during
// startup. It fails if a setting is out of range or the study has several
// objectives.
func (s *CMAES) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(r.History); err != nil {
		return nil, err
	}
	return s.start().Draw(r.History, r.Beliefs, r.Trial, r.Rand), nil
}

// Sample draws a parameter that SampleJoint did not. It fails where SampleJoint or
// Independent does.
func (s *CMAES) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(r.History); err != nil {
		return 0, err
	}
	return orRandom(s.Independent).Sample(r, name, d)
}

func (s *CMAES) start() *evolution.Strategy {
	s.once.Do(func() {
		s.strategy = &evolution.Strategy{
			StartupTrials: s.StartupTrials, Population: s.Population, Sigma: s.Sigma,
			Separable: s.Separable, AdaptRates: s.AdaptRates, Margin: s.Margin,
			Restart: evolution.Restart(s.Restart), Optuna: s.Optuna, Source: s.Source,
		}
	})
	return s.strategy
}

func (s *CMAES) check(h trial.History) error {
	switch n, m := len(h.Directions()), len(s.Source.Directions()); {
	case n != 1:
		return fmt.Errorf("CMAES has %d objectives, want 1: it ranks by one value", n)
	case s.StartupTrials < 0:
		return fmt.Errorf("CMAES.StartupTrials is %d, want at least 0", s.StartupTrials)
	case s.Population < 0 || s.Population == 1:
		return fmt.Errorf("CMAES.Population is %d, want at least 2, or 0 for the default", s.Population)
	case !(s.Sigma >= 0 && s.Sigma <= 10):
		return fmt.Errorf("CMAES.Sigma is %v, want 0 to 10", s.Sigma)
	case len(s.Source.Finished()) > 0 && m != 1:
		return fmt.Errorf("CMAES.Source has %d objectives, want 1", m)
	case s.Separable && s.AdaptRates:
		return errors.New("CMAES.Separable and CMAES.AdaptRates are both set, want at most one")
	case s.Restart > BIPOP:
		return fmt.Errorf("CMAES.Restart is %d, want NoRestart (0), IPOP (1) or BIPOP (2)", s.Restart)
	}
	return nil
}
