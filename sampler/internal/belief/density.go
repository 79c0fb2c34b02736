// Package belief turns what is believed about parameters into densities, and notices beliefs that
// the trials contradict.
package belief

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
	"github.com/bluefin-hpo/bluefin/space"
)

// A Density is a belief as a density over the coordinates of a parameter, see package cube: a
// normal distribution truncated to [0, 1], or a probability for each choice.
type Density struct {
	dist      space.Dist
	mu, sigma float64
	ends      truncnorm.Ends
	shares    []float64 // of the choices
}

// Of returns the density of a parameter with a belief.
func Of(d space.Dimension) Density {
	p, b := Density{dist: d.Dist}, d.Belief
	if cube.IsCategorical(d.Dist) {
		largest, sum := slices.Max(b.Weights), 0.0 // the sum may overflow
		for _, w := range b.Weights {
			p.shares = append(p.shares, w/largest)
			sum += w / largest
		}
		for i := range p.shares {
			p.shares[i] /= sum
		}
		return p
	}
	p.mu, p.sigma = d.Dist.Unit(b.Center), b.Spread
	p.ends = truncnorm.NewEnds(-p.mu/p.sigma, (1-p.mu)/p.sigma)
	return p
}

// Draw returns a value in internal form.
func (p Density) Draw(r *rand.Rand) float64 { return p.at(r.Float64()) }

// at returns the value at quantile q in [0, 1).
func (p Density) at(q float64) float64 {
	if p.shares == nil {
		return p.dist.Value(min(max(p.mu+p.sigma*p.ends.Quantile(q), 0), 1))
	}
	for i, share := range p.shares {
		if q -= share; q < 0 {
			return float64(i)
		}
	}
	return float64(slices.Index(p.shares, slices.Max(p.shares))) // after rounding errors
}

// Log returns the logarithm of the density at coordinate u relative to the uniform one, and its
// slope, 0 on a grid. On a grid the density is the share of the cell.
func (p Density) Log(u float64) (value, slope float64) {
	switch n := p.dist.Len(); {
	case p.shares != nil:
		return math.Log(p.shares[int(u)] * float64(len(p.shares))), 0
	case n > 0 && n <= cube.GridLimit:
		lo, hi := p.dist.Cell(p.dist.Value(u))
		mass := truncnorm.LogMass((lo-p.mu)/p.sigma, (hi-p.mu)/p.sigma)
		return mass - p.ends.LogMass() - math.Log(hi-lo), 0
	}
	z := (u - p.mu) / p.sigma
	return -z*z/2 + truncnorm.LogPhi(0) - math.Log(p.sigma) - p.ends.LogMass(), -z / p.sigma
}
