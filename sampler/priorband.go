package sampler

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/space"
)

// PriorBand draws each trial uniformly, from the beliefs about the parameters, or near
// the best complete trial. It is meant for successive halving and Hyperband: the later
// a bracket judges its trials, the fewer of them are uniform; the others are split by
// how likely the beliefs and the neighbourhood of the best trial make the best third of
// trials. Trial 0 has the most likely values. Without beliefs, only the other two are
// left.
//
// See Mallik et al., "PriorBand: Practical Hyperparameter Optimization in the Age of Deep
// Learning" (NeurIPS 2023).
type PriorBand struct {
	MinResource     int // steps of the first rung of the first bracket, as of the pruner; 0: 1
	ReductionFactor int // of the pruner, at least 2; 0: 3
}

// SampleJoint draws the parameters with beliefs and those that all complete and pruned
// trials have. It fails if a setting is out of range.
func (s PriorBand) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	factor := s.ReductionFactor
	if factor == 0 {
		factor = 3
	}
	b := belief.Band{History: r.History, Beliefs: belief.Held(r.History, r.Beliefs), Least: max(s.MinResource, 1),
		Factor: float64(factor)}
	return b.Draw(r.Trial, r.Rand), nil
}

// Sample draws a parameter that SampleJoint did not, as Random does.
func (s PriorBand) Sample(r Request, name string, d space.Dist) (float64, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	return Random{}.Sample(r, name, d)
}

func (s PriorBand) check() error {
	switch {
	case s.MinResource < 0:
		return fmt.Errorf("PriorBand.MinResource is %d, want at least 0", s.MinResource)
	case s.ReductionFactor != 0 && s.ReductionFactor < 2:
		return fmt.Errorf("PriorBand.ReductionFactor is %d, want at least 2, or 0 for 3", s.ReductionFactor)
	}
	return nil
}
