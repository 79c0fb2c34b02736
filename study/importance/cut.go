package importance

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/floats"

	"github.com/bluefin-hpo/bluefin/space"
)

// cellsMost is how many cells a parameter has, unless it has fewer values or more choices.
const cellsMost = 256

// A cut is the range of a parameter in cells.
type cut struct {
	dist  space.Dist
	edges []float64           // one more than cells: the share of the range below each; 0 to 1
	cell  func(x float64) int // of a value in internal form
}

// cut cuts the range of a parameter of trials with such values of the objective.
func (f FANOVA) cut(c column, values []float64) cut {
	d := whole(c.params[0].Dist, c)
	if g, ok := d.(space.Categorical); ok {
		return byMean(g, c, values)
	}
	n := d.Len()
	few := 0 < n && n <= cellsMost
	if !few {
		n = cellsMost
	}
	result := cut{d, make([]float64, n+1), func(x float64) int { return min(int(d.Unit(x)*float64(n)), n-1) }}
	for k := range result.edges {
		result.edges[k] = float64(k) / float64(n)
	}
	low, high := d.Value(0), d.Value(1)
	share := func(x float64) float64 { return (x/2 - low/2) / (high/2 - low/2) } // no width of a range overflows
	if g, ok := d.(space.Int); ok && g.Log && few {
		result.cell = func(x float64) int { return int(x) - g.Low }
		for k := range n {
			result.edges[k], result.edges[k+1] = d.Cell(float64(g.Low + k))
		}
	}
	switch {
	case f.Plain && few:
		for k := range n - 1 {
			result.edges[k+1] = (float64(k) + 0.5) / float64(n-1)
		}
	case f.Plain:
		for k := range result.edges {
			result.edges[k] = share(d.Value(float64(k) / float64(n)))
		}
	}
	return result
}

// byMean sorts the choices by the mean value of their trials, so that the best split of them in two
// is at one place: Fisher, "On Grouping for Maximum Homogeneity" (JASA 53, 1958). Choices without a
// trial are no part of the range, as nothing is known of them.
func byMean(d space.Categorical, c column, values []float64) cut {
	n := d.Len()
	sums, counts, order := make([]float64, n), make([]float64, n), make([]int, n)
	for j, p := range c.params {
		if fits(d, p.Dist) {
			sums[int(p.Value)] += values[c.trials[j]]
			counts[int(p.Value)]++
		}
	}
	for k := range order {
		order[k] = k
	}
	mean := func(k int) float64 { return sums[k] / max(counts[k], 1) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(mean(a), mean(b)) })
	edges, cells := make([]float64, n+1), make([]int, n)
	for at, k := range order {
		cells[k], edges[at+1] = at, edges[at]+min(counts[k], 1)
	}
	floats.Scale(1/edges[n], edges)
	return cut{d, edges, func(x float64) int { return cells[int(x)] }}
}

// place returns the cell of each of n trials, a random one for those without the parameter.
func (c cut) place(of column, n int, r *rand.Rand) []int {
	cells := make([]int, n)
	for i := range cells {
		u := r.Float64()
		cells[i] = sort.Search(len(c.edges)-2, func(k int) bool { return u < c.edges[k+1] })
	}
	for j, p := range of.params {
		if fits(c.dist, p.Dist) {
			cells[of.trials[j]] = c.cell(p.Value)
		}
	}
	return cells
}

// whole returns d, widened to all values that the parameter could have.
func whole(d space.Dist, c column) space.Dist {
	last := d
	for _, p := range c.params {
		if p.Dist == nil || space.Equal(p.Dist, last) || !fits(d, p.Dist) {
			continue
		}
		last = p.Dist
		switch e := p.Dist.(type) {
		case space.Float:
			w := d.(space.Float)
			if w.Low != e.Low || w.Step != e.Step {
				w.Step = 0
			}
			w.Low, w.High = min(w.Low, e.Low), max(w.High, e.High)
			d = w
		case space.Int:
			w := d.(space.Int)
			if w.Step != e.Step || w.Low != e.Low {
				w.Step = 1
			}
			w.Low, w.High = min(w.Low, e.Low), max(w.High, e.High)
			d = w
		case space.Categorical:
			if e.Len() > d.Len() {
				d = e
			}
		}
	}
	return d
}

// fits reports whether a parameter can change between two distributions. Files of others may have
// parameters that are not even of one kind.
func fits(a, b space.Dist) bool { return space.Compatible(a, b) || space.Compatible(b, a) }
