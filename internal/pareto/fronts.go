package pareto

import (
	"slices"
	"sort"
)

// Fronts keeps the fronts of points that are added one by one: front k has the points of rank k. The
// zero value has none.
//
// Only the fronts that a new point changes are visited: Li, Deb, Zhang, Suganthan and Chen, "Efficient
// Nondomination Level Update Method for Steady-State Evolutionary Multiobjective Optimization" (IEEE
// Transactions on Cybernetics 47, 2017).
type Fronts struct {
	points [][]float64
	fronts [][]int // indices of points
}

// Add adds a point, which must not change and has no NaN. Its index is the number of points before.
func (f *Fronts) Add(point []float64) {
	moving := []int{len(f.points)}
	f.points = append(f.points, point)
	// If a front dominates the point, so do all fronts before it.
	first := sort.Search(len(f.fronts), func(k int) bool {
		return !slices.ContainsFunc(f.fronts[k], func(i int) bool { return Dominates(f.points[i], point) })
	})
	for k := first; len(moving) > 0; k++ {
		if k == len(f.fronts) {
			f.fronts = append(f.fronts, moving)
			return
		}
		// Those that a new one dominates move to the next front.
		var stay, leave []int
		for _, i := range f.fronts[k] {
			if slices.ContainsFunc(moving, func(j int) bool { return Dominates(f.points[j], f.points[i]) }) {
				leave = append(leave, i)
			} else {
				stay = append(stay, i)
			}
		}
		f.fronts[k] = append(stay, moving...)
		moving = leave
	}
}

// Len returns how many points there are.
func (f *Fronts) Len() int { return len(f.points) }

// Front returns the indices of the points of a rank, in no order; nil if there are none. Do not modify
// it.
func (f *Fronts) Front(rank int) []int {
	if rank >= len(f.fronts) {
		return nil
	}
	return f.fronts[rank]
}

// Point returns a point by its index.
func (f *Fronts) Point(i int) []float64 { return f.points[i] }

// Front returns the indices of the points that no other one dominates, in lexicographic order of the
// points. Equal points are all there or none. It takes n log n comparisons for up to three objectives,
// and at worst n² for more.
func Front(points [][]float64) []int {
	var front []int
	var stairs [][]float64 // with three objectives: by increasing second, decreasing third loss
	dominated := false     // the point before
	order := lexicographic(points)
	for k, i := range order {
		p := points[i]
		if k == 0 || !slices.Equal(p, points[order[k-1]]) {
			if len(p) == 3 {
				stairs, dominated = climb(stairs, p)
			} else {
				rivals := front
				if len(p) <= 2 {
					rivals = front[max(0, len(front)-1):] // it has the lowest second loss so far
				}
				dominated = slices.ContainsFunc(rivals, func(j int) bool { return Dominates(points[j], p) })
			}
		}
		if !dominated {
			front = append(front, i)
		}
	}
	return front
}

// climb adds a point, whose first loss is not below that of the others, to the stairs, unless a step
// is at most as high in both other losses: then the point is dominated.
func climb(stairs [][]float64, p []float64) (_ [][]float64, dominated bool) {
	at := sort.Search(len(stairs), func(i int) bool { return stairs[i][1] > p[1] })
	if at > 0 && stairs[at-1][2] <= p[2] {
		return stairs, true
	}
	start, end := at, at
	if at > 0 && stairs[at-1][1] == p[1] {
		start--
	}
	for end < len(stairs) && stairs[end][2] >= p[2] {
		end++
	}
	return slices.Replace(stairs, start, end, p), false
}
