package pareto

import (
	"math"
	"slices"
)

// Hypervolume returns the volume of the part of space that the points dominate
// and that lies below ref. Points that are not below ref in every objective
// add nothing.
func Hypervolume(points [][]float64, ref []float64) float64 {
	var inside [][]float64
	for _, p := range points {
		if volume(p, ref) > 0 {
			inside = append(inside, p)
		}
	}
	sorted := make([][]float64, len(inside))
	for k, i := range lexicographic(inside) {
		sorted[k] = inside[i]
	}
	return hypervolume(sorted, ref)
}

// hypervolume is Hypervolume for points in lexicographic order, all below ref.
//
// It sums up what each point adds to the ones behind it: its own box without
// what the others dominate of that box. See While, Bradstreet and Barone, "A
// Fast Way of Calculating Exact Hypervolumes" (IEEE TEC 16, 2012).
func hypervolume(points [][]float64, ref []float64) float64 {
	if len(ref) == 2 {
		return area(points, ref)
	}
	sum := 0.0
	for i, p := range points {
		sum += exclusive(p, points[i+1:], ref)
	}
	return sum
}

// area is hypervolume for two objectives: a sweep over rectangles.
func area(points [][]float64, ref []float64) float64 {
	sum, top := 0.0, ref[1]
	for _, p := range points {
		if p[1] < top {
			sum += (ref[0] - p[0]) * (top - p[1])
			top = p[1]
		}
	}
	return sum
}

// exclusive returns the volume that p dominates and the others do not.
func exclusive(p []float64, others [][]float64, ref []float64) float64 {
	limited := make([][]float64, 0, len(others))
	for _, q := range others {
		worse := make([]float64, len(q))
		for k := range q {
			worse[k] = math.Max(p[k], q[k])
		}
		limited = append(limited, worse)
	}
	return volume(p, ref) - hypervolume(front(limited), ref)
}

// front returns the points that no other one dominates or equals, in
// lexicographic order.
func front(points [][]float64) [][]float64 {
	slices.SortFunc(points, slices.Compare[[]float64])
	kept := points[:0]
	for _, p := range points {
		if !slices.ContainsFunc(kept, func(q []float64) bool { return slices.Equal(p, q) || Dominates(q, p) }) {
			kept = append(kept, p)
		}
	}
	return kept
}

// volume returns the volume of the box between p and ref, 0 if p is not below.
func volume(p, ref []float64) float64 {
	v := 1.0
	for k := range p {
		v *= math.Max(ref[k]-p[k], 0)
	}
	return v
}
