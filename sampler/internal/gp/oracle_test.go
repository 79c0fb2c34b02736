package gp

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

// minNoise is the reference's.
const minNoise = 1e-6

func TestPosteriorIsTheReferences(t *testing.T) {
	var file struct {
		Cases []struct {
			Unordered []bool `json:"is_categorical"`
			X         [][]float64
			Y         []float64
			Weights   []float64   `json:"inverse_squared_lengthscales"`
			Scale     float64     `json:"kernel_scale"`
			Noise     float64     `json:"noise_var"`
			Row       []float64   `json:"kernel_row0"`
			MLL       float64     `json:"marginal_log_likelihood_no_const"`
			Prior     float64     `json:"log_prior"`
			Xs        [][]float64 // where the rest is given
			Mean, Var []float64
			Joint     [][]float64 `json:"joint_cov"`
			LogEI     []float64
			F0        float64
		} `json:"posterior"`
	}
	oracle.Load(t, "gp.json", &file)
	for i, c := range file.Cases {
		near := func(what string, got, want, rel float64) {
			t.Helper()
			if err := oracle.Near(got, want, rel); err != nil {
				t.Errorf("case %d, %s: %v", i, what, err)
			}
		}
		k := Kernel{Weights: c.Weights, Scale: c.Scale, Unordered: c.Unordered}
		for j, want := range c.Row {
			got, _ := k.at(c.X[0], c.X[j])
			near("kernel", got, want, 1e-10)
		}

		theta := make([]float64, 0, len(c.Weights)+2)
		for _, w := range c.Weights {
			theta = append(theta, math.Log(w))
		}
		theta = append(theta, math.Log(c.Scale))
		if c.Noise > minNoise {
			theta = append(theta, math.Log(c.Noise-minNoise))
		}
		grad := make([]float64, len(theta))
		data := Data{c.X, c.Y, c.Unordered, minNoise}
		near("prior", data.logPrior(k, c.Noise, make([]float64, len(theta))), c.Prior, 1e-10)
		near("likelihood and prior", data.objective(theta, grad, newWorkspace(len(data.Points))), -c.MLL-c.Prior, 1e-9)

		p, ok := Condition(k, c.Noise, c.X, c.Y, nil)
		if !ok {
			t.Errorf("case %d: singular", i)
			continue
		}
		ei := NewLogEI(p, c.F0, nil)
		for j, x := range c.Xs {
			mean, variance := p.At(x)
			near("mean", mean, c.Mean[j], 1e-8)
			near("variance", variance, c.Var[j], 1e-9)
			// Where the variance is 1e-6 of the scale, both have lost digits of it, and
			// the logarithm of the improvement grows with its inverse.
			near("log expected improvement", ei.Value(x), c.LogEI[j], 1e-9/math.Min(variance, 1))
			for l, x2 := range c.Xs {
				cov, _ := k.at(x, x2)
				near("joint covariance", cov-floats.Dot(slices.Clone(p.whiten(x)), p.whiten(x2)), c.Joint[j][l], 1e-9)
			}
		}
	}
	t.Logf("%d cases", len(file.Cases))
	if len(file.Cases) < 20 {
		t.Errorf("%d cases: fewer than the file once had", len(file.Cases))
	}
}

func TestLogImprovementIsTheReferences(t *testing.T) {
	var file struct {
		Cases []struct{ Z, Y float64 } `json:"standard_logei"`
	}
	oracle.Load(t, "gp.json", &file)
	for _, c := range file.Cases {
		got, _ := logImprovement(c.Z)
		if err := oracle.Near(got, c.Y, 1e-9); err != nil {
			t.Errorf("z = %v: %v", c.Z, err)
		}
	}
	t.Logf("%d cases", len(file.Cases))
	if len(file.Cases) < 23 {
		t.Errorf("%d cases: fewer than the file once had", len(file.Cases))
	}
}

// The reference stops earlier, so its density may be lower.
func TestFitIsAsGoodAsTheReferences(t *testing.T) {
	var file struct {
		Cases []struct {
			X         [][]float64
			Y         []float64
			Exact     bool `json:"deterministic_objective"`
			Objective float64
		} `json:"fit"`
	}
	oracle.Load(t, "gp.json", &file)
	for i, c := range file.Cases {
		data := Data{Points: c.X, Values: c.Y, MinNoise: minNoise}
		k, noise, _ := data.Fit(c.Exact, nil)
		if c.Exact && noise != minNoise {
			t.Errorf("case %d: noise is %v, want %v", i, noise, minNoise)
		}
		theta := []float64{}
		for _, w := range k.Weights {
			theta = append(theta, math.Log(w))
		}
		theta = append(theta, math.Log(k.Scale))
		if !c.Exact {
			theta = append(theta, math.Log(noise-minNoise))
		}
		got := -data.objective(theta, make([]float64, len(theta)), newWorkspace(len(c.X)))
		if got < c.Objective-1e-4 || got > c.Objective+1e-3 {
			t.Errorf("case %d: the density is exp(%v), want exp(%v) or a little more", i, got, c.Objective)
		}
	}
	t.Logf("%d cases", len(file.Cases))
	if len(file.Cases) < 6 {
		t.Errorf("%d cases: fewer than the file once had", len(file.Cases))
	}
}
