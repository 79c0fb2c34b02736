package pareto

import (
	"cmp"
	"math"
	"slices"
)

// Hypervolume returns the volume below ref that the points dominate. Points that are
// not below ref in every objective add nothing.
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

// Added returns how much p adds to the volume below ref that the points dominate, all of which are
// below ref.
func Added(p []float64, points [][]float64, ref []float64) float64 {
	if volume(p, ref) == 0 ||
		slices.ContainsFunc(points, func(q []float64) bool { return slices.Equal(p, q) || Dominates(q, p) }) {
		return 0
	}
	sorted := slices.Clone(points)
	slices.SortFunc(sorted, byFirst)
	return max(exclusive(p, sorted, ref), 0)
}

// byFirst orders points by their first loss.
func byFirst(a, b []float64) int { return cmp.Compare(a[0], b[0]) }

// hypervolume is Hypervolume for points in lexicographic order, all below ref.
//
// It sums what each point adds to the ones after it: its box, less the part of it that
// they dominate. See While, Bradstreet and Barone, "A
// Fast Way of Calculating Exact Hypervolumes" (IEEE TEC 16, 2012).
func hypervolume(points [][]float64, ref []float64) float64 {
	switch len(ref) {
	case 2:
		return area(points, ref)
	case 3:
		return solid(points, []float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}, ref)
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

// solid is hypervolume for three objectives and points sorted by the first, none above ref: a sweep
// along it, which keeps the area that the points so far dominate. See Fonseca, Paquete and
// López-Ibáñez, "An Improved Dimension-Sweep Algorithm for the Hypervolume Indicator" (CEC 2006).
//
// Points count as moved up to the floor where they are below it.
func solid(points [][]float64, floor, ref []float64) float64 {
	var buffer [64][2]float64
	stairs := buffer[:0] // by increasing second, decreasing third loss
	sum, area := 0.0, 0.0
	for k, p := range points {
		y, z := max(p[1], floor[1]), max(p[2], floor[2])
		at := 0
		for at < len(stairs) && stairs[at][0] < y {
			at++
		}
		top := ref[2] // of what p dominates
		if at > 0 {
			top = stairs[at-1][1]
		}
		if z < top && (at == len(stairs) || stairs[at][0] > y || stairs[at][1] > z) {
			end, left := at, y
			for ; end < len(stairs) && stairs[end][1] >= z; end++ {
				area += (stairs[end][0] - left) * (top - z)
				left, top = stairs[end][0], stairs[end][1]
			}
			right := ref[1]
			if end < len(stairs) {
				right = stairs[end][0]
			}
			area += (right - left) * (top - z)
			stairs = slices.Replace(stairs, at, end, [2]float64{y, z})
		}
		next := ref[0]
		if k+1 < len(points) {
			next = max(points[k+1][0], floor[0])
		}
		sum += area * (next - max(p[0], floor[0]))
	}
	return sum
}

// exclusive returns the volume that p dominates and the others, sorted by the first objective, do not.
func exclusive(p []float64, others [][]float64, ref []float64) float64 {
	if v, ok := corner(p, others, ref); ok {
		return v
	}
	if len(p) == 3 {
		return volume(p, ref) - solid(others, p, ref)
	}
	limited := make([][]float64, 0, len(others))
	coordinates := make([]float64, len(p)*len(others))
	for i, q := range others {
		worse := coordinates[i*len(p) : (i+1)*len(p)]
		for k := range q {
			worse[k] = math.Max(p[k], q[k])
		}
		limited = append(limited, worse)
	}
	return volume(p, ref) - hypervolume(front(limited), ref)
}

// corner is exclusive for two objectives where p dominates none of the others: its own
// part is then a rectangle. Otherwise ok is false.
func corner(p []float64, others [][]float64, ref []float64) (v float64, ok bool) {
	if len(p) != 2 {
		return 0, false
	}
	right, top := ref[0], ref[1]
	for _, q := range others {
		switch {
		case q[0] > p[0] && q[1] > p[1]:
			return 0, false
		case q[1] > p[1]: // to the left
			top = math.Min(top, q[1])
		case q[0] > p[0]: // below
			right = math.Min(right, q[0])
		default: // p is dominated
			return 0, true
		}
	}
	return math.Max(right-p[0], 0) * math.Max(top-p[1], 0), true
}

// front returns the points that no other one dominates, each once, in lexicographic
// order.
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
