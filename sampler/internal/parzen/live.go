package parzen

import (
	"math"
)

// A Live is the estimator
//
//	New(columns, RecencyWeights(n))
//
// with the deviations of Bandwidths, of observations that come and go. Each
// has a number, and their order is that of the numbers. A change costs a few
// kernels: those whose neighbours change. What Snapshot returns costs little
// as well, and never changes. A Live is not safe for concurrent use.
//
// From 98 observations on the least deviation of a kernel is constant, 1/100.
// A unit interval has fewer than 100 gaps that are larger, and so all kernels
// but 200 on each axis have that deviation on all axes: the plain ones. The
// others are special. See trees and line for what is made of them.
type Live struct {
	axes    []Axis
	numeric []int // the axes with numbers
	choice  []int // the axes with choices

	// By number.
	x   []float64 // d each, NaN if there is no such observation
	gap []float64 // one for each numeric axis: the larger gap to a neighbour
	in  []holder

	columns  []sorted // one for each numeric axis
	ranks    ranks
	index    index // nil with fewer than full observations
	epoch    uint64
	touched  []int // observations to put into the index again
	snapshot *Snapshot
	tables   [][]float64 // see cellTable, of plain kernels; by numeric axis
}

// An Axis is one axis of the space of a Live.
type Axis struct {
	Choices int // 0: numeric
	Cells   int // numeric only: points are cells, so many equal ones; -1: of any size; 0: points are points
}

// A Change adds an observation, in place of the one with its number if there
// is one, or takes it away.
type Change struct {
	Number int       // ≥ 0
	X      []float64 // a coordinate for each axis, as in Column, not on all of them Missing; nil: take away
}

// A holder is the part of an index that an observation is in.
type holder uint8

const (
	absent holder = iota // no such observation
	apart                // in no index
	plain
	special
)

// An index evaluates plain and special kernels.
type index interface {
	// fill puts all kernels of l, which are of the given kinds.
	fill(l *Live)

	put(l *Live, number int, special bool)
	drop(l *Live, number int, special bool)

	// shift follows the numbers above the given one in their rank, which has
	// changed by delta, 1 or -1.
	shift(l *Live, number int, delta float64)

	freeze(l *Live) frozen
}

const (
	full      = 98 // observations from which on the least deviation is leastDeviation
	leastPart = 100

	leastDeviation = 1.0 / leastPart
)

// NewLive returns a Live without observations.
func NewLive(axes []Axis) *Live {
	l := &Live{axes: axes}
	for i, a := range axes {
		if a.Choices > 0 {
			l.choice = append(l.choice, i)
		} else {
			l.numeric = append(l.numeric, i)
		}
	}
	l.columns = make([]sorted, len(l.numeric))
	l.tables = make([][]float64, len(l.numeric))
	return l
}

// Len returns the number of observations.
func (l *Live) Len() int { return l.ranks.n }

// At returns the coordinates of an observation, nil if there is none.
func (l *Live) At(number int) []float64 {
	if number >= len(l.in) || l.in[number] == absent {
		return nil
	}
	return l.at(number)
}

func (l *Live) at(number int) []float64 {
	d := len(l.axes)
	return l.x[number*d : (number+1)*d : (number+1)*d]
}

func (l *Live) gaps(number int) []float64 {
	d := len(l.numeric)
	return l.gap[number*d : (number+1)*d]
}

// Update makes changes, at most one for each number. It copies what it is
// given.
func (l *Live) Update(changes []Change) {
	if len(changes) == 0 {
		return
	}
	l.snapshot = nil
	if len(changes) > 20+l.Len()/8 {
		l.rebuild(changes)
		return
	}
	for _, c := range changes {
		if l.At(c.Number) != nil {
			l.remove(c.Number)
		}
		if c.X != nil {
			l.insert(c.Number, c.X)
		}
	}
	switch {
	case l.Len() < full:
		if l.index != nil {
			l.clear()
		}
	case l.index == nil:
		l.fill()
	default:
		for _, number := range l.touched {
			if l.in[number] != absent {
				l.drop(number)
				l.put(number)
			}
		}
	}
	l.touched = l.touched[:0]
}

// clear drops the index.
func (l *Live) clear() {
	l.index = nil
	for number, in := range l.in {
		l.in[number] = min(in, apart)
	}
}

