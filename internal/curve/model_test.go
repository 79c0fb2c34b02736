package curve

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

type oracleCase struct {
	Hyper struct {
		Weights                                                []float64
		Shared, Constant, Scale, Length, Own, OwnLength, Noise float64
	}
	Steps          []float64
	X, Y           [][]float64
	At             [][]float64 // the last three settings of X, then new ones
	Mean, Variance [][]float64
	LogLik         float64
}

// The posteriors are those of BoTorch's LatentKroneckerGP, and of NumPy with the full covariance.
func TestPosteriorIsThatOfTheFullCovariance(t *testing.T) {
	var cases struct {
		Latent []oracleCase `json:"latent_kronecker"`
		Dense  []oracleCase `json:"dense"`
	}
	oracle.Load(t, "curve.json", &cases)
	for n, c := range append(cases.Latent, cases.Dense...) {
		h := c.Hyper
		k := Kernel{Weights: h.Weights, Shared: h.Shared, Level: h.Constant, Scale: h.Scale, Length: h.Length,
			Own: h.Own, OwnLength: h.OwnLength, Noise: h.Noise}
		if k.OwnLength == 0 {
			k.OwnLength = 1
		}
		positions := make([]float64, len(c.Steps))
		for i, s := range c.Steps {
			positions[i] = math.Log(s) / math.Log(c.Steps[len(c.Steps)-1])
		}
		var curves []Curve
		for i, y := range c.Y {
			curves = append(curves, Curve{c.X[i], positions[:len(y)], y})
		}
		m := prepare(k, curves, math.MaxInt, 0)
		if m == nil || !m.invert() {
			t.Fatalf("case %d is singular", n)
		}
		check := func(what string, got, want float64) {
			if err := oracle.Near(got, want, 1e-7); err != nil {
				t.Errorf("case %d: %s: %v", n, what, err)
			}
		}
		check("log likelihood", m.LogLikelihood(), c.LogLik)
		for s, p := range positions {
			m.end = m.newEnd(p)
			for i, x := range c.At {
				mean, variance := m.Setting(x)
				if i < 3 {
					mean, variance = m.Curve(len(curves) - 3 + i)
				}
				check("mean", mean, c.Mean[i][s])
				check("variance", variance, c.Variance[i][s])
			}
		}
	}
}
