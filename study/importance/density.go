package importance

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/bluefin-hpo/bluefin/space"
)

// steps is the largest number of cells of an ordered parameter.
const steps = 50

// grid returns how many cells a parameter has: one for each choice, or at most 50 of equal width.
func grid(d space.Dist) int {
	switch d := d.(type) {
	case space.Int:
		if d.Log {
			return min(steps, int(math.Ceil(math.Log(float64(d.High-d.Low+1))/math.Log(2)))+1)
		}
	case space.Categorical:
		return d.Len()
	}
	if n := d.Len(); n > 0 {
		return min(steps, n)
	}
	return steps
}

// cell returns in which of n cells a value in internal form lies. The first and last cell of an
// ordered parameter are centred on the ends of the range.
func cell(d space.Dist, n int, x float64) int {
	log := false
	switch d := d.(type) {
	case space.Int:
		log = d.Log
	case space.Float:
		log = d.Log
	case space.Categorical:
		return int(x)
	}
	if n == 1 {
		return 0
	}
	// Halved, so that the width of no range overflows.
	place := func(x float64) float64 {
		if log {
			x = math.Log(x)
		}
		return x / 2
	}
	low, high := place(d.Value(0)), place(d.Value(1))
	width := (high - low) / float64(n-1)
	i := math.Ceil((place(x)-low)/width - 0.5) // ties go to the lower cell
	return int(min(max(i, 0), float64(n-1)))
}

// ofChoices returns the probabilities of choices that were observed so often. Every observed choice
// is a kernel that favours it; the prior, with the weight of one observation, is uniform.
func ofChoices(counts []float64) []float64 {
	kernels := 1.0 // the prior
	for _, c := range counts {
		if c > 0 {
			kernels++
		}
	}
	n, total := float64(len(counts)), floats.Sum(counts)+1
	other := 1 / kernels / (1 + n/kernels) // what a kernel gives to each choice that it does not favour
	p := make([]float64, len(counts))
	for i, c := range counts {
		hit := (1 + 1/kernels) / (1 + n/kernels)
		p[i] = (c*hit + (total-1-c)*other + 1/n) / total
	}
	return p
}

// ofCells returns the probabilities of cells in which so many values lie. Every cell with a value
// is a normal kernel of Scott's width; the prior, with the weight of one value, is as wide as the
// grid. All are truncated to the grid.
func ofCells(counts []float64) []float64 {
	n := len(counts)
	var at, weights []float64
	for i, c := range counts {
		if c > 0 {
			at, weights = append(at, float64(i)), append(weights, c)
		}
	}
	p := make([]float64, n)
	inside := func(mean, sigma float64) float64 { return mass((-0.5-mean)/sigma, (float64(n)-0.5-mean)/sigma) }
	total, sigma := floats.Sum(weights)+1, scott(at, weights)
	// A kernel gives a cell what the distance to its mean decides, so one table serves all kernels.
	near := make([]float64, n)
	for d := range near {
		near[d] = mass((float64(d)-0.5)/sigma, (float64(d)+0.5)/sigma)
	}
	for k, mean := range at {
		weight := weights[k] / total / inside(mean, sigma)
		for i := range p {
			p[i] += weight * near[max(i-int(mean), int(mean)-i)]
		}
	}
	mean, wide := float64(n-1)/2, float64(n)
	for i := range p {
		x := float64(i) - mean
		p[i] += mass((x-0.5)/wide, (x+0.5)/wide) / inside(mean, wide) / total
	}
	return p
}

// scott returns the width of the kernels at increasing places, in cells: Scott's rule, with the
// interquartile range if that is narrower (Scott, "Multivariate Density Estimation", 1992). At
// least 90 % of a kernel may lie in its cell.
func scott(at, weights []float64) float64 {
	cumulative := floats.CumSum(make([]float64, len(weights)), weights)
	total := cumulative[len(cumulative)-1]
	mean := floats.Dot(at, weights) / total
	squares := 0.0
	for k, x := range at {
		squares += weights[k] * (x - mean) * (x - mean)
	}
	sigma := math.Sqrt(squares / max(1, total-1))
	first := slices.IndexFunc(cumulative, func(c float64) bool { return c >= math.Floor(total/4) })
	third := slices.IndexFunc(cumulative, func(c float64) bool { return c > math.Floor(total*3/4) })
	if third < 0 {
		third = len(at) - 1
	}
	iqr := at[third] - at[first]
	return max(1.059*min(iqr/1.34, sigma)*math.Pow(total, -0.2), 0.5/1.64)
}

// mass returns the probability of [a, b] under the normal distribution, computed in the tail where
// the interval lies.
func mass(a, b float64) float64 {
	if a > 0 {
		a, b = -b, -a
	}
	return (math.Erfc(-b/math.Sqrt2) - math.Erfc(-a/math.Sqrt2)) / 2
}
