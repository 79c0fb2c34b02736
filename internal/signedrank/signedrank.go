// Package signedrank is the signed-rank test of F. Wilcoxon, "Individual Comparisons by Ranking
// Methods" (Biometrics Bulletin 1, 1945), in two forms: SciPy's, which Optuna's pruner needs, and
// an exact one.
package signedrank

import (
	"cmp"
	"math"
	"slices"
)

// exactLimit is the largest number of differences for which SciPy 1.10 enumerates the distribution.
const exactLimit = 50

// OneSided returns the p-values against the alternatives that the differences lie above 0, and
// below 0. There must be at least one difference, and all must be finite. The values are those of
// SciPy 1.10 with zero_method "zsplit": half of the rank of every 0 counts on each side. Up to 50
// differences without a 0 use the distribution for untied ranks, with the rank sum rounded down;
// all others use the normal approximation, corrected for ties but not for continuity.
func OneSided(differences []float64) (greater, less float64) {
	sorted, ranks := rank(differences)
	n, quarters := len(sorted), 0 // four times the sum of the positive ranks
	sum, squares := 0, 0
	for i, r := range ranks {
		sum += r
		squares += r * r
		switch {
		case sorted[i] > 0:
			quarters += 2 * r
		case sorted[i] == 0:
			quarters += r
		}
	}
	if n <= exactLimit && sorted[0] != 0 {
		for i := range ranks {
			ranks[i] = i + 1
		}
		return tails(ranks, quarters/4)
	}
	// Each rank counts with probability 1/2: mean Σr/2, variance Σr²/4.
	z := float64(quarters-sum) / 4 / math.Sqrt(2*float64(squares)/16)
	return math.Erfc(z) / 2, math.Erfc(-z) / 2
}

// TwoSided returns the exact p-value against the alternative that the differences do not lie around
// 0. Zeros are left out; it is 1 if nothing is left. It takes time and memory of the order of n³
// and n² for n differences.
func TwoSided(differences []float64) float64 {
	sorted, ranks := rank(slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return d == 0 }))
	sum, positive := 0, 0
	for i, r := range ranks {
		sum += r
		if sorted[i] > 0 {
			positive += r
		}
	}
	_, tail := tails(ranks, min(positive, sum-positive))
	return min(1, 2*tail)
}

// rank sorts the differences by magnitude. It returns twice the rank of each, from 1: ties share
// their mean rank, and twice that is a whole number.
func rank(differences []float64) (sorted []float64, doubled []int) {
	sorted = slices.Clone(differences)
	slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	doubled = make([]int, len(sorted))
	for i := 0; i < len(sorted); {
		end := i + 1
		for end < len(sorted) && math.Abs(sorted[end]) == math.Abs(sorted[i]) {
			end++
		}
		for first := i; i < end; i++ {
			doubled[i] = first + 1 + end
		}
	}
	return sorted, doubled
}

// tails returns the probabilities that a random subset of the ranks, each in it with probability
// 1/2, adds up to at least sum, and to at most sum. They are exact up to 53 ranks.
func tails(ranks []int, sum int) (atLeast, atMost float64) {
	total := 0
	for _, r := range ranks {
		total += r
	}
	chance := make([]float64, total+1) // of each sum of the subset of the ranks so far
	chance[0] = 1
	reached := 0
	for _, r := range ranks {
		reached += r
		for s := reached; s >= 0; s-- {
			chance[s] /= 2
			if s >= r {
				chance[s] += chance[s-r] / 2
			}
		}
	}
	for _, p := range chance[sum:] {
		atLeast += p
	}
	for _, p := range chance[:sum+1] {
		atMost += p
	}
	return atLeast, atMost
}
