package importance

import "math/rand/v2"

// rowsMost is how many trials a tree learns from at most: more make the forest slower, but hardly
// change what it says of marginals.
const rowsMost = 2000

// forest returns the mean of the fractions of some trees. Each is grown from a resample of the
// trials, and from a random stream of its own. Constant trees do not count; if all are, the
// fractions are 0.
//
// See Breiman, "Random Forests" (Machine Learning 45, 2001). All parameters are tried at each split.
func (g grove) forest(trees int, seed uint64) []float64 {
	parts := make([][]float64, trees)
	parallel(trees, func(k int) {
		r := rand.New(rand.NewPCG(seed, uint64(k)))
		rows := make([]int, min(len(g.values), rowsMost))
		for i := range rows {
			rows[i] = r.IntN(len(g.values))
		}
		parts[k] = g.tree(rows, r)
	})
	mean, n := make([]float64, len(g.edges)), 0
	for _, f := range parts {
		if f == nil {
			continue
		}
		n++
		for k := range mean {
			mean[k] += f[k]
		}
	}
	for k := range mean {
		mean[k] /= float64(max(n, 1))
	}
	return mean
}

// tree returns the fractions of a tree that is grown from the rows, which are numbers of trials,
// some repeated. nil: the tree is constant.
func (g grove) tree(rows []int, r *rand.Rand) []float64 { return fractions(g.grow(rows, r), g.edges) }
