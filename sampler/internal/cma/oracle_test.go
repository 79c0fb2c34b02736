package cma

import (
	"fmt"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"gonum.org/v1/gonum/mat"
)

const tolerance = 1e-10 // only arithmetic is involved

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if err := oracle.Near(got[i], want[i], tolerance); err != nil {
			t.Fatalf("%s[%d]: %v", what, i, err)
		}
	}
}

func TestConstantsAreThoseOfTheLibrary(t *testing.T) {
	var file struct {
		Constants []struct {
			Dim         int
			Popsize     *int
			Lam, Mu     int
			MuEff       float64 `json:"mu_eff"`
			C1, CMu, CC float64
			CSigma      float64 `json:"c_sigma"`
			DSigma      float64 `json:"d_sigma"`
			ChiN        float64 `json:"chi_n"`
			Weights     []float64
		}
	}
	oracle.Load(t, "cmaes_cyberagent.json", &file)
	if len(file.Constants) < 58 {
		t.Fatalf("got %d cases, want at least 58", len(file.Constants))
	}
	for _, want := range file.Constants {
		name := fmt.Sprintf("d=%d λ=%d ", want.Dim, want.Lam)
		if want.Popsize == nil && DefaultLambda(want.Dim) != want.Lam {
			t.Errorf("d=%d: default λ is %d, want %d", want.Dim, DefaultLambda(want.Dim), want.Lam)
		}
		c := NewConstants(want.Dim, want.Lam)
		if c.Dim != want.Dim || c.Lambda != want.Lam || c.Mu != want.Mu {
			t.Errorf("%s: got d, λ, µ = %d, %d, %d, want µ = %d", name, c.Dim, c.Lambda, c.Mu, want.Mu)
		}
		near(t, name+"µ_eff c_1 c_µ c_c c_σ d_σ χ", []float64{c.MuEff, c.C1, c.CMu, c.CC, c.CSigma, c.DSigma, c.ChiN},
			[]float64{want.MuEff, want.C1, want.CMu, want.CC, want.CSigma, want.DSigma, want.ChiN})
		near(t, name+"weights", c.Weights, want.Weights)
	}
}

func TestStateFollowsTheLibraryGenerationByGeneration(t *testing.T) {
	type state struct {
		Mean, PC []float64
		Sigma    float64
		C        [][]float64
		PSigma   []float64 `json:"p_sigma"`
	}
	var file struct {
		CMA []struct {
			Fn          string
			Popsize     int
			LRAdapt     bool `json:"lr_adapt"`
			Mean0       []float64
			Sigma0      float64
			Cov0        [][]float64
			Generations []struct {
				Z, X  [][]float64
				F     []float64
				After state
			}
		}
	}
	oracle.Load(t, "cmaes_cyberagent.json", &file)
	runs, drawn := 0, 0
	for i, run := range file.CMA {
		if run.LRAdapt { // learning-rate adaptation is another algorithm
			continue
		}
		runs++
		var cov *mat.SymDense
		if run.Cov0 != nil {
			cov = mat.NewSymDense(len(run.Mean0), flat(run.Cov0))
		}
		s := New(NewConstants(len(run.Mean0), run.Popsize), run.Mean0, run.Sigma0, cov)
		for g, gen := range run.Generations {
			name := fmt.Sprintf("run %d (%s) generation %d: ", i, run.Fn, g)
			for k, z := range gen.Z {
				near(t, name+"x", s.Point(z), gen.X[k])
				drawn++
			}
			s = s.Tell(gen.X, gen.F)
			near(t, name+"mean", s.Mean, gen.After.Mean)
			near(t, name+"sigma", []float64{s.Sigma}, []float64{gen.After.Sigma})
			near(t, name+"C", flat(rows(s.C)), flat(gen.After.C))
			near(t, name+"p_sigma", s.PSigma, gen.After.PSigma)
			near(t, name+"pc", s.PC, gen.After.PC)
			if s.Generation != g+1 {
				t.Errorf("%sgot generation %d, want %d", name, s.Generation, g+1)
			}
		}
	}
	t.Logf("%d runs, %d points drawn", runs, drawn)
	if runs < 9 || drawn < 250 {
		t.Errorf("got %d runs and %d drawn points, want at least 9 and 250", runs, drawn)
	}
}

func flat(m [][]float64) []float64 {
	var all []float64
	for _, row := range m {
		all = append(all, row...)
	}
	return all
}

func rows(m mat.Matrix) [][]float64 {
	n, _ := m.Dims()
	out := make([][]float64, n)
	for i := range out {
		for j := range n {
			out[i] = append(out[i], m.At(i, j))
		}
	}
	return out
}
