package sampler

import (
	"fmt"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/bayesopt"
	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// GP models the objective by a Gaussian process and tries the point with the largest
// expected improvement. It needs the fewest trials where the objective is smooth, and
// the most time per trial: the cost grows with the cube of their number. It is meant
// for up to a few hundred. It takes up to three objectives; with several it maximizes the
// expected improvement of the hypervolume.
//
// It draws jointly the parameters that every complete trial has, and those that only
// some have if the values of another parameter decide which. Parallel workers stay
// apart; pruned trials count as poor; constraints have models of their own, and so has
// whether parameters can run at all; no point is tried twice.
//
// See Snoek, Larochelle and Adams, "Practical Bayesian Optimization of Machine Learning
// Algorithms" (NeurIPS 2012), and docs/samplers.md for the rules in full.
//
// Do not copy a GP or change its fields after first use.
type GP struct {
	// StartupTrials is how many trials must have finished, one of them not failed,
	// before the model is used; 0: 10.
	StartupTrials int

	// Deterministic says that the objective has no noise: the same parameters
	// always get the same value.
	Deterministic bool

	// PerSecond divides the expected improvement by the seconds that a trial probably takes, which the
	// complete trials tell.
	PerSecond bool

	// Independent draws the other parameters and the startup trials. It must be safe
	// for concurrent use. nil: Random, and in a finite space the startup draws only
	// points that have not been tried.
	Independent Sampler

	once  sync.Once
	model *bayesopt.Model
}

// SampleJoint draws the parameters of the search space. During startup it draws what
// Independent draws jointly. It fails if a setting is out of range or the study has
// more than three objectives.
func (s *GP) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(r.History); err != nil {
		return nil, err
	}
	sp := bayesopt.SpaceOf(r.History)
	switch {
	case len(sp.Space) > 0 && len(r.History.Finished()) >= s.startup(r):
		return s.start().Draw(bayesopt.Request(r), sp), nil
	case s.Independent == nil:
		return s.start().Start(bayesopt.Request(r), sp), nil
	case len(sp.Space) == 0:
		return nil, nil
	}
	if joint, ok := s.Independent.(JointSampler); ok {
		return joint.SampleJoint(r)
	}
	return nil, nil
}

// Sample draws a parameter that SampleJoint did not. It fails where SampleJoint or
// Independent does.
func (s *GP) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(r.History); err != nil {
		return 0, err
	}
	return orRandom(s.Independent).Sample(r, name, d)
}

// startup returns how many trials must have finished. Beliefs stand in for some of them.
func (s *GP) startup(r Request) int {
	switch {
	case s.StartupTrials != 0:
		return s.StartupTrials
	case belief.Held(r.History, r.Beliefs) != nil:
		return believed
	}
	return 10
}

// believed is the number of trials before the first model if there are beliefs.
const believed = 4

func (s *GP) start() *bayesopt.Model {
	s.once.Do(func() { s.model = &bayesopt.Model{Deterministic: s.Deterministic, PerSecond: s.PerSecond} })
	return s.model
}

func (s *GP) check(h trial.History) error {
	switch n := len(h.Directions()); {
	case n > 3:
		return fmt.Errorf("GP has %d objectives, want at most 3: hypervolumes of more take too long", n)
	case s.StartupTrials < 0:
		return fmt.Errorf("GP.StartupTrials is %d, want at least 0", s.StartupTrials)
	}
	return nil
}
