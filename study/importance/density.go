package importance

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// steps is the largest number of cells of an ordered parameter.
const steps = 50

// density returns the density of a parameter in the trials, all of which have it, estimated on a
// grid by kernels: the probability of each choice, or of each of at most 50 cells of equal width.
func density(name string, d space.Dist, trials []*trial.Trial) []float64 {
	values := make([]float64, len(trials)) // in internal form
	for i, t := range trials {
		p, _ := t.Param(name)
		values[i] = p.Value
	}
	if c, ok := d.(space.Categorical); ok {
		counts := make([]float64, len(c.Choices))
		for _, x := range values {
			counts[int(x)]++
		}
		return ofChoices(counts)
	}
	return ofCells(cells(d, values))
}

// cells counts the values of an ordered parameter in each cell. The first and last cell are centred
// on the ends of the range.
func cells(d space.Dist, values []float64) []float64 {
	n, log := steps, false
	switch d := d.(type) {
	case space.Int:
		if log = d.Log; log {
			n = min(n, int(math.Ceil(math.Log(float64(d.High-d.Low+1))/math.Log(2)))+1)
		} else {
			n = min(n, d.Len())
		}
	case space.Float:
		if log = d.Log; d.Len() > 0 {
			n = min(n, d.Len())
		}
	}
	// Halved, so that the width of no range overflows.
	place := func(x float64) float64 {
		if log {
			x = math.Log(x)
		}
		return x / 2
	}
	low, high := place(d.Value(0)), place(d.Value(1))
	width, counts := (high-low)/float64(n-1), make([]float64, n)
	for _, x := range values {
		i := math.Ceil((place(x)-low)/width - 0.5) // ties go to the lower cell
		counts[int(min(max(i, 0), float64(n-1)))]++
	}
	return counts
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
	add := func(mean, sigma, weight float64) {
		total := mass((-0.5-mean)/sigma, (float64(n)-0.5-mean)/sigma)
		for i := range p {
			x := float64(i) - mean
			p[i] += weight * mass((x-0.5)/sigma, (x+0.5)/sigma) / total
		}
	}
	total, sigma := floats.Sum(weights)+1, scott(at, weights)
	for k, mean := range at {
		add(mean, sigma, weights[k]/total)
	}
	add(float64(n-1)/2, float64(n), 1/total)
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
