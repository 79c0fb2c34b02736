package belief

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	fewest  = 4   // trials before beliefs can be dropped
	most    = 100 // trials that count, the first ones: later the beliefs have faded
	against = 0.5 // standard deviations of Kendall's statistic at which they are
)

// Held returns the beliefs that the trials of h do not contradict: all or none. Misleading beliefs
// are those near which trials are worse than elsewhere: the nearer, by Kendall's rank correlation.
// Compare Fehring et al., "DynaBO" (2025), which asks a surrogate.
func Held(h trial.History, beliefs space.Space) space.Space {
	if len(beliefs) == 0 || Against(h, beliefs) >= against {
		return nil
	}
	return beliefs
}

// Against is how strongly the trials of h contradict the beliefs: Kendall's statistic for the
// nearness and the loss of its complete trials, in standard deviations. It is 0 for too few trials
// and with several objectives.
func Against(h trial.History, beliefs space.Space) float64 {
	if len(h.Directions()) != 1 {
		return 0
	}
	densities := make([]Density, len(beliefs))
	for i, d := range beliefs {
		densities[i] = Of(d)
	}
	var nearness, losses []float64
	for _, t := range h.Finished() {
		if len(losses) == most {
			break
		}
		if t.State == trial.Complete && t.Violation() == 0 {
			nearness = append(nearness, nearnessOf(t, beliefs, densities))
			losses = append(losses, rank.Loss(t.Values[0], h.Directions()[0]))
		}
	}
	return kendall(nearness, losses)
}

// nearnessOf is the logarithm of the joint density at a trial. A parameter counts for at most as
// much as one with a density of a hundredth of the uniform one, so that none outweighs the others.
func nearnessOf(t *trial.Trial, beliefs space.Space, densities []Density) float64 {
	sum := 0.0
	for i, d := range beliefs {
		p, ok := t.Param(d.Name)
		if !ok || !space.Equal(p.Dist, d.Dist) {
			continue
		}
		value, _ := densities[i].Log(cube.Unit(d.Dist, p.Value))
		sum += math.Max(value, math.Log(0.01))
	}
	return sum
}

// kendall returns Kendall's statistic in standard deviations under independence; 0 for fewer than
// fewest numbers.
func kendall(x, y []float64) float64 {
	n := float64(len(x))
	if len(x) < fewest {
		return 0
	}
	sum := 0.0
	for i := range x {
		for j := range i {
			sum += sign(x[i]-x[j]) * sign(y[i]-y[j])
		}
	}
	return sum / math.Sqrt(n*(n-1)*(2*n+5)/18)
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
