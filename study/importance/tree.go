package importance

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A grove is what all trees of a forest share: the cells that the range of each parameter is cut
// into, and where each trial is.
//
// n: trials, p: parameters.
type grove struct {
	edges  [][]float64 // p, one more than cells: the share of the range below each; 0 to 1
	cells  [][]int     // p×n: the cell of each trial
	values []float64   // n
}

// A leaf is a box of cells with one value.
type leaf struct {
	value float64
	box   []span // p
}

// A span is the cells from lo to hi-1.
type span struct{ lo, hi int }

// depth is how often a box is split at most, as in Optuna.
const depth = 64

// A grower grows one tree.
type grower struct {
	grove
	rand   *rand.Rand
	leaves []leaf
	sums   []float64 // of values, by cell
	counts []int     // of rows, by cell

	touched []int // the cells of a parameter that have rows
}

// grow returns the leaves of a regression tree that fits the rows, which are numbers of trials, some
// repeated. It splits each box where that leaves the smallest squared error, until a box has one
// value or one cell. Ties go to a random parameter.
//
// See Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees" (1984).
func (g grove) grow(rows []int, r *rand.Rand) []leaf {
	box, most := make([]span, len(g.edges)), 0
	for k, e := range g.edges {
		box[k], most = span{0, len(e) - 1}, max(most, len(e)-1)
	}
	grower := grower{grove: g, rand: r, sums: make([]float64, most), counts: make([]int, most)}
	grower.split(rows, box, 0)
	return grower.leaves
}

func (g *grower) split(rows []int, box []span, level int) {
	k, at := -1, 0
	if level < depth && !g.equal(rows) {
		k, at = g.best(rows)
	}
	if k < 0 {
		sum := 0.0
		for _, i := range rows {
			sum += g.values[i]
		}
		g.leaves = append(g.leaves, leaf{sum / float64(len(rows)), box})
		return
	}
	cells, n := g.cells[k], 0
	for j, i := range rows {
		if cells[i] < at {
			rows[j], rows[n] = rows[n], i
			n++
		}
	}
	left, right := slices.Clone(box), box
	left[k].hi, right[k].lo = at, at
	g.split(rows[:n], left, level+1)
	g.split(rows[n:], right, level+1)
}

func (g *grower) equal(rows []int) bool {
	return !slices.ContainsFunc(rows, func(i int) bool { return g.values[i] != g.values[rows[0]] })
}

// best returns which parameter to split, and which cell is the first of the right part. k < 0: all
// rows are in one cell.
func (g *grower) best(rows []int) (k, at int) {
	total := 0.0
	for _, i := range rows {
		total += g.values[i]
	}
	k, left, right, most := -1, 0, 0, math.Inf(-1) // left and right have rows, the cells between do not
	for _, p := range g.rand.Perm(len(g.cells)) {
		cells := g.cells[p]
		g.touched = g.touched[:0]
		for _, i := range rows {
			c := cells[i]
			if g.counts[c] == 0 {
				g.touched = append(g.touched, c)
			}
			g.sums[c] += g.values[i]
			g.counts[c]++
		}
		slices.Sort(g.touched)
		sum, n, before := 0.0, 0, 0
		for j, c := range g.touched {
			if j > 0 {
				// The squared error is the sum of squares, which is the same for all splits, less this.
				gain := sum*sum/float64(n) + (total-sum)*(total-sum)/float64(len(rows)-n)
				if gain > most {
					k, left, right, most = p, before, c, gain
				}
			}
			sum, n, before = sum+g.sums[c], n+g.counts[c], c
			g.sums[c], g.counts[c] = 0, 0
		}
	}
	if k < 0 {
		return k, 0
	}
	return k, g.middle(k, left, right)
}

// middle returns the cell whose lower edge is nearest to the middle between two others, on the right
// of the left one.
func (g grove) middle(k, left, right int) int {
	e := g.edges[k]
	middle := (e[left] + e[left+1] + e[right] + e[right+1]) / 4
	at, _ := slices.BinarySearch(e[left+1:right+1], middle)
	if at += left + 1; at > right || at > left+1 && middle-e[at-1] < e[at]-middle {
		at--
	}
	return at
}

// fractions returns how much of the variance of a tree over its box is that of the marginal of each
// parameter: the mean over all the others. nil: the tree is constant.
//
// See Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance"
// (ICML 2014), algorithm 2.
func fractions(leaves []leaf, edges [][]float64) []float64 {
	total, marginals := variances(leaves, edges)
	if total == 0 {
		return nil
	}
	for k := range marginals {
		marginals[k] /= total
	}
	return marginals
}

// variances returns the variance of a tree, and that of the marginal of each parameter.
func variances(leaves []leaf, edges [][]float64) (total float64, marginals []float64) {
	size := func(l leaf, k int) float64 { return edges[k][l.box[k].hi] - edges[k][l.box[k].lo] }
	volumes := make([]float64, len(leaves)) // as shares of the box
	mean := 0.0
	for i, l := range leaves {
		volumes[i] = 1
		for k := range edges {
			volumes[i] *= size(l, k)
		}
		mean += volumes[i] * l.value
	}
	marginals = make([]float64, len(edges))
	rises := make([][]float64, len(edges)) // of the marginal, at each edge
	for k, e := range edges {
		rises[k] = make([]float64, len(e))
	}
	for i, l := range leaves {
		above := l.value - mean
		total += volumes[i] * above * above
		for k := range edges {
			rise := volumes[i] / size(l, k) * above
			rises[k][l.box[k].lo] += rise
			rises[k][l.box[k].hi] -= rise
		}
	}
	for k, e := range edges {
		marginal := 0.0
		for c := range len(e) - 1 {
			marginal += rises[k][c]
			marginals[k] += (e[c+1] - e[c]) * marginal * marginal
		}
	}
	return total, marginals
}
