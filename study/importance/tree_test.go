package importance

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

// A reference is a tree as scikit-learn has it, over a box of floats, and what Optuna says of it.
type reference struct {
	Space         [][2]float64 `json:"search_space"`
	Feature       []int        // by node; below 0: a leaf
	Threshold     []float64
	Left, Right   []int
	Value         []float64
	Variance      float64
	Marginals     []float64    `json:"marginal_variance"`
	PairVariances [][3]float64 `json:"pair_variance"`
	thresholds    [][]float64  // by feature, increasing, with both ends of the range
}

// cut cuts the ranges at the thresholds.
func (r *reference) cut() (edges [][]float64) {
	for k, ends := range r.Space {
		at := ends[:]
		for node, f := range r.Feature {
			if f == k {
				at = append(at[:len(at):len(at)], r.Threshold[node])
			}
		}
		slices.Sort(at)
		at = slices.Compact(at)
		var shares []float64
		for _, x := range at {
			shares = append(shares, (x-ends[0])/(ends[1]-ends[0]))
		}
		r.thresholds, edges = append(r.thresholds, at), append(edges, shares)
	}
	return edges
}

// leaves returns the leaves below a node with such a box.
func (r *reference) leaves(node int, box []span) []leaf {
	k := r.Feature[node]
	if k < 0 {
		return []leaf{{r.Value[node], box}}
	}
	at := slices.Index(r.thresholds[k], r.Threshold[node])
	left, right := slices.Clone(box), slices.Clone(box)
	left[k].hi, right[k].lo = at, at
	return append(r.leaves(r.Left[node], left), r.leaves(r.Right[node], right)...)
}

func TestVariancesAreTheReferences(t *testing.T) {
	var file struct {
		Trees []reference `json:"fanova_trees"`
	}
	oracle.Load(t, "importance.json", &file)
	checked := 0
	for i, r := range file.Trees {
		edges := r.cut()
		var box []span
		for _, e := range edges {
			box = append(box, span{0, len(e) - 1})
		}
		leaves := r.leaves(0, box)
		total, marginals := variances(leaves, edges)
		if err := oracle.Near(total, r.Variance, 1e-12); err != nil {
			t.Errorf("tree %d: %v", i, err)
		}
		for k, want := range r.Marginals {
			checked++
			if err := oracle.Near(marginals[k], want, 1e-12); err != nil {
				t.Errorf("tree %d, parameter %d: %v", i, k, err)
			}
		}
		// The variance of a pair is that of one parameter, and the mean over it of that of the other.
		for _, p := range r.PairVariances {
			a, b := int(p[0]), int(p[1])
			got := marginals[a]
			for c := range len(edges[a]) - 1 {
				_, m := variances(slice(leaves, a, c), replaced(edges, a))
				got += (edges[a][c+1] - edges[a][c]) * m[b]
			}
			checked++
			if err := oracle.Near(got, p[2], 1e-12); err != nil {
				t.Errorf("tree %d, parameters %d and %d: %v", i, a, b, err)
			}
		}
	}
	if checked < 60 {
		t.Errorf("%d variances were checked, want at least 60", checked)
	}
}

// slice returns the part of a tree that is in one cell of a parameter, which it has no more.
func slice(leaves []leaf, param, cell int) (list []leaf) {
	for _, l := range leaves {
		if s := l.box[param]; s.lo <= cell && cell < s.hi {
			box := slices.Clone(l.box)
			box[param] = span{0, 1}
			list = append(list, leaf{l.value, box})
		}
	}
	return list
}

// replaced returns the edges with one cell for a parameter.
func replaced(edges [][]float64, param int) [][]float64 {
	edges = slices.Clone(edges)
	edges[param] = []float64{0, 1}
	return edges
}

// A grown tree predicts the mean of the rows in each of its leaves, which part the box.
func TestLeavesPartTheBox(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n, sizes := 1+r.IntN(60), []int{1 + r.IntN(4), 1 + r.IntN(30), 1 + r.IntN(256)}
		var g grove
		for _, size := range sizes {
			edges := make([]float64, size+1)
			for k := range edges {
				edges[k] = float64(k) / float64(size)
			}
			g.edges = append(g.edges, edges)
			cells := make([]int, n)
			for i := range cells {
				cells[i] = r.IntN(size)
			}
			g.cells = append(g.cells, cells)
		}
		rows := make([]int, n)
		for i := range n {
			g.values, rows[i] = append(g.values, float64(r.IntN(5))), r.IntN(n)
		}
		leaves := g.grow(slices.Clone(rows), r)
		volume := 0.0
		for _, l := range leaves {
			v, sum, count, cells := 1.0, 0.0, 0.0, map[[3]int]bool{}
			for k, s := range l.box {
				v *= float64(s.hi-s.lo) / float64(sizes[k])
			}
			volume += v
			same := true
			first := -1.0
			for _, i := range rows {
				if !slices.ContainsFunc([]int{0, 1, 2}, func(k int) bool { c := g.cells[k][i]; return c < l.box[k].lo || c >= l.box[k].hi }) {
					if first < 0 {
						first = g.values[i]
					}
					same = same && first == g.values[i]
					sum, count = sum+g.values[i], count+1
					cells[[3]int{g.cells[0][i], g.cells[1][i], g.cells[2][i]}] = true
				}
			}
			if count == 0 || oracle.Near(l.value, sum/count, 1e-12) != nil {
				t.Fatalf("a leaf has the value %v, want the mean of %v rows with the sum %v", l.value, count, sum)
			}
			if !same && len(cells) > 1 {
				t.Fatalf("a leaf has different values in different cells")
			}
		}
		if err := oracle.Near(volume, 1, 1e-9); err != nil {
			t.Fatalf("the leaves have the volume %v, want 1", volume)
		}
	}
}
