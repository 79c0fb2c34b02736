package sampler

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/gp"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A gpFit are the parameters of a process, and what they were fitted to: the
// first n trials of the history, in this space.
type gpFit struct {
	name  string // of the constraint, "" for the objective
	n     int
	last  *trial.Trial
	space space.Space

	shift, scale float64 // of a constraint: the process is that of (value - shift)/scale
	kernel       gp.Kernel
	noise        float64
}

// gpFitsKept is how many fits are kept: workers see histories of different
// lengths, and constraints have fits of their own. One takes as much memory as
// the space has parameters.
const gpFitsKept = 100

// gpMinNoise is the least variance of the noise. That of Optuna, 1e-6, keeps the
// search from coming closer to the optimum of a smooth function than a thousandth
// of the deviation of the values.
const gpMinNoise = 1e-8

// fit returns the parameters for the data: those that were fitted to the first
// few of them, so that they are a function of the history and yet most requests
// need no new fit.
func (s *GP) fit(data gpData, name string) gpFit {
	n := lastRefit(len(data.trials))
	fit := gpFit{name: name, n: n, last: data.trials[n-1], space: data.space.Space}
	s.mu.Lock()
	for _, f := range s.fits {
		if f.name == fit.name && f.n == fit.n && f.last == fit.last && cube.Same(f.space, fit.space) {
			s.mu.Unlock()
			return f
		}
	}
	s.mu.Unlock()
	first := gp.Data{Points: data.rows[:n], MinNoise: gpMinNoise}
	if name == "" {
		first.Values = fit.goals(data.goals[:n])
	} else {
		values := data.values()[:n]
		fit.shift, fit.scale = moments(values)
		first.Values = fit.standard(values)
	}
	for i, d := range data.space.Space {
		if cube.IsCategorical(d.Dist) {
			if first.Unordered == nil {
				first.Unordered = make([]bool, len(data.space.Space))
			}
			first.Unordered[i] = true
		}
	}
	fit.kernel, fit.noise = first.Fit(s.Deterministic)
	s.mu.Lock()
	s.fits = append(s.fits[max(0, len(s.fits)+1-gpFitsKept):], fit)
	s.mu.Unlock()
	return fit
}

// goals returns what trials have reached as the process sees it: warped, with
// mean 0 and variance 1.
func (f gpFit) goals(goals []gpGoal) []float64 {
	warped := warp(goals)
	f.shift, f.scale = moments(warped)
	return f.standard(warped)
}

// standard returns the values in the units of the process: infinite ones as the
// largest and the smallest finite one, NaN as the smallest.
func (f gpFit) standard(values []float64) []float64 {
	y := make([]float64, len(values))
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range values {
		y[i] = min(max(v/f.scale-f.shift/f.scale, -gpFarthest), gpFarthest)
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			low, high = min(low, y[i]), max(high, y[i])
		}
	}
	if low > high {
		low, high = 0, 0
	}
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			y[i] = low
		case math.IsInf(v, 0):
			y[i] = min(max(v, low), high)
		}
	}
	return y
}

// gpFarthest is how many deviations from the mean a value may be, for the sake
// of the arithmetic.
const gpFarthest = 1e6

// lastRefit returns the largest number up to n of those at which parameters are
// fitted: all up to 32, then each a sixteenth larger than the one before.
func lastRefit(n int) int {
	at := 1
	for next := 1; next <= n; next += max(1, next/16) {
		at = next
	}
	return at
}
