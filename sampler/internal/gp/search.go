package gp

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/bluefin-hpo/bluefin/internal/lbfgs"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
)

// An Axis is the set of coordinates on one axis.
type Axis struct {
	// Values are all of them, increasing; nil: all of [0, 1].
	Values []float64
	// Unordered says that the values are categories.
	Unordered bool
}

// A Search looks for the point with the largest sum of terms.
type Search struct {
	Axes  []Axis // d
	Terms []Term

	// Fold returns the point y at which x is rated, and which coordinates of x are
	// idle, that is, do not affect y; nil if none is. It must not change x. A nil
	// Fold is the identity.
	Fold func(x []float64) (y []float64, idle []bool)

	// Good are points with good values, best first; the search looks near them.
	Good [][]float64
	// Taken reports whether a folded point should be returned only if no other one is
	// found; nil: none.
	Taken func(y []float64) bool
}

const (
	exhaustive = 4096 // spaces with at most this many points are searched completely
	spread     = 256  // candidates all over the space
	nearby     = 128  // candidates near good points
	climbs     = 6    // local searches
	scanned    = 16   // ordered axes with more values are searched by steps
	rounds     = 20   // of a local search over kinds of axes
)

// Best returns the best point that it finds.
func (s Search) Best(r *rand.Rand) []float64 {
	if s.discrete() {
		if n := s.count(); n <= exhaustive {
			return s.choose(s.rate(s.all(n)))
		}
	}
	candidates := s.rate(s.candidates(r))
	var found []rated
	for _, c := range s.begin(candidates, r) {
		found = append(found, s.climb(c))
	}
	return s.choose(append(found, candidates...))
}

// A rated is a point with the sum of its terms, -Inf if that is NaN.
type rated struct {
	x     []float64
	value float64
}

func (s Search) rate(points [][]float64) []rated {
	list := make([]rated, len(points))
	for i, x := range points {
		list[i] = rated{x, s.value(x)}
	}
	return list
}

func (s Search) value(x []float64) float64 {
	x, _ = s.fold(x)
	sum := 0.0
	for _, t := range s.Terms {
		sum += t.Value(x)
	}
	if math.IsNaN(sum) {
		return math.Inf(-1)
	}
	return sum
}

func (s Search) fold(x []float64) (y []float64, idle []bool) {
	if s.Fold == nil {
		return x, nil
	}
	return s.Fold(x)
}

// choose returns the best point that is not taken, or the best of all if all are; of
// equal ones the first. It reorders list.
func (s Search) choose(list []rated) []float64 {
	slices.SortStableFunc(list, byValue)
	for _, c := range list {
		if y, _ := s.fold(c.x); s.Taken == nil || !s.Taken(y) {
			return c.x
		}
	}
	return list[0].x
}

// byValue puts the larger values first.
func byValue(a, b rated) int {
	switch {
	case a.value > b.value:
		return -1
	case a.value < b.value:
		return 1
	}
	return 0
}

// discrete reports whether there are finitely many points.
func (s Search) discrete() bool {
	return !slices.ContainsFunc(s.Axes, func(a Axis) bool { return a.Values == nil })
}

// count returns the number of points of a discrete space, or one that is larger
// than exhaustive.
func (s Search) count() int {
	n := 1
	for _, a := range s.Axes {
		if n *= len(a.Values); n > exhaustive {
			break
		}
	}
	return n
}

// all returns the n points of a discrete space.
func (s Search) all(n int) [][]float64 {
	points := make([][]float64, n)
	for i := range points {
		x, rest := make([]float64, len(s.Axes)), i
		for k, a := range s.Axes {
			x[k] = a.Values[rest%len(a.Values)]
			rest /= len(a.Values)
		}
		points[i] = x
	}
	return points
}

// candidates returns points all over the space, then points near good ones.
func (s Search) candidates(r *rand.Rand) [][]float64 {
	points := make([][]float64, 0, spread+nearby+len(s.Good))
	points = append(points, s.Good...)
	shift := make([]float64, len(s.Axes))
	for k := range shift {
		shift[k] = r.Float64()
	}
	for i := range uint64(spread) {
		x := make([]float64, len(s.Axes))
		for k, a := range s.Axes {
			u := r.Float64()
			if k < sobol.MaxDim { // shifted, which costs less than a scramble
				_, u = math.Modf(sobol.At(i, k, nil) + shift[k])
			}
			x[k] = a.at(u)
		}
		points = append(points, x)
	}
	for range nearby {
		if len(s.Good) == 0 {
			break
		}
		points = append(points, s.near(s.Good[r.IntN(min(len(s.Good), 5))], r))
	}
	return points
}

