package sobol

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

func TestPointsAreTheReferences(t *testing.T) {
	var file struct {
		Sobol []struct {
			D      int
			Skip   uint64
			Points [][]float64
		}
	}
	oracle.Load(t, "qmc.json", &file)
	points := 0
	for _, c := range file.Sobol {
		for i, want := range c.Points {
			for dim, x := range want {
				if got := At(c.Skip+uint64(i), dim, nil); got != x {
					t.Fatalf("dimension %d, index %d: got %v, want %v", dim, c.Skip+uint64(i), got, x)
				}
			}
			points++
		}
	}
	t.Logf("%d cases, %d points", len(file.Sobol), points)
	if len(file.Sobol) < 9 || points < 300 {
		t.Errorf("%d cases and %d points: fewer than the file once had", len(file.Sobol), points)
	}
}

// scrambles are the ones that must keep the properties.
var scrambles = map[string]*Scramble{"plain": nil, "seed 0": {}, "seed 1": {Seed: 1}}

// Of any 2^k points from a multiple of 2^k, each interval of length 2^-k holds one, in
// every dimension.
func TestEveryDimensionIsStratified(t *testing.T) {
	for name, s := range scrambles {
		for _, dim := range []int{0, 1, 2, 9, 100, 500, MaxDim - 1} {
			for _, k := range []int{0, 1, 5, 10} {
				n := uint64(1) << k
				for _, begin := range []uint64{0, n, 37 * n} {
					seen := make([]bool, n)
					for i := range n {
						cell := int(At(begin+i, dim, s) * float64(n))
						if seen[cell] {
							t.Fatalf("%s, dimension %d: two of the %d points from %d in cell %d", name, dim, n, begin, cell)
						}
						seen[cell] = true
					}
				}
			}
		}
	}
}

// The first two dimensions are a (0, m, 2)-net: each box of 2^a by 2^b with
// a + b = m holds one of 2^m points.
func TestTheFirstTwoDimensionsAreANet(t *testing.T) {
	const m = 8
	for name, s := range scrambles {
		for a := range m + 1 {
			seen := map[[2]int]bool{}
			for i := range uint64(1) << m {
				seen[[2]int{int(math.Ldexp(At(i, 0, s), a)), int(math.Ldexp(At(i, 1, s), m-a))}] = true
			}
			if len(seen) != 1<<m {
				t.Errorf("%s: %d boxes of 2^-%d by 2^-%d are hit, want %d", name, len(seen), a, m-a, 1<<m)
			}
		}
	}
}

func TestAScrambledPointIsUniform(t *testing.T) {
	const n, bins = 20_000, 16
	for _, index := range []uint64{0, 1, 1000} {
		for _, dim := range []int{0, 3} {
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

func TestTheIndexMayBeAnything(t *testing.T) {
	for name, s := range scrambles {
		for _, index := range []uint64{1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxUint64} {
			if x := At(index, MaxDim-1, s); !(x >= 0 && x < 1) {
				t.Errorf("%s: coordinate %d is %v, want in [0, 1)", name, index, x)
			}
		}
	}
}

func TestMoreDimensionsThanTheTableHasPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	At(1, MaxDim, nil)
}

// centered is the squared centred L2-discrepancy of Hickernell, "A generalized
// discrepancy and quadrature error bound" (Math. Comp. 67, 1998), eq. (5.1b).
func centered(x [][]float64) float64 {
	n, d := float64(len(x)), len(x[0])
	one, two := 0.0, 0.0
	for _, p := range x {
		prod := 1.0
		for k := range d {
			z := math.Abs(p[k] - 0.5)
			prod *= 1 + z/2 - z*z/2
		}
		one += prod
		for _, q := range x {
			prod := 1.0
			for k := range d {
				prod *= 1 + math.Abs(p[k]-0.5)/2 + math.Abs(q[k]-0.5)/2 - math.Abs(p[k]-q[k])/2
			}
			two += prod
		}
	}
	return math.Pow(13.0/12, float64(d)) - 2/n*one + two/(n*n)
}

func TestDiscrepancyIsFarBelowThatOfRandomPoints(t *testing.T) {
	var file struct {
		Discrepancy []struct {
			X  [][]float64
			CD float64
		}
	}
	oracle.Load(t, "qmc.json", &file)
	for i, c := range file.Discrepancy {
		if err := oracle.Near(centered(c.X), c.CD, 1e-10); err != nil {
			t.Errorf("discrepancy %d: %v", i, err)
		}
	}
	t.Logf("%d cases", len(file.Discrepancy))
	const n, d = 256, 6
	points := func(at func(i, k int) float64) [][]float64 {
		x := make([][]float64, n)
		for i := range x {
			x[i] = make([]float64, d)
			for k := range x[i] {
				x[i][k] = at(i, k)
			}
		}
		return x
	}
	r := rand.New(rand.NewPCG(1, 2))
	random := centered(points(func(i, k int) float64 { return r.Float64() }))
	for name, s := range scrambles {
		if got := centered(points(func(i, k int) float64 { return At(uint64(i), k, s) })); got > random/8 {
			t.Errorf("%s: discrepancy is %v, that of random points %v: want less than an eighth", name, got, random)
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
