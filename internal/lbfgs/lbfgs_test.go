package lbfgs

import (
	"math"
	"math/rand/v2"
	"testing"
)

func box(d int, low, high float64) (lows, highs []float64) {
	for range d {
		lows, highs = append(lows, low), append(highs, high)
	}
	return lows, highs
}

// rosenbrock has its minimum 0 at (1, …, 1).
func rosenbrock(x, grad []float64) float64 {
	clear(grad)
	f := 0.0
	for i := range len(x) - 1 {
		a, b := x[i+1]-x[i]*x[i], 1-x[i]
		f += 100*a*a + b*b
		grad[i] += -400*a*x[i] - 2*b
		grad[i+1] += 200 * a
	}
	return f
}

var tight = Settings{Iterations: 2000, GradTol: 1e-9}

func TestMinimumInTheInterior(t *testing.T) {
	for _, d := range []int{1, 2, 5, 10} {
		low, high := box(d, -5, math.Inf(1))
		start := make([]float64, d)
		for i := range start {
			start[i] = -1.2
		}
		x, f := Problem{rosenbrock, low, high}.Minimize(start, tight)
		if f > 1e-15 {
			t.Errorf("%d dimensions: minimum is %v at %v, want 0", d, f, x)
		}
	}
}

func TestMinimumOnTheBoundary(t *testing.T) {
	// The first-order conditions characterize the minimum of a convex quadratic.
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		d := 1 + r.IntN(8)
		a := make([][]float64, d) // f = ½|A(x-c)|² + 0.01 |x-c|²
		c := make([]float64, d)
		for i := range a {
			a[i] = make([]float64, d)
			for j := range a[i] {
				a[i][j] = r.NormFloat64()
			}
			c[i] = 2 * r.NormFloat64()
		}
		p := Problem{Func: func(x, grad []float64) float64 {
			clear(grad)
			f := 0.0
			for i := range a {
				sum := 0.0
				for j := range x {
					sum += a[i][j] * (x[j] - c[j])
				}
				f += sum * sum / 2
				for j := range x {
					grad[j] += sum * a[i][j]
				}
			}
			for j := range x {
				f += 0.01 * (x[j] - c[j]) * (x[j] - c[j])
				grad[j] += 0.02 * (x[j] - c[j])
			}
			return f
		}}
		p.Low, p.High = box(d, -1, 1)
		start := make([]float64, d)
		for i := range start {
			start[i] = 4*r.Float64() - 2 // may be outside
		}
		x, f := p.Minimize(start, tight)
		grad := make([]float64, d)
		if g := p.Func(x, grad); g != f {
			t.Fatalf("returned the value %v of a point where it is %v", f, g)
		}
		for i := range x {
			if x[i] < -1 || x[i] > 1 {
				t.Fatalf("x is %v, want in the box", x)
			}
			if moved := math.Min(math.Max(x[i]-grad[i], -1), 1) - x[i]; math.Abs(moved) > 1e-6 {
				t.Errorf("projected gradient is %v on axis %d, want 0", moved, i)
			}
		}
	}
}

func TestPointsWithoutAValueAreAvoided(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		low, high := box(1, -10, 10)
		p := Problem{Low: low, High: high, Func: func(x, grad []float64) float64 {
			if x[0] > 1 {
				grad[0] = bad
				return bad
			}
			grad[0] = -1 - 0.1*x[0]
			return -x[0] - 0.05*x[0]*x[0]
		}}
		if x, f := p.Minimize([]float64{-3}, tight); !(f < -0.9) || x[0] > 1 {
			t.Errorf("minimum is %v at %v, want about -1.05 at 1", f, x)
		}
		if x, f := p.Minimize([]float64{5}, tight); x[0] != 5 || f == f && !math.IsInf(f, 1) {
			t.Errorf("from a point without a value it went to %v, %v", x, f)
		}
	}
}

func TestSettingsEndTheSearch(t *testing.T) {
	low, high := box(5, -5, 5)
	count := func(s Settings) int {
		calls := 0
		Problem{Low: low, High: high, Func: func(x, grad []float64) float64 { calls++; return rosenbrock(x, grad) }}.Minimize(make([]float64, 5), s)
		return calls
	}
	full := count(tight)
	for name, s := range map[string]Settings{
		"iterations": {Iterations: 3}, "gradient": {GradTol: 3}, "gain": {FuncTol: 0.1},
	} {
		if n := count(s); n >= full/2 {
			t.Errorf("%s: %d calls, %d without: want far fewer", name, n, full)
		}
	}
	if a, b := count(Settings{Iterations: 100}), count(Settings{}); a != b {
		t.Errorf("%d calls by default, %d with 100 iterations", b, a)
	}
}

func TestAPointBoxIsItsOwnMinimum(t *testing.T) {
	x, f := Problem{rosenbrock, []float64{0.5, 0.5}, []float64{0.5, 0.5}}.Minimize([]float64{9, -9}, tight)
	if x[0] != 0.5 || x[1] != 0.5 || f != rosenbrock(x, make([]float64, 2)) {
		t.Errorf("minimum is %v at %v", f, x)
	}
}
