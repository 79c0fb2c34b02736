package nsga

import (
	"cmp"
	"math"
	"slices"
)

// Crowding returns the crowding distance of each point: the sum over objectives of the gap between
// its two neighbors, in units of the range; infinite at both ends. Losses must not be NaN.
//
// See Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm:
// NSGA-II" (IEEE TEC 6, 2002), section III-B.
func Crowding(points [][]float64) []float64 {
	distance := make([]float64, len(points))
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	if len(points) == 0 {
		return distance
	}
	for k := range points[0] {
		// Ties keep the order of the objective before, as in the reference.
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(points[i][k], points[j][k]) })
		sorted := make([]float64, 0, len(points)+2)
		sorted = append(sorted, math.Inf(-1))
		for _, i := range order {
			sorted = append(sorted, points[i][k])
		}
		sorted = append(sorted, math.Inf(1))
		if sorted[1] == sorted[len(points)] {
			continue // the objective makes no difference
		}
		width := finiteWidth(sorted)
		for at, i := range order {
			if before, after := sorted[at], sorted[at+2]; before != after {
				distance[i] += (after - before) / width
			}
		}
	}
	return distance
}

// finiteWidth returns the range of the finite numbers in a sorted list, 1 if that is not positive.
func finiteWidth(sorted []float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range sorted {
		if !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	if width := high - low; width > 0 {
		return width
	}
	return 1
}
