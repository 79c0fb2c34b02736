package nsga

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// References returns the points with m coordinates in 0, 1, …, divisions that sum to divisions: the
// directions of a structured grid, which cover the front evenly. See Das and Dennis,
// "Normal-Boundary Intersection" (SIAM Journal on Optimization 8, 1998).
func References(m, divisions int) [][]float64 {
	if m == 1 {
		return [][]float64{{float64(divisions)}}
	}
	var points [][]float64
	for first := divisions; first >= 0; first-- {
		for _, rest := range References(m-1, divisions-first) {
			points = append(points, append([]float64{float64(first)}, rest...))
		}
	}
	return points
}

// countReferences returns len(References(m, divisions)), or a number of at least limit.
func countReferences(m, divisions, limit int) int {
	n := 1.0
	for i := 1; i < m; i++ {
		n = n * float64(divisions+i) / float64(i)
	}
	return int(math.Min(math.Round(n), float64(limit)))
}

// Normalize moves the ideal point to the origin and scales each objective so that the plane through
// the extreme points meets each axis at 1. If the extreme points lie in no such plane, each objective
// is divided by its largest value. Losses must be finite.
func Normalize(points [][]float64) [][]float64 {
	m := len(points[0])
	moved := make([][]float64, len(points))
	for i, p := range points {
		moved[i] = slices.Clone(p)
	}
	for k := range m {
		low := math.Inf(1)
		for _, p := range moved {
			low = min(low, p[k])
		}
		for _, p := range moved {
			p[k] -= low
		}
	}
	scale := intercepts(extremes(moved))
	if scale == nil {
		scale = make([]float64, m)
		for k := range scale {
			for _, p := range moved {
				scale[k] = max(scale[k], p[k])
			}
			if scale[k] == 0 {
				scale[k] = 1
			}
			scale[k] = 1 / scale[k]
		}
	}
	for _, p := range moved {
		for k, x := range scale {
			if !math.IsInf(x, 0) && !math.IsNaN(x) {
				p[k] *= x
			}
		}
	}
	return moved
}

// extremes returns, for each axis, the point with the smallest achievement scalarizing function.
func extremes(points [][]float64) *mat.Dense {
	const off = 1e6 // the weight of the other objectives
	m := len(points[0])
	extreme := mat.NewDense(m, m, nil)
	for axis := range m {
		best := math.Inf(1)
		for _, p := range points {
			value := math.Inf(-1)
			for k, x := range p {
				if k != axis {
					x *= off
				}
				value = max(value, x)
			}
			if value < best {
				best = value
				extreme.SetRow(axis, p)
			}
		}
	}
	return extreme
}

// intercepts returns the inverse of where the plane through the points meets each axis, nil if there
// is no such plane.
func intercepts(points *mat.Dense) []float64 {
	m, _ := points.Dims()
	var svd mat.SVD
	if !svd.Factorize(points, mat.SVDNone) {
		return nil
	}
	values := svd.Values(nil)
	if values[m-1] <= values[0]*float64(m)*0x1p-52 {
		return nil // of lower rank
	}
	var inverse mat.VecDense
	ones := mat.NewVecDense(m, slices.Repeat([]float64{1}, m))
	if err := inverse.SolveVec(points, ones); err != nil {
		return nil
	}
	return inverse.RawVector().Data
}

// Closest returns, for each point, which reference line it is closest to, and its distance from it.
func Closest(points, references [][]float64) (line []int, distance []float64) {
	line, distance = make([]int, len(points)), make([]float64, len(points))
	for i, p := range points {
		distance[i] = math.Inf(1)
		for l, ref := range references {
			along := floats.Dot(p, ref) / floats.Dot(ref, ref)
			square := 0.0
			for k, x := range p {
				square += (x - along*ref[k]) * (x - along*ref[k])
			}
			if d := math.Sqrt(square); d < distance[i] {
				line[i], distance[i] = l, d
			}
		}
	}
	return line, distance
}

// fill returns which n of the points of the last front to take, beside those that are chosen
// already: always from the reference line with the fewest points. points holds the losses of the
// chosen ones, then those of the last front.
//
// See Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using
// Reference-Point-Based Nondominated Sorting Approach, Part I" (IEEE TEC 18, 2014).
func fill(points [][]float64, chosen, n int, references [][]float64, r *rand.Rand) []int {
	line, distance := Closest(Normalize(clampInfinite(points)), references)
	count := make([]int, len(references))
	for _, l := range line[:chosen] {
		count[l]++
	}
	open := make([][]int, len(references)) // points of the last front, by line
	for i := chosen; i < len(points); i++ {
		open[line[i]] = append(open[line[i]], i)
	}
	var taken []int
	for len(taken) < n {
		var fewest []int
		for l := range references {
			switch {
			case len(open[l]) == 0:
			case len(fewest) == 0 || count[l] < count[fewest[0]]:
				fewest = []int{l}
			case count[l] == count[fewest[0]]:
				fewest = append(fewest, l)
			}
		}
		l := fewest[r.IntN(len(fewest))]
		at := r.IntN(len(open[l]))
		if count[l] == 0 {
			for j, i := range open[l] {
				if distance[i] < distance[open[l][at]] {
					at = j
				}
			}
		}
		taken = append(taken, open[l][at]-chosen)
		open[l] = slices.Delete(open[l], at, at+1)
		count[l]++
	}
	return taken
}

// clampInfinite returns the points with infinite losses replaced by the largest or smallest finite one.
func clampInfinite(points [][]float64) [][]float64 {
	clamped := make([][]float64, len(points))
	for i, p := range points {
		clamped[i] = slices.Clone(p)
	}
	for k := range points[0] {
		low, high := math.Inf(1), math.Inf(-1)
		for _, p := range points {
			if !math.IsInf(p[k], 0) {
				low, high = min(low, p[k]), max(high, p[k])
			}
		}
		if low > high {
			low, high = 0, 0
		}
		for _, p := range clamped {
			p[k] = min(max(p[k], low), high)
		}
	}
	return clamped
}
