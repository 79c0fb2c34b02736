package parzen

import (
	"math"
	"slices"
)

// A Live is the estimator
//
//	New(axes, columns, RecencyWeights(n))
//
// with the deviations of Bandwidths, for observations that come and go. They are ordered by
// number. An update visits all of them on each axis, but recomputes only kernels whose deviation
// changes. A Live is not safe for concurrent use.
type Live struct {
	mixture
	axes []Axis
	slot map[int]int32 // by number
	free []int32       // slots without an observation

	numbers  []int    // by slot
	byNumber []int32  // slots with an observation, sorted
	columns  []column // one for each axis
}

// A column is one axis of a Live.
type column struct {
	x []float64 // by slot

	// If numeric.
	sorted []int32   // slots that are not Missing, by x, then by number
	sigma  []float64 // by slot, of the kernel in the mixture; 0: not set
	top    []float64 // by slot, what the axis adds to mixture.top
}

// A Change adds, replaces or removes the observation with a number.
type Change struct {
	Number int       // ≥ 0
	X      []float64 // a coordinate for each axis, not all Missing; nil: remove
}

// NewLive returns a Live without observations. It keeps axes.
func NewLive(axes []Axis) *Live {
	l := &Live{mixture: newMixture(axes, 0), axes: axes, slot: map[int]int32{}, columns: make([]column, len(axes))}
	l.weigh()
	return l
}

// Len returns the number of observations.
func (l *Live) Len() int { return len(l.byNumber) }

// Has reports whether the observation with a number has the coordinates x, or does not exist if x
// is nil.
func (l *Live) Has(number int, x []float64) bool {
	s, ok := l.slot[number]
	if x == nil || !ok {
		return x == nil && !ok
	}
	for i, v := range x {
		if l.columns[i].x[s] != v {
			return false
		}
	}
	return true
}

// Update applies changes, at most one for each number. It does not keep them.
func (l *Live) Update(changes []Change) {
	if len(changes) == 0 {
		return
	}
	var removed, added []int32
	for _, c := range changes {
		if s, ok := l.slot[c.Number]; ok {
			delete(l.slot, c.Number)
			l.numbers[s] = none
			removed = append(removed, s)
		}
	}
	for _, c := range changes {
		if c.X != nil {
			added = append(added, l.put(c))
		}
	}
	l.free = append(l.free, removed...)
	l.byNumber = l.merge(l.byNumber, added, func(a, b int32) int { return l.numbers[a] - l.numbers[b] })
	touched := make([]bool, len(l.numbers))
	for i := range l.axes {
		if l.axes[i].Choices == 0 {
			l.refresh(i, added, touched)
		}
	}
	for s, t := range touched {
		if t {
			l.top[s] = 0
			for i := range l.columns {
				l.top[s] += l.columns[i].top[s]
			}
		}
	}
	l.weigh()
}

// weigh sets the weights, which depend on the number of observations.
func (l *Live) weigh() {
	total := 1.0
	for rank, s := range l.byNumber {
		l.weights[s] = recencyWeight(rank, l.Len())
		total += l.weights[s]
	}
	l.logTotal = math.Log(total)
	for i := range l.mixture.axes {
		if f := &l.mixture.axes[i]; f.Choices > 0 {
			f.setChoices(l.Len(), 0)
		}
	}
	l.order = l.byNumber
	if len(l.axes) == 1 && (l.axes[0].Choices > 0 || l.axes[0].Cells != 0) {
		l.join()
	}
}

// join sums equal kernels only once. A single axis with cells or choices has many.
func (l *Live) join() {
	c, first := &l.columns[0], map[[2]float64]int32{}
	l.order = nil
	for _, s := range l.byNumber {
		kernel := [2]float64{c.x[s], c.sigma[s]}
		if f, ok := first[kernel]; ok {
			l.weights[f] += l.weights[s]
			continue
		}
		first[kernel] = s
		l.order = append(l.order, s)
	}
}

