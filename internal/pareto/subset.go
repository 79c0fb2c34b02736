package pareto

import (
	"container/heap"
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
	var volumes [][]float64 // the chosen points, sorted by the first loss
	// A point adds less and less as others are chosen, so an old gain is a bound, and only points with
	// the highest bounds are looked at: Minoux, "Accelerated Greedy Algorithms for Maximizing Submodular
	// Set Functions" (Optimization Techniques 1978).
	bounds := queue{}
	for k := range unique {
		bounds = append(bounds, bound{volume(points[unique[k]], ref), k, 0})
	}
	heap.Init(&bounds)
	for len(chosen) < min(n, len(unique)) {
		top := &bounds[0]
		p := points[unique[top.at]]
		if top.chosen == len(chosen) {
			chosen = append(chosen, unique[top.at])
			heap.Pop(&bounds)
			i, _ := slices.BinarySearchFunc(volumes, p, byFirst)
			volumes = slices.Insert(volumes, i, p)
			continue
		}
		top.gain, top.chosen = math.Max(exclusive(p, volumes, ref), 0), len(chosen)
		heap.Fix(&bounds, 0)
	}
	slices.Sort(repeated)
	return append(chosen, repeated[:n-len(chosen)]...)
}

// A bound is how much a point added when some were chosen.
type bound struct {
	gain   float64
	at     int // its place in lexicographic order
	chosen int
}

// A queue is a heap of bounds: the highest first, of equal ones the first in lexicographic order.
type queue []bound

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].gain > q[j].gain || q[i].gain == q[j].gain && q[i].at < q[j].at
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(bound)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
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
