package halton

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

func TestPointsAreTheReferences(t *testing.T) {
	var file struct {
		Halton []struct {
			D      int
			Skip   uint64
			Points [][]float64
		}
	}
	oracle.Load(t, "qmc.json", &file)
	points := 0
	for _, c := range file.Halton {
		for i, want := range c.Points {
			for dim, x := range want {
				if err := oracle.Near(At(c.Skip+uint64(i), dim, nil), x, 1e-15); err != nil {
					t.Errorf("dimension %d, index %d: %v", dim, c.Skip+uint64(i), err)
				}
			}
			points++
		}
	}
	t.Logf("%d cases, %d points", len(file.Halton), points)
	if len(file.Halton) < 6 || points < 100 {
		t.Errorf("%d cases and %d points: fewer than the file once had", len(file.Halton), points)
	}
}

var scrambles = map[string]*Scramble{"plain": nil, "seed 0": {}, "seed 1": {Seed: 1}}

// Of any b^k consecutive points from a multiple of b^k, each interval of length b^-k
// holds one.
func TestEveryDimensionIsStratified(t *testing.T) {
	for name, s := range scrambles {
		for _, c := range []struct{ dim, n int }{{0, 64}, {1, 243}, {2, 125}, {10, 31 * 31}, {99, 541}, {MaxDim - 1, 8933}} {
			for _, begin := range []int{0, c.n, 37 * c.n} {
				seen := make([]bool, c.n)
				for i := range c.n {
					// The plain points lie on the borders of the cells.
					cell := int(At(uint64(begin+i), c.dim, s)*float64(c.n) + 1e-6)
					if seen[cell] {
						t.Fatalf("%s, dimension %d: two of the %d points from %d in cell %d", name, c.dim, c.n, begin, cell)
					}
					seen[cell] = true
				}
			}
		}
	}
}

func TestAScrambledPointIsUniform(t *testing.T) {
	const n, bins = 20_000, 16
	for _, index := range []uint64{0, 1, 1000} {
		for _, dim := range []int{0, 1, 7} {
			counts := make([]float64, bins)
			for seed := range uint64(n) {
				x := At(index, dim, &Scramble{Seed: seed})
				if !(x >= 0 && x < 1) {
					t.Fatalf("coordinate is %v, want in [0, 1)", x)
				}
				counts[int(x*bins)]++
			}
			chi2 := 0.0
			for _, c := range counts {
				chi2 += (c - n/bins) * (c - n/bins) / (n / bins)
			}
			if limit := bins - 1 + 5*math.Sqrt(2*(bins-1)); chi2 > limit {
				t.Errorf("index %d, dimension %d: chi-square of %v is %v, want at most %v", index, dim, counts, chi2, limit)
			}
		}
	}
}

// While it is short, the plain sequence is nearly the same in dimensions with large bases.
func TestScramblingPartsDimensionsOfLargeBases(t *testing.T) {
	correlation := func(s *Scramble) float64 {
		sxy, sxx, syy := 0.0, 0.0, 0.0
		for i := range uint64(200) {
			x, y := At(i, 90, s)-0.5, At(i, 91, s)-0.5
			sxy, sxx, syy = sxy+x*y, sxx+x*x, syy+y*y
		}
		return sxy / math.Sqrt(sxx*syy)
	}
	if c := correlation(nil); c < 0.9 {
		t.Errorf("correlation of the plain sequence is %v: the test shows nothing", c)
	}
	r := rand.New(rand.NewPCG(1, 2))
	sum := 0.0
	for range 100 {
		sum += correlation(&Scramble{Seed: r.Uint64()})
	}
	if mean := sum / 100; math.Abs(mean) > 0.1 {
		t.Errorf("mean correlation when scrambled is %v, want about 0", mean)
	}
}

func TestPrimes(t *testing.T) {
	for i, want := range map[int]uint64{0: 2, 1: 3, 2: 5, 3: 7, 24: 97, 167: 997, 1110: 8933} {
		if got := primes()[i]; got != want {
			t.Errorf("prime %d is %d, want %d", i, got, want)
		}
	}
}

func BenchmarkAt(b *testing.B) {
	for name, s := range map[string]*Scramble{"plain": nil, "scrambled": {}} {
		b.Run(name, func(b *testing.B) {
			for i := uint64(0); b.Loop(); i++ {
				At(i%100_000, int(i%50), s)
			}
		})
	}
}
