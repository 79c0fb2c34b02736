package pruner

import (
	"cmp"
	"math"
	"slices"
)

// exactLimit is the largest number of differences for which the distribution
// of the statistic is enumerated, as in SciPy 1.10.
const exactLimit = 50

// signedRank returns the p-values of Wilcoxon's signed-rank test that the
// differences, of which there is at least one and which are finite, are not
// symmetric about 0 but greater, or less. Half of the rank of every 0 counts on
// each side ("zsplit"). Up to exactLimit differences without a 0 the
// distribution is exact, rank sums being rounded down where ties make them
// halves; else normal with the variance corrected for ties, without correction
// for continuity.
func signedRank(diff []float64) (greater, less float64) {
	n := len(diff)
	byMagnitude := slices.Clone(diff)
	slices.SortFunc(byMagnitude, func(a, b float64) int {
		return cmp.Compare(math.Abs(a), math.Abs(b))
	})
	plus, ties := 0.0, 0.0 // rank sum of the positive ones; Σ t³-t over groups of t equal ones
	for i := 0; i < n; {
		j := i
		for j < n && math.Abs(byMagnitude[j]) == math.Abs(byMagnitude[i]) {
			j++
		}
		t := float64(j - i)
		rank := float64(i+j+1) / 2 // the mean of i+1 … j
		ties += t*t*t - t
		for ; i < j; i++ {
			switch {
			case byMagnitude[i] > 0:
				plus += rank
			case byMagnitude[i] == 0:
				plus += rank / 2
			}
		}
	}
	if n <= exactLimit && byMagnitude[0] != 0 {
		return exactTails(n, int(plus))
	}
	m := float64(n)
	mu := m * (m + 1) / 4
	variance := (m*(m+1)*(2*m+1) - ties/2) / 24
	z := (plus - mu) / math.Sqrt(2*variance)
	return math.Erfc(z) / 2, math.Erfc(-z) / 2
}

// exactTails returns the probabilities that the sum of a random subset of
// 1 … n is at least sum, and at most sum, which is in [0, n(n+1)/2]. n is at
// most exactLimit, so that the counts are exact.
func exactTails(n, sum int) (above, below float64) {
	counts := make([]float64, n*(n+1)/2+1) // subsets by their sum
	counts[0] = 1
	for k := 1; k <= n; k++ {
		for s := len(counts) - 1; s >= k; s-- {
			counts[s] += counts[s-k]
		}
	}
	for _, c := range counts[sum:] {
		above += c
	}
	for _, c := range counts[:sum+1] {
		below += c
	}
	return math.Ldexp(above, -n), math.Ldexp(below, -n)
}
