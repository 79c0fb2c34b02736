package pruner

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

func TestSignedRankIsSciPys(t *testing.T) {
	var file struct {
		Cases []struct {
			Diff    []float64
			Greater float64 `json:"p_greater"`
			Less    float64 `json:"p_less"`
		} `json:"wilcoxon_p"`
	}
	oracle.Load(t, "pruners.json", &file)
	for i, c := range file.Cases {
		greater, less := signedRank(c.Diff)
		if math.Abs(greater-c.Greater) > 1e-10*c.Greater || math.Abs(less-c.Less) > 1e-10*c.Less {
			t.Errorf("case %d, %v: got %v and %v, want %v and %v", i, c.Diff, greater, less, c.Greater, c.Less)
		}
	}
	t.Logf("%d cases", len(file.Cases))
	if len(file.Cases) < 72 {
		t.Errorf("got %d cases: fewer than the file once had", len(file.Cases))
	}
}

// Without ties and zeros, the p-value is the share of all sign patterns whose
// rank sum is at least as large.
func TestSignedRankCountsSignPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 10; n++ {
		diff := make([]float64, n)
		for i, k := range r.Perm(n) { // the magnitude of diff[i] has rank k+1
			diff[i] = float64(k+1) * float64(2*r.IntN(2)-1) * 0.1
		}
		sum := 0
		for _, x := range diff {
			if x > 0 {
				sum += int(math.Round(x * 10))
			}
		}
		above, below := 0, 0
		for pattern := range 1 << n {
			s := 0
			for k := range n {
				s += (pattern >> k & 1) * (k + 1)
			}
			if s >= sum {
				above++
			}
			if s <= sum {
				below++
			}
		}
		greater, less := signedRank(diff)
		all := float64(int(1) << n)
		if greater != float64(above)/all || less != float64(below)/all {
			t.Errorf("%v: got %v and %v, want %v and %v", diff, greater, less, float64(above)/all, float64(below)/all)
		}
	}
}

// At the limit the exact distribution and the normal one nearly agree.
func TestSignedRankFormsMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		diff := make([]float64, exactLimit+1)
		for i := range diff {
			diff[i] = r.NormFloat64() + 0.2
		}
		exact, _ := signedRank(diff[:exactLimit])
		n := exactLimit
		plus := 0.0
		for i := range n {
			for j := range n {
				if diff[i] > 0 && math.Abs(diff[j]) <= math.Abs(diff[i]) {
					plus++
				}
			}
		}
		m := float64(n)
		z := (plus - m*(m+1)/4) / math.Sqrt(m*(m+1)*(2*m+1)/24)
		if normal := math.Erfc(z/math.Sqrt2) / 2; math.Abs(normal-exact) > 0.005 {
			t.Errorf("exact %v, normal %v", exact, normal)
		}
	}
}