// none is the number of a slot without an observation.
const none = -1

// put puts an observation into a free slot.
func (l *Live) put(c Change) int32 {
	if len(l.free) == 0 {
		l.grow()
	}
	s := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	l.slot[c.Number], l.numbers[s] = s, c.Number
	l.top[s] = 0
	for i, x := range c.X {
		col := &l.columns[i]
		col.x[s], col.sigma[s] = x, 0
		switch {
		case l.axes[i].Choices > 0:
			l.mixture.axes[i].choices[s] = x
		case x == Missing:
			col.top[s], _ = l.set(i, int(s), 0.5, 1, nil)
			l.top[s] += col.top[s]
		}
	}
	return s
}

// grow adds a free slot.
func (l *Live) grow() {
	l.free = append(l.free, int32(len(l.numbers)))
	l.numbers = append(l.numbers, none)
	l.mixture.grow()
	for i := range l.columns {
		c := &l.columns[i]
		c.x, c.sigma, c.top = append(c.x, 0), append(c.sigma, 0), append(c.top, 0)
	}
}

// refresh updates a numeric axis and marks the slots whose kernel it has changed.
func (l *Live) refresh(i int, added []int32, touched []bool) {
	c := &l.columns[i]
	there := slices.DeleteFunc(slices.Clone(added), func(s int32) bool { return c.x[s] == Missing })
	c.sorted = l.merge(c.sorted, there, func(a, b int32) int {
		if c := compare(c.x[a], c.x[b]); c != 0 {
			return c
		}
		return l.numbers[a] - l.numbers[b]
	})
	least := leastDeviation(l.Len())
	for k, s := range c.sorted {
		sigma := deviation(c.x, c.sorted, k, least)
		if sigma != c.sigma[s] {
			x := c.x[s]
			c.sigma[s], touched[s] = sigma, true
			c.top[s], _ = l.set(i, int(s), x, sigma, l.axes[i].table(x, sigma))
		}
	}
}

// merge removes slots without an observation from a sorted list and inserts others.
func (l *Live) merge(sorted, added []int32, compare func(a, b int32) int) []int32 {
	sorted = slices.DeleteFunc(sorted, func(s int32) bool { return l.numbers[s] == none })
	slices.SortFunc(added, compare)
	i, j := len(sorted)-1, len(added)-1
	sorted = append(sorted, added...)
	for k := len(sorted) - 1; j >= 0; k-- {
		if i >= 0 && compare(sorted[i], added[j]) > 0 {
			sorted[k] = sorted[i]
			i--
		} else {
			sorted[k] = added[j]
			j--
		}
	}
	return sorted
}

// Best returns the point where logL, the log of another density, exceeds that of l most. Of
// points that differ by less than 1e-10, far more than rounding errors, it returns the first.
//
// A sum only grows, so a point is ruled out as soon as its gain so far is below that of another.
// Points that look best are summed first, so most need only a part.
func (l *Live) Best(logL []float64, lo, hi [][]float64) int {
	w := l.newWork(len(logL), lo, hi)
	gain, points := make([]float64, len(logL)), make([]int, len(logL))
	for j := range points {
		points[j] = j
		w.add(j)
		gain[j] = logL[j] - w.value(j)
	}
	slices.SortFunc(points, func(a, b int) int { return compare(gain[b], gain[a]) })
	least := math.Inf(-1)
	for _, j := range points {
		for w.left[j] > 0 && !(gain[j] < least-2*tie) {
			w.add(j)
			gain[j] = logL[j] - w.value(j)
		}
		least = max(least, gain[j])
	}
	return first(gain)
}

const tie = 1e-10

// first returns the index of the first gain within tie of the largest, 0 if one is NaN.
func first(gain []float64) int {
	best := math.Inf(-1)
	for _, g := range gain {
		best = max(best, g)
	}
	return max(0, slices.IndexFunc(gain, func(g float64) bool { return g >= best-tie }))
}
