package searchspace

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mostCombinations bounds the time and memory that combinations take.
const mostCombinations = 100_000

// combinations is a sampler that tries each combination that satisfies all constraints once, in random
// order, and then repeats them.
type combinations struct {
	space   Space
	all     []combination
	visited int // with those that violate a constraint
}

type combination struct {
	values map[string]float64
	key    string
}

func newCombinations(s Space) (*combinations, error) {
	c := &combinations{space: s}
	return c, c.add(map[string]any{}, 0)
}

// add adds the combinations that begin with the given values of the first n parameters.
func (c *combinations) add(values map[string]any, n int) error {
	if n == len(c.space.Params) {
		if c.visited++; c.visited > mostCombinations {
			return fmt.Errorf("the space has more than %d combinations, want fewer or another sampler", mostCombinations)
		}
		violated, err := c.space.Violated(values)
		if err != nil || violated != nil {
			return err
		}
		drawn := c.space.internal(values)
		c.all = append(c.all, combination{drawn, key(drawn)})
		return nil
	}
	p := c.space.Params[n]
	if p.If != nil {
		exists, known, err := p.If.Holds(values)
		if err != nil {
			return fmt.Errorf("condition of parameter %q: %w", p.Name, err)
		}
		if !exists || !known {
			return c.add(values, n+1)
		}
	}
	if p.Dist.Len() == 0 {
		return fmt.Errorf("parameter %q has infinitely many values, want a step or another sampler", p.Name)
	}
	for i := range p.Dist.Len() {
		values[p.Name] = nth(p.Dist, i)
		if err := c.add(values, n+1); err != nil {
			return err
		}
	}
	delete(values, p.Name)
	return nil
}

// nth returns a value of a finite distribution, in external form.
func nth(d space.Dist, i int) any {
	if d, ok := d.(space.Int); ok { // with Log its cells differ in size
		return d.Low + i*max(d.Step, 1)
	}
	return d.External(d.Value((float64(i) + 0.5) / float64(d.Len())))
}

// Sample implements sampler.Sampler, for a trial that was queued with values that fit no combination.
func (c *combinations) Sample(r sampler.Request, _ string, d space.Dist) (float64, error) {
	return d.Value(r.Rand.Float64()), nil
}

// SampleJoint implements sampler.JointSampler. Values that the trial already has are kept where some
// combination has them.
func (c *combinations) SampleJoint(r sampler.Request) (map[string]float64, error) {
	fixed := c.space.internal(c.space.fixed(r.Trial))
	fits := func(c combination) bool {
		for name, x := range fixed {
			if y, ok := c.values[name]; ok && x != y {
				return false
			}
		}
		return true
	}
	others := slices.DeleteFunc(slices.Concat(r.History.Finished(), r.Running()),
		func(t *trial.Trial) bool { return t.Number == r.Trial.Number })
	for _, from := range [][]combination{c.untried(others), c.all} {
		var some []combination
		for _, one := range from {
			if fits(one) {
				some = append(some, one)
			}
		}
		if len(some) > 0 {
			return some[r.Rand.IntN(len(some))].values, nil
		}
	}
	if len(fixed) == 0 {
		return nil, &UnsatisfiedError{c.space.Constraints[0]}
	}
	return nil, nil // the trial is queued with values that no combination has, and says so
}

// Left implements sampler.FiniteSampler.
func (c *combinations) Left(h trial.History) int {
	return len(c.untried(slices.Concat(h.Finished(), h.Running())))
}

// untried returns the combinations that no trial has.
func (c *combinations) untried(trials []*trial.Trial) []combination {
	tried := map[string]bool{}
	for _, t := range trials {
		params := maps.Clone(t.Joint)
		if params == nil {
			params = map[string]float64{}
		}
		for _, p := range t.Params {
			params[p.Name] = p.Value
		}
		tried[key(params)] = true
	}
	var left []combination
	for _, one := range c.all {
		if !tried[one.key] {
			left = append(left, one)
		}
	}
	return left
}

// key is the same for equal combinations.
func key(m map[string]float64) string { return fmt.Sprint(m) } // fmt sorts maps
