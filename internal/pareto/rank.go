// Package pareto compares points by several objectives: ranks by domination, the
// hypervolume that points dominate, and the subset that dominates most of it. A point
// has one loss per objective; all are minimized.
package pareto

import (
	"math"
	"slices"
	"sort"
)

// Dominates reports whether a is nowhere above b and somewhere below.
func Dominates(a, b []float64) bool {
	below := false
	for i := range a {
		if a[i] > b[i] {
			return false
		}
		below = below || a[i] < b[i]
	}
	return below
}

// Ranks returns the rank of each point: 0 if no other point dominates it, otherwise one
// more than the highest rank of those that do. Losses must not be NaN.
//
// It is the efficient non-dominated sort with binary search of Zhang, Tian,
// Cheng and Jin, "An Efficient Approach to Nondominated Sorting for
// Evolutionary Multiobjective Optimization" (IEEE TEC 19, 2015).
func Ranks(points [][]float64) []int {
	ranks := make([]int, len(points))
	var fronts [][][]float64
	// In lexicographic order, only points that came before can dominate.
	for _, i := range lexicographic(points) {
		p := points[i]
		// If a front dominates p, so do all fronts before it.
		ranks[i] = sort.Search(len(fronts), func(f int) bool { return !anyDominates(fronts[f], p) })
		if ranks[i] == len(fronts) {
			fronts = append(fronts, nil)
		}
		fronts[ranks[i]] = append(fronts[ranks[i]], p)
	}
	return ranks
}

// ConstrainedRanks is Ranks for points of which some break constraints, by their violations: those
// with a violation of at most 0 rank among themselves; behind them come the others, by increasing
// violation, and last those whose violation is NaN, ranked among themselves.
func ConstrainedRanks(points [][]float64, violations []float64) []int {
	ranks := make([]int, len(points))
	next := 0 // the first rank that is free
	add := func(belongs func(violation float64) bool, point func(i int) []float64) {
		var indices []int
		var some [][]float64
		for i, v := range violations {
			if belongs(v) {
				indices, some = append(indices, i), append(some, point(i))
			}
		}
		first := next
		for k, rank := range Ranks(some) {
			ranks[indices[k]] = first + rank
			next = max(next, first+rank+1)
		}
	}
	add(func(v float64) bool { return v <= 0 }, func(i int) []float64 { return points[i] })
	add(func(v float64) bool { return v > 0 }, func(i int) []float64 { return violations[i : i+1] })
	add(math.IsNaN, func(i int) []float64 { return points[i] })
	return ranks
}

// anyDominates reports whether a point of front, whose points came before p in
// lexicographic order, dominates p.
func anyDominates(front [][]float64, p []float64) bool {
	if len(p) == 2 { // the last one has the lowest second loss
		return Dominates(front[len(front)-1], p)
	}
	for i := len(front) - 1; i >= 0; i-- {
		if Dominates(front[i], p) {
			return true
		}
	}
	return false
}

// lexicographic returns the indices of the points in lexicographic order, those of equal
// points in increasing order.
func lexicographic(points [][]float64) []int {
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return slices.Compare(points[i], points[j]) })
	return order
}
