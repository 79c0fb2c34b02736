package main

import (
	"cmp"
	"math"
	"slices"
)

// signedRank is the test of Wilcoxon, "Individual Comparisons by Ranking
// Methods" (Biometrics Bulletin 1, 1945): the two-sided probability of
// differences that lean as far to one side, if either sign of each were equally
// likely. Zeros are left out, equal sizes share the mean of their ranks, and the
// distribution is that of all 2^n signs, exactly. It is 1 without differences.
func signedRank(differences []float64) float64 {
	sizes := slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return d == 0 })
	slices.SortFunc(sizes, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	// Twice the ranks, which are whole numbers also where ranks are shared.
	ranks := make([]int, len(sizes))
	whole, positive := 0, 0
	for i := 0; i < len(sizes); {
		end := i + 1
		for end < len(sizes) && math.Abs(sizes[end]) == math.Abs(sizes[i]) {
			end++
		}
		for k := i; k < end; k++ {
			ranks[k] = i + end + 1 // the ranks i+1 to end
			whole += ranks[k]
			if sizes[k] > 0 {
				positive += ranks[k]
			}
		}
		i = end
	}
	chance := make([]float64, whole+1) // of each sum of the positive ranks
	chance[0] = 1
	reached := 0
	for _, r := range ranks {
		reached += r
		for sum := reached; sum >= 0; sum-- {
			chance[sum] /= 2
			if sum >= r {
				chance[sum] += chance[sum-r] / 2
			}
		}
	}
	tail := 0.0
	for _, p := range chance[:min(positive, whole-positive)+1] {
		tail += p
	}
	return math.Min(1, 2*tail)
}
