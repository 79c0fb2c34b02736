package tpe

import (
	"cmp"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/parzen"
	"github.com/bluefin-hpo/bluefin/space"
)

// An Explanation is what a Search knows; see sampler.Explanation.
type Explanation struct {
	Startup int // trials to finish before the first model; 0: there is one
	Trials  int // complete and pruned
	Good    int
	Poor    int // running ones included
	Params  []Belief

	Rated    bool    // the trial has a place in the model
	LogRatio float64 // ln(l/g) of the trial

	Runs float64 // the chance that the trial runs; 0: no trial has failed to
}

// A Belief is what the good density says about one parameter.
type Belief struct {
	space.Dimension
	Best, Low, High float64   // in internal form; Low and High without choices
	Choices         []float64 // the probability of each under the good density
}

// Explain describes the densities for a trial and rates its parameters. Where parameters are
// drawn one at a time, the rating is the sum of theirs.
func (s *Search) Explain(r Request) Explanation {
	e := Explanation{Trials: r.History.NumRanked()}
	if s.starting(r) {
		e.Startup = s.startupTrials(r)
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range s.spaces(r) {
		f := s.history(r.History)
		m := f.model(sp)
		good, poor := m.follow(f, r)
		e.Good = len(m.good)
		e.Poor = e.Trials - e.Good + len(m.running)
		for i, d := range sp {
			e.Params = append(e.Params, summary(d, good.Axis(i)))
		}
		if x := m.observe(r.Trial); x != nil {
			c := newCandidates(sp, 1)
			c.set(0, x)
			for i, u := range x {
				if u == parzen.Missing { // the place does not matter: both kernels are the prior
					c.x[i][0], c.lo[i][0], c.hi[i][0] = c.cells[i](cube.Unit(sp[i].Dist, sp[i].Dist.Value(0.5)))
				}
			}
			var l, g [1]float64
			good.LogPDF(l[:], c.lo, c.hi)
			poor.LogPDF(g[:], c.lo, c.hi)
			e.LogRatio += l[0] - g[0]
			e.Rated = true
		}
	}
	if chances := s.chances(r); chances != nil {
		e.Runs = chances.At(r.Trial.Drawn)
	}
	slices.SortFunc(e.Params, func(a, b Belief) int { return cmp.Compare(a.Name, b.Name) })
	return e
}

// spaces returns the parameters with a choice that are drawn together.
func (s *Search) spaces(r Request) []space.Space {
	var spaces []space.Space
	switch {
	case s.Independent || len(r.History.Directions()) > 1:
		for _, d := range r.History.RankedSpace() {
			spaces = append(spaces, space.Space{d})
		}
	case s.Groups:
		spaces = s.groups(r.History)
	case s.Optuna:
		spaces = []space.Space{r.History.RankedSpace()}
	default:
		spaces = []space.Space{s.whole(r.History)}
	}
	for i, sp := range spaces {
		spaces[i] = cube.Free(sp)
	}
	return slices.DeleteFunc(spaces, func(sp space.Space) bool { return len(sp) == 0 })
}

// places is how many values of a parameter with more are compared.
const places = 100

// summary returns where the good density of one parameter is largest, and the interval around that
// place with half of its mass.
func summary(d space.Dimension, good *parzen.Estimator) Belief {
	n := d.Dist.Len()
	all := n > 0 && n <= places || cube.IsCategorical(d.Dist)
	if !all {
		n = places
	}
	c := newCandidates(space.Space{d}, n)
	for j := range n {
		u := (float64(j) + 0.5) / float64(n)
		if all {
			u = cube.Nth(d.Dist, j)
		}
		c.set(j, []float64{u})
	}
	heights, masses, total := make([]float64, n), make([]float64, n), 0.0
	good.LogPDF(heights, c.lo, c.hi)
	best := 0
	for j, v := range heights {
		width := c.hi[0][j] - c.lo[0][j]
		if heights[j] = math.Exp(v); width > 0 {
			heights[j] /= width // it is a mass
		}
		if masses[j] = heights[j] / float64(n); all && width > 0 {
			masses[j] = heights[j] * width
		}
		total += masses[j]
		if heights[j] > heights[best] {
			best = j
		}
	}
	b := Belief{Dimension: d, Best: c.values(best)[0]}
	if cube.IsCategorical(d.Dist) {
		b.Choices = heights
		return b
	}
	low, high, inside := best, best, masses[best]
	for inside < total/2 && (low > 0 || high < n-1) {
		if high == n-1 || low > 0 && heights[low-1] > heights[high+1] {
			low--
			inside += masses[low]
		} else {
			high++
			inside += masses[high]
		}
	}
	b.Low, b.High = c.values(low)[0], c.values(high)[0]
	return b
}
