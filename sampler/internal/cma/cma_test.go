package cma

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func fill(n int, x float64) []float64 { return slices.Repeat([]float64{x}, n) }

// sound fails the test unless s can continue: finite numbers, C symmetric and positive
// definite with the right roots, and finite draws.
func sound(t *testing.T, s *State) {
	t.Helper()
	if !finite(s.Mean...) || !finite(s.PSigma...) || !finite(s.PC...) || !(minSigma <= s.Sigma && s.Sigma <= maxSigma) {
		t.Fatalf("the state has left the numbers: mean %v, sigma %v, paths %v %v", s.Mean, s.Sigma, s.PSigma, s.PC)
	}
	for _, list := range [][]float64{s.Mean, s.PSigma, s.PC, s.C.RawSymmetric().Data} {
		for _, v := range list {
			if v != 0 && math.Abs(v) < 0x1p-1022 {
				t.Fatalf("the state has sunk among subnormal numbers, which are slow: %v", list)
			}
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(s.C, false) {
		t.Fatal("C has no eigenvalues")
	}
	// Rounding may move the raised eigenvalues slightly below the bound.
	values := eigen.Values(nil)
	if low, high := values[0], values[len(values)-1]; !(high >= minScale*0.99 && high <= maxScale*1.01) || low < -high*1e-13 {
		t.Fatalf("C has eigenvalues from %v to %v, want them positive and within bounds", low, high)
	}
	r := newRand(1)
	for range 4 {
		if x := s.Draw(r); !finite(x...) {
			t.Fatalf("drew %v", x)
		}
	}
}

func TestRootsOfCAreItsRoots(t *testing.T) {
	cov := mat.NewSymDense(3, []float64{4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 1})
	s := New(NewConstants(3, 7), fill(3, 0), 1, cov)
	var c, one mat.Dense
	c.Mul(s.root, s.root)
	one.Mul(s.root, s.inverse)
	if !mat.EqualApprox(&c, cov, 1e-14) || !mat.EqualApprox(&one, mat.NewDiagDense(3, fill(3, 1)), 1e-14) {
		t.Errorf("C^½·C^½ = %v, C^½·C^-½ = %v, want C and the identity", mat.Formatted(&c), mat.Formatted(&one))
	}
}

func TestDrawsHaveTheMeanAndTheCovariance(t *testing.T) {
	cov := mat.NewSymDense(2, []float64{2, -0.8, -0.8, 1})
	s := New(NewConstants(2, 6), []float64{3, -1}, 0.5, cov)
	const n = 100_000
	r := newRand(2)
	var mean [2]float64
	var moment [3]float64
	for range n {
		x := s.Draw(r)
		a, b := x[0]-3, x[1]+1
		mean[0], mean[1] = mean[0]+a/n, mean[1]+b/n
		moment[0], moment[1], moment[2] = moment[0]+a*a/n, moment[1]+a*b/n, moment[2]+b*b/n
	}
	for i, want := range []float64{0.5, -0.2, 0.25} { // σ²·C
		if math.Abs(moment[i]-want) > 0.01 {
			t.Errorf("covariance %d is %v, want %v", i, moment[i], want)
		}
	}
	if math.Hypot(mean[0], mean[1]) > 0.01 {
		t.Errorf("mean is off by %v", mean)
	}
}

// generation draws the points of a generation.
func generation(s *State, r *rand.Rand) [][]float64 {
	points := make([][]float64, s.Lambda)
	for i := range points {
		points[i] = s.Draw(r)
	}
	return points
}

func same(a, b *State) bool {
	return slices.Equal(a.Mean, b.Mean) && a.Sigma == b.Sigma && mat.Equal(a.C, b.C) && slices.Equal(a.PSigma, b.PSigma) && slices.Equal(a.PC, b.PC)
}

func TestOnlyTheOrderOfTheValuesCounts(t *testing.T) {
	s := New(NewConstants(3, 7), fill(3, 0), 1, nil)
	points := generation(s, newRand(3))
	want := s.Tell(points, []float64{3, 1, 2, 7, 6, 5, 4})
	inf, nan := math.Inf(1), math.NaN()
	for name, values := range map[string][]float64{
		"another scale":              {30, 10, 20, 1e9, 60, 50, 40},
		"infinities at the ends":     {3, -inf, 2, inf, 6, 5, 4},
		"NaN is worst":               {3, 1, 2, nan, 6, 5, 4},
		"NaN is worse than infinity": {3, 1, 2, nan, inf, 5, 4},
	} {
		if !same(s.Tell(points, values), want) {
			t.Errorf("%s: the state differs", name)
		}
	}
	if same(s.Tell(points, []float64{1, 3, 2, 7, 6, 5, 4}), want) {
		t.Error("another order makes no difference")
	}
}

func TestOfEqualValuesTheFirstIsBetter(t *testing.T) {
	s := New(NewConstants(3, 7), fill(3, 0), 1, nil)
	points := generation(s, newRand(4))
	for _, c := range []struct{ tied, broken []float64 }{
		{[]float64{2, 1, 2, 2, 1, 0, 2}, []float64{3, 1, 4, 5, 2, 0, 6}},
		{fill(7, 1), []float64{0, 1, 2, 3, 4, 5, 6}},
		{fill(7, math.NaN()), []float64{0, 1, 2, 3, 4, 5, 6}},
		{fill(7, math.Inf(1)), []float64{0, 1, 2, 3, 4, 5, 6}},
	} {
		if !same(s.Tell(points, c.tied), s.Tell(points, c.broken)) {
			t.Errorf("%v is not told as %v", c.tied, c.broken)
		}
	}
}

func TestTellLeavesTheOldStateAlone(t *testing.T) {
	s := New(NewConstants(4, 8), fill(4, 0.5), 0.2, nil)
	r := newRand(5)
	s = s.Tell(generation(s, r), []float64{1, 2, 3, 4, 5, 6, 7, 8})
	before := *s
	before.Mean, before.PSigma, before.PC = slices.Clone(s.Mean), slices.Clone(s.PSigma), slices.Clone(s.PC)
	before.C = mat.NewSymDense(4, nil)
	before.C.CopySym(s.C)
	s.Tell(generation(s, r), []float64{8, 7, 6, 5, 4, 3, 2, 1})
	if !same(s, &before) {
		t.Error("Tell has changed its receiver")
	}
}

func TestSearchIsInvariantToTranslationAndScale(t *testing.T) {
	a := New(NewConstants(3, 7), fill(3, 0), 1, nil)
	b := New(NewConstants(3, 7), fill(3, 8), 4, nil) // powers of two: the same digits
	ra, rb := newRand(6), newRand(6)
	for range 30 {
		pa, pb := generation(a, ra), generation(b, rb)
		var values []float64
		for i, x := range pa {
			sum := 0.0
			for j := range x {
				sum += float64(j+1) * (x[j] - 1) * (x[j] - 1)
				if math.Abs(pb[i][j]-(8+4*x[j])) > 1e-9 {
					t.Fatalf("drew %v and %v, want the second 8 + 4 times the first", x, pb[i])
				}
			}
			values = append(values, sum)
		}
		a, b = a.Tell(pa, values), b.Tell(pb, values)
	}
}

// The values of cmaes 0.13 for six equal points on both sides of the length at which p_c
// stalls in the first generation, which no recorded run comes near.
func TestPathStallsWhereThatOfTheLibraryDoes(t *testing.T) {
	for _, c := range []struct{ length, pc, sigma float64 }{
		{1.1, 2.64278587, 1.317176377872334},
		{1.3, 0, 1.4647385748735737},
	} {
		s := New(NewConstants(2, 6), fill(2, 0), 1, nil)
		x := c.length * (1.4 + 2.0/3) * s.ChiN / math.Sqrt(s.MuEff)
		s = s.Tell(slices.Repeat([][]float64{{x, 0}}, 6), fill(6, 0))
		if math.Abs(s.PC[0]-c.pc) > 1e-8 || math.Abs(s.Sigma-c.sigma) > 1e-12 {
			t.Errorf("length %v: got p_c %v and σ %v, want %v and %v", c.length, s.PC[0], s.Sigma, c.pc, c.sigma)
		}
	}
}

func TestAbsurdPointsLeaveTheDistribution(t *testing.T) {
	for name, x := range map[string]float64{"NaN": math.NaN(), "infinite": math.Inf(-1), "overflowing when squared": 1e300} {
		s := New(NewConstants(2, 6), fill(2, 0.5), 0.2, nil)
		points := generation(s, newRand(7))
		points[5][1] = x
		next := s.Tell(points, []float64{5, 4, 3, 2, 1, 0})
		if !same(next, s) || next.Generation != 1 {
			t.Errorf("%s: the state has moved, or the generation %d was not counted", name, next.Generation)
		}
		sound(t, next)
	}
}

func TestStepSizeGrowsByAtMostEPerGeneration(t *testing.T) {
	s := New(NewConstants(2, 6), fill(2, 0), 1e-6, nil)
	for g := range 40 {
		far := generation(s, newRand(8))
		for _, x := range far {
			x[0] += 1
		}
		next := s.Tell(far, []float64{1, 2, 3, 4, 5, 6})
		if ratio := next.Sigma / s.Sigma; ratio > math.E*(1+1e-12) || g == 0 && ratio < math.E*(1-1e-12) {
			t.Fatalf("generation %d: σ grew by a factor %v, want at most e, and e at first", g, ratio)
		}
		sound(t, next)
		s = next
	}
}

func TestPopulationsThatTeachNothingStaySound(t *testing.T) {
	r := newRand(9)
	for name, points := range map[string]func(s *State) [][]float64{
		"all at the mean":        func(s *State) [][]float64 { return slices.Repeat([][]float64{s.Mean}, s.Lambda) },
		"all at one other point": func(s *State) [][]float64 { return slices.Repeat([][]float64{fill(s.Dim, 0.7)}, s.Lambda) },
		"on a line": func(s *State) [][]float64 {
			list := make([][]float64, s.Lambda)
			for i := range list {
				list[i] = fill(s.Dim, r.Float64())
			}
			return list
		},
		"on a coarse grid": func(s *State) [][]float64 {
			list := generation(s, r)
			for _, x := range list {
				for j := range x {
					x[j] = min(max(math.Round(x[j]*4)/4, 0), 1)
				}
			}
			return list
		},
		"in corners": func(s *State) [][]float64 {
			list := make([][]float64, s.Lambda)
			for i := range list {
				for range s.Dim {
					list[i] = append(list[i], float64(r.IntN(2)))
				}
			}
			return list
		},
	} {
		for _, dim := range []int{1, 2, 5} {
			s := New(NewConstants(dim, DefaultLambda(dim)), fill(dim, 0.5), 1.0/6, nil)
			values := make([]float64, s.Lambda)
			for range 3000 {
				list := points(s)
				for i, x := range list {
					values[i] = x[0]
				}
				s = s.Tell(list, values)
			}
			t.Logf("%s, d=%d: σ %.3g", name, dim, s.Sigma)
			sound(t, s)
		}
	}
}

func TestSmallestPopulations(t *testing.T) {
	for lambda := 2; lambda <= 5; lambda++ {
		s := New(NewConstants(3, lambda), fill(3, 0), 1, nil)
		r := newRand(uint64(lambda))
		for range 600 {
			points := generation(s, r)
			var values []float64
			for _, x := range points {
				values = append(values, x[0]*x[0]+x[1]*x[1]+x[2]*x[2])
			}
			s = s.Tell(points, values)
		}
		sound(t, s)
		if got := math.Hypot(math.Hypot(s.Mean[0], s.Mean[1]), s.Mean[2]); got > 1e-3 && lambda > 2 {
			t.Errorf("λ=%d: the mean ends %v from the minimum", lambda, got)
		}
	}
}

func FuzzTellNeverLeavesTheNumbers(f *testing.F) {
	add := func(xs ...float64) {
		var b []byte
		for _, x := range xs {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		f.Add(b)
	}
	add(0, 1, 2, 3)
	add(math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 5e-324, 0.5)
	add(1e150, -1e150, 1e155, 1e-155, 0)
	add(1, 1, 1, 1, 1, 1, 1, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() float64 { return 0 }
		if n := len(data) / 8; n > 0 {
			i := 0
			next = func() float64 {
				x := math.Float64frombits(binary.LittleEndian.Uint64(data[8*(i%n):]))
				i++
				return x
			}
		}
		s := New(NewConstants(2, 6), fill(2, 0.5), 1.0/6, nil)
		r := newRand(1)
		for range 8 {
			points, values := generation(s, r), make([]float64, s.Lambda)
			for i := range points {
				points[i][i%2] = next()
				values[i] = next()
			}
			s = s.Tell(points, values)
			sound(t, s)
		}
	})
}
