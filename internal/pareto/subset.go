package pareto

import (
	"math"
	"slices"
)

// ReferencePoint returns a point a tenth beyond the worst loss in each objective.
func ReferencePoint(points [][]float64) []float64 {
	ref := slices.Clone(points[0])
	for _, p := range points {
		for k := range ref {
			ref[k] = math.Max(ref[k], p[k])
		}
	}
	for k, worst := range ref {
		ref[k] = math.Max(1.1*worst, 0.9*worst) // the latter if it is negative
		if ref[k] == 0 {
			ref[k] = 1e-12
		}
	}
	return ref
}

// Subset returns the indices of n points, or of all if there are fewer, that together
// dominate much: each adds most to the hypervolume of those before it, and of equal
// ones it is the first in lexicographic order. Repeated points come only when no others
// are left. If all are wanted or a loss is infinite, it returns the first n.
//
// The greedy choice is within 1-1/e of the best, since the hypervolume is
// submodular: Guerreiro, Fonseca and Paquete, "Greedy Hypervolume Subset
// Selection in Low Dimensions" (Evolutionary Computation 24, 2016).
func Subset(points [][]float64, ref []float64, n int) []int {
	n = min(n, len(points))
	if n == len(points) || !finite(append(slices.Clone(points), ref)) {
		first := make([]int, n)
		for i := range first {
			first[i] = i
		}
		return first
	}
	var unique, repeated []int
	for _, i := range lexicographic(points) {
		if len(unique) > 0 && slices.Equal(points[unique[len(unique)-1]], points[i]) {
			repeated = append(repeated, i)
		} else {
			unique = append(unique, i)
		}
	}
	var chosen []int
	var volumes [][]float64 // the chosen points
	// A point adds less and less as others are chosen, so an old gain is a bound.
	bounds := make([]float64, len(unique))
	for k := range bounds {
		bounds[k] = math.Inf(1)
	}
	for len(chosen) < min(n, len(unique)) {
		most, at := -1.0, 0
		for k, i := range unique {
			if bounds[k] <= most {
				continue
			}
			bounds[k] = math.Max(exclusive(points[i], volumes, ref), 0)
			if bounds[k] > most {
				most, at = bounds[k], k
			}
		}
		bounds[at] = -1 // chosen
		chosen = append(chosen, unique[at])
		volumes = append(volumes, points[unique[at]])
	}
	slices.Sort(repeated)
	return append(chosen, repeated[:n-len(chosen)]...)
}

func finite(points [][]float64) bool {
	for _, p := range points {
		for _, x := range p {
			if math.IsInf(x, 0) || math.IsNaN(x) {
				return false
			}
		}
	}
	return true
}
