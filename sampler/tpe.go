package sampler

import (
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/tpe"
	"github.com/bluefin-hpo/bluefin/space"
)

// TPE is the tree-structured Parzen estimator. It splits the trials into the good
// ones and the others, estimates a density of each, l and g, draws candidates from l,
// and takes the one with the largest l/g.
//
// With one objective it draws all parameters jointly, including conditional ones. With
// several it draws one at a time, as it does for new parameters and those whose range
// has just changed. Pruned trials rank behind complete ones and infeasible trials last;
// failed and running trials count as poor. A draw takes the same time however many
// trials there are; with Independent, Optuna, or several objectives, the time is linear
// in their number.
//
// See Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter
// Optimization" (NeurIPS 2011), and docs/samplers.md for the rules in full and what
// differs from Optuna. Do not copy a TPE or change its fields after first use.
type TPE struct {
	StartupTrials int  // complete or pruned trials before the first model; 0: 10
	Candidates    int  // drawn from l for every decision; 0: 24
	Independent   bool // draw one parameter at a time, by Optuna's rules
	Groups        bool // draw together only parameters that always occur together
	Optuna        bool // follow the rules of Optuna 5

	once   sync.Once
	search *tpe.Search
}

// SampleJoint draws the parameters that any complete or pruned trial has; with Optuna
// and without Groups, those that all of them have. It returns none with Independent or
// several objectives, and none during startup, except for an untried point if the space
// is finite. It fails if a setting is out of range.
func (s *TPE) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.start().Joint(tpe.Request(r)), nil
}

// Sample draws one parameter from the trials that have it. It fails if a setting is out
// of range.
func (s *TPE) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	return s.start().One(tpe.Request(r), name, d), nil
}

func (s *TPE) check() error {
	switch {
	case s.StartupTrials < 0:
		return fmt.Errorf("TPE.StartupTrials is %d, want at least 0", s.StartupTrials)
	case s.Candidates < 0:
		return fmt.Errorf("TPE.Candidates is %d, want at least 0", s.Candidates)
	}
	return nil
}

func (s *TPE) start() *tpe.Search {
	s.once.Do(func() {
		s.search = &tpe.Search{
			StartupTrials: s.StartupTrials, Candidates: s.Candidates,
			Independent: s.Independent, Groups: s.Groups, Optuna: s.Optuna,
		}
	})
	return s.search
}
