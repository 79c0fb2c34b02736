package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// A LogEHVI is the logarithm of the expected volume that the objectives at a point add to what a front
// dominates. Objectives are independent processes. The expectation is exact: over disjoint boxes that
// fill what the front leaves, it is a sum of products of one-dimensional improvements, as in Yang,
// Emmerich, Deutz and Bäck, "Efficient Computation of Expected Hypervolume Improvement Using Box
// Decomposition Algorithms" (Journal of Global Optimization 75, 2019), here in logarithms.
type LogEHVI struct {
	objectives []*Posterior
	// edges are, by objective, the distinct ends of the boxes; lower and upper are places in them.
	edges        [][]float64
	lower, upper [][]int

	// Reused: by objective, at its edges.
	value, slope [][]float64
	// Reused by Gradient, by objective.
	byMean, bySD, mean, sd []float64
	v                      [][]float64
	byV                    []float64
}

// NewLogEHVI returns the improvement beyond boxes, from lower to upper. Objectives are maximized, but
// the boxes hold losses, their negatives, as package pareto makes them.
func NewLogEHVI(objectives []*Posterior, lower, upper [][]float64) *LogEHVI {
	m := len(objectives)
	e := &LogEHVI{
		objectives: objectives, edges: make([][]float64, m), value: make([][]float64, m), slope: make([][]float64, m),
		byMean: make([]float64, m), bySD: make([]float64, m), mean: make([]float64, m), sd: make([]float64, m),
		v: make([][]float64, m),
	}
	place := make([]map[float64]int, m)
	for k := range m {
		place[k] = map[float64]int{}
	}
	at := func(k int, x float64) int {
		i, ok := place[k][x]
		if !ok {
			i = len(e.edges[k])
			place[k][x] = i
			e.edges[k] = append(e.edges[k], x)
		}
		return i
	}
	for b := range lower {
		low, high := make([]int, m), make([]int, m)
		for k := range m {
			low[k], high[k] = at(k, lower[b][k]), at(k, upper[b][k])
		}
		e.lower, e.upper = append(e.lower, low), append(e.upper, high)
	}
	longest := 0
	for k, p := range objectives {
		e.value[k], e.slope[k] = make([]float64, len(e.edges[k])), make([]float64, len(e.edges[k]))
		longest = max(longest, len(p.points))
	}
	e.byV = make([]float64, longest)
	return e
}

// at computes what the boxes share for a point.
func (e *LogEHVI) at(x []float64) {
	for k, p := range e.objectives {
		e.v[k] = p.whiten(x)
		e.mean[k] = -floats.Dot(e.v[k][:p.n], p.white) // of the loss
		e.sd[k] = p.deviation(e.v[k])
		for i, edge := range e.edges[k] {
			if math.IsInf(edge, -1) {
				e.value[k][i], e.slope[k][i] = edge, 0
				continue
			}
			e.value[k][i], e.slope[k][i] = logImprovement((edge - e.mean[k]) / e.sd[k])
		}
	}
}

// width returns the logarithm of the expected part of a box above a loss, in objective k and standard
// deviations.
func (e *LogEHVI) width(b, k int) float64 {
	high, low := e.value[k][e.upper[b][k]], e.value[k][e.lower[b][k]]
	if low >= high {
		return math.Inf(-1) // equal, but for rounding
	}
	return high + math.Log1p(-math.Exp(low-high))
}

// Value implements Term.
func (e *LogEHVI) Value(x []float64) float64 {
	e.at(x)
	sum := logSum{top: math.Inf(-1)}
	for b := range e.lower {
		log := 0.0
		for k := range e.objectives {
			log += e.width(b, k)
		}
		if !math.IsInf(log, -1) {
			sum.add(log)
		}
	}
	return e.scaled(sum.log())
}

// scaled returns a logarithm of a volume in standard deviations as one in units of the objectives.
func (e *LogEHVI) scaled(log float64) float64 {
	for _, sd := range e.sd {
		log += math.Log(sd)
	}
	return log
}

// Gradient implements Term.
func (e *LogEHVI) Gradient(x, grad []float64) float64 {
	total := e.Value(x)
	if math.IsInf(total, -1) || math.IsNaN(total) {
		return total
	}
	clear(e.byMean)
	clear(e.bySD)
	for b := range e.lower {
		log := 0.0
		for k := range e.objectives {
			log += e.width(b, k)
		}
		share := math.Exp(e.scaled(log) - total)
		if share == 0 {
			continue
		}
		for k := range e.objectives {
			l, u := e.lower[b][k], e.upper[b][k]
			q := math.Exp(e.value[k][l] - e.value[k][u])
			high := (e.edges[k][u] - e.mean[k]) / e.sd[k]
			mass, density := e.slope[k][u], 1-high*e.slope[k][u] // of Φ/h and φ/h
			if q > 0 {
				low := (e.edges[k][l] - e.mean[k]) / e.sd[k]
				mass, density = mass-q*e.slope[k][l], density-q*(1-low*e.slope[k][l])
			}
			e.byMean[k] -= share * mass / (1 - q) / e.sd[k]
			e.bySD[k] += share * density / (1 - q) / e.sd[k]
		}
	}
	for k, p := range e.objectives {
		byV := e.byV[:len(p.points)]
		clear(byV)
		floats.AddScaled(byV[:p.n], -e.byMean[k], p.white)
		floats.AddScaled(byV, -e.bySD[k]/e.sd[k], e.v[k]) // ∂sd/∂v = -v/sd
		p.descend(x, byV, grad)
	}
	return total
}
