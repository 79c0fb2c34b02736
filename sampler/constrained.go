package sampler

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Constrained keeps a constraint between parameters that is known before any trial, such as
// warmup_steps < max_steps: no trial is spent on parameters that violate it.
//
// It draws with another sampler until the constraint holds. If that finds nothing soon, as one that
// proposes its single best point, a few of the parameters that it drew are drawn again at random, then
// more, then all. Queued parameters are left as they are, also if they violate the constraint: the
// objective should return study.ErrInfeasible for them.
type Constrained struct {
	// Space has the parameters that the constraint is about, and any others. Each trial must have them,
	// with these distributions: they are all drawn before the objective asks for the first one.
	Space space.Space

	// Holds reports whether parameters satisfy the constraint, given a number for each parameter of
	// Space: the value, or the index of a choice. It must be a function of them, must not modify them,
	// and must be safe for concurrent use.
	Holds func(values map[string]float64) bool

	// Sampler draws the parameters; nil: Random. It must be safe for concurrent use. Grid and BruteForce
	// have no place here: they try each combination.
	Sampler Sampler
}

const (
	ownDraws  = 8      // by the sampler itself: one of GP takes tens of milliseconds
	mended    = 1000   // with some parameters drawn at random
	allRandom = 10_000 // from the whole space
)

// SampleJoint draws the parameters of Space, and what Sampler draws with them. It fails where Sampler
// does, if a field is not set, and if it finds no parameters that satisfy the constraint.
func (s Constrained) SampleJoint(r Request) (map[string]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	fixed := s.fixed(r.Trial)
	var drawn map[string]float64
	for range ownDraws {
		var err error
		if drawn, err = s.draw(r, fixed); err != nil || s.Holds(s.of(drawn)) {
			return drawn, err
		}
	}
	var free space.Space
	for _, d := range s.Space {
		if _, ok := fixed[d.Name]; !ok && d.Dist.Len() != 1 {
			free = append(free, d)
		}
	}
	for try := range mended + allRandom {
		changed := len(free)
		if try < mended {
			changed = 1 + try*len(free)/mended
		}
		if next := redraw(drawn, free, changed, r.Rand); s.Holds(s.of(next)) {
			return next, nil
		}
	}
	if len(fixed) > 0 {
		return drawn, nil
	}
	return nil, fmt.Errorf("Constrained.Holds is false for each of %d random points: want a constraint that some satisfy", allRandom)
}

// Sample draws a parameter that SampleJoint did not, as Sampler does.
func (s Constrained) Sample(r Request, name string, d space.Dist) (float64, error) {
	return orRandom(s.Sampler).Sample(r, name, d)
}

func (s Constrained) check() error {
	switch {
	case s.Holds == nil:
		return errors.New("Constrained.Holds is nil, want a function")
	case len(s.Space) == 0:
		return errors.New("Constrained.Space is empty, want the parameters of the constraint")
	}
	if _, finite := s.Sampler.(FiniteSampler); finite {
		return fmt.Errorf("Constrained.Sampler is a %T, which tries each combination: want one that draws", s.Sampler)
	}
	return nil
}

// draw returns what the sampler draws for a trial, with the fixed values in their places.
func (s Constrained) draw(r Request, fixed map[string]float64) (map[string]float64, error) {
	drawn := map[string]float64{}
	if j, ok := s.Sampler.(JointSampler); ok {
		joint, err := j.SampleJoint(r)
		if err != nil {
			return nil, err
		}
		for name, x := range joint {
			drawn[name] = x
		}
	}
	for _, d := range s.Space {
		if x, ok := fixed[d.Name]; ok {
			drawn[d.Name] = x
		} else if x, ok := drawn[d.Name]; ok && d.Dist.Contains(x) {
			continue
		} else if d.Dist.Len() == 1 {
			drawn[d.Name] = d.Dist.Value(0)
		} else {
			x, err := orRandom(s.Sampler).Sample(r, d.Name, d.Dist)
			if err != nil {
				return nil, err
			}
			drawn[d.Name] = x
		}
	}
	return drawn, nil
}

// of returns the values of Space alone, so that Holds never sees what the objective may not ask for.
func (s Constrained) of(drawn map[string]float64) map[string]float64 {
	values := make(map[string]float64, len(s.Space))
	for _, d := range s.Space {
		values[d.Name] = drawn[d.Name]
	}
	return values
}

// redraw returns drawn with some of the free parameters drawn again at random.
func redraw(drawn map[string]float64, free space.Space, changed int, r *rand.Rand) map[string]float64 {
	next := make(map[string]float64, len(drawn))
	for name, x := range drawn {
		next[name] = x
	}
	for _, i := range r.Perm(len(free))[:min(changed, len(free))] {
		next[free[i].Name] = free[i].Dist.Value(r.Float64())
	}
	return next
}

// fixed returns the values of Space that a trial already has or was queued with.
func (s Constrained) fixed(t *trial.Trial) map[string]float64 {
	fixed := map[string]float64{}
	queued, _ := pyjson.Unmarshal(t.SystemAttrs[sysattr.FixedParams])
	params, _ := queued.(map[string]any)
	for _, d := range s.Space {
		if v, ok := params[d.Name]; ok {
			if x, err := d.Dist.Internal(v); err == nil {
				fixed[d.Name] = x
			}
		}
		if p, ok := t.Param(d.Name); ok && d.Dist.Contains(p.Value) {
			fixed[d.Name] = p.Value
		}
	}
	return fixed
}
