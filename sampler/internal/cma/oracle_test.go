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
		EtaMean  float64   `json:"eta_mean"`
		EtaCov   float64   `json:"eta_Sigma"`
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
	runs, drawn, adapted := 0, 0, 0
	for i, run := range file.CMA {
		runs++
		var cov *mat.SymDense
		if run.Cov0 != nil {
			cov = mat.NewSymDense(len(run.Mean0), flat(run.Cov0))
		}
		c := NewConstants(len(run.Mean0), run.Popsize)
		c.AdaptRates = run.LRAdapt
		s := New(c, run.Mean0, run.Sigma0, cov)
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
			if run.LRAdapt {
				near(t, name+"rates", []float64{s.Rates.Mean, s.Rates.Cov}, []float64{gen.After.EtaMean, gen.After.EtaCov})
				adapted++
			}
			if s.Generation != g+1 {
				t.Errorf("%sgot generation %d, want %d", name, s.Generation, g+1)
			}
		}
	}
	t.Logf("%d runs, %d points drawn, %d generations with adapted rates", runs, drawn, adapted)
	if runs < 10 || drawn < 250 || adapted < 10 {
		t.Errorf("got %d runs, %d drawn points, %d generations with adapted rates: fewer than the file once had",
			runs, drawn, adapted)
	}
}

func TestSeparableStateFollowsTheLibrary(t *testing.T) {
	var file struct {
		Constants []struct {
			Dim, Lam, Mu int
			MuEff        float64 `json:"mu_eff"`
			C1, CMu, CC  float64
			CSigma       float64 `json:"c_sigma"`
			DSigma       float64 `json:"d_sigma"`
			Weights      []float64
		} `json:"sep_constants"`
		Runs []struct {
			Popsize     int
			Mean0       []float64
			Sigma0      float64
			Generations []struct {
				X     [][]float64
				F     []float64
				After struct {
					Mean, PC []float64
					Sigma    float64
					C        []float64 `json:"C_diag"`
					PSigma   []float64 `json:"p_sigma"`
				}
			}
		} `json:"sepcma"`
	}
	oracle.Load(t, "cmaes_cyberagent.json", &file)
	for _, want := range file.Constants {
		c := NewSeparable(want.Dim, want.Lam)
		near(t, fmt.Sprintf("d=%d λ=%d", want.Dim, want.Lam), []float64{c.MuEff, c.C1, c.CMu, c.CC, c.CSigma, c.DSigma},
			[]float64{want.MuEff, want.C1, want.CMu, want.CC, want.CSigma, want.DSigma})
		near(t, "weights", c.Weights[:want.Mu], want.Weights)
	}
	for i, run := range file.Runs {
		s := New(NewSeparable(len(run.Mean0), run.Popsize), run.Mean0, run.Sigma0, nil)
		for g, gen := range run.Generations {
			name := fmt.Sprintf("run %d generation %d: ", i, g)
			s = s.Tell(gen.X, gen.F)
			near(t, name+"mean", s.Mean, gen.After.Mean)
			near(t, name+"sigma", []float64{s.Sigma}, []float64{gen.After.Sigma})
			near(t, name+"C", s.Diagonal, gen.After.C)
			near(t, name+"p_sigma", s.PSigma, gen.After.PSigma)
			near(t, name+"pc", s.PC, gen.After.PC)
		}
	}
	t.Logf("%d constants, %d runs", len(file.Constants), len(file.Runs))
	if len(file.Constants) < 4 || len(file.Runs) < 3 {
		t.Errorf("%d constants and %d runs: fewer than the file once had", len(file.Constants), len(file.Runs))
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
