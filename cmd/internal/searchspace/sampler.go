package searchspace

import (
	"fmt"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

const (
	ownDraws  = 8      // by the sampler itself: one of GP takes tens of milliseconds
	mended    = 1000   // with the parameters of a violated constraint drawn at random
	allRandom = 10_000 // from the whole space
)

// Sampler returns a sampler that draws with inner until all constraints hold, so that no trial is spent
// on parameters that violate one. If inner cannot find any soon, such as one that proposes its single
// best point, the parameters of the violated constraint are drawn at random, and then all. Without
// constraints it returns inner; one that tries every combination then tries each that satisfies them.
func (s Space) Sampler(inner sampler.Sampler) (sampler.Sampler, error) {
	if len(s.Constraints) == 0 {
		return inner, nil
	}
	if _, finite := inner.(sampler.FiniteSampler); finite {
		return newCombinations(s)
	}
	return constrained{inner, s}, nil
}

// Example returns parameters that satisfy all constraints.
func (s Space) Example() (map[string]any, error) {
	return s.random(rand.New(rand.NewPCG(1, 1)), nil)
}

// A constrained sampler draws all parameters of a trial at once.
type constrained struct {
	inner sampler.Sampler
	space Space
}

// Sample implements sampler.Sampler, for parameters that are not in the space.
func (c constrained) Sample(r sampler.Request, name string, d space.Dist) (float64, error) {
	return c.inner.Sample(r, name, d)
}

// SampleJoint implements sampler.JointSampler. If parameters that were queued or saved violate a
// constraint on their own, it returns what the sampler drew: the trial says so.
func (c constrained) SampleJoint(r sampler.Request) (map[string]float64, error) {
	fixed := c.space.fixed(r.Trial)
	var values map[string]any
	var violated *Expr
	for range ownDraws {
		var err error
		if values, err = c.draw(r, fixed); err != nil {
			return nil, err
		}
		if violated, err = c.space.Violated(values); err != nil {
			return nil, err
		}
		if violated == nil {
			return c.space.internal(values), nil
		}
	}
	mend, err := c.space.mend(r.Rand, values, fixed, violated)
	if err == nil && mend == nil {
		mend, err = c.space.random(r.Rand, fixed)
	}
	switch {
	case err == nil:
		values = mend
	case len(fixed) == 0:
		return nil, err
	}
	return c.space.internal(values), nil
}

// draw returns what the inner sampler draws for a trial.
func (c constrained) draw(r sampler.Request, fixed map[string]any) (map[string]any, error) {
	var joint map[string]float64
	if j, ok := c.inner.(sampler.JointSampler); ok {
		var err error
		if joint, err = j.SampleJoint(r); err != nil {
			return nil, err
		}
	}
	return c.space.Walk(func(p Param) (any, error) {
		if v, ok := fixed[p.Name]; ok {
			return v, nil
		}
		if p.Dist.Len() == 1 {
			return p.Dist.External(p.Dist.Value(0)), nil
		}
		if x, ok := joint[p.Name]; ok && p.Dist.Contains(x) {
			return p.Dist.External(x), nil
		}
		x, err := c.inner.Sample(r, p.Name, p.Dist)
		if err == nil && !p.Dist.Contains(x) {
			err = fmt.Errorf("the sampler drew %v for %q, want %v", x, p.Name, p.Dist)
		}
		if err != nil {
			return nil, err
		}
		return p.Dist.External(x), nil
	})
}

// mend draws the parameters of violated constraints until all hold, and leaves the others as the sampler
// drew them. It returns nil if that does not help.
func (s Space) mend(r *rand.Rand, values, fixed map[string]any, violated *Expr) (map[string]any, error) {
	for range mended {
		again := map[string]bool{}
		for _, name := range violated.Names {
			again[name] = true
		}
		next, err := s.Walk(func(p Param) (any, error) {
			if v, ok := fixed[p.Name]; ok {
				return v, nil
			}
			if v, ok := values[p.Name]; ok && !again[p.Name] {
				return v, nil
			}
			return p.Dist.External(p.Dist.Value(r.Float64())), nil
		})
		if err != nil {
			return nil, err
		}
		values = next
		if violated, err = s.Violated(values); err != nil || violated == nil {
			return values, err
		}
	}
	return nil, nil
}

// random draws all parameters at random until all constraints hold.
func (s Space) random(r *rand.Rand, fixed map[string]any) (map[string]any, error) {
	count := map[*Expr]int{}
	for range allRandom {
		values, err := s.Walk(func(p Param) (any, error) {
			if v, ok := fixed[p.Name]; ok {
				return v, nil
			}
			return p.Dist.External(p.Dist.Value(r.Float64())), nil
		})
		if err != nil {
			return nil, err
		}
		violated, err := s.Violated(values)
		if err != nil || violated == nil {
			return values, err
		}
		count[violated]++
	}
	worst := s.Constraints[0]
	for _, c := range s.Constraints {
		if count[c] > count[worst] {
			worst = c
		}
	}
	return nil, &UnsatisfiedError{worst}
}

// An UnsatisfiedError says that no parameters were found that satisfy all constraints.
type UnsatisfiedError struct{ Constraint *Expr } // the one that most of them violate

// Error implements error.
func (e *UnsatisfiedError) Error() string {
	return fmt.Sprintf("no parameters satisfy the constraint %q and the others: none of %d random ones do",
		e.Constraint, allRandom)
}

// fixed returns the values that a trial already has, and those it was queued with, as far as the space
// has them.
func (s Space) fixed(t *trial.Trial) map[string]any {
	fixed := map[string]any{}
	queued, _ := pyjson.Unmarshal(t.SystemAttrs[sysattr.FixedParams])
	params, _ := queued.(map[string]any)
	for _, p := range s.Params {
		if v, ok := params[p.Name]; ok {
			if x, err := p.Dist.Internal(v); err == nil {
				fixed[p.Name] = p.Dist.External(x)
			}
		}
		if saved, ok := t.Param(p.Name); ok && p.Dist.Contains(saved.Value) {
			fixed[p.Name] = p.Dist.External(saved.Value)
		}
	}
	return fixed
}

// internal returns values in internal form.
func (s Space) internal(values map[string]any) map[string]float64 {
	drawn := map[string]float64{}
	for _, p := range s.Params {
		v, ok := values[p.Name]
		if !ok {
			continue
		}
		if x, err := p.Dist.Internal(v); err == nil {
			drawn[p.Name] = x
		}
	}
	return drawn
}