// near returns a point that differs from x on some axes, slightly on ordered ones.
func (s Search) near(x []float64, r *rand.Rand) []float64 {
	y := slices.Clone(x)
	radius := math.Pow(10, -0.5-3*r.Float64())
	forced := r.IntN(len(y))
	for k, a := range s.Axes {
		switch change := k == forced || r.Float64() < 0.5; {
		case !change:
		case a.Unordered:
			y[k] = a.Values[r.IntN(len(a.Values))]
		default:
			y[k] = a.nearest(math.Min(math.Max(y[k]+radius*r.NormFloat64(), 0), 1))
		}
	}
	return y
}

// at returns the value on the axis for u in [0, 1), each equally often.
func (a Axis) at(u float64) float64 {
	if a.Values == nil {
		return u
	}
	return a.Values[min(int(u*float64(len(a.Values))), len(a.Values)-1)]
}

// nearest returns the value on an ordered axis that is nearest to u.
func (a Axis) nearest(u float64) float64 {
	if a.Values == nil {
		return u
	}
	return a.Values[a.index(u)]
}

// index returns the place of the value that is nearest to u.
func (a Axis) index(u float64) int {
	i := sort.SearchFloat64s(a.Values, u)
	if i == len(a.Values) || i > 0 && u-a.Values[i-1] < a.Values[i]-u {
		i--
	}
	return i
}

// begin chooses where to climb: the best candidates, the best of the good points, and
// some candidates at random, in proportion to exp(value).
func (s Search) begin(candidates []rated, r *rand.Rand) []rated {
	ranked := slices.Clone(candidates)
	slices.SortStableFunc(ranked, byValue)
	chosen := slices.Clone(ranked[:min(climbs/2, len(ranked))])
	if len(s.Good) > 0 {
		chosen = append(chosen, candidates[0]) // s.Good[0]
	}
	// The Gumbel trick draws without replacement.
	keys := make([]float64, len(ranked))
	order := make([]int, len(ranked))
	for i, c := range ranked {
		keys[i] = c.value - math.Log(r.ExpFloat64())
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case keys[a] > keys[b]:
			return -1
		case keys[a] < keys[b]:
			return 1
		}
		return 0
	})
	for _, i := range order {
		if len(chosen) >= climbs {
			break
		}
		if i >= climbs/2 {
			chosen = append(chosen, ranked[i])
		}
	}
	return chosen
}

// climb improves a point until neither kind of axis improves it any more.
func (s Search) climb(c rated) rated {
	c.x = slices.Clone(c.x)
	for range rounds {
		before := c.value
		c = s.slide(c)
		for k, a := range s.Axes {
			if a.Values != nil {
				c = s.step(c, k)
			}
		}
		if !(c.value > before+1e-8*math.Max(1, math.Abs(before))) || s.single() {
			break
		}
	}
	return c
}

// single reports whether all axes are continuous, so that one round is enough.
func (s Search) single() bool {
	return !slices.ContainsFunc(s.Axes, func(a Axis) bool { return a.Values != nil })
}

// slide improves a point on the continuous axes.
func (s Search) slide(c rated) rated {
	var free []int
	for k, a := range s.Axes {
		if a.Values == nil {
			free = append(free, k)
		}
	}
	if len(free) == 0 || math.IsInf(c.value, 0) {
		return c
	}
	full, fullGrad := slices.Clone(c.x), make([]float64, len(c.x))
	start, low, high := make([]float64, len(free)), make([]float64, len(free)), make([]float64, len(free))
	for i, k := range free {
		start[i], high[i] = c.x[k], 1
	}
	problem := lbfgs.Problem{Low: low, High: high, Func: func(x, grad []float64) float64 {
		for i, k := range free {
			full[k] = x[i]
		}
		clear(fullGrad)
		sum := 0.0
		folded, idle := s.fold(full)
		for _, t := range s.Terms {
			sum += t.Gradient(folded, fullGrad)
		}
		for i, k := range free {
			grad[i] = -fullGrad[k]
			if idle != nil && idle[k] {
				grad[i] = 0
			}
		}
		return -sum
	}}
	x, f := problem.Minimize(start, lbfgs.Settings{Iterations: 50, GradTol: 1e-4, FuncTol: 1e-8})
	if !(-f > c.value) {
		return c
	}
	best := rated{slices.Clone(c.x), -f}
	for i, k := range free {
		best.x[k] = x[i]
	}
	return best
}

// step improves a point on axis k, which has finitely many values. It tries all if they
// are few or unordered, otherwise steps of halving width.
func (s Search) step(c rated, k int) rated {
	values := s.Axes[k].Values
	try := func(i int) bool {
		if i < 0 || i >= len(values) || values[i] == c.x[k] {
			return false
		}
		x := slices.Clone(c.x)
		x[k] = values[i]
		if v := s.value(x); v > c.value {
			c = rated{x, v}
			return true
		}
		return false
	}
	if s.Axes[k].Unordered || len(values) <= scanned {
		for i := range values {
			try(i)
		}
		return c
	}
	for width := len(values) / 4; width > 0; {
		at := s.Axes[k].index(c.x[k])
		if !try(at+width) && !try(at-width) {
			width /= 2
		}
	}
	return c
}
