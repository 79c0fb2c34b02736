package signedrank

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

func TestOneSidedIsSciPys(t *testing.T) {
	var file struct {
		Cases []struct {
			Diff    []float64
			Greater float64 `json:"p_greater"`
			Less    float64 `json:"p_less"`
		} `json:"wilcoxon_p"`
	}
	oracle.Load(t, "pruners.json", &file)
	for i, c := range file.Cases {
		greater, less := OneSided(c.Diff)
		if math.Abs(greater-c.Greater) > 1e-10*c.Greater || math.Abs(less-c.Less) > 1e-10*c.Less {
			t.Errorf("case %d, %v: got %v and %v, want %v and %v", i, c.Diff, greater, less, c.Greater, c.Less)
		}
	}
	t.Logf("%d cases", len(file.Cases))
	if len(file.Cases) < 72 {
		t.Errorf("got %d cases: the file has lost some", len(file.Cases))
	}
}

// Without ties and zeros, the p-value is the share of all sign patterns whose
// rank sum is at least as large.
func TestOneSidedCountsSignPatterns(t *testing.T) {
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
		greater, less := OneSided(diff)
		all := float64(int(1) << n)
		if greater != float64(above)/all || less != float64(below)/all {
			t.Errorf("%v: got %v and %v, want %v and %v", diff, greater, less, float64(above)/all, float64(below)/all)
		}
	}
}

// At the limit the exact distribution and the normal one nearly agree.
func TestOneSidedFormsMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		diff := make([]float64, exactLimit+1)
		for i := range diff {
			diff[i] = r.NormFloat64() + 0.2
		}
		exact, _ := OneSided(diff[:exactLimit])
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

func TestTwoSidedIsWilcoxons(t *testing.T) {
	for _, c := range []struct {
		name        string
		differences []float64
		want        float64
	}{
		// Darwin's plants, the example of SciPy's documentation of wilcoxon.
		{"a published example", []float64{6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}, 0.041259765625},
		{"none", nil, 1},
		{"only zeros", []float64{0, 0}, 1},
		{"one", []float64{3}, 1},
		{"all to one side", []float64{1, 2, 3, 4, 5}, 2.0 / 32},
		{"all to the other side", []float64{-1, -2, -3, -4, -5}, 2.0 / 32},
		{"balanced", []float64{1, -1, 2, -2}, 1},
		{"zeros do not count", []float64{0, 1, 2, 0, 3, 4, 5}, 2.0 / 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := TwoSided(c.differences); math.Abs(got-c.want) > 1e-12 {
				t.Errorf("p is %v, want %v", got, c.want)
			}
		})
	}
}

// Another way to the same: all 2^n signs, one by one, with shared ranks.
func TestTwoSidedCountsAllSigns(t *testing.T) {
	for _, sizes := range [][]float64{{1, 1, 1, 2, 2, 5, 5, 5, 5, 9}, {1, 2, 2, 3}, {4, 4, 4, 4, 4}} {
		ranks := make([]float64, len(sizes))
		for i, s := range sizes {
			below, equal := 0, 0
			for _, u := range sizes {
				if u < s {
					below++
				} else if u == s {
					equal++
				}
			}
			ranks[i] = float64(below) + float64(equal+1)/2
		}
		n := 1 << len(sizes)
		lean := make([]float64, n) // how far the sum of signed ranks is from 0
		for signs := range n {
			sum := 0.0
			for i, r := range ranks {
				sum += r * float64(1-2*(signs>>i&1))
			}
			lean[signs] = math.Abs(sum)
		}
		for signs := range n {
			differences := make([]float64, len(sizes))
			for i, s := range sizes {
				differences[i] = s * float64(1-2*(signs>>i&1))
			}
			count := 0
			for _, l := range lean {
				if l >= lean[signs] {
					count++
				}
			}
			if got, want := TwoSided(differences), float64(count)/float64(n); math.Abs(got-want) > 1e-12 {
				t.Fatalf("p of %v is %v, want %v", differences, got, want)
			}
		}
	}
}
