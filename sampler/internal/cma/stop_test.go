package cma

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

func TestWarmStartIsTheLibrarys(t *testing.T) {
	var file struct {
		Cases []struct {
			X            [][]float64
			F            []float64
			Gamma, Alpha float64
			Mean         []float64
			Sigma        float64
			Cov          [][]float64
		} `json:"warm_start"`
	}
	oracle.Load(t, "cmaes_cyberagent.json", &file)
	for i, c := range file.Cases {
		mean, sigma, cov := WarmStart(c.X, c.F, c.Gamma, c.Alpha)
		name := fmt.Sprintf("case %d: ", i)
		near(t, name+"mean", mean, c.Mean)
		near(t, name+"sigma", []float64{sigma}, []float64{c.Sigma})
		near(t, name+"C", flat(rows(cov)), flat(c.Cov))
	}
	t.Logf("%d cases", len(file.Cases))
	if len(file.Cases) < 6 {
		t.Errorf("%d cases: fewer than the file once had", len(file.Cases))
	}
}

// generations runs a search until it stops, at most 20,000 generations.
func generations(c *Constants, f func(x []float64) float64) (n int, s *State) {
	r := rand.New(rand.NewPCG(1, 2))
	mean := make([]float64, c.Dim)
	for i := range mean {
		mean[i] = 0.5
	}
	s = New(c, mean, 0.3, nil)
	w := NewWatch(0.3)
	for n = 1; n <= 20_000; n++ {
		points, values := make([][]float64, c.Lambda), make([]float64, c.Lambda)
		for k := range points {
			points[k] = s.Draw(r)
			values[k] = f(points[k])
		}
		s = s.Tell(points, values)
		stop := false
		if w, stop = w.See(s, values); stop {
			break
		}
	}
	return n, s
}

func TestSearchesStopWhenTheLibraryDoes(t *testing.T) {
	var file struct {
		Cases []struct {
			Dim, Generations int
			Fn               string
		} `json:"should_stop"`
	}
	oracle.Load(t, "cmaes_cyberagent.json", &file)
	for _, c := range file.Cases {
		f := sphere
		if c.Fn != "sphere" {
			f = func(x []float64) float64 {
				sum := 0.0
				for i := range x {
					sum += math.Pow(1e6, float64(i)/float64(c.Dim-1)) * x[i] * x[i]
				}
				return sum
			}
		}
		n, _ := generations(NewConstants(c.Dim, DefaultLambda(c.Dim)), f)
		t.Logf("%s in %d dimensions stops after %d generations, the library after %d", c.Fn, c.Dim, n, c.Generations)
		if n < c.Generations/2 || n > c.Generations*2 {
			t.Errorf("%s in %d dimensions stops after %d generations, want about %d", c.Fn, c.Dim, n, c.Generations)
		}
	}
}

func sphere(x []float64) float64 {
	sum := 0.0
	for _, u := range x {
		sum += u * u
	}
	return sum
}

func TestWhatStopsASearch(t *testing.T) {
	calls := 0
	for _, c := range []struct {
		name string
		f    func([]float64) float64
		most int
	}{
		{"all equal", func([]float64) float64 { return 3 }, 40},
		{"all infinite", func([]float64) float64 { return math.Inf(1) }, 40},
		{"a slope without end", func(x []float64) float64 { return x[0] }, 300},
		{"a valley without end, ever narrower", func(x []float64) float64 { return 1e30*x[0]*x[0] + x[1] }, 1500},
	} {
		for _, constants := range []*Constants{NewConstants(2, 6), NewSeparable(2, 6)} {
			if n, _ := generations(constants, c.f); n > c.most {
				t.Errorf("%s, separable %v: stops after %d generations, want at most %d", c.name, constants.Separable, n, c.most)
			}
		}
	}
	// Noise does not stop a search.
	if n, _ := generations(NewConstants(2, 6), func([]float64) float64 { calls++; return float64(calls * 7919 % 1000) }); n < 200 {
		t.Errorf("random values stop it after %d generations", n)
	}
	// A population that Tell rejects does.
	s := New(NewConstants(1, 4), []float64{0}, 1, nil)
	nan := math.NaN()
	s = s.Tell([][]float64{{nan}, {nan}, {nan}, {nan}}, []float64{1, 2, 3, 4})
	if _, stop := NewWatch(1).See(s, []float64{1, 2, 3, 4}); !stop {
		t.Error("a population that Tell rejects does not stop the search")
	}
	// So does a matrix whose condition number overflows.
	c := mat.NewSymDense(2, []float64{1, 0, 0, 1e-15})
	if _, stop := NewWatch(1).See(New(NewConstants(2, 6), []float64{0.5, 0.5}, 1, c), []float64{1, 2}); !stop {
		t.Error("a degenerate matrix does not stop the search")
	}
}

func TestSeparableSearchSolvesManyDimensions(t *testing.T) {
	const d = 100
	_, s := generations(NewSeparable(d, DefaultLambda(d)), func(x []float64) float64 {
		sum := 0.0
		for i, u := range x {
			sum += math.Pow(1e3, float64(i)/(d-1)) * (u - 0.1) * (u - 0.1)
		}
		return sum
	})
	for i, m := range s.Mean {
		if math.Abs(m-0.1) > 1e-4 {
			t.Errorf("coordinate %d of the mean is %v, want 0.1", i, m)
		}
	}
}

// Noise of constant strength keeps the plain strategy away from the optimum;
// with adapted rates it comes closer the longer it runs.
func TestAdaptedRatesOvercomeNoise(t *testing.T) {
	distance := func(adapt bool) float64 {
		r := rand.New(rand.NewPCG(7, 2))
		c := NewConstants(4, 8)
		c.AdaptRates = adapt
		s := New(c, []float64{3, 3, 3, 3}, 2, nil)
		sum := 0.0
		for n := range 4000 {
			points, values := make([][]float64, c.Lambda), make([]float64, c.Lambda)
			for k := range points {
				points[k] = s.Draw(r)
				values[k] = sphere(points[k]) + r.NormFloat64()
			}
			s = s.Tell(points, values)
			if n >= 3000 {
				sum += math.Sqrt(sphere(s.Mean)) / 1000
			}
		}
		return sum
	}
	if plain, slow := distance(false), distance(true); slow > plain/3 {
		t.Errorf("the mean stays %v from the optimum with adapted rates, %v without: want less than a third", slow, plain)
	}
}