// fill makes the index.
func (l *Live) fill() {
	l.clear()
	if len(l.axes) == 1 {
		l.index = newLine(l.axes[0])
	} else {
		l.index = newTrees(l)
	}
	for number, in := range l.in {
		if in != absent {
			l.in[number] = l.kind(number)
		}
	}
	l.index.fill(l)
}

// rebuild makes changes by doing everything once more.
func (l *Live) rebuild(changes []Change) {
	last := 0
	for _, c := range changes {
		last = max(last, c.Number)
	}
	l.reserve(last)
	for _, c := range changes {
		was := l.At(c.Number) != nil
		if was != (c.X != nil) {
			l.ranks.set(c.Number, !was, l.epoch)
		}
		if c.X == nil {
			if was {
				l.in[c.Number] = absent
			}
			continue
		}
		l.in[c.Number] = apart
		copy(l.at(c.Number), c.X)
	}
	for k, axis := range l.numeric {
		items := make([]item, 0, l.Len())
		for number, in := range l.in {
			if in == absent {
				continue
			}
			if x := l.at(number)[axis]; x != Missing {
				items = append(items, item{x, number})
			} else {
				l.gaps(number)[k] = 1
			}
		}
		l.columns[k] = newSorted(items)
		for p := (place{}); p.chunk < len(l.columns[k].chunks); p = l.columns[k].next(p) {
			v, _ := l.columns[k].at(p)
			l.gaps(v.number)[k] = l.columns[k].gap(p)
		}
	}
	if l.clear(); l.Len() >= full {
		l.fill()
	}
}

// reserve makes room for an observation.
func (l *Live) reserve(number int) {
	if n := number + 1 - len(l.in); n > 0 {
		l.in = append(l.in, make([]holder, n)...)
		l.x = append(l.x, make([]float64, n*len(l.axes))...)
		l.gap = append(l.gap, make([]float64, n*len(l.numeric))...)
	}
}

func (l *Live) insert(number int, x []float64) {
	l.reserve(number)
	copy(l.at(number), x)
	l.in[number] = apart
	l.ranks.set(number, true, l.epoch)
	if l.index != nil {
		l.index.shift(l, number, 1)
	}
	for k, axis := range l.numeric {
		if x[axis] == Missing {
			l.gaps(number)[k] = 1
			continue
		}
		c := &l.columns[k]
		p := c.insert(item{x[axis], number})
		l.regap(k, c.prev(p))
		l.regap(k, p)
		l.regap(k, c.next(p))
	}
	l.touched = append(l.touched, number)
}

func (l *Live) remove(number int) {
	l.drop(number)
	l.in[number] = absent
	l.ranks.set(number, false, l.epoch)
	if l.index != nil {
		l.index.shift(l, number, -1)
	}
	for k, axis := range l.numeric {
		x := l.at(number)[axis]
		if x == Missing {
			continue
		}
		c := &l.columns[k]
		p := c.remove(item{x, number})
		l.regap(k, c.prev(p))
		l.regap(k, p)
	}
}

// regap sets the gap of the observation at p of a column, if there is one, and
// remembers it if its kernel changes.
func (l *Live) regap(k int, p place) {
	v, ok := l.columns[k].at(p)
	if !ok {
		return
	}
	gap, old := l.columns[k].gap(p), l.gaps(v.number)[k]
	l.gaps(v.number)[k] = gap
	if max(gap, leastDeviation) != max(old, leastDeviation) && l.index != nil {
		l.touched = append(l.touched, v.number)
	}
}

// kind returns whether the kernel of an observation is plain or special.
func (l *Live) kind(number int) holder {
	for _, gap := range l.gaps(number) {
		if gap > leastDeviation {
			return special
		}
	}
	return plain
}

// put and drop move a kernel into and out of the index.
func (l *Live) put(number int) {
	l.in[number] = l.kind(number)
	l.index.put(l, number, l.in[number] == special)
}

func (l *Live) drop(number int) {
	if l.in[number] == plain || l.in[number] == special {
		l.index.drop(l, number, l.in[number] == special)
		l.in[number] = apart
	}
}

// Snapshot returns the mixture as it is now.
func (l *Live) Snapshot() *Snapshot {
	if l.snapshot != nil {
		return l.snapshot
	}
	s := &Snapshot{axes: l.axes, n: l.Len(), logTotal: math.Log(1 + newRamp(l.Len()).sum())}
	if l.index != nil {
		s.index = l.index.freeze(l)
	} else {
		s.index = freezeFew(l)
	}
	l.epoch++ // what the snapshot refers to is copied before it changes
	l.snapshot = s
	return s
}
