package pareto

import (
	"math"
	"slices"
)

// Boxes splits what lies below ref and is not dominated by the points, two or three losses each, into
// boxes that do not overlap: from lower, which may be -Inf, to upper. See Lacour, Klamroth and Fonseca,
// "A Box Decomposition Algorithm to Compute the Hypervolume Indicator" (Computers & Operations
// Research 79, 2017), applied twice as by Daulton, Balandat and Bakshy, "Differentiable Expected
// Hypervolume Improvement" (NeurIPS 2020).
func Boxes(points [][]float64, ref []float64) (lower, upper [][]float64) {
	var front [][]float64
	for k, i := range Front(points) {
		if p := points[i]; volume(p, ref) > 0 && (k == 0 || len(front) == 0 || !slices.Equal(p, front[len(front)-1])) {
			front = append(front, p)
		}
	}
	bounds, _ := upperBounds(front, ref)
	// The corners of the dominated region, seen from the other side.
	corners := make([][]float64, len(bounds))
	infinity := make([]float64, len(ref))
	for i, b := range bounds {
		corners[i] = negative(b)
	}
	for k := range infinity {
		infinity[k] = math.Inf(1)
	}
	slices.SortFunc(corners, slices.Compare[[]float64])
	bounds, defining := upperBounds(corners, infinity)
	for i, u := range bounds {
		low, high := boxOf(u, defining[i], infinity)
		empty := false
		for k := range low {
			empty = empty || high[k] <= low[k]
		}
		if !empty {
			lower, upper = append(lower, negative(high)), append(upper, negative(low))
		}
	}
	return lower, upper
}

func negative(p []float64) []float64 {
	q := make([]float64, len(p))
	for k, x := range p {
		q[k] = -x
	}
	return q
}

// upperBounds returns the local upper bounds of points in lexicographic order: every point below ref
// that none of them dominates is below one of these. defining has, for each bound and each objective,
// the point that bounds it there.
func upperBounds(points [][]float64, ref []float64) (bounds [][]float64, defining [][][]float64) {
	m := len(ref)
	first := make([][]float64, m)
	for k := range first {
		first[k] = make([]float64, m)
		for l := range first[k] {
			first[k][l] = math.Inf(-1)
		}
		first[k][k] = ref[k]
	}
	bounds, defining = [][]float64{ref}, [][][]float64{first}
	for _, z := range points {
		var nextBounds [][]float64
		var nextDefining [][][]float64
		for i, u := range bounds {
			below := true
			for k := range m {
				below = below && z[k] < u[k]
			}
			if !below {
				nextBounds, nextDefining = append(nextBounds, u), append(nextDefining, defining[i])
				continue
			}
			for k := range m {
				highest := math.Inf(-1) // of the other defining points in objective k
				for l := range m {
					if l != k {
						highest = math.Max(highest, defining[i][l][k])
					}
				}
				if z[k] < highest {
					continue // the new bound would be redundant
				}
				bound, def := slices.Clone(u), slices.Clone(defining[i])
				bound[k], def[k] = z[k], z
				nextBounds, nextDefining = append(nextBounds, bound), append(nextDefining, def)
			}
		}
		bounds, defining = nextBounds, nextDefining
	}
	return bounds, defining
}

// boxOf returns the box of a local upper bound: eq. (2) of Lacour et al.
func boxOf(bound []float64, defining [][]float64, ref []float64) (low, high []float64) {
	m := len(bound)
	low, high = make([]float64, m), slices.Clone(bound)
	low[0], high[0] = defining[0][0], ref[0]
	for k := 1; k < m; k++ {
		low[k] = math.Inf(-1)
		for l := range k {
			low[k] = math.Max(low[k], defining[l][k])
		}
	}
	return low, high
}
