package gp

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
)

// ehvi returns the term of m random objectives in two dimensions, with their losses at the points, and a
// reference point.
func ehvi(r *rand.Rand, m int) (e *LogEHVI, losses [][]float64, ref []float64) {
	const n = 8
	points := make([][]float64, n)
	losses = make([][]float64, n)
	for i := range points {
		points[i] = []float64{r.Float64(), r.Float64()}
	}
	var objectives []*Posterior
	for range m {
		y := make([]float64, n)
		for i := range y {
			y[i] = r.NormFloat64()
			losses[i] = append(losses[i], -y[i])
		}
		p, _ := Condition(Kernel{Weights: []float64{3, 5}, Scale: 1.2}, 1e-4, points, y, nil)
		objectives = append(objectives, p)
		ref = append(ref, 1.5)
	}
	lower, upper := pareto.Boxes(losses, ref)
	return NewLogEHVI(objectives, lower, upper), losses, ref
}

func TestLogEHVIIsTheMeanOfDraws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for m := 2; m <= 3; m++ {
		for range 5 {
			e, losses, ref := ehvi(r, m)
			before := pareto.Hypervolume(losses, ref)
			x := []float64{r.Float64(), r.Float64()}
			const draws = 20_000
			sum, squares := 0.0, 0.0
			for range draws {
				y := make([]float64, m)
				for k, p := range e.objectives {
					mean, variance := p.At(x)
					y[k] = -(mean + math.Sqrt(max(variance, 0))*r.NormFloat64())
				}
				added := pareto.Hypervolume(append(losses[:len(losses):len(losses)], y), ref) - before
				sum += added
				squares += added * added
			}
			mean := sum / draws
			deviation := math.Sqrt((squares/draws - mean*mean) / draws)
			if got := math.Exp(e.Value(x)); math.Abs(got-mean) > 5*deviation+1e-4 {
				t.Errorf("%d objectives: got %v, want %v ± %v", m, got, mean, deviation)
			}
		}
	}
}

func TestLogEHVIHasItsGradient(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for m := 2; m <= 3; m++ {
		for range 20 {
			e, _, _ := ehvi(r, m)
			x := []float64{r.Float64(), r.Float64()}
			grad := make([]float64, 2)
			value := e.Gradient(x, grad)
			if again := e.Value(x); again != value {
				t.Errorf("Gradient returns %v, want %v as Value", value, again)
			}
			for i := range x {
				const h = 1e-6
				up, down := []float64{x[0], x[1]}, []float64{x[0], x[1]}
				up[i], down[i] = up[i]+h, down[i]-h
				want := (e.Value(up) - e.Value(down)) / (2 * h)
				if math.Abs(grad[i]-want) > 1e-4*max(1, math.Abs(want)) {
					t.Errorf("%d objectives at %v: the slope along axis %d is %v, want %v", m, x, i, grad[i], want)
				}
			}
		}
	}
}
