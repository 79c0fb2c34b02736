package main

import (
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
)

// Local searches near the best trial: it draws from a normal distribution
// around each of its parameters. The zero value is ready to use.
type Local struct {
	Startup int     // trials drawn uniformly before; 0: 10
	Sigma   float64 // standard deviation, as a share of the range; 0: 0.1
}

// Sample implements sampler.Sampler. All randomness comes from the request, and
// Local keeps nothing, so it is safe for concurrent use and a resumed study
// continues exactly as before.
func (l Local) Sample(r sampler.Request, name string, d space.Dist) (float64, error) {
	if l.Startup == 0 {
		l.Startup = 10
	}
	if l.Sigma == 0 {
		l.Sigma = 0.1
	}
	uniform := d.Value(r.Rand.Float64())
	best, ok := r.History.Best()
	if !ok || len(r.History.Finished()) < l.Startup {
		return uniform, nil
	}
	p, ok := best.Param(name)
	if !ok || !d.Contains(p.Value) { // another branch of the space, or the range has moved since
		return uniform, nil
	}
	if _, ok := d.(space.Categorical); ok { // choices have no neighbours
		if r.Rand.Float64() < l.Sigma {
			return uniform, nil
		}
		return p.Value, nil
	}
	// The unit interval treats floats, ints and logarithmic ranges the same.
	return d.Value(d.Unit(p.Value) + l.Sigma*r.Rand.NormFloat64()), nil
}
